//! Keys that are refused when they are written.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::net::SocketAddrV6;

use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, SerializeStruct, SerializeTuple};
use serde::{Deserialize, Serialize, Serializer};

use crate::codec::format::Format;
use crate::codec::ordered::{encode_key, encode_lookup};
use crate::codec::{DecodeError, EncodeError};

fn outcome<K>(key: &K) -> Result<Vec<u8>, EncodeError>
where
    K: Serialize + DeserializeOwned + Ord,
{
    let mut bytes = b"left over".to_vec();
    let outcome = encode_key::<K, K>(key, true, K::eq, &mut bytes);
    assert_eq!(outcome.is_err(), bytes.is_empty());
    outcome.map(|()| bytes)
}

macro_rules! keys {
    ($($item:item)*) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        $item
    )*};
}

keys! {
    struct Sparse {
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<u8>,
        id: u8,
    }
    enum SparseVariant {
        Named {
            #[serde(skip_serializing_if = "Option::is_none")]
            note: Option<u8>,
            id: u8,
        },
    }
    struct SparseTuple(#[serde(skip_serializing_if = "Option::is_none")] Option<u8>, u8);
    struct Forgetful {
        id: u8,
        #[serde(skip)]
        secret: u8,
    }
    #[serde(untagged)]
    enum Untagged {
        Byte(u8),
        Text(String),
    }
    #[serde(tag = "kind")]
    enum Internal {
        Byte { id: u8 },
    }
    struct Flattened {
        a: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    #[serde(tag = "kind", content = "data")]
    enum Adjacent {
        Empty,
        Byte(u8),
    }
}

#[test]
fn skipped_fields_are_refused() {
    let key = |note| Sparse { note, id: 1 };
    assert!(matches!(
        outcome(&key(None)),
        Err(EncodeError::SkippedField)
    ));
    outcome(&key(Some(1))).unwrap();
    let key = |note| SparseVariant::Named { note, id: 1 };
    assert!(matches!(
        outcome(&key(None)),
        Err(EncodeError::SkippedField)
    ));
    outcome(&key(Some(1))).unwrap();
    assert!(matches!(
        outcome(&SparseTuple(None, 1)),
        Err(EncodeError::Unreadable { .. })
    ));
    outcome(&SparseTuple(Some(1), 1)).unwrap();
}

#[test]
fn a_key_that_is_read_back_as_another_one_is_refused() {
    outcome(&Forgetful { id: 1, secret: 0 }).unwrap();
    let forgetful = Forgetful { id: 1, secret: 2 };
    let refused = outcome(&forgetful);
    assert!(
        matches!(
            refused,
            Err(EncodeError::Altered {
                format: Format::Ordered
            })
        ),
        "{refused:?}"
    );
    encode_key::<Forgetful, Forgetful>(&forgetful, false, Forgetful::eq, &mut Vec::new()).unwrap();

    let address = |scope| SocketAddrV6::new(1.into(), 80, 0, scope);
    outcome(&address(0)).unwrap();
    assert!(matches!(
        outcome(&address(1)),
        Err(EncodeError::Altered { .. })
    ));
}

fn unreadable<K: Serialize + DeserializeOwned + Ord>(key: &K) {
    let refused = outcome(key);
    let Err(EncodeError::Unreadable {
        format: Format::Ordered,
        source: DecodeError::Malformed { source, .. },
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert!(source.to_string().contains("asks the data"), "{source}");
}

#[test]
fn types_that_ask_the_data_what_it_is_are_refused() {
    unreadable(&Untagged::Byte(1));
    unreadable(&Untagged::Text("a".into()));
    unreadable(&vec![Untagged::Byte(1), Untagged::Text("a".into())]);
    unreadable(&Internal::Byte { id: 1 });
    unreadable(&Adjacent::Empty);
    unreadable(&Adjacent::Byte(1));
    let rest = BTreeMap::from([("b".to_owned(), 1)]);
    unreadable(&Flattened { a: 1, rest });
}

/// A hash map that is compared as if it were sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hashed(HashMap<u8, u8>);

impl Hashed {
    fn sorted(&self) -> BTreeMap<u8, u8> {
        self.0.clone().into_iter().collect()
    }
}

impl PartialOrd for Hashed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hashed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sorted().cmp(&other.sorted())
    }
}

#[test]
fn hash_maps_are_refused() {
    let refused = outcome(&Hashed((0..100).map(|key| (key, 0)).collect()));
    assert!(
        matches!(refused, Err(EncodeError::UnsortedMap)),
        "{refused:?}"
    );
    let bytes = outcome(&Hashed(HashMap::from([(1, 2)]))).unwrap();
    assert_eq!(bytes, b"O\x01\x01\x02\0");
}

/// A set that is compared as if it were sorted, and serializes in any order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HashedSet(HashSet<u16>);

impl PartialOrd for HashedSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HashedSet {
    fn cmp(&self, other: &Self) -> Ordering {
        let sorted = |set: &Self| {
            set.0
                .iter()
                .copied()
                .collect::<std::collections::BTreeSet<_>>()
        };
        sorted(self).cmp(&sorted(other))
    }
}

#[test]
fn hash_sets_are_refused() {
    let refused = outcome(&HashedSet((0..100).collect()));
    assert!(
        matches!(refused, Err(EncodeError::Altered { .. })),
        "{refused:?}"
    );
}

/// Serializes the keys of a map in this order.
#[derive(Debug)]
struct Keys(&'static [u8]);

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for key in self.0 {
            map.serialize_entry(key, &())?;
        }
        map.end()
    }
}

#[test]
fn the_keys_of_a_map_must_ascend() {
    for keys in [&[][..], &[1], &[0, 1, 255]] {
        encode_lookup(&Keys(keys), &mut Vec::new()).unwrap();
    }
    for keys in [&[1, 1][..], &[2, 1], &[1, 3, 2]] {
        let refused = encode_lookup(&Keys(keys), &mut Vec::new());
        assert!(
            matches!(refused, Err(EncodeError::UnsortedMap)),
            "{refused:?}"
        );
    }
}

/// Ignores the error of the value that it holds.
struct IgnoresErrors<T>(T);

impl<T: Serialize> Serialize for IgnoresErrors<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(1)?;
        let _ = tuple.serialize_element(&self.0);
        tuple.end()
    }
}

/// Skips a field and ignores the error.
struct IgnoresSkip;

impl Serialize for IgnoresSkip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("IgnoresSkip", 0)?;
        let _ = fields.skip_field("field");
        fields.end()
    }
}

#[test]
fn a_defect_is_reported_even_if_its_error_is_ignored() {
    let refused = encode_lookup(&IgnoresErrors(Keys(&[2, 1])), &mut Vec::new());
    assert!(
        matches!(refused, Err(EncodeError::UnsortedMap)),
        "{refused:?}"
    );
    let refused = encode_lookup(&IgnoresSkip, &mut Vec::new());
    assert!(
        matches!(refused, Err(EncodeError::SkippedField)),
        "{refused:?}"
    );
}

#[test]
fn wrong_lengths_are_refused() {
    struct Short;
    impl Serialize for Short {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_tuple(1)?.end()
        }
    }
    let refused = encode_lookup(&Short, &mut Vec::new());
    assert!(
        matches!(refused, Err(EncodeError::WrongLength)),
        "{refused:?}"
    );
}

#[test]
fn an_error_of_serialize_is_the_source() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("my own reason"))
        }
    }
    let error = encode_lookup(&Failing, &mut Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value could not be serialized as ordered bytes"
    );
    assert_eq!(error.source().unwrap().to_string(), "my own reason");
}

/// Distinguishes the two zeros and all NaNs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct TotalFloat(f64);

impl PartialEq for TotalFloat {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for TotalFloat {}

impl PartialOrd for TotalFloat {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TotalFloat {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[test]
fn floats_that_would_be_altered_are_refused() {
    outcome(&TotalFloat(0.0)).unwrap();
    for float in [-0.0, f64::from_bits(u64::MAX)] {
        let refused = outcome(&TotalFloat(float));
        assert!(
            matches!(refused, Err(EncodeError::Altered { .. })),
            "{refused:?}"
        );
    }
}

/// Serializes as a byte or as a bool, by its value, which sequences write in different ways.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Either(bool);

impl Serialize for Either {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 {
            serializer.serialize_bool(true)
        } else {
            serializer.serialize_u8(0)
        }
    }
}

impl<'de> Deserialize<'de> for Either {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(|byte| Self(byte != 0))
    }
}

#[test]
fn elements_that_are_bytes_only_sometimes_are_refused() {
    let (mut bytes, mut marked) = (Vec::new(), Vec::new());
    encode_lookup(&[Either(false)][..], &mut bytes).unwrap();
    encode_lookup(&[Either(true)][..], &mut marked).unwrap();
    assert_eq!(bytes, marked);
    outcome(&vec![Either(false)]).unwrap();
    let refused = outcome(&vec![Either(true)]);
    assert!(
        matches!(refused, Err(EncodeError::Altered { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_borrowed_key_with_other_bytes_is_refused() {
    /// Serializes as a number, and borrows as text.
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Number(u32, #[serde(skip)] String);
    impl std::borrow::Borrow<str> for Number {
        fn borrow(&self) -> &str {
            &self.1
        }
    }
    let refused = encode_key::<Number, str>("7", true, str::eq, &mut Vec::new());
    assert!(
        matches!(refused, Err(EncodeError::Unreadable { .. })),
        "{refused:?}"
    );
}
