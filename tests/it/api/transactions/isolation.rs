//! A transaction reads its own writes, and others read them after the commit.

use std::collections::BTreeMap;
use std::thread;

use vaults::{Error, Result};

use crate::support::{Scratch, any_error, entries, numbers, on_each_engine, open};

use super::{Numbers, shows};

#[test]
fn every_method_reads_the_writes_of_its_transaction() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let mut tx = vault.begin().unwrap();
        shows(&tx, &[(0, 0), (1, 1), (2, 2)]);
        assert_eq!(tx.insert(3, 3).unwrap(), None);
        shows(&tx, &[(0, 0), (1, 1), (2, 2), (3, 3)]);
        assert_eq!(tx.insert(0, 10).unwrap(), Some(0));
        tx.put(&1, &11).unwrap();
        shows(&tx, &[(0, 10), (1, 11), (2, 2), (3, 3)]);
        assert_eq!(tx.remove(&1).unwrap(), Some(11));
        assert_eq!(tx.remove(&1).unwrap(), None);
        assert_eq!(tx.remove_entry(&2).unwrap(), Some((2, 2)));
        shows(&tx, &[(0, 10), (3, 3)]);
        tx.put(&1, &1).unwrap();
        shows(&tx, &[(0, 10), (3, 3), (1, 1)]);
        assert_eq!(tx.pop_first().unwrap(), Some((0, 10)));
        assert_eq!(tx.pop_last().unwrap(), Some((1, 1)));
        shows(&tx, &[(3, 3)]);
        *tx.entry(3).or_default().unwrap() += 1;
        *tx.entry_ref(&4).or_insert(4).unwrap() += 1;
        *tx.get_mut(&4).unwrap().unwrap() += 1;
        assert!(tx.get_mut(&5).unwrap().is_none());
        shows(&tx, &[(3, 4), (4, 6)]);
        assert_eq!(tx.get_or_insert_with(4, || panic!("there")).unwrap(), 6);
        assert_eq!(tx.get_or_insert_with(5, || 5).unwrap(), 5);
        let refused = tx.get_or_try_insert_with(6, || Err::<u32, Error>(any_error()));
        assert_is!(refused, Err(Error::InvalidOptions { .. }));
        shows(&tx, &[(3, 4), (4, 6), (5, 5)]);
        assert_eq!(tx.remove_many(&[4, 9]).unwrap(), [Some(6), None]);
        tx.extend([(6, 6)]);
        tx.extend(&BTreeMap::from([(7, 7)]));
        shows(&tx, &[(3, 4), (5, 5), (6, 6), (7, 7)]);
        tx.retain(|key, value| {
            *value += 1;
            key % 2 == 1
        })
        .unwrap();
        shows(&tx, &[(3, 5), (5, 6), (7, 8)]);
        tx.for_each_mut(|_, value| *value -= 1).unwrap();
        shows(&tx, &[(3, 4), (5, 5), (7, 7)]);
        let taken: Vec<_> = tx
            .extract_if(|key, _| *key > 3)
            .map(Result::unwrap)
            .collect();
        assert_eq!(taken, [(5, 5), (7, 7)]);
        shows(&tx, &[(3, 4)]);
        assert_eq!(tx.drain().map(Result::unwrap).collect::<Vec<_>>(), [(3, 4)]);
        shows(&tx, &[]);
        tx.put(&1, &1).unwrap();
        tx.clear().unwrap();
        shows(&tx, &[]);
        tx.put(&2, &3).unwrap();
        // Other handles have not seen the changes.
        assert_eq!(entries(&vault), [(0, 0), (1, 1), (2, 2)]);
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(2, 3)]);
    });
}

#[test]
fn iterators_over_several_batches_show_the_writes_of_the_transaction() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(1000)).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.retain(|key, _| key % 3 != 0).unwrap();
        tx.try_extend((1000..3000).map(|n| (n, n))).unwrap();
        let expected: Vec<u32> = (0..1000).filter(|n| n % 3 != 0).chain(1000..3000).collect();
        assert_eq!(tx.keys().collect::<Result<Vec<_>>>().unwrap(), expected);
        assert_eq!(tx.len().unwrap(), expected.len());
        // Iterate from both ends with two iterators at once.
        let (mut one, mut other) = (tx.values(), tx.values().rev());
        let mut pairs = Vec::new();
        while let (Some(front), Some(back)) = (one.next(), other.next()) {
            pairs.push((front.unwrap(), back.unwrap()));
        }
        let ends: Vec<_> = expected
            .iter()
            .copied()
            .zip(expected.iter().rev().copied())
            .collect();
        assert_eq!(pairs, ends);
        drop((one, other));
        let mut both = tx.keys();
        assert_eq!(both.next().unwrap().unwrap(), expected[0]);
        assert_eq!(both.next_back().unwrap().unwrap(), 2999);
        assert_eq!(both.count(), expected.len() - 2);
        // Read between two items.
        for item in &tx {
            let (key, value) = item.unwrap();
            assert_eq!(tx.get(&key).unwrap(), Some(value));
        }
        tx.commit().unwrap();
        assert_eq!(vault.len().unwrap(), expected.len());
    });
}

#[test]
fn nothing_is_seen_outside_before_the_commit() {
    let scratch = Scratch::new();
    let vault: Numbers = open(scratch.vault());
    let other: Numbers = open(scratch.vault());
    let clone = vault.clone();
    let assert_invisible = || {
        for handle in [&vault, &clone, &other] {
            assert!(handle.is_empty().unwrap());
            assert_eq!(handle.len().unwrap(), 0);
            thread::scope(|scope| {
                scope.spawn(|| {
                    assert_eq!(handle.get(&1).unwrap(), None);
                    assert_eq!(handle.iter().count(), 0);
                    assert_eq!(handle.snapshot().unwrap().len().unwrap(), 0);
                });
            });
        }
    };
    let mut tx = vault.begin().unwrap();
    tx.put(&1, &1).unwrap();
    assert_invisible();
    // This exceeds the page cache, so part of it is in the log before the commit.
    tx.try_extend((2..200_000).map(|n| (n, n))).unwrap();
    assert_invisible();
    let mut part = tx.savepoint().unwrap();
    part.put(&0, &0).unwrap();
    part.commit().unwrap();
    assert_invisible();
    tx.commit().unwrap();
    for handle in [&vault, &clone, &other] {
        assert_eq!(handle.len().unwrap(), 200_000);
        assert_eq!(handle.get(&1).unwrap(), Some(1));
    }
}
