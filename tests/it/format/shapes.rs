//! Every shape that serde knows, stored and read back: each comes back exactly, or is refused when it is written.

#![allow(
    clippy::option_option,
    clippy::zero_sized_map_values,
    clippy::zero_repeat_side_effects,
    reason = "odd shapes are the point"
)]

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU8, NonZeroU64, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeFrom, RangeInclusive};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde::de::{self, DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use rusqlite::Connection;
use vaults::{Codec, Durability, EntryPart, Error, OpenOptions};

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    MessagePack,
    Bincode,
    Refused,
}

use Expect::{Bincode as B, MessagePack as M, Refused as X};

/// Stores and reads `value` through a vault with either codec preferred, and expects each to do as
/// listed. There is no third outcome.
fn check_by<T>(name: &str, value: &T, expected: [Expect; 2], same: impl Fn(&T, &T) -> bool)
where
    T: Serialize + DeserializeOwned + Debug,
{
    check_all_by(name, std::slice::from_ref(value), expected, same);
}

fn check_all_by<T>(name: &str, values: &[T], expected: [Expect; 2], same: impl Fn(&T, &T) -> bool)
where
    T: Serialize + DeserializeOwned + Debug,
{
    for (codec, expected) in [Codec::MessagePack, Codec::Bincode]
        .into_iter()
        .zip(expected)
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shapes.db");
        let vault = OpenOptions::new()
            .codec(codec)
            .durability(Durability::Off)
            .open::<usize, T>(&path)
            .unwrap();
        for (n, value) in values.iter().enumerate() {
            match vault.put(&n, value) {
                Ok(()) => assert_ne!(expected, X, "{name} as {codec}: {value:?} was accepted"),
                Err(Error::Encode {
                    part: EntryPart::Value,
                    ..
                }) => {
                    assert_eq!(expected, X, "{name} as {codec}: {value:?} was refused");
                    assert_eq!(vault.get(&n).unwrap().map(drop), None, "{name}");
                    continue;
                }
                Err(error) => panic!("{name} as {codec}: {error:?}"),
            }
            let back = vault.get(&n).unwrap().unwrap();
            assert!(
                same(&back, value),
                "{name} as {codec}: {back:?} is not {value:?}"
            );
        }
        vault.close().unwrap();
        let tag = match expected {
            M => b'M',
            B => b'B',
            X => continue,
        };
        let other: i64 = Connection::open(&path)
            .unwrap()
            .query_row(
                "SELECT count(*) FROM dict WHERE substr(value, 1, 1) <> ?1",
                [[tag]],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(other, 0, "{name} as {codec}: not stored as {expected:?}");
    }
}

#[track_caller]
fn check_all<T>(name: &str, values: Vec<T>, expected: [Expect; 2])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    check_all_by(name, &values, expected, PartialEq::eq);
    // Where it lies must not matter.
    let in_sequences: Vec<_> = values.into_iter().map(|value| vec![value]).collect();
    check_all_by(
        &format!("{name}, in a sequence"),
        &in_sequences,
        expected,
        PartialEq::eq,
    );
}

#[track_caller]
fn check<T>(name: &str, value: T, expected: [Expect; 2])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    check_all(name, vec![value], expected);
}

/// As either codec, where each takes its own.
const EACH: [Expect; 2] = [M, B];
/// Only as MessagePack: what asks the data for its type.
const ONLY_M: [Expect; 2] = [M, M];
/// Only as bincode: nothing under a `Some`.
const ONLY_B: [Expect; 2] = [B, B];
const NEITHER: [Expect; 2] = [X, X];

macro_rules! integers {
    ($($type:ident)*) => {$(
        let mut values = vec![$type::MIN, $type::MAX, 0, 1, $type::MAX / 2, $type::MIN / 2 + 1];
        for shift in 0..$type::BITS {
            for step in [0, 1, 2] {
                let near = (1 as $type).wrapping_shl(shift).wrapping_sub(1).wrapping_add(step);
                values.extend([near, (0 as $type).wrapping_sub(near)]);
            }
        }
        check_all(concat!("Option ", stringify!($type)), values.iter().copied().map(Some).collect(), EACH);
        check_all(stringify!($type), values, EACH);
    )*};
}

#[test]
fn integers() {
    integers! { u8 i8 u16 i16 u32 i32 u64 i64 usize isize u128 i128 }
}

#[test]
fn floats_bit_by_bit() {
    let bits64 = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
    let bits32 = |a: &f32, b: &f32| a.to_bits() == b.to_bits();
    for bits in [
        0x7ff8_0000_0000_0000,
        0x7ff8_dead_beef_0001,
        0xfff8_0000_0000_0001,
        0x8000_0000_0000_0000,
        1,
    ] {
        check_by("f64", &f64::from_bits(bits), EACH, bits64);
    }
    for bits in [0x7fc0_0000, 0x7fc0_beef, 0xffc0_0001, 0x8000_0000, 1] {
        check_by("f32", &f32::from_bits(bits), EACH, bits32);
    }
    for value in [
        0.0,
        0.1,
        f64::MIN,
        f64::MAX,
        f64::EPSILON,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        check("f64", value, EACH);
    }
    for value in [
        0.0,
        0.1,
        f32::MIN,
        f32::MAX,
        f32::EPSILON,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ] {
        check("f32", value, EACH);
    }
}

#[test]
fn text_and_bytes() {
    for value in [
        '\0',
        'a',
        '\x7f',
        '\u{80}',
        'é',
        '\u{d7ff}',
        '\u{e000}',
        '😀',
        char::MAX,
    ] {
        check("char", value, EACH);
    }
    for length in [0, 1, 31, 32, 255, 256, 65_535, 65_536] {
        check("String", "é".repeat(length), EACH);
        check("bytes", ByteBuf::from(vec![0xff; length]), EACH);
        check("Vec<u8>", vec![0xff_u8; length], EACH);
        check("Vec<u16>", vec![0xffff_u16; length], EACH);
    }
    check("str with nul", "a\0b".to_owned(), EACH);
    check("Box<str>", Box::<str>::from("b"), EACH);
    check("Cow", Cow::<'static, str>::Owned("c".into()), EACH);
    check("CString", CString::new("c").unwrap(), EACH);
    check("byte array", serde_bytes::ByteArray::new([1, 2, 255]), EACH);
    check("bool", true, EACH);
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Newtype<T>(T);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct TupleStruct(u8, String, Option<i64>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EmptyTuple();

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EmptyStruct {}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent<T> {
    only: T,
}

#[test]
fn options_of_options() {
    check("None", None::<u8>, EACH);
    check("Some", Some(1_u8), EACH);
    check("None of two", None::<Option<u8>>, EACH);
    check("Some(None)", Some(None::<u8>), ONLY_B);
    check("Some(Some)", Some(Some(1_u8)), EACH);
    check("None of four", None::<Option<Option<Option<u8>>>>, EACH);
    check(
        "Some(None) of four",
        Some(None::<Option<Option<u8>>>),
        ONLY_B,
    );
    check(
        "Some(Some(None)) of four",
        Some(Some(None::<Option<u8>>)),
        ONLY_B,
    );
    check(
        "Some(Some(Some(None)))",
        Some(Some(Some(None::<u8>))),
        ONLY_B,
    );
    check("Some four times", Some(Some(Some(Some(1_u8)))), EACH);
    check("Some(Newtype(None))", Some(Newtype(None::<u8>)), ONLY_B);
    check("Newtype(None)", Newtype(None::<u8>), EACH);
    check("Newtype(Some(None))", Newtype(Some(None::<u8>)), ONLY_B);
    check(
        "Some(Transparent(None))",
        Some(Transparent { only: None::<u8> }),
        ONLY_B,
    );
    check("Some(Box(None))", Some(Box::new(None::<u8>)), ONLY_B);
    check("Some(Rc(None))", Some(Rc::new(None::<u8>)), ONLY_B);
    check(
        "some of each",
        vec![None, Some(None), Some(Some(1_u8))],
        ONLY_B,
    );
    check("Some(Ok(None))", Some(Ok::<_, u8>(None::<u8>)), EACH);
    check("Some((None,))", Some((None::<u8>,)), EACH);
    check("Some([])", Some(Vec::<u8>::new()), EACH);
}

#[test]
fn units() {
    check("()", (), EACH);
    check("Some(())", Some(()), ONLY_B);
    check("None::<()>", None::<()>, EACH);
    check("Some(Newtype(()))", Some(Newtype(())), ONLY_B);
    check("Unit", Unit, EACH);
    check("Some(Unit)", Some(Unit), EACH);
    check("Some(Newtype(Unit))", Some(Newtype(Unit)), EACH);
    check("PhantomData", PhantomData::<u8>, EACH);
    check("Some(PhantomData)", Some(PhantomData::<u8>), EACH);
    check("EmptyTuple", EmptyTuple(), EACH);
    check("EmptyStruct", EmptyStruct {}, EACH);
    check("Some(EmptyStruct)", Some(EmptyStruct {}), EACH);
    check("Some(EmptyTuple)", Some(EmptyTuple()), EACH);
    check("units", vec![(); 10], EACH);
    check("(((),),)", (((),),), EACH);
    check("[(); 3]", [(); 3], EACH);
    check("{()}", HashSet::from([()]), EACH);
    check("{(): ()}", HashMap::from([((), ())]), EACH);
    check("{(): Some(())}", HashMap::from([((), Some(()))]), ONLY_B);
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum External {
    Unit,
    Newtype(i64),
    Nil(Option<()>),
    Tuple(u8, String),
    Empty(),
    Struct {
        a: u8,
        b: Option<String>,
    },
    #[serde(rename = "other name", alias = "earlier")]
    Renamed(Box<External>),
    Big(i128),
    Units((), Unit),
}

#[test]
fn externally_tagged_enums() {
    use External::{Big, Empty, Newtype, Nil, Renamed, Struct, Tuple, Unit, Units};
    let nested = Renamed(Box::new(Renamed(Box::new(Tuple(1, "t".into())))));
    let all = [
        Unit,
        Newtype(-1),
        Nil(None),
        Tuple(1, "t".into()),
        Empty(),
        nested,
        Big(i128::MIN),
    ];
    for value in all {
        check("external", value.clone(), EACH);
        check("Some(external)", Some(value.clone()), EACH);
        check("map by external", HashMap::from([(value, 1)]), EACH);
    }
    check("struct variant", Struct { a: 1, b: None }, EACH);
    check(
        "struct variant",
        Struct {
            a: 1,
            b: Some("b".into()),
        },
        EACH,
    );
    check("units in a variant", Units((), super::shapes::Unit), EACH);
    check("Some(()) in a variant", Nil(Some(())), ONLY_B);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Internal {
    Unit,
    Newtype(Inner),
    UnitStruct(Unit),
    Struct { a: u8, b: Option<String> },
    Nested(Box<NestedTag>),
    External(External),
    Big { big: i128 },
    Floats { single: f32, double: f64 },
    Bytes { bytes: ByteBuf },
    Map { by_number: BTreeMap<u8, u8> },
    Deeper { option: Option<Option<u8>> },
    Text { letter: char },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    x: i64,
    list: Vec<u16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "inner type")]
enum NestedTag {
    Leaf,
    Pair { left: Internal, right: Internal },
}

#[test]
fn internally_tagged_enums() {
    let inner = Inner {
        x: i64::MIN,
        list: vec![0, 300],
    };
    check("unit", Internal::Unit, ONLY_M);
    check("newtype", Internal::Newtype(inner), ONLY_M);
    check("unit struct", Internal::UnitStruct(Unit), ONLY_M);
    check("struct", Internal::Struct { a: 1, b: None }, ONLY_M);
    check(
        "nested",
        Internal::Nested(Box::new(NestedTag::Leaf)),
        ONLY_M,
    );
    let pair = NestedTag::Pair {
        left: Internal::Unit,
        right: Internal::Struct {
            a: 2,
            b: Some("b".into()),
        },
    };
    check("nested pair", Internal::Nested(Box::new(pair)), ONLY_M);
    check(
        "external tuple",
        Internal::External(External::Tuple(1, "t".into())),
        ONLY_M,
    );
    check(
        "external struct",
        Internal::External(External::Struct { a: 1, b: None }),
        ONLY_M,
    );
    check(
        "external newtype",
        Internal::External(External::Newtype(1)),
        ONLY_M,
    );
    check("big", Internal::Big { big: i128::MAX }, NEITHER);
    check(
        "floats",
        Internal::Floats {
            single: 0.1,
            double: 0.1,
        },
        ONLY_M,
    );
    check(
        "bytes",
        Internal::Bytes {
            bytes: ByteBuf::from([0, 255]),
        },
        ONLY_M,
    );
    check(
        "map",
        Internal::Map {
            by_number: BTreeMap::from([(1, 2)]),
        },
        ONLY_M,
    );
    check("letter", Internal::Text { letter: 'é' }, ONLY_M);
    check("none", Internal::Deeper { option: None }, ONLY_M);
    check(
        "some some",
        Internal::Deeper {
            option: Some(Some(1)),
        },
        ONLY_M,
    );
    check(
        "some none",
        Internal::Deeper { option: Some(None) },
        NEITHER,
    );
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    Newtype(u8),
    Nil(Option<u8>),
    Tuple(u8, String),
    Struct { a: u8 },
    Big(u128),
    Nested(Box<Adjacent>),
}

#[test]
fn adjacently_tagged_enums() {
    check("unit", Adjacent::Unit, ONLY_M);
    check("newtype", Adjacent::Newtype(1), ONLY_M);
    check("nil", Adjacent::Nil(None), ONLY_M);
    check("tuple", Adjacent::Tuple(1, "t".into()), ONLY_M);
    check("struct", Adjacent::Struct { a: 1 }, ONLY_M);
    check("big", Adjacent::Big(u128::MAX), ONLY_M);
    check(
        "nested",
        Adjacent::Nested(Box::new(Adjacent::Tuple(1, "t".into()))),
        ONLY_M,
    );
    check(
        "mixed",
        vec![Adjacent::Unit, Adjacent::Newtype(1), Adjacent::Unit],
        ONLY_M,
    );
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Unit,
    Flag(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Pair(u8, String),
    Struct { a: u8, b: Option<Box<Untagged>> },
    External(External),
    List(Vec<Untagged>),
    Big { big: i128 },
}

#[test]
fn untagged_enums_that_overlap() {
    /// Reads every integer back as a float.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Float(f64),
        Integer(i64),
    }

    check("the variant that wins", Number::Float(0.5), ONLY_M);
    check(
        "the variant that never reads back",
        Number::Integer(1),
        NEITHER,
    );
}

#[test]
fn untagged_enums() {
    for value in [
        Untagged::Unit,
        Untagged::Flag(true),
        Untagged::Signed(-5),
        Untagged::Unsigned(u64::MAX),
        Untagged::Float(0.5),
        Untagged::Text("t".into()),
        Untagged::Pair(1, "p".into()),
        Untagged::Struct {
            a: 1,
            b: Some(Box::new(Untagged::Struct { a: 2, b: None })),
        },
        Untagged::External(External::Newtype(3)),
        Untagged::List(vec![
            Untagged::Unit,
            Untagged::List(vec![Untagged::Flag(false)]),
        ]),
    ] {
        check("untagged", value, ONLY_M);
    }
    check("big", Untagged::Big { big: 1 }, NEITHER);
    check("Some(untagged unit)", Some(Untagged::Unit), NEITHER);
    check("Some(untagged)", Some(Untagged::Flag(true)), ONLY_M);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat<T> {
    first: u8,
    #[serde(flatten)]
    rest: T,
}

#[test]
fn flattened_fields() {
    let inner = Inner {
        x: 1,
        list: vec![2],
    };
    check(
        "flat struct",
        Flat {
            first: 1,
            rest: inner.clone(),
        },
        ONLY_M,
    );
    check(
        "flat twice",
        Flat {
            first: 1,
            rest: Newtype(2),
        },
        NEITHER,
    );
    check(
        "flat option",
        Flat {
            first: 1,
            rest: Some(inner),
        },
        ONLY_M,
    );
    check(
        "flat none",
        Flat {
            first: 1,
            rest: None::<Inner>,
        },
        ONLY_M,
    );
    let map: BTreeMap<String, u64> = BTreeMap::from([("a".into(), 1), ("b".into(), u64::MAX)]);
    check(
        "flat map",
        Flat {
            first: 1,
            rest: map,
        },
        ONLY_M,
    );
    check(
        "flat hash map",
        Flat {
            first: 1,
            rest: HashMap::from([("a".to_owned(), 0.5)]),
        },
        ONLY_M,
    );
    check(
        "flat json",
        Flat {
            first: 1,
            rest: json!({"x": [1, {"y": null}]}),
        },
        ONLY_M,
    );
    check(
        "flat tagged",
        Flat {
            first: 1,
            rest: Internal::Struct { a: 1, b: None },
        },
        ONLY_M,
    );
    check(
        "flat external",
        Flat {
            first: 1,
            rest: External::Tuple(1, "t".into()),
        },
        ONLY_M,
    );
    check(
        "flat adjacent",
        Flat {
            first: 1,
            rest: Adjacent::Newtype(1),
        },
        ONLY_M,
    );
    let big: BTreeMap<String, i128> = BTreeMap::from([("a".into(), 1)]);
    check(
        "flat 128 bits",
        Flat {
            first: 1,
            rest: big,
        },
        NEITHER,
    );
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<u8>,
    #[serde(rename = "Other", alias = "old")]
    renamed: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<u8>,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Skipped {
    kept: u8,
    #[serde(skip)]
    left_out: u8,
    also_kept: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u8, u8)", into = "(u8, u8)")]
struct Through {
    sum: u8,
    carry: u8,
}

impl Clone for Through {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl From<(u8, u8)> for Through {
    fn from((sum, carry): (u8, u8)) -> Self {
        Self { sum, carry }
    }
}

impl From<Through> for (u8, u8) {
    fn from(through: Through) -> Self {
        (through.sum, through.carry)
    }
}

#[test]
fn attributes() {
    let full = Attributes {
        maybe: Some(1),
        renamed: 2,
        list: vec![3],
        bytes: vec![4],
    };
    check("nothing skipped", full, EACH);
    check(
        "something skipped",
        Attributes {
            renamed: 2,
            ..Attributes::default()
        },
        ONLY_M,
    );
    check(
        "skip",
        Skipped {
            kept: 1,
            left_out: 0,
            also_kept: 2,
        },
        EACH,
    );
    check("from and into", Through { sum: 1, carry: 2 }, EACH);
    check("tuple struct", TupleStruct(1, "t".into(), None), EACH);
}

#[test]
fn maps_with_any_keys() {
    check(
        "by number",
        BTreeMap::from([(-1_i64, 1), (i64::MAX, 2)]),
        EACH,
    );
    check(
        "by 128 bits",
        BTreeMap::from([(i128::MIN, 1), (i128::MAX, 2)]),
        EACH,
    );
    check("by bool", HashMap::from([(true, 1), (false, 2)]), EACH);
    check("by char", HashMap::from([('a', 1)]), EACH);
    check(
        "by tuple",
        HashMap::from([((1, "a".to_owned()), 1), ((2, String::new()), 2)]),
        EACH,
    );
    check(
        "by list",
        BTreeMap::from([(vec![1, 2], 1), (vec![], 2)]),
        EACH,
    );
    check(
        "by option",
        HashMap::from([(None, 1), (Some(1_u8), 2)]),
        EACH,
    );
    check(
        "by option of option",
        HashMap::from([(None, 1), (Some(None), 2), (Some(Some(1_u8)), 3)]),
        ONLY_B,
    );
    check(
        "by unit variant",
        BTreeMap::from([(External::Unit, 1), (External::Empty(), 2)]),
        EACH,
    );
    check("by newtype", HashMap::from([(Newtype(1), 1)]), EACH);
    check("by unit struct", BTreeMap::from([(Unit, 1)]), EACH);
    check("by bytes", HashMap::from([(ByteBuf::from([1]), 1)]), EACH);
    check(
        "of maps",
        BTreeMap::from([(1, BTreeMap::from([(2, HashMap::from([(3, 4)]))]))]),
        EACH,
    );
    check(
        "large",
        (0..70_000_u32).map(|n| (n, n)).collect::<HashMap<_, _>>(),
        EACH,
    );
    check("empty", HashMap::<u8, u8>::new(), EACH);
}

#[test]
fn collections() {
    check("HashSet", (0..1000).collect::<HashSet<u32>>(), EACH);
    check(
        "BTreeSet",
        BTreeSet::from(["a".to_owned(), "b".to_owned()]),
        EACH,
    );
    check("VecDeque", VecDeque::from([1, 2, 3]), EACH);
    check("LinkedList", LinkedList::from([1, 2, 3]), EACH);
    let heap = BinaryHeap::from([3, 1, 2]);
    check_by("BinaryHeap", &heap, EACH, |a, b| {
        a.clone().into_sorted_vec() == b.clone().into_sorted_vec()
    });
    check("boxed slice", vec![1_u8, 2].into_boxed_slice(), EACH);
    check(
        "sets of sets",
        BTreeSet::from([BTreeSet::from([1]), BTreeSet::new()]),
        EACH,
    );
    check("list of nothing", Vec::<Vec<u8>>::new(), EACH);
    check("list of empty lists", vec![Vec::<u8>::new(); 3], EACH);
}

macro_rules! arrays {
    ($($length:literal)*) => {$(
        check(concat!("[u16; ", $length, "]"), [500_u16; $length], EACH);
        check(concat!("[Option<String>; ", $length, "]"), [const { None::<String> }; $length], EACH);
    )*};
}

#[test]
fn arrays_and_tuples() {
    arrays! { 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 }
    check("1", (1,), EACH);
    check("2", (1, "b".to_owned()), EACH);
    check("3", (1, None::<u8>, 'c'), EACH);
    check("6", (1_u8, 2_i8, 3_u16, 4_i128, 0.5_f32, ()), EACH);
    check("16", (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), EACH);
    check("nested", (1, (2, (3, (4, [5, 6])))), EACH);
}

#[test]
fn pointers_and_cells() {
    check("Box", Box::new(1), EACH);
    check("Rc", Rc::new("r".to_owned()), EACH);
    check("Arc", Arc::new(vec![1, 2]), EACH);
    check("Arc<str>", Arc::<str>::from("s"), EACH);
    check("Arc<[T]>", Arc::<[u16]>::from([1, 2]), EACH);
    check("Cow slice", Cow::<'static, [u16]>::Owned(vec![1, 2]), EACH);
    check("Cell", Cell::new(1), EACH);
    check("RefCell", RefCell::new(vec![1]), EACH);
    let mutex = Mutex::new(5);
    check_by("Mutex", &mutex, EACH, |a, b| {
        *a.lock().unwrap() == *b.lock().unwrap()
    });
    let same =
        |a: &AtomicU64, b: &AtomicU64| a.load(Ordering::Relaxed) == b.load(Ordering::Relaxed);
    check_by("AtomicU64", &AtomicU64::new(u64::MAX), EACH, same);
    check_by("AtomicBool", &AtomicBool::new(true), EACH, |a, b| {
        a.load(Ordering::Relaxed) == b.load(Ordering::Relaxed)
    });
}

#[test]
fn numbers_in_wrappers() {
    check("NonZeroU8", NonZeroU8::MAX, EACH);
    check("NonZeroU64", NonZeroU64::MIN, EACH);
    check("NonZeroI128", NonZeroI128::MIN, EACH);
    check("Option<NonZero>", NonZeroU8::new(0), EACH);
    check("Wrapping", Wrapping(-1), EACH);
    check("Saturating", Saturating(255_u8), EACH);
    check("Reverse", Reverse(1), EACH);
    check("Range", Range { start: 1, end: 2 }, EACH);
    check("RangeInclusive", RangeInclusive::new(1, 2), EACH);
    check("RangeFrom", RangeFrom { start: 1 }, EACH);
    check("Bound", (Bound::Included(1), Bound::<u8>::Unbounded), EACH);
    check("Ok", Ok::<u8, String>(1), EACH);
    check("Err", Err::<u8, String>("e".into()), EACH);
    check(
        "Ok(Some(None))",
        Ok::<Option<Option<u8>>, ()>(Some(None)),
        ONLY_B,
    );
}

#[test]
fn times_addresses_and_paths() {
    check("Duration", Duration::MAX, EACH);
    check("Duration", Duration::new(1, 999_999_999), EACH);
    check("epoch", SystemTime::UNIX_EPOCH, EACH);
    check("now", SystemTime::now(), EACH);
    check(
        "before 1970",
        SystemTime::UNIX_EPOCH - Duration::from_nanos(1),
        NEITHER,
    );
    check("IPv4", IpAddr::from([127, 0, 0, 1]), EACH);
    check("IPv6", IpAddr::V6(Ipv6Addr::LOCALHOST), EACH);
    check("SocketAddr", SocketAddr::from(([1, 2, 3, 4], 65_535)), EACH);
    check("PathBuf", PathBuf::from("/a/b"), EACH);
    check(
        "PathBuf, not UTF-8",
        PathBuf::from(OsString::from_vec(vec![0xff])),
        NEITHER,
    );
    check("OsString", OsString::from("os"), EACH);
    check(
        "OsString, not UTF-8",
        OsString::from_vec(vec![0xff, 0]),
        EACH,
    );
}

#[test]
fn types_of_other_crates() {
    let value = json!({"a": [1, -1, 0.5, "s", true, null, {}], "b": {"c": [[]]}, "d": u64::MAX});
    check("Json", value.clone(), ONLY_M);
    check("Json null", Json::Null, ONLY_M);
    check("Some(Json)", Some(value), ONLY_M);
    check("Some(null)", Some(Json::Null), NEITHER);
    let raw = serde_json::from_str::<Box<RawValue>>("[1]").unwrap();
    check_by("RawValue", &raw, NEITHER, |a, b| a.get() == b.get());
    check("Uuid", uuid::Uuid::from_u128(u128::MAX / 3), EACH);
    let time = chrono::DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    check("DateTime", time, EACH);
    check("NaiveDate", time.date_naive(), EACH);
    check("NaiveTime", time.time(), EACH);
    check("DateTime with offset", time.fixed_offset(), EACH);
    check("rmpv", rmpv::Value::Ext(1, vec![2, 3]), ONLY_M);
    check(
        "rmpv tree",
        rmpv::Value::Array(vec![rmpv::Value::Nil, rmpv::Value::F32(0.5)]),
        ONLY_M,
    );
}

/// Written as any number, read only as an even one.
#[derive(Debug, PartialEq, Serialize)]
struct Even(u32);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if number % 2 == 0 {
            Ok(Self(number))
        } else {
            Err(de::Error::custom("odd"))
        }
    }
}

#[test]
fn types_that_do_not_read_what_they_write() {
    check("even", Even(2), EACH);
    check("odd", Even(3), NEITHER);
    check(
        "odd, deep inside",
        vec![Some((1, BTreeMap::from([(1, Even(3))])))],
        NEITHER,
    );
}
