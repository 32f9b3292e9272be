//! Random values are stored, or refused if they would read back as different ones.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use vaults::Error;

use super::{CODECS, vault};

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

/// Reads back with its parts swapped if `swaps` is set.
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
    /// Returns whether a part of the value reads back as a different one.
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
