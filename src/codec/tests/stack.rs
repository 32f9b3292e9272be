//! The deepest values that are allowed, and deeper ones, on a small stack.

use std::collections::{BTreeMap, HashMap};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use serde_json::Value as Json;

use crate::codec::limits::{MAX_LAYERS, MAX_LEVELS};
use crate::codec::{Codec, DecodeError, EncodeError, decode, encode};

/// Less than the 2 MiB that std gives a thread.
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

/// In another order each time it is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct HashMaps(HashMap<u8, HashMaps>);

fn hash_maps(levels: usize) -> HashMaps {
    (1..levels).fold(HashMaps::default(), |inner, _| {
        HashMaps(HashMap::from([(1, inner), (2, HashMaps::default())]))
    })
}

/// With flattened fields, whose number no map declares.
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

/// Round trip a value in whichever format takes it, and read its bytes as other types.
fn both<T>(value: &T) -> Result<(), EncodeError>
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
            let run = |size: usize| both(&$make(size));
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
fn a_value_far_too_deep_does_not_overflow_while_it_is_written() {
    on_a_small_stack(|| {
        let mut value = tree(20_000);
        for codec in [Codec::MessagePack, Codec::Bincode] {
            let outcome = encode::<Tree, Tree>(&value, codec, false, &mut Vec::new());
            assert!(matches!(outcome, Err(EncodeError::TooDeep)));
        }
        // Dropped from the outside in, as a derived drop would overflow on it.
        while let Some(child) = value.children.pop() {
            value = child;
        }
    });
}

/// One byte of MessagePack is a `Some` for as long as it is asked; no bytes of bincode are newtypes for ever.
#[test]
fn a_some_that_is_never_consumed_is_too_deep() {
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
fn data_far_too_deep_does_not_overflow_while_it_is_read() {
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
