//! A value that comes back as another one is refused when it is written. A hash map that comes back in another order is the same.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use proptest::prelude::*;
use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use vaults::{Codec, Durability, EntryPart, Error, OpenOptions, Vault};

use crate::support::{Key, Value};

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Bincode];

fn vault<K: Key, V: Value>(codec: Codec) -> Vault<K, V> {
    OpenOptions::new()
        .codec(codec)
        .durability(Durability::Off)
        .open_in_memory()
        .unwrap()
}

fn put<V: Value>(codec: Codec, value: &V) -> vaults::Result<V> {
    let vault = vault::<u8, V>(codec);
    let stored = vault.put(&1, value);
    let read = vault.get(&1).unwrap();
    assert_eq!(read.is_some(), stored.is_ok());
    stored.map(|()| read.unwrap())
}

#[track_caller]
fn refused_in<V: Value + Debug>(codec: Codec, value: &V) {
    let outcome = put(codec, value);
    assert_is!(
        outcome,
        Err(Error::Encode {
            part: EntryPart::Value,
            ..
        })
    );
}

#[track_caller]
fn kept_in<V: Value + Debug + PartialEq>(codec: Codec, value: &V) {
    let back = put(codec, value).unwrap();
    assert_eq!(back, *value, "{codec}");
}

/// Refused wherever it lies, whichever codec comes first.
#[track_caller]
fn refused<V: Value + Debug + Clone>(value: &V) {
    for codec in CODECS {
        refused_in(codec, value);
        refused_in(codec, &Some(value.clone()));
        refused_in(codec, &vec![value.clone(), value.clone()]);
        refused_in(codec, &(0, value.clone()));
        refused_in(codec, &BTreeMap::from([(1, value.clone())]));
        let beside = HashSet::from([1, 2, 3, 4]);
        refused_in(
            codec,
            &HashMap::from([(1, (value.clone(), beside.clone()))]),
        );
        refused_in(
            codec,
            &Beside {
                value: value.clone(),
                beside,
            },
        );
    }
}

#[track_caller]
fn kept<V: Value + Debug + PartialEq + Clone>(value: &V) {
    for codec in CODECS {
        kept_in(codec, value);
        kept_in(codec, &vec![value.clone(), value.clone()]);
        kept_in(
            codec,
            &HashMap::from([(1, value.clone()), (2, value.clone())]),
        );
    }
}

/// A value, and what comes back in another order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Beside<V> {
    value: V,
    beside: HashSet<u8>,
}

// ---- values that come back as others ------------------------------------------------------

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

/// Reads its halves the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
struct Swapped(u8, u8);

impl<'de> Deserialize<'de> for Swapped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (first, second) = Deserialize::deserialize(deserializer)?;
        Ok(Self(second, first))
    }
}

/// The same as an array.
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
fn a_tuple_whose_parts_change_places_is_refused() {
    refused(&Swapped(1, 2));
    kept(&Swapped(2, 2));
    refused(&Reversed([1, 2, 3]));
    kept(&Reversed([1, 2, 1]));
}

/// Written with the most significant byte first, read with the least significant one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Turned<const AS_BYTES: bool>(u32);

impl<const AS_BYTES: bool> Serialize for Turned<AS_BYTES> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if AS_BYTES {
            serializer.serialize_bytes(&self.0.to_be_bytes())
        } else {
            self.0.to_be_bytes().serialize(serializer)
        }
    }
}

impl<'de, const AS_BYTES: bool> Deserialize<'de> for Turned<AS_BYTES> {
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

/// The same as one number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
struct TurnedNumber(u32);

impl<'de> Deserialize<'de> for TurnedNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(|number| Self(number.swap_bytes()))
    }
}

/// A text that is read from its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
struct Mirrored(String);

impl<'de> Deserialize<'de> for Mirrored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.chars().rev().collect()))
    }
}

#[test]
fn a_number_or_a_text_that_is_read_the_other_way_round_is_refused() {
    refused(&Turned::<false>(0x0102_0304));
    refused(&Turned::<true>(0x0102_0304));
    kept(&Turned::<false>(0x0102_0201));
    kept(&Turned::<true>(0x0102_0201));
    refused(&TurnedNumber(0x0102_0304));
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
fn fields_that_are_read_under_each_others_names_are_refused() {
    let crossed = Crossed {
        first: 1,
        second: 2,
    };
    refused_in(Codec::MessagePack, &crossed);
    refused_in(
        Codec::MessagePack,
        &Beside {
            value: crossed.clone(),
            beside: HashSet::from([1, 2, 3]),
        },
    );
    // It has no names in bincode, and is what it was.
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
fn a_map_that_comes_back_as_a_struct_of_another_order_is_refused() {
    kept(&Overlapping::Ranks(1, 2, vec![3]));
    kept(&Overlapping::Seats { row: 1, seat: 2 });
    refused(&Overlapping::Places { seat: 2, row: 1 });
    kept(&Overlapping::Sets([("x".to_owned(), 1)].into()));
    // A hash map may be in the order of the fields by chance. In another order it is never taken for the struct.
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
fn keys_that_come_back_as_others_are_refused() {
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
    refused(&Turned::<true>(1));
    refused(&TurnedNumber(0x0102_0304));
    refused(&Mirrored("ab".into()));
    refused(&Crossed {
        first: 1,
        second: 2,
    });
    refused(&vec![Some(Swapped(1, 2))]);
    // A key is found by its bytes, so that a set may not change its order either.
    refused(&Shuffled(vec![1, 2]));
    kept(&Shuffled(vec![1, 1]));
    kept(&BTreeSet::from([1, 2]));
}

/// A set that comes back in another order each time it is read.
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
fn a_key_is_its_encoding_whatever_eq_says() {
    /// How many entries two keys make, after each was put.
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
fn a_borrowed_form_that_encodes_otherwise_finds_nothing_and_writes_nothing() {
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
fn what_no_comparison_of_bytes_can_see() {
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

// ---- values that are the same in another order -------------------------------------------

type Groups = HashMap<u8, HashSet<(bool, char)>>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Index {
    name: String,
    words: HashMap<String, HashSet<u32>>,
    of_pairs: HashMap<(u8, u8), Option<Groups>>,
    nested: Vec<Index>,
}

fn index(depth: u8) -> Index {
    Index {
        name: "index".into(),
        words: (0..5)
            .map(|n| (n.to_string(), (0..n * 3).collect()))
            .collect(),
        of_pairs: (0..4)
            .map(|n| {
                (
                    (n, 1),
                    (n > 1).then(|| {
                        (0..n)
                            .map(|k| (k, HashSet::from([(true, 'a'), (false, 'b')])))
                            .collect()
                    }),
                )
            })
            .collect(),
        nested: (0..depth).map(index).collect(),
    }
}

#[test]
fn hash_maps_and_sets_are_stored_in_whatever_order() {
    for _ in 0..5 {
        kept(&HashMap::from([
            ("a".to_owned(), HashSet::from([1_u32, 2, 3])),
            ("b".to_owned(), HashSet::new()),
        ]));
        kept(&HashSet::from([1, 2, 3, 300, 70_000]));
        kept(&(
            HashSet::from(["a", "b"].map(str::to_owned)),
            [1, 2],
            Some(HashMap::from([(1, 2), (3, 4)])),
        ));
        kept(&HashMap::from([
            (Some(None), 1),
            (Some(Some(1_u8)), 2),
            (None, 3),
        ]));
        kept(&vec![
            HashSet::from([(1, 2), (2, 1)]),
            HashSet::from([(1, 1)]),
        ]);
        kept(&index(3));
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Tags { tags: HashSet<String> },
    Counts(HashMap<String, u32>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: u8,
    tags: HashSet<u8>,
    #[serde(flatten)]
    rest: HashMap<String, HashSet<u8>>,
    #[serde(flatten)]
    tagged: Option<Known>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    size: u8,
}

#[test]
fn tagged_and_flattened_hash_maps_are_stored_in_whatever_order() {
    let set = |from: u8| (from..from + 4).collect::<HashSet<u8>>();
    for _ in 0..5 {
        kept(&Tagged::Tags {
            tags: ["a", "b", "c"].map(str::to_owned).into(),
        });
        kept(&Tagged::Counts(
            [("a".to_owned(), 1), ("b".to_owned(), 2)].into(),
        ));
        kept(&Flat {
            id: 1,
            tags: set(3),
            rest: HashMap::new(),
            tagged: None,
        });
    }
}

/// A struct that flattens an `Option` and an ordered map, beside a hash map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ordered {
    tags: HashSet<u8>,
    #[serde(flatten)]
    known: Option<Known>,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[test]
fn a_flattened_entry_that_comes_back_as_a_field_is_refused_beside_a_hash_map_too() {
    let value = |known, rest: &[&str]| Ordered {
        tags: (0..9).collect(),
        known,
        rest: rest.iter().map(|key| ((*key).to_owned(), 1)).collect(),
    };
    for codec in CODECS {
        for _ in 0..8 {
            refused_in(codec, &value(None, &["more", "size"]));
            refused_in(codec, &vec![value(None, &["more", "size"])]);
            kept_in(codec, &value(None, &["less", "more"]));
            kept_in(
                codec,
                &vec![value(Some(Known { size: 1 }), &["less", "more"])],
            );
        }
    }
}

#[test]
fn a_heap_is_stored_in_whatever_order() {
    for codec in CODECS {
        let heap: BinaryHeap<u32> = (0..100).rev().collect();
        let back = put(codec, &heap).unwrap();
        assert_eq!(back.into_sorted_vec(), heap.into_sorted_vec());
    }
}

#[test]
fn large_hash_maps_are_compared_in_little_time() {
    // Were it quadratic, it would take hours.
    let large: HashMap<u32, HashSet<u32>> = (0..20_000)
        .map(|n| (n, HashSet::from([n, n + 1])))
        .collect();
    kept_in(Codec::MessagePack, &large);
    kept_in(Codec::Bincode, &large);
}

#[test]
fn a_value_that_another_thread_changes_is_stored_as_it_was_at_some_moment() {
    type Shared = Arc<RwLock<HashMap<u32, u32>>>;
    let shared: Shared = Arc::default();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !done.load(Ordering::Relaxed) {
                let mut map = shared.write().unwrap();
                n += 1;
                map.insert(n % 16, n);
                map.remove(&(n * 7 % 16));
                drop(map);
                std::thread::yield_now();
            }
        });
        for codec in CODECS {
            let vault = vault::<u8, Shared>(codec);
            for _ in 0..300 {
                vault.put(&1, &shared).unwrap();
            }
            assert!(vault.get(&1).unwrap().unwrap().read().unwrap().len() <= 16);
        }
        done.store(true, Ordering::Relaxed);
    });
}

// ---- random values -------------------------------------------------------------------------

/// Maps and sets in structs, tuples and variants, and a pair that may come back swapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Node {
    Leaf(u16, bool),
    Text(Box<str>),
    Set(HashSet<u16>),
    List(Vec<Node>),
    ByNumber(HashMap<u8, Node>),
    ByText {
        names: HashMap<String, Node>,
        count: i64,
    },
    Pair(Box<(Node, Node)>),
    Maybe(Option<Box<Node>>),
    Swap(MaybeSwapped),
}

/// Read as it was written, unless `swaps`.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct MaybeSwapped {
    pair: (u8, u8),
    swaps: bool,
}

impl<'de> Deserialize<'de> for MaybeSwapped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            pair: (u8, u8),
            swaps: bool,
        }
        let Written {
            pair: (a, b),
            swaps,
        } = Deserialize::deserialize(deserializer)?;
        let pair = if swaps { (b, a) } else { (a, b) };
        Ok(Self { pair, swaps })
    }
}

impl Node {
    /// Whether some part of it does not come back as it is.
    fn is_altered(&self) -> bool {
        match self {
            Self::Leaf(..) | Self::Text(_) | Self::Set(_) | Self::Maybe(None) => false,
            Self::List(list) => list.iter().any(Self::is_altered),
            Self::ByNumber(map) => map.values().any(Self::is_altered),
            Self::ByText { names, .. } => names.values().any(Self::is_altered),
            Self::Pair(pair) => pair.0.is_altered() || pair.1.is_altered(),
            Self::Maybe(Some(node)) => node.is_altered(),
            Self::Swap(swap) => swap.swaps && swap.pair.0 != swap.pair.1,
        }
    }
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        any::<(u16, bool)>().prop_map(|(n, flag)| Node::Leaf(n, flag)),
        "[a-z]{0,40}".prop_map(|text| Node::Text(text.into())),
        prop::collection::hash_set(any::<u16>(), 0..6).prop_map(Node::Set),
        (0..3_u8, 0..3_u8, prop::bool::weighted(0.1)).prop_map(|(a, b, swaps)| Node::Swap(
            MaybeSwapped {
                pair: (a, b),
                swaps
            }
        )),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Node::List),
            prop::collection::hash_map(any::<u8>(), inner.clone(), 0..5).prop_map(Node::ByNumber),
            (
                prop::collection::hash_map("[a-z]{0,3}", inner.clone(), 0..5),
                any::<i64>()
            )
                .prop_map(|(names, count)| Node::ByText { names, count }),
            (inner.clone(), inner.clone()).prop_map(|pair| Node::Pair(Box::new(pair))),
            prop::option::of(inner.prop_map(Box::new)).prop_map(Node::Maybe),
        ]
    })
}

#[test]
fn random_values_are_kept_or_refused() {
    let vaults = CODECS.map(vault::<u8, Node>);
    let rounds: u32 =
        std::env::var("VAULTS_TEST_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400 * rounds));
    runner
        .run(&node(), |value| {
            for vault in &vaults {
                let stored = vault.put(&1, &value);
                if value.is_altered() {
                    prop_assert!(matches!(stored, Err(Error::Encode { .. })), "{:?}", stored);
                } else {
                    prop_assert!(stored.is_ok(), "{:?}", stored);
                    let back = vault.get(&1).unwrap();
                    prop_assert_eq!(back.as_ref(), Some(&value));
                }
            }
            Ok(())
        })
        .unwrap();
}
