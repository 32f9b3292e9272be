//! Encoding and decoding of the deepest allowed keys, and of deeper ones, on a small stack.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::limits::{MAX_LAYERS, MAX_LEVELS};
use crate::codec::ordered::{decode, encode_key, encode_lookup};
use crate::codec::{DecodeError, EncodeError};

/// 1.5 MiB, less than the 2 MiB of a thread of std.
const STACK: usize = 3 << 19;

const LEVELS: usize = MAX_LEVELS as usize;
const LAYERS: usize = MAX_LAYERS as usize;

macro_rules! keys {
    ($($item:item)*) => {$(
        #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        $item
    )*};
}

keys! {
    #[derive(Default)]
    struct Tree {
        name: String,
        id: u64,
        weight: i128,
        tags: Vec<String>,
        note: Option<String>,
        flag: bool,
        point: (i32, i32),
        children: Vec<Tree>,
    }
    #[derive(Default)]
    struct Linked {
        name: String,
        id: u64,
        weight: i128,
        tags: Vec<String>,
        note: Option<String>,
        flag: bool,
        point: (i32, i32),
        next: Option<Box<Linked>>,
    }
    enum External {
        Leaf(u64),
        One(Box<External>),
        Pair(Box<External>, Box<External>),
        Named { name: String, inner: Box<External> },
    }
    struct Newtype(Option<Box<Newtype>>);
    struct Endless(Box<Endless>);
    #[derive(Default)]
    struct Maps(BTreeMap<u8, Maps>);
    #[derive(Default)]
    struct Lists(Vec<Lists>);
}

fn tree(levels: usize) -> Tree {
    (1..levels / 2).fold(Tree::default(), |child, _| Tree {
        children: vec![child],
        ..Tree::default()
    })
}

fn linked(levels: usize) -> Linked {
    // The innermost one holds a tuple and a sequence.
    (2..levels).fold(Linked::default(), |next, _| Linked {
        next: Some(Box::new(next)),
        ..Linked::default()
    })
}

fn external(levels: usize, wrap: fn(Box<External>) -> External, each: usize) -> External {
    (1..levels / each).fold(External::Leaf(1), |inner, _| wrap(Box::new(inner)))
}

fn pair(inner: Box<External>) -> External {
    External::Pair(Box::new(External::Leaf(1)), inner)
}

fn named(inner: Box<External>) -> External {
    External::Named {
        name: "n".into(),
        inner,
    }
}

fn maps(levels: usize) -> Maps {
    (1..levels).fold(Maps::default(), |inner, _| Maps([(1, inner)].into()))
}

fn lists(levels: usize) -> Lists {
    (1..levels).fold(Lists::default(), |inner, _| Lists(vec![inner]))
}

fn newtype(layers: usize) -> Newtype {
    (1..layers / 2).fold(Newtype(None), |inner, _| Newtype(Some(Box::new(inner))))
}

fn on_a_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap()
}

fn round_trip<K>(key: &K) -> Result<(), EncodeError>
where
    K: Serialize + DeserializeOwned + Ord,
{
    let mut bytes = Vec::new();
    encode_key::<K, K>(key, true, K::eq, &mut bytes)?;
    assert!(decode::<K>(&bytes).unwrap() == *key);
    Ok(())
}

macro_rules! deepest {
    ($($name:ident: $make:expr, $limit:expr, $each:expr;)*) => {$(
        #[test]
        fn $name() {
            let run = |size: usize| round_trip(&$make(size));
            let outcome = on_a_small_stack(move || (run($limit), run($limit + $each)));
            assert!(outcome.0.is_ok(), "{:?}", outcome.0);
            assert!(matches!(outcome.1, Err(EncodeError::TooDeep)), "{:?}", outcome.1);
        }
    )*};
}

deepest! {
    trees: tree, LEVELS, 2;
    linked_lists: linked, LEVELS, 1;
    newtypes: newtype, LAYERS, 2;
    nested_maps: maps, LEVELS, 1;
    nested_sequences: lists, LEVELS, 1;
    newtype_variants: |n| external(n, External::One, 1), LEVELS, 1;
    tuple_variants: |n| external(n, pair, 2), LEVELS, 4;
    struct_variants: |n| external(n, named, 2), LEVELS, 4;
}

#[test]
fn encoding_a_far_too_deep_key_does_not_overflow_the_stack() {
    on_a_small_stack(|| {
        let mut key = tree(20_000);
        let outcome = encode_lookup(&key, &mut Vec::new());
        assert!(matches!(outcome, Err(EncodeError::TooDeep)));
        // The derived drop would overflow the stack.
        while let Some(child) = key.children.pop() {
            key = child;
        }
    });
}

#[test]
fn decoding_far_too_deep_bytes_does_not_overflow_the_stack() {
    on_a_small_stack(|| {
        for nest in [&[1_u8][..], &[2], &[3, b'n', 0], &[2, 0, 0x81, 1]] {
            let bytes = [b"O", &nest.repeat(100_000)[..]].concat();
            assert!(decode::<Maps>(&bytes).is_err());
            assert!(decode::<Lists>(&bytes).is_err());
            assert!(decode::<External>(&bytes).is_err());
            assert!(decode::<Newtype>(&bytes).is_err());
            assert!(decode::<Tree>(&bytes).is_err());
        }
        let ones = [b"O", &[1].repeat(100_000)[..]].concat();
        assert!(matches!(decode::<Maps>(&ones), Err(DecodeError::TooDeep)));
        assert!(matches!(decode::<Lists>(&ones), Err(DecodeError::TooDeep)));
        assert!(matches!(
            decode::<External>(&ones),
            Err(DecodeError::TooDeep)
        ));
        assert!(matches!(
            decode::<Newtype>(&ones),
            Err(DecodeError::TooDeep)
        ));
        // A type that recurses without reading anything.
        assert!(matches!(decode::<Endless>(b"O"), Err(DecodeError::TooDeep)));
    });
}
