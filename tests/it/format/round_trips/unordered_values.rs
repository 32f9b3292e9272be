//! Hash maps and sets, which are equal in any order, are stored.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use vaults::Codec;

use super::{CODECS, kept, kept_in, put, refused_in, vault};

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
fn hash_maps_and_sets_are_stored_in_any_order() {
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
fn tagged_and_flattened_hash_maps_are_stored_in_any_order() {
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

/// A struct with a flattened `Option` and a flattened ordered map, next to a hash set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ordered {
    tags: HashSet<u8>,
    #[serde(flatten)]
    known: Option<Known>,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[test]
fn a_flattened_entry_that_reads_back_as_a_field_is_refused() {
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
fn a_heap_is_stored_in_any_order() {
    for codec in CODECS {
        let heap: BinaryHeap<u32> = (0..100).rev().collect();
        let back = put(codec, &heap).unwrap();
        assert_eq!(back.into_sorted_vec(), heap.into_sorted_vec());
    }
}

#[test]
fn large_hash_maps_are_compared_fast() {
    // A quadratic comparison would take hours.
    let large: HashMap<u32, HashSet<u32>> = (0..20_000)
        .map(|n| (n, HashSet::from([n, n + 1])))
        .collect();
    kept_in(Codec::MessagePack, &large);
    kept_in(Codec::Bincode, &large);
}

#[test]
fn a_value_that_another_thread_changes_is_stored() {
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
