//! The behaviour of `HashMap` that users know, on a vault.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use vaults::Vault;

use crate::support::{Scratch, entries, numbers, on_each_engine, open_fast};

fn keys(vault: &Vault<u32, u32>) -> Vec<u32> {
    vault.keys().map(Result::unwrap).collect()
}

// ---- insertion and removal ------------------------------------------------------------------

#[test]
fn inserting_returns_the_old_value() {
    on_each_engine::<u32, u32>(|vault| {
        assert_eq!(vault.len().unwrap(), 0);
        assert_eq!(vault.insert(1, 2).unwrap(), None);
        assert_eq!(vault.insert(2, 4).unwrap(), None);
        assert_eq!(vault.len().unwrap(), 2);
        assert_eq!(vault.insert(1, 3).unwrap(), Some(2));
        assert_eq!(vault.insert(1, 3).unwrap(), Some(3));
        assert_eq!(vault.len().unwrap(), 2);
        assert_eq!(vault.get(&1).unwrap(), Some(3));
        assert_eq!(vault.get(&2).unwrap(), Some(4));
    });
}

#[test]
fn removing_returns_the_value_once() {
    on_each_engine::<u32, u32>(|vault| {
        assert_eq!(vault.remove(&1).unwrap(), None);
        vault.insert(1, 10).unwrap();
        vault.insert(2, 20).unwrap();
        assert_eq!(vault.remove(&1).unwrap(), Some(10));
        assert_eq!(vault.remove(&1).unwrap(), None);
        assert_eq!(vault.remove_entry(&2).unwrap(), Some((2, 20)));
        assert_eq!(vault.remove_entry(&2).unwrap(), None);
        assert!(vault.is_empty().unwrap());
        assert_eq!(vault.get_key_value(&2).unwrap(), None);
    });
}

#[test]
fn many_insertions_and_removals_in_both_directions() {
    let scratch = Scratch::new();
    let vault = open_fast::<u32, u32>(scratch.vault());
    for round in 0..3 {
        assert!(vault.is_empty().unwrap());
        for n in 1..101 {
            assert_eq!(vault.insert(n, n * round).unwrap(), None);
            for present in (1..=n).step_by(17) {
                assert_eq!(vault.get(&present).unwrap(), Some(present * round));
            }
            assert!(!vault.contains_key(&(n + 1)).unwrap());
        }
        // Remove from the front, then from the back.
        let order: Vec<u32> = if round % 2 == 0 {
            (1..101).collect()
        } else {
            (1..101).rev().collect()
        };
        for (left, n) in (0..100_usize).rev().zip(order) {
            assert_eq!(vault.remove(&n).unwrap(), Some(n * round));
            assert!(!vault.contains_key(&n).unwrap());
            assert_eq!(vault.len().unwrap(), left);
        }
    }
}

#[test]
fn is_empty_follows_the_last_entry() {
    on_each_engine::<u32, bool>(|vault| {
        assert!(vault.is_empty().unwrap());
        vault.insert(1, true).unwrap();
        assert!(!vault.is_empty().unwrap());
        vault.remove(&1).unwrap();
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn a_cleared_map_can_be_used() {
    on_each_engine::<u32, u32>(|vault| {
        vault.clear().unwrap();
        vault.try_extend(numbers(50)).unwrap();
        vault.clear().unwrap();
        assert_eq!(vault.len().unwrap(), 0);
        assert_eq!(vault.get(&1).unwrap(), None);
        assert_eq!(vault.insert(1, 1).unwrap(), None);
        assert_eq!(entries(&vault), [(1, 1)]);
    });
}

#[test]
fn zero_sized_values() {
    on_each_engine::<u32, ()>(|vault| {
        assert_eq!(vault.insert(1, ()).unwrap(), None);
        assert_eq!(vault.insert(1, ()).unwrap(), Some(()));
        assert_eq!(vault.get(&1).unwrap(), Some(()));
        assert_eq!(vault.len().unwrap(), 1);
    });
    on_each_engine::<(), u32>(|vault| {
        assert_eq!(vault.insert((), 1).unwrap(), None);
        assert_eq!(vault.insert((), 2).unwrap(), Some(1));
        assert_eq!(entries(&vault), [((), 2)]);
    });
}

// ---- iteration ------------------------------------------------------------------------------

#[test]
fn iteration_shows_each_entry_once() {
    on_each_engine::<u32, u32>(|vault| {
        for n in 0..32 {
            assert_eq!(vault.insert(n, n * 2).unwrap(), None);
        }
        let mut observed = 0_u32;
        for entry in &vault {
            let (key, value) = entry.unwrap();
            assert_eq!(value, key * 2);
            assert_eq!(observed & (1 << key), 0, "seen twice");
            observed |= 1 << key;
        }
        assert_eq!(observed, u32::MAX);
    });
}

#[test]
fn an_empty_map_has_no_items() {
    on_each_engine::<u32, u32>(|vault| {
        assert!(vault.iter().next().is_none());
        assert!(vault.iter().next_back().is_none());
        assert!(vault.keys().next().is_none());
        assert!(vault.values().next().is_none());
        assert!(vault.drain().next().is_none());
        assert!(vault.extract_if(|_, _| true).next().is_none());
        vault.retain(|_, _| panic!("there are no entries")).unwrap();
        vault
            .for_each_mut(|_, _| panic!("there are no entries"))
            .unwrap();
        assert_eq!(vault.pop_first().unwrap(), None);
        assert_eq!(vault.pop_last().unwrap(), None);
        assert!(vault.into_iter().next().is_none());
    });
}

#[test]
fn keys_and_values_are_in_the_same_order() {
    on_each_engine::<u32, char>(|vault| {
        vault.try_extend([(1, 'a'), (2, 'b'), (3, 'c')]).unwrap();
        let keys: Vec<u32> = vault.keys().map(Result::unwrap).collect();
        let values: Vec<char> = vault.values().map(Result::unwrap).collect();
        assert_eq!((keys.len(), values.len()), (3, 3));
        for (key, value) in keys.into_iter().zip(values) {
            assert_eq!(vault.get(&key).unwrap(), Some(value));
        }
        let keys: HashSet<u32> = vault.clone().into_keys().map(Result::unwrap).collect();
        let values: HashSet<char> = vault.into_values().map(Result::unwrap).collect();
        assert_eq!(keys, HashSet::from([1, 2, 3]));
        assert_eq!(values, HashSet::from(['a', 'b', 'c']));
    });
}

#[test]
fn values_are_changed_in_place() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend([(1, 1), (2, 2), (3, 3)]).unwrap();
        vault.for_each_mut(|key, value| *value *= key + 1).unwrap();
        assert_eq!(entries(&vault), [(1, 2), (2, 6), (3, 12)]);
    });
}

#[test]
fn to_a_map_and_back() {
    on_each_engine::<u32, u32>(|mut vault| {
        let map: HashMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
        vault.extend(&map);
        let copy: HashMap<u32, u32> = vault.iter().collect::<vaults::Result<_>>().unwrap();
        assert_eq!(copy, map);
        vault.extend(vec![(1, 0), (1, 7)]);
        assert_eq!(vault.get(&1).unwrap(), Some(7), "the last value wins");
        assert_eq!(vault.len().unwrap(), 100);
    });
}

// ---- retain ---------------------------------------------------------------------------------

#[test]
fn retain_keeps_the_chosen_entries() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend((0..100).map(|n| (n, n * 10))).unwrap();
        vault.retain(|key, _| key % 2 == 0).unwrap();
        assert_eq!(vault.len().unwrap(), 50);
        assert_eq!(vault.get(&2).unwrap(), Some(20));
        assert_eq!(vault.get(&4).unwrap(), Some(40));
        assert_eq!(vault.get(&3).unwrap(), None);
        vault.retain(|_, _| true).unwrap();
        assert_eq!(vault.len().unwrap(), 50);
        vault.retain(|_, _| false).unwrap();
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn retain_calls_the_predicate_once_for_each_entry_and_stores_its_changes() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(1000)).unwrap();
        let mut calls = Vec::new();
        vault
            .retain(|key, value| {
                calls.push(*key);
                *value += 1;
                value.is_multiple_of(3)
            })
            .unwrap();
        assert!(calls.into_iter().eq(0..1000));
        let kept = (0..1000).filter(|n| (n + 1) % 3 == 0).map(|n| (n, n + 1));
        assert!(entries(&vault).into_iter().eq(kept));
    });
}

// ---- extract_if -----------------------------------------------------------------------------

#[test]
fn extracting_nothing_shows_all_to_the_predicate() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let mut calls = 0;
        let extraction = vault.extract_if(|_, _| {
            calls += 1;
            false
        });
        assert_eq!(extraction.count(), 0);
        assert_eq!(calls, 3);
        assert_eq!(vault.len().unwrap(), 3);
    });
}

#[test]
fn extracting_everything_empties_the_map() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let out: Vec<_> = vault.extract_if(|_, _| true).map(Result::unwrap).collect();
        assert!(out.into_iter().eq(numbers(3)));
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn changes_of_the_predicate_are_stored_or_returned() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let change = |_: &u32, value: &mut u32| {
            *value += 6;
            false
        };
        assert_eq!(vault.extract_if(change).count(), 0);
        assert_eq!(entries(&vault), [(0, 6), (1, 7), (2, 8)]);
        let out: Vec<_> = vault
            .extract_if(|_, value| {
                *value += 10;
                true
            })
            .map(Result::unwrap)
            .collect();
        assert_eq!(out, [(0, 16), (1, 17), (2, 18)]);
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn an_extraction_without_next_does_nothing() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        drop(vault.extract_if(|_, _| panic!("next was not called")));
        vault
            .extract_if(|_, _| panic!("next was not called"))
            .commit()
            .unwrap();
        assert_eq!(vault.len().unwrap(), 3);
    });
}

#[test]
fn an_extraction_dropped_early_does_not_call_the_predicate_for_the_rest() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(100)).unwrap();
        let calls = Cell::new(0);
        let mut extraction = vault.extract_if(|key, _| {
            calls.set(calls.get() + 1);
            key % 10 == 5
        });
        assert_eq!(extraction.next().unwrap().unwrap(), (5, 5));
        assert_eq!(extraction.next().unwrap().unwrap(), (15, 15));
        drop(extraction);
        assert_eq!(calls.get(), 16);
        assert_eq!(vault.len().unwrap(), 98);
        assert!(vault.contains_all(&[4, 6, 14, 16, 25]).unwrap());
    });
}

#[test]
fn a_panic_in_the_predicate_removes_nothing() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let calls = RefCell::new(Vec::new());
        let result = catch_unwind(AssertUnwindSafe(|| {
            vault
                .extract_if(|key, _| {
                    calls.borrow_mut().push(*key);
                    assert!(*key != 1, "on purpose");
                    true
                })
                .for_each(drop);
        }));
        assert!(result.is_err());
        assert_eq!(*calls.borrow(), [0, 1]);
        assert_eq!(keys(&vault), [0, 1, 2]);
    });
}

#[test]
fn an_extraction_continues_after_a_caught_panic() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(4)).unwrap();
        let mut extraction = vault.extract_if(|key, _| {
            assert!(*key != 1, "on purpose");
            true
        });
        assert_eq!(extraction.next().unwrap().unwrap(), (0, 0));
        let caught = catch_unwind(AssertUnwindSafe(|| extraction.next().is_some()));
        assert!(caught.is_err());
        // The entry whose predicate panicked stays.
        assert_eq!(extraction.next().unwrap().unwrap(), (2, 2));
        assert_eq!(extraction.next().unwrap().unwrap(), (3, 3));
        assert!(extraction.next().is_none());
        drop(extraction);
        assert_eq!(keys(&vault), [1]);
    });
}

// ---- drain ----------------------------------------------------------------------------------

#[test]
fn a_drain_returns_all_entries() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(100)).unwrap();
        let drained: HashMap<u32, u32> = vault.drain().map(Result::unwrap).collect();
        assert_eq!(drained, numbers(100).collect());
        assert!(vault.is_empty().unwrap());
        assert_eq!(vault.insert(1, 1).unwrap(), None);
    });
}

#[test]
fn a_drain_dropped_early_removes_all_entries() {
    on_each_engine::<u32, u32>(|vault| {
        for taken in [0, 1, 50] {
            vault.try_extend(numbers(100)).unwrap();
            assert_eq!(vault.drain().take(taken).count(), taken);
            assert!(vault.is_empty().unwrap());
        }
        vault.try_extend(numbers(100)).unwrap();
        vault.drain().commit().unwrap();
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn a_forgotten_drain_does_not_affect_reads() {
    // A destructor that never runs must not affect more than writes of this handle.
    let scratch = Scratch::new();
    let vault = open_fast::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(5)).unwrap();
    let mut drain = vault.drain();
    assert!(drain.next().is_some());
    std::mem::forget(drain);
    assert_eq!(vault.len().unwrap(), 5);
    assert!(entries(&vault).into_iter().eq(numbers(5)));
}
