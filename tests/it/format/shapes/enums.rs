//! Enums in each of serde's representations, and flattened fields.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::json;

use super::{EACH, External, NEITHER, Newtype, ONLY_B, ONLY_M, Unit, check};

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
    check("units in a variant", Units((), super::Unit), EACH);
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
