//! Structs with attributes, maps, collections, arrays and smart pointers.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{EACH, External, Newtype, ONLY_B, ONLY_M, Unit, check, check_by};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct TupleStruct(u8, String, Option<i64>);

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
