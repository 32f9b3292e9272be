//! Ranges of a sorted vault, which are those of std's `BTreeMap`.

use std::collections::BTreeMap;
use std::ops::Bound::{self, Excluded, Included, Unbounded};

use vaults::SortedVault;

use super::{all, on_each_engine};

const KEYS: [i32; 8] = [-300, -2, -1, 0, 1, 2, 255, 256];

fn filled() -> impl Iterator<Item = (i32, i32)> {
    // Not in the order of the keys.
    KEYS.into_iter().rev().map(|key| (key, key * 10))
}

/// Every bound at, before and after each key.
fn bounds() -> Vec<Bound<i32>> {
    let keys = KEYS.iter().flat_map(|key| [key - 1, *key, key + 1]);
    keys.flat_map(|key| [Included(key), Excluded(key)])
        .chain([Unbounded])
        .collect()
}

/// Returns `true` for bounds on which `BTreeMap::range` panics.
fn is_inverted((lower, upper): (Bound<i32>, Bound<i32>)) -> bool {
    match (lower, upper) {
        (Unbounded, _) | (_, Unbounded) => false,
        (Excluded(lower), Excluded(upper)) => lower >= upper,
        (Included(lower) | Excluded(lower), Included(upper) | Excluded(upper)) => lower > upper,
    }
}

/// What `BTreeMap` returns for a range, or nothing if it panics.
fn expected(model: &BTreeMap<i32, i32>, range: (Bound<i32>, Bound<i32>)) -> Vec<(i32, i32)> {
    if is_inverted(range) {
        return Vec::new();
    }
    model
        .range(range)
        .map(|(key, value)| (*key, *value))
        .collect()
}

fn with_model(test: impl Fn(&SortedVault<i32, i32>, &BTreeMap<i32, i32>)) {
    on_each_engine(|vault: SortedVault<i32, i32>| {
        vault.try_extend(filled()).unwrap();
        test(&vault, &filled().collect());
    });
}

#[test]
fn ranges_of_every_kind_are_those_of_a_btree_map() {
    with_model(|vault, model| {
        let snapshot = vault.snapshot().unwrap();
        let transaction = vault.begin().unwrap();
        for lower in bounds() {
            for upper in bounds() {
                let range = (lower, upper);
                let expected = expected(model, range);
                assert_eq!(all(vault.range(range)), expected, "{range:?}");
                assert_eq!(all(snapshot.range(range)), expected, "{range:?}");
                assert_eq!(all(transaction.range(range)), expected, "{range:?}");
                let count = expected.len() as u64;
                assert_eq!(vault.count(range).unwrap(), count, "{range:?}");
                assert_eq!(snapshot.count(range).unwrap(), count, "{range:?}");
                assert_eq!(transaction.count(range).unwrap(), count, "{range:?}");
                let mut backward = all(vault.range(range).rev());
                backward.reverse();
                assert_eq!(backward, expected, "{range:?}");
            }
        }
    });
}

#[test]
fn both_ends_of_a_range_meet_once() {
    on_each_engine(|vault: SortedVault<u32, ()>| {
        vault.try_extend((0..3_000).map(|key| (key, ()))).unwrap();
        for turns in [&[true][..], &[false], &[true, false], &[true, false, false]] {
            let mut range = vault.range(500..2_500);
            let (mut front, mut back) = (Vec::new(), Vec::new());
            for &is_front in turns.iter().cycle() {
                let (next, seen) = if is_front {
                    (range.next(), &mut front)
                } else {
                    (range.next_back(), &mut back)
                };
                let Some(next) = next else { break };
                seen.push(next.unwrap().0);
            }
            assert!(range.next().is_none() && range.next_back().is_none());
            front.extend(back.into_iter().rev());
            assert_eq!(front, (500..2_500).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_range_can_be_written_in_every_way() {
    with_model(|vault, _| {
        assert_eq!(all(vault.range(..)).len(), KEYS.len());
        assert_eq!(all(vault.range(0..)).len(), 5);
        assert_eq!(all(vault.range(..0)).len(), 3);
        assert_eq!(all(vault.range(..=0)).len(), 4);
        assert_eq!(all(vault.range(0..2)).len(), 2);
        assert_eq!(all(vault.range(0..=2)).len(), 3);
        let (low, high) = (0, 2);
        assert_eq!(all(vault.range((Included(&low), Excluded(&high)))).len(), 2);
    });
    on_each_engine(|vault: SortedVault<String, ()>| {
        vault
            .try_extend(["a", "b", "c"].map(|key| (key.to_owned(), ())))
            .unwrap();
        let keys = all(vault.range::<str, _>((Excluded("a"), Unbounded)));
        assert_eq!(keys, [("b".to_owned(), ()), ("c".to_owned(), ())]);
        assert_eq!(vault.count("b".to_owned()..).unwrap(), 2);
    });
}

#[test]
fn a_range_shows_one_state() {
    with_model(|vault, model| {
        let mut range = vault.range(0..);
        assert_eq!(range.next().unwrap().unwrap(), (0, 0));
        vault.remove_range(..).unwrap();
        let rest = all(range);
        assert_eq!(
            rest,
            model.range(1..).map(|(k, v)| (*k, *v)).collect::<Vec<_>>()
        );
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn pages_follow_each_other() {
    on_each_engine(|vault: SortedVault<String, u32>| {
        vault
            .try_extend((0..95).map(|n| (format!("{n:03}"), n)))
            .unwrap();
        let mut seen = Vec::new();
        let mut last: Option<String> = None;
        loop {
            let start = last.take().map_or(Unbounded, Excluded);
            let page = all(vault.range((start, Unbounded)).take(10));
            let Some((key, _)) = page.last() else { break };
            last = Some(key.clone());
            seen.extend(page.iter().map(|(_, n)| *n));
        }
        assert_eq!(seen, (0..95).collect::<Vec<_>>());
    });
}

#[test]
fn entries_of_a_range_are_removed_and_changed() {
    with_model(|vault, model| {
        let all_but = |gone: &dyn Fn(i32) -> bool| -> Vec<(i32, i32)> {
            let kept = model.iter().filter(|(key, _)| !gone(**key));
            kept.map(|(key, value)| (*key, *value)).collect()
        };
        let rolled_back =
            |test: &dyn Fn(&mut vaults::Transaction<'_, i32, i32, vaults::order::KeyOrder>)| {
                let mut transaction = vault.begin().unwrap();
                test(&mut transaction);
                drop(transaction);
                assert_eq!(all(vault), all_but(&|_| false));
            };
        rolled_back(&|tx| {
            assert_eq!(tx.remove_range(-1..=1).unwrap(), 3);
            assert_eq!(all(&*tx), all_but(&|key| (-1..=1).contains(&key)));
            assert_eq!(tx.len().unwrap(), KEYS.len() - 3);
        });
        rolled_back(&|tx| {
            tx.retain_in(0.., |key, _| key % 2 == 0).unwrap();
            assert_eq!(all(&*tx), all_but(&|key| key >= 0 && key % 2 != 0));
        });
        rolled_back(&|tx| {
            let gone = all(tx.extract_if_in(..0, |key, _| *key < -1));
            assert_eq!(gone, [(-300, -3_000), (-2, -20)]);
            assert_eq!(all(&*tx), all_but(&|key| key < -1));
        });
        rolled_back(&|tx| {
            tx.for_each_mut_in(255.., |_, value| *value += 1).unwrap();
            assert_eq!(tx.get(&255).unwrap(), Some(2_551));
            assert_eq!(tx.get(&2).unwrap(), Some(20));
        });
        assert_eq!(vault.remove_range(5..5).unwrap(), 0);
        assert_eq!(vault.remove_range((Excluded(9), Included(3))).unwrap(), 0);
        assert_eq!(vault.remove_range(..).unwrap(), 8);
        assert_eq!(vault.len().unwrap(), 0);
    });
}

#[test]
fn the_ends_are_entries() {
    with_model(|vault, _| {
        let first = vault.first_entry().unwrap().unwrap();
        assert_eq!((*first.key(), *first.get()), (-300, -3_000));
        assert_eq!(first.remove().unwrap(), -3_000);
        let mut last = vault.last_entry().unwrap().unwrap();
        assert_eq!(last.insert(7).unwrap(), 2_560);
        drop(last);
        assert_eq!(vault.first_key_value().unwrap(), Some((-2, -20)));
        assert_eq!(vault.last_key_value().unwrap(), Some((256, 7)));
        assert_eq!(vault.pop_first().unwrap(), Some((-2, -20)));
        assert_eq!(vault.pop_last().unwrap(), Some((256, 7)));
        vault.clear().unwrap();
        assert!(vault.first_entry().unwrap().is_none());
        assert!(vault.last_entry().unwrap().is_none());
        assert_eq!(vault.pop_first().unwrap(), None);
    });
}
