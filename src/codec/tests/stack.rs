//! Encoding and decoding of the deepest allowed values, and of deeper ones, on a small stack.

use std::collections::{BTreeMap, HashMap};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use serde_json::Value as Json;

use crate::codec::limits::{MAX_LAYERS, MAX_LEVELS};
use crate::codec::{Codec, DecodeError, EncodeError, decode, encode};

/// 1.5 MiB, less than the 2 MiB of a thread of std.
const STACK: usize = 3 << 19;

const LEVELS: usize = MAX_LEVELS as usize;
const LAYERS: usize = MAX_LAYERS as usize;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tree {
    name: String,
    id: u64,
    weight: f64,
    tags: Vec<String>,
    note: Option<String>,
    flag: bool,
    point: (i32, i32),
    children: Vec<Tree>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Linked {
    name: String,
    id: u64,
    weight: f64,
    tags: Vec<String>,
    note: Option<String>,
    flag: bool,
    point: (i32, i32),
    next: Option<Box<Linked>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum External {
    Leaf(u64),
    One(Box<External>),
    Pair(Box<External>, Box<External>),
    Named { name: String, inner: Box<External> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internal {
    Leaf {
        id: u64,
    },
    Node {
        name: String,
        id: u64,
        inner: Box<Internal>,
    },
    Many {
        children: Vec<Internal>,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
enum Adjacent {
    Leaf(u64),
    Node(Box<Adjacent>),
    Named { name: String, inner: Box<Adjacent> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Leaf(u64),
    Node { name: String, inner: Box<Untagged> },
    Many(Vec<Untagged>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(Option<Box<Newtype>>);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Link(Option<Box<LinkNode>>);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct LinkNode {
    name: String,
    id: u64,
    weight: f64,
    tags: Vec<String>,
    note: Option<String>,
    flag: bool,
    point: (i32, i32),
    next: Link,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Maps(BTreeMap<u8, Maps>);

fn tree(levels: usize) -> Tree {
    let leaf = Tree {
        children: Vec::new(),
        ..Tree::default()
    };
    (1..levels / 2).fold(leaf, |child, _| Tree {
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

fn link(levels: usize) -> Link {
    (1..levels).fold(Link(None), |next, _| {
        Link(Some(Box::new(LinkNode {
            next,
            ..LinkNode::default()
        })))
    })
}

fn external(levels: usize, wrap: fn(External) -> External, each: usize) -> External {
    (0..levels / each).fold(External::Leaf(1), |inner, step| {
        if step == 0 { inner } else { wrap(inner) }
    })
}

fn maps(levels: usize) -> Maps {
    (1..levels).fold(Maps::default(), |inner, _| {
        Maps(BTreeMap::from([(1, inner)]))
    })
}

/// Maps that iterate in another order each time they are decoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct HashMaps(HashMap<u8, HashMaps>);

fn hash_maps(levels: usize) -> HashMaps {
    (1..levels).fold(HashMaps::default(), |inner, _| {
        HashMaps(HashMap::from([(1, inner), (2, HashMaps::default())]))
    })
}

/// Maps with flattened fields, which are serialized without a declared length.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct FlatMaps {
    name: String,
    #[serde(flatten)]
    rest: HashMap<String, FlatMaps>,
}

fn flat_maps(levels: usize) -> FlatMaps {
    (1..levels).fold(FlatMaps::default(), |inner, _| {
        let leaf = FlatMaps::default();
        let rest = [("a", inner), ("b", leaf)].map(|(key, map)| (key.to_owned(), map));
        FlatMaps {
            name: "n".into(),
            rest: rest.into(),
        }
    })
}

fn newtype(layers: usize) -> Newtype {
    (1..layers / 2).fold(Newtype(None), |inner, _| Newtype(Some(Box::new(inner))))
}

/// Encodes and decodes a value with each codec preferred, and decodes its bytes as other types.
fn round_trip<T>(value: &T) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    for codec in [Codec::MessagePack, Codec::Bincode] {
        let mut blob = Vec::new();
        encode::<T, T>(value, codec, true, &mut blob)?;
        assert!(*value == decode::<T>(&blob).unwrap());
        if blob.starts_with(b"M") {
            decode::<IgnoredAny>(&blob).unwrap();
            drop(decode::<serde_json::Value>(&blob));
            drop(decode::<Untagged>(&blob));
        }
    }
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

fn on_a_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap()
}

deepest! {
    trees: tree, LEVELS, 2;
    linked_lists: linked, LEVELS, 1;
    linked_lists_of_newtypes: link, LEVELS, 2;
    newtypes: newtype, LAYERS, 2;
    nested_maps: maps, LEVELS, 1;
    nested_hash_maps: hash_maps, LEVELS, 1;
    nested_flattened_hash_maps: flat_maps, LEVELS, 1;
    external_newtype_variants: |n| external(n, |inner| External::One(Box::new(inner)), 1), LEVELS, 1;
    external_tuple_variants: |n| external(n, pair, 2), LEVELS, 4;
    external_struct_variants: |n| external(n, named, 2), LEVELS, 4;
    internal_structs: |n| (1..n).fold(Internal::Leaf { id: 1 }, |inner, _| Internal::Node {
        name: "n".into(),
        id: 2,
        inner: Box::new(inner),
    }), LEVELS, 1;
    internal_sequences: |n| (1..n / 2).fold(Internal::Leaf { id: 1 }, |inner, _| Internal::Many {
        children: vec![inner],
    }), LEVELS, 2;
    adjacent_newtypes: |n| (1..n).fold(Adjacent::Leaf(1), |inner, _| Adjacent::Node(Box::new(inner))), LEVELS, 1;
    adjacent_structs: |n| (0..n / 2).fold(Adjacent::Leaf(1), |inner, step| if step == 0 { inner } else {
        Adjacent::Named { name: "n".into(), inner: Box::new(inner) }
    }), LEVELS, 2;
    untagged_structs: |n| (0..n).fold(Untagged::Leaf(1), |inner, _| Untagged::Node {
        name: "n".into(),
        inner: Box::new(inner),
    }), LEVELS, 1;
    untagged_sequences: |n| (0..n).fold(Untagged::Leaf(1), |inner, _| Untagged::Many(vec![inner])), LEVELS, 1;
    json_arrays: |n| (0..n).fold(Json::from(1), |inner, _| Json::Array(vec![inner])), LEVELS, 1;
    json_objects: |n| (0..n).fold(Json::from(1), |inner, _| {
        Json::Object(std::iter::once(("n".to_owned(), inner)).collect())
    }), LEVELS, 1;
}

fn pair(inner: External) -> External {
    External::Pair(Box::new(External::Leaf(1)), Box::new(inner))
}

fn named(inner: External) -> External {
    External::Named {
        name: "n".into(),
        inner: Box::new(inner),
    }
}

#[test]
fn encoding_a_far_too_deep_value_does_not_overflow_the_stack() {
    on_a_small_stack(|| {
        let mut value = tree(20_000);
        for codec in [Codec::MessagePack, Codec::Bincode] {
            let outcome = encode::<Tree, Tree>(&value, codec, false, &mut Vec::new());
            assert!(matches!(outcome, Err(EncodeError::TooDeep)));
        }
        // The derived drop would overflow the stack.
        while let Some(child) = value.children.pop() {
            value = child;
        }
    });
}

/// A single byte of MessagePack decodes as a `Some` without end. No bytes of bincode decode as newtypes without end.
#[test]
fn types_that_recurse_without_consuming_bytes_are_too_deep() {
    on_a_small_stack(|| {
        assert!(matches!(
            decode::<Newtype>(b"M\x01"),
            Err(DecodeError::TooDeep)
        ));
        assert!(matches!(decode::<Endless>(b"B"), Err(DecodeError::TooDeep)));
    });
}

#[derive(Debug, Serialize, Deserialize)]
struct Endless(Box<Endless>);

#[test]
fn decoding_far_too_deep_data_does_not_overflow_the_stack() {
    on_a_small_stack(|| {
        for nest in [
            &[0x91_u8][..],
            &[0x81, 0x01],
            &[0x81, 0xa3, b'O', b'n', b'e'],
            &[0x91, 0x81, 0x01],
        ] {
            let mut blob = vec![b'M'];
            blob.extend(nest.repeat(100_000));
            assert!(decode::<IgnoredAny>(&blob).is_err());
            assert!(decode::<Json>(&blob).is_err());
            assert!(decode::<External>(&blob).is_err());
            assert!(decode::<Untagged>(&blob).is_err());
            assert!(decode::<Maps>(&blob).is_err());
        }
        let mut blob = vec![b'B'];
        blob.extend(vec![1; 100_000]);
        assert!(matches!(decode::<Maps>(&blob), Err(DecodeError::TooDeep)));
        assert!(matches!(
            decode::<External>(&blob),
            Err(DecodeError::TooDeep)
        ));
        assert!(matches!(
            decode::<Newtype>(&blob),
            Err(DecodeError::TooDeep)
        ));
    });
}
