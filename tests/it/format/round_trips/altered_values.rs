//! A value or a key that would read back as a different one is refused.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::path::PathBuf;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use vaults::{Codec, EntryPart, Error};

use crate::support::Key;

use super::{CODECS, WithSet, kept, kept_in, put, refused, refused_in, vault};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
enum Move {
    Buy { from: u8, to: u8 },
    Sell { to: u8, from: u8 },
}

#[test]
fn a_variant_with_the_fields_of_an_earlier_one_is_refused() {
    refused(&Move::Sell { to: 1, from: 2 });
    refused(&Move::Sell { to: 1, from: 1 });
    kept(&Move::Buy { from: 2, to: 1 });
}

/// Reads its parts in reverse order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
struct Swapped(u8, u8);

impl<'de> Deserialize<'de> for Swapped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (first, second) = Deserialize::deserialize(deserializer)?;
        Ok(Self(second, first))
    }
}

/// Like [`Swapped`], as an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
struct Reversed([u8; 3]);

impl<'de> Deserialize<'de> for Reversed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut array: [u8; 3] = Deserialize::deserialize(deserializer)?;
        array.reverse();
        Ok(Self(array))
    }
}

#[test]
fn a_tuple_that_reads_back_in_another_order_is_refused() {
    refused(&Swapped(1, 2));
    kept(&Swapped(2, 2));
    refused(&Reversed([1, 2, 3]));
    kept(&Reversed([1, 2, 1]));
}

/// Written in big-endian order, and read in little-endian order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ByteSwapped<const AS_BYTES: bool>(u32);

impl<const AS_BYTES: bool> Serialize for ByteSwapped<AS_BYTES> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if AS_BYTES {
            serializer.serialize_bytes(&self.0.to_be_bytes())
        } else {
            self.0.to_be_bytes().serialize(serializer)
        }
    }
}

impl<'de, const AS_BYTES: bool> Deserialize<'de> for ByteSwapped<AS_BYTES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: [u8; 4] = if AS_BYTES {
            let bytes: serde_bytes::ByteBuf = Deserialize::deserialize(deserializer)?;
            bytes.as_slice().try_into().unwrap()
        } else {
            Deserialize::deserialize(deserializer)?
        };
        Ok(Self(u32::from_le_bytes(bytes)))
    }
}

/// Like [`ByteSwapped`], as one number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
struct ByteSwappedNumber(u32);

impl<'de> Deserialize<'de> for ByteSwappedNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(|number| Self(number.swap_bytes()))
    }
}

/// A text that is reversed when it is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
struct Mirrored(String);

impl<'de> Deserialize<'de> for Mirrored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.chars().rev().collect()))
    }
}

#[test]
fn a_number_or_a_text_that_reads_back_reversed_is_refused() {
    refused(&ByteSwapped::<false>(0x0102_0304));
    refused(&ByteSwapped::<true>(0x0102_0304));
    kept(&ByteSwapped::<false>(0x0102_0201));
    kept(&ByteSwapped::<true>(0x0102_0201));
    refused(&ByteSwappedNumber(0x0102_0304));
    refused(&Mirrored("ab".into()));
    kept(&Mirrored("aba".into()));
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Crossed {
    #[serde(rename(serialize = "b", deserialize = "a"))]
    first: u8,
    #[serde(rename(serialize = "a", deserialize = "b"))]
    second: u8,
}

#[test]
fn fields_with_swapped_names_are_refused() {
    let crossed = Crossed {
        first: 1,
        second: 2,
    };
    refused_in(Codec::MessagePack, &crossed);
    refused_in(
        Codec::MessagePack,
        &WithSet {
            value: crossed.clone(),
            set: HashSet::from([1, 2, 3]),
        },
    );
    // In bincode it has no names, and reads back unchanged.
    kept_in(Codec::Bincode, &crossed);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Overlapping {
    Ranks(u8, u8, Vec<u8>),
    Seats { row: u8, seat: u8 },
    Places { seat: u8, row: u8 },
    Sets(BTreeMap<String, u8>),
}

#[test]
fn a_map_that_reads_back_as_a_struct_with_another_order_is_refused() {
    kept(&Overlapping::Ranks(1, 2, vec![3]));
    kept(&Overlapping::Seats { row: 1, seat: 2 });
    refused(&Overlapping::Places { seat: 2, row: 1 });
    kept(&Overlapping::Sets([("x".to_owned(), 1)].into()));
    // A hash map may have the order of the fields by chance. In any other order, it must not be
    // accepted as the struct.
    let mut outcomes = [0; 2];
    for _ in 0..64 {
        let value = HashOrStruct::Counts(HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
        let stored = put(Codec::MessagePack, &(value, HashSet::from([1, 2, 3]))).is_ok();
        outcomes[usize::from(stored)] += 1;
    }
    assert!(outcomes[0] > 32, "{outcomes:?}");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum HashOrStruct {
    Pair { a: u8, b: u8 },
    Counts(HashMap<String, u8>),
}

#[test]
fn keys_that_read_back_as_different_ones_are_refused() {
    #[track_caller]
    fn refused<K: Key + Debug>(key: &K) {
        for codec in CODECS {
            let outcome = vault::<K, u8>(codec).put(key, &1);
            assert_is!(
                outcome,
                Err(Error::Encode {
                    part: EntryPart::Key,
                    ..
                })
            );
        }
    }
    fn kept<K: Key + Debug>(key: &K) {
        for codec in CODECS {
            let vault = vault::<K, u8>(codec);
            vault.put(key, &1).unwrap();
            assert_eq!(vault.get(key).unwrap(), Some(1));
            assert!(vault.keys().all(|stored| stored.unwrap() == *key));
        }
    }
    refused(&Move::Sell { to: 1, from: 2 });
    kept(&Move::Buy { to: 1, from: 2 });
    refused(&Swapped(1, 2));
    kept(&Swapped(2, 2));
    refused(&Reversed([1, 2, 3]));
    refused(&ByteSwapped::<true>(1));
    refused(&ByteSwappedNumber(0x0102_0304));
    refused(&Mirrored("ab".into()));
    refused(&Crossed {
        first: 1,
        second: 2,
    });
    refused(&vec![Some(Swapped(1, 2))]);
    // A key is looked up by its bytes, so even the order of a set must not change.
    refused(&Shuffled(vec![1, 2]));
    kept(&Shuffled(vec![1, 1]));
    kept(&BTreeSet::from([1, 2]));
}

/// A set that reads back in a different order each time.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, Hash)]
#[serde(transparent)]
struct Shuffled(Vec<u8>);

impl<'de> Deserialize<'de> for Shuffled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut list: Vec<u8> = Deserialize::deserialize(deserializer)?;
        list.reverse();
        Ok(Self(list))
    }
}

#[test]
fn keys_are_equal_if_their_encodings_are() {
    /// Puts two keys and returns the number of entries.
    fn entries<K: Key + Debug>(one: &K, other: &K) -> usize {
        let vault = vault::<K, u8>(Codec::MessagePack);
        vault.put(one, &1).unwrap();
        vault.put(other, &2).unwrap();
        assert_eq!(vault.get(other).unwrap(), Some(2));
        vault.len().unwrap()
    }

    let (one, other) = (PathBuf::from("a/b"), PathBuf::from("a//b"));
    assert_eq!(one, other);
    assert_eq!(entries(&one, &other), 2);

    let time = |text| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    let (one, other) = (
        time("2026-01-01T12:00:00+00:00"),
        time("2026-01-01T14:00:00+02:00"),
    );
    assert_eq!(one, other);
    assert_eq!(entries(&one, &other), 2);

    let address = |scope| SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, scope);
    assert_ne!(address(1), address(2));
    assert_eq!(entries(&address(1), &address(2)), 1);
}

#[test]
fn a_borrowed_key_with_a_different_encoding_is_not_found_and_not_written() {
    let vault = vault::<[Option<Option<u8>>; 2], u8>(Codec::MessagePack);
    let (plain, nil) = ([Some(Some(1)), None], [Some(None), None]);
    vault.put(&plain, &1).unwrap();
    vault.put(&nil, &2).unwrap();
    assert_eq!(vault.get(plain.as_slice()).unwrap(), Some(1));
    assert_eq!(vault.get(&nil).unwrap(), Some(2));
    assert_eq!(vault.get(nil.as_slice()).unwrap(), None);
    let written = vault.put(nil.as_slice(), &3);
    assert_is!(
        written,
        Err(Error::Encode {
            part: EntryPart::Key,
            ..
        })
    );
    assert_eq!(vault.len().unwrap(), 2);
}

#[test]
fn changes_that_are_not_in_the_bytes() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Dated {
        Date(chrono::NaiveDate),
        Text(String),
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Partial {
        kept: u8,
        #[serde(skip)]
        left_out: u8,
    }
    let text = Dated::Text("2026-01-01".into());
    assert!(matches!(put(Codec::MessagePack, &text), Ok(Dated::Date(_))));
    kept(&Dated::Text("no date".into()));
    let back = put(
        Codec::MessagePack,
        &Partial {
            kept: 1,
            left_out: 2,
        },
    )
    .unwrap();
    assert_eq!(
        back,
        Partial {
            kept: 1,
            left_out: 0
        }
    );
    assert_eq!(
        put(Codec::MessagePack, &Shuffled(vec![1, 2])).unwrap(),
        Shuffled(vec![2, 1])
    );
}
