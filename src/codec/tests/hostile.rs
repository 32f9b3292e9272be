//! Decoding of bytes that no encoder wrote: random, damaged and malicious ones.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::hash::{BuildHasherDefault, DefaultHasher};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::codec::decode_budget::SPARE_ELEMENTS;
use crate::codec::{Codec, DecodeError, decode, encode};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tree {
    name: String,
    ids: Vec<u64>,
    note: Option<Box<str>>,
    children: Vec<Tree>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Expr {
    Nothing,
    Number(i64),
    Big(i128),
    Not(Box<Expr>),
    Sum(Box<Expr>, Vec<Expr>),
    Call {
        name: String,
        args: BTreeMap<String, Expr>,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Nothing,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Loose>),
    Map(BTreeMap<String, Loose>),
    Deeper { inner: Option<Box<Loose>> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Leaf {
        value: i64,
    },
    Node {
        left: Box<Tagged>,
        right: Option<Box<Tagged>>,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

type Units = HashSet<(), BuildHasherDefault<DefaultHasher>>;

/// A splitmix generator with a fixed seed, so that a failure is reproducible.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Returns any byte, or one that begins a container, an option or a variant.
    fn marker(&mut self) -> u8 {
        const OPENERS: [u8; 16] = [
            0x81, 0x82, 0x91, 0x92, 0xc0, 0xc4, 0xc7, 0xdc, 0xdd, 0xde, 0xdf, 0xd9, 0x01, 0x00,
            0xfc, 0xfd,
        ];
        if self.below(2) == 0 {
            OPENERS[self.below(OPENERS.len())]
        } else {
            self.byte()
        }
    }
}

fn attempt<T: DeserializeOwned>(blob: &[u8]) {
    drop(decode::<T>(blob));
}

fn attempt_all(blob: &[u8]) {
    attempt::<Tree>(blob);
    attempt::<Expr>(blob);
    attempt::<Loose>(blob);
    attempt::<Tagged>(blob);
    attempt::<Chain>(blob);
    attempt::<serde_json::Value>(blob);
    attempt::<rmpv::Value>(blob);
    attempt::<IgnoredAny>(blob);
    attempt::<Vec<()>>(blob);
    attempt::<Units>(blob);
    attempt::<HashMap<String, Vec<Option<i128>>>>(blob);
    attempt::<BTreeMap<Option<Option<u8>>, (char, bool)>>(blob);
    attempt::<serde_bytes::ByteBuf>(blob);
    attempt::<Result<std::time::SystemTime, std::net::SocketAddr>>(blob);
}

#[test]
fn random_bytes_do_not_panic() {
    let mut random = Random(1);
    for round in 0..100_000_usize {
        let length = random.below(1 + round % 96);
        let mut blob = vec![if round % 2 == 0 { b'M' } else { b'B' }];
        blob.extend((0..length).map(|_| random.marker()));
        attempt_all(&blob);
    }
}

fn valid_blobs() -> Vec<Vec<u8>> {
    let mut blobs = Vec::new();
    let leaf = || Tree {
        name: "leaf".into(),
        ids: vec![1, 300, u64::MAX],
        ..Tree::default()
    };
    let tree = Tree {
        note: Some("n".into()),
        children: vec![leaf(), leaf()],
        ..leaf()
    };
    let call = Expr::Call {
        name: "f".into(),
        args: BTreeMap::from([
            ("a".into(), Expr::Big(i128::MIN)),
            ("b".into(), Expr::Nothing),
        ]),
    };
    let expr = Expr::Sum(
        Box::new(Expr::Not(Box::new(Expr::Number(-70_000)))),
        vec![call],
    );
    let loose = Loose::List(vec![
        Loose::Nothing,
        Loose::Number(1.5),
        Loose::Deeper {
            inner: Some(Box::new(Loose::Text("t".into()))),
        },
    ]);
    let tagged = Tagged::Node {
        left: Box::new(Tagged::Leaf { value: 1 }),
        right: None,
    };
    valid(&tree, &mut blobs);
    valid(&expr, &mut blobs);
    valid(&loose, &mut blobs);
    valid(&tagged, &mut blobs);
    valid(&vec![(); 100], &mut blobs);
    valid(&Some(None::<u8>), &mut blobs);
    valid(
        &Ok::<_, std::net::SocketAddr>(std::time::SystemTime::UNIX_EPOCH),
        &mut blobs,
    );
    valid(&rmpv::Value::Ext(3, vec![0; 20]), &mut blobs);
    blobs
}

fn valid<T>(value: &T, blobs: &mut Vec<Vec<u8>>)
where
    T: Serialize + DeserializeOwned + Debug,
{
    for codec in [Codec::MessagePack, Codec::Bincode] {
        let mut blob = Vec::new();
        encode::<T, T>(value, codec, true, &mut blob).unwrap();
        blobs.push(blob);
    }
}

#[test]
fn damaged_blobs_do_not_panic() {
    let blobs = valid_blobs();
    let mut random = Random(2);
    for _ in 0..100_000 {
        let mut blob = blobs[random.below(blobs.len())].clone();
        for _ in 0..=random.below(3) {
            let at = random.below(blob.len());
            match random.below(4) {
                0 => blob[at] = random.marker(),
                1 => blob.truncate(at.max(1)),
                2 => blob.insert(at.max(1), random.marker()),
                _ => blob[at] ^= 1 << random.below(8),
            }
        }
        attempt_all(&blob);
    }
}

#[test]
fn every_truncation_is_an_error() {
    for blob in valid_blobs() {
        for end in 1..blob.len() {
            let part = &blob[..end];
            assert!(decode::<Tree>(part).is_err());
            assert!(decode::<Tagged>(part).is_err());
        }
    }
}

const U64_MAX: &[u8] = b"B\xfd\xff\xff\xff\xff\xff\xff\xff\xff";

#[test]
fn too_many_units_without_bytes_are_refused() {
    assert!(matches!(
        decode::<Vec<()>>(U64_MAX),
        Err(DecodeError::TooManyElements)
    ));
    assert!(matches!(
        decode::<Units>(U64_MAX),
        Err(DecodeError::TooManyElements)
    ));
    let keys = decode::<BTreeMap<(), u8>>(U64_MAX);
    assert!(matches!(keys, Err(DecodeError::TooManyElements)));
    let nested = decode::<Vec<Vec<()>>>(b"B\x02\xfb\xff\xff\xfb\xff\xff");
    assert!(matches!(nested, Err(DecodeError::TooManyElements)));
}

#[test]
fn spare_elements_are_allowed() {
    let mut blob = Vec::new();
    // The length takes five bytes, and each byte allows one more element.
    let units = vec![(); SPARE_ELEMENTS + 5];
    encode::<Vec<()>, _>(&units, Codec::Bincode, true, &mut blob).unwrap();
    assert_eq!(blob[0], b'B');
    let units = vec![(); SPARE_ELEMENTS + 6];
    encode::<Vec<()>, _>(&units, Codec::Bincode, true, &mut blob).unwrap();
    assert_eq!(blob[0], b'M', "MessagePack takes a byte for each");
    let units = vec![Some(()); SPARE_ELEMENTS * 2];
    encode::<Vec<Option<()>>, _>(&units, Codec::Bincode, true, &mut blob).unwrap();
    assert_eq!(blob[0], b'B', "these take a byte each");
}

#[test]
fn elements_of_tuples_are_not_counted() {
    let many = vec![((), (), (), 1_u8); 100_000];
    let mut blob = Vec::new();
    encode::<Vec<((), (), (), u8)>, _>(&many, Codec::Bincode, true, &mut blob).unwrap();
    assert_eq!(blob[0], b'B');
}

/// Six bytes announce a string of nine hundred million bytes. Allocating them could abort the process.
#[test]
fn an_announced_length_does_not_allocate() {
    let bytes = b"B\xfc\x00\xe9\xa4\x35";
    for error in [
        decode::<String>(bytes).unwrap_err(),
        decode::<serde_bytes::ByteBuf>(bytes).unwrap_err(),
        decode::<Vec<u8>>(bytes).map(drop).unwrap_err(),
    ] {
        match error {
            DecodeError::Malformed { source, .. } => {
                assert!(source.to_string().contains("UnexpectedEnd"));
            }
            other => assert!(matches!(other, DecodeError::TooManyElements)),
        }
    }
    assert!(decode::<String>(U64_MAX).is_err());
    assert!(decode::<serde_bytes::ByteBuf>(U64_MAX).is_err());
    assert!(decode::<String>(b"M\xdb\xff\xff\xff\xff").is_err());
    assert!(decode::<Vec<u64>>(b"M\xdd\xff\xff\xff\xff").is_err());
}

#[test]
fn an_exceeded_limit_is_reported_even_if_its_error_is_ignored() {
    #[derive(Debug)]
    struct Lenient;
    impl<'de> Deserialize<'de> for Lenient {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            drop(Chain::deserialize(deserializer));
            Ok(Self)
        }
    }
    assert!(matches!(
        decode::<Lenient>(b"M\x01"),
        Err(DecodeError::TooDeep)
    ));
}

#[test]
fn unordered_collections_are_stored_as_bincode_too() {
    type Mixed = (HashSet<u32>, Option<Option<u8>>);
    let set: HashSet<u32> = (0..1_000).collect();
    let value = (set, Some(None::<u8>));
    let mut blob = Vec::new();
    encode::<Mixed, Mixed>(&value, Codec::MessagePack, true, &mut blob).unwrap();
    assert_eq!(blob[0], b'B');
    assert_eq!(decode::<Mixed>(&blob).unwrap(), value);
}
