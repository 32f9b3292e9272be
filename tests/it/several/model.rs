//! Random operations on four maps of a file, against maps of std.

use std::collections::BTreeMap;

use proptest::prelude::*;
use vaults::{FileTransaction, SortedVault, Vault, VaultFile};

use super::open;
use crate::support::Scratch;
use crate::support::engines::{ENGINES, fast};

const KEYS: u8 = 12;

/// One of the maps: two in the order of insertion, and two in that of their keys.
#[derive(Clone, Copy, Debug)]
enum Which {
    Plain(usize),
    Sorted(usize),
}

#[derive(Clone, Debug)]
enum Op {
    Put(Which, u8, u16),
    Remove(Which, u8),
    /// Adds to an entry through its guard, while another map is written to.
    Add(Which, u8, u16, u8),
    /// Moves all entries from the first to the second of the plain or of the sorted maps.
    Move(bool),
    Clear(Which),
    Extend(Which, Vec<(u8, u16)>),
    /// Operations in a nested transaction, and whether it is kept.
    Part(Vec<Op>, bool),
}

/// The entries of each map. A plain one keeps the order of insertion.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    plain: [Vec<(u8, u16)>; 2],
    sorted: [BTreeMap<u8, u16>; 2],
}

impl Model {
    fn put(&mut self, which: Which, key: u8, value: u16) {
        match which {
            Which::Plain(n) => match self.plain[n].iter_mut().find(|entry| entry.0 == key) {
                Some(entry) => entry.1 = value,
                None => self.plain[n].push((key, value)),
            },
            Which::Sorted(n) => drop(self.sorted[n].insert(key, value)),
        }
    }

    fn get(&self, which: Which, key: u8) -> Option<u16> {
        match which {
            Which::Plain(n) => self.plain[n]
                .iter()
                .find(|entry| entry.0 == key)
                .map(|entry| entry.1),
            Which::Sorted(n) => self.sorted[n].get(&key).copied(),
        }
    }

    fn remove(&mut self, which: Which, key: u8) {
        match which {
            Which::Plain(n) => self.plain[n].retain(|entry| entry.0 != key),
            Which::Sorted(n) => drop(self.sorted[n].remove(&key)),
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Put(which, key, value) => self.put(*which, *key, *value),
            Op::Remove(which, key) => self.remove(*which, *key),
            Op::Add(which, key, value, other) => {
                let old = self.get(*which, *key).unwrap_or(0);
                self.put(*which, *key, old.wrapping_add(*value));
                self.put(beside(*which), *other, *value);
            }
            Op::Move(sorted) => {
                let which = |n| {
                    if *sorted {
                        Which::Sorted(n)
                    } else {
                        Which::Plain(n)
                    }
                };
                let moved: Vec<(u8, u16)> = if *sorted {
                    std::mem::take(&mut self.sorted[0]).into_iter().collect()
                } else {
                    std::mem::take(&mut self.plain[0])
                };
                for (key, value) in moved {
                    self.put(which(1), key, value);
                }
            }
            Op::Clear(Which::Plain(n)) => self.plain[*n].clear(),
            Op::Clear(Which::Sorted(n)) => self.sorted[*n].clear(),
            Op::Extend(which, entries) => {
                for (key, value) in entries {
                    self.put(*which, *key, *value);
                }
            }
            Op::Part(ops, is_kept) => {
                let mut part = self.clone();
                for op in ops {
                    part.apply(op);
                }
                if *is_kept {
                    *self = part;
                }
            }
        }
    }
}

/// Returns another map than `which`.
fn beside(which: Which) -> Which {
    match which {
        Which::Plain(n) => Which::Sorted(n),
        Which::Sorted(n) => Which::Plain(1 - n),
    }
}

struct Maps {
    plain: [Vault<u8, u16>; 2],
    sorted: [SortedVault<u8, u16>; 2],
}

impl Maps {
    fn open(file: &VaultFile) -> Self {
        Self {
            plain: ["a", "b"].map(|name| file.vault(name).unwrap()),
            sorted: ["A", "B"].map(|name| file.sorted_vault(name).unwrap()),
        }
    }

    /// Returns what each handle reads of its own.
    fn state(&self) -> Model {
        Model {
            plain: self
                .plain
                .each_ref()
                .map(|map| map.iter().map(Result::unwrap).collect()),
            sorted: self
                .sorted
                .each_ref()
                .map(|map| map.iter().map(Result::unwrap).collect()),
        }
    }

    /// Returns what a transaction sees, and checks its lengths.
    fn state_in(&self, tx: &FileTransaction<'_>) -> Model {
        let state = Model {
            plain: self
                .plain
                .each_ref()
                .map(|map| tx.on(map).iter().map(Result::unwrap).collect()),
            sorted: self
                .sorted
                .each_ref()
                .map(|map| tx.on(map).iter().map(Result::unwrap).collect()),
        };
        for (map, entries) in self.plain.iter().zip(&state.plain) {
            assert_eq!(tx.on(map).len().unwrap(), entries.len());
        }
        for (map, entries) in self.sorted.iter().zip(&state.sorted) {
            assert_eq!(tx.on(map).len().unwrap(), entries.len());
        }
        state
    }

    fn put(&self, tx: &FileTransaction<'_>, which: Which, key: u8, value: u16) {
        match which {
            Which::Plain(n) => tx.on(&self.plain[n]).put(&key, &value),
            Which::Sorted(n) => tx.on(&self.sorted[n]).put(&key, &value),
        }
        .unwrap();
    }

    fn apply(&self, tx: &mut FileTransaction<'_>, op: &Op) {
        match op {
            Op::Put(which, key, value) => self.put(tx, *which, *key, *value),
            Op::Remove(Which::Plain(n), key) => drop(tx.on(&self.plain[*n]).remove(key).unwrap()),
            Op::Remove(Which::Sorted(n), key) => drop(tx.on(&self.sorted[*n]).remove(key).unwrap()),
            Op::Add(which, key, value, other) => {
                let (mut plain, mut sorted);
                let mut guard = match *which {
                    Which::Plain(n) => {
                        plain = tx.on(&self.plain[n]);
                        plain.entry(*key).or_insert(0).unwrap()
                    }
                    Which::Sorted(n) => {
                        sorted = tx.on(&self.sorted[n]);
                        sorted.entry(*key).or_insert(0).unwrap()
                    }
                };
                self.put(tx, beside(*which), *other, *value);
                *guard = guard.wrapping_add(*value);
            }
            Op::Move(false) => {
                for entry in tx.on(&self.plain[0]).drain() {
                    let (key, value) = entry.unwrap();
                    tx.on(&self.plain[1]).insert(key, value).unwrap();
                }
            }
            Op::Move(true) => {
                let mut first = tx.on(&self.sorted[0]);
                let moved = first.drain().map(Result::unwrap);
                tx.on(&self.sorted[1]).try_extend(moved).unwrap();
            }
            Op::Clear(Which::Plain(n)) => tx.on(&self.plain[*n]).clear().unwrap(),
            Op::Clear(Which::Sorted(n)) => tx.on(&self.sorted[*n]).clear().unwrap(),
            Op::Extend(Which::Plain(n), entries) => {
                tx.on(&self.plain[*n]).try_extend(entries.clone()).unwrap();
            }
            Op::Extend(Which::Sorted(n), entries) => {
                tx.on(&self.sorted[*n]).try_extend(entries.clone()).unwrap();
            }
            Op::Part(ops, is_kept) => {
                let mut part = tx.savepoint().unwrap();
                for op in ops {
                    self.apply(&mut part, op);
                }
                if *is_kept {
                    part.commit().unwrap();
                }
            }
        }
    }
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        (0..2_usize).prop_map(Which::Plain),
        (0..2_usize).prop_map(Which::Sorted)
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let (key, value) = (0..KEYS, 0..1000_u16);
    let leaf = prop_oneof![
        4 => (which(), key.clone(), value.clone()).prop_map(|(which, key, value)| Op::Put(which, key, value)),
        2 => (which(), key.clone()).prop_map(|(which, key)| Op::Remove(which, key)),
        3 => (which(), key.clone(), value.clone(), key.clone())
            .prop_map(|(which, key, value, other)| Op::Add(which, key, value, other)),
        1 => any::<bool>().prop_map(Op::Move),
        1 => which().prop_map(Op::Clear),
        2 => (which(), prop::collection::vec((key, value), 0..5))
            .prop_map(|(which, entries)| Op::Extend(which, entries)),
    ];
    leaf.prop_recursive(3, 20, 5, |op| {
        (prop::collection::vec(op, 0..5), any::<bool>())
            .prop_map(|(ops, is_kept)| Op::Part(ops, is_kept))
            .boxed()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60 * u32::try_from(crate::support::damage::rounds()).unwrap_or(1), ..ProptestConfig::default() })]

    #[test]
    fn transactions_over_maps_are_like_those_of_std(
        transactions in prop::collection::vec((prop::collection::vec(op(), 0..8), any::<bool>()), 1..8),
    ) {
        for engine in ENGINES {
            let scratch = Scratch::new();
            let file = open(*engine, &fast(), &scratch);
            let maps = Maps::open(&file);
            let other = engine.is_persistent().then(|| {
                Maps::open(&fast().open_file(scratch.vault()).unwrap())
            });
            let mut model = Model::default();
            for (ops, is_kept) in &transactions {
                let moment = file.snapshot().unwrap();
                let before = model.clone();
                let mut tx = file.begin().unwrap();
                for op in ops {
                    maps.apply(&mut tx, op);
                    model.apply(op);
                    prop_assert_eq!(&maps.state_in(&tx), &model, "after {:?}", op);
                }
                prop_assert_eq!(&maps.state(), &before);
                if *is_kept {
                    tx.commit().unwrap();
                } else {
                    drop(tx);
                    model = before.clone();
                }
                prop_assert_eq!(&maps.state(), &model);
                if let Some(other) = &other {
                    prop_assert_eq!(&other.state(), &model);
                }
                for (map, entries) in maps.plain.iter().zip(&before.plain) {
                    prop_assert_eq!(moment.on(map).len().unwrap(), entries.len());
                }
                for (map, entries) in maps.sorted.iter().zip(&model.sorted) {
                    prop_assert_eq!(map.len().unwrap(), entries.len());
                }
                for key in 0..KEYS {
                    for n in 0..2 {
                        prop_assert_eq!(maps.plain[n].get(&key).unwrap(), model.get(Which::Plain(n), key));
                        prop_assert_eq!(maps.sorted[n].get(&key).unwrap(), model.get(Which::Sorted(n), key));
                    }
                }
            }
        }
    }
}
