//! Savepoints: parts of a transaction that are kept or undone by themselves, nested.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vaults::{Error, Result, Transaction, Vault};

use crate::support::{entries, on_each_engine};

type Tx<'a> = Transaction<'a, u32, u32>;

fn keys(tx: &Tx<'_>) -> Vec<u32> {
    let keys: Vec<u32> = tx.keys().map(Result::unwrap).collect();
    assert_eq!(tx.len().unwrap(), keys.len());
    keys
}

fn end(tx: Tx<'_>, kept: bool) {
    if kept {
        tx.commit().unwrap();
    } else {
        tx.rollback().unwrap();
    }
}

/// Writes `level` and what the levels inside keep; in the end, `level + 10`.
fn nest(mut tx: Tx<'_>, level: u32, kept: &[bool], mut expected: Vec<u32>) -> Vec<u32> {
    let before = expected.clone();
    tx.put(&level, &level).unwrap();
    expected.push(level);
    assert_eq!(keys(&tx), expected);
    let (&own, inner) = kept.split_first().unwrap();
    if !inner.is_empty() {
        let part = tx.savepoint().unwrap();
        expected = nest(part, level + 1, inner, expected);
        assert_eq!(keys(&tx), expected, "level {level} of {kept:?}");
    }
    tx.put(&(level + 10), &level).unwrap();
    tx.remove(&99).unwrap();
    expected.retain(|key| *key != 99);
    expected.push(level + 10);
    assert_eq!(keys(&tx), expected);
    end(tx, own);
    if own { expected } else { before }
}

#[test]
fn three_deep_with_every_way_out_at_each_level() {
    on_each_engine::<u32, u32>(|vault| {
        for case in 0..16_u32 {
            let kept: Vec<bool> = (0..4).map(|level| case & (1 << level) != 0).collect();
            vault.clear().unwrap();
            vault.put(&99, &99).unwrap();
            let expected = nest(vault.begin().unwrap(), 0, &kept, vec![99]);
            let left: Vec<u32> = vault.keys().map(Result::unwrap).collect();
            assert_eq!(left, expected, "{kept:?}");
            assert_eq!(vault.len().unwrap(), expected.len(), "{kept:?}");
        }
    });
}

#[test]
fn one_after_another() {
    on_each_engine::<u32, u32>(|vault| {
        let mut tx = vault.begin().unwrap();
        for n in 0..6 {
            let mut part = tx.savepoint().unwrap();
            part.put(&n, &n).unwrap();
            assert!(part.contains_key(&n).unwrap());
            match n % 3 {
                0 => part.commit().unwrap(),
                1 => part.rollback().unwrap(),
                _ => drop(part),
            }
        }
        assert_eq!(keys(&tx), [0, 3]);
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(0, 0), (3, 3)]);
    });
}

#[test]
fn it_is_kept_only_if_all_around_it_are() {
    on_each_engine::<u32, u32>(|vault| {
        let mut tx = vault.begin().unwrap();
        let mut part = tx.savepoint().unwrap();
        part.put(&1, &1).unwrap();
        part.commit().unwrap();
        assert_eq!(keys(&tx), [1]);
        tx.rollback().unwrap();
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn a_panic_in_one_undoes_only_that() {
    on_each_engine::<u32, u32>(|vault| {
        let mut tx = vault.begin().unwrap();
        tx.put(&1, &1).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let mut part = tx.savepoint().unwrap();
            part.put(&2, &2).unwrap();
            *part.entry(3).or_insert(3).unwrap() += 1;
            let mut inner = part.savepoint().unwrap();
            inner.clear().unwrap();
            panic!("in the middle");
        }));
        panic.unwrap_err();
        assert_eq!(keys(&tx), [1]);
        tx.put(&4, &4).unwrap();
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(1, 1), (4, 4)]);
    });
}

#[test]
fn the_whole_vault_changes_and_comes_back() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend((0..5000).map(|n| (n, n))).unwrap();
        let mut tx = vault.begin().unwrap();
        let mut part = tx.savepoint().unwrap();
        part.retain(|key, value| {
            *value += 1;
            key % 2 == 0
        })
        .unwrap();
        let mut inner = part.savepoint().unwrap();
        inner.clear().unwrap();
        assert_eq!(inner.len().unwrap(), 0);
        inner.rollback().unwrap();
        assert_eq!(part.len().unwrap(), 2500);
        assert_eq!(part.get(&4998).unwrap(), Some(4999));
        part.rollback().unwrap();
        assert_eq!(tx.len().unwrap(), 5000);
        tx.commit().unwrap();
        assert!(entries(&vault).into_iter().eq((0..5000).map(|n| (n, n))));
    });
}

// ---- errors of destructors in them --------------------------------------------------------

type Odd = Option<serde_json::Value>;
const BAD: Odd = Some(serde_json::Value::Null);

/// Leaves an error to a destructor.
fn fail_in_drop(tx: &mut Transaction<'_, u32, Odd>) {
    *tx.get_mut(&1).unwrap().unwrap() = BAD;
}

#[test]
fn an_error_of_a_destructor_in_one_is_that_of_its_commit() {
    on_each_engine(|vault: Vault<u32, Odd>| {
        vault.put(&1, &None).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.put(&2, &None).unwrap();
        let mut part = tx.savepoint().unwrap();
        part.put(&3, &None).unwrap();
        fail_in_drop(&mut part);
        assert_is!(part.commit(), Err(Error::Encode { .. }));
        assert!(!tx.contains_key(&3).unwrap(), "it was rolled back");
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(1, None), (2, None)]);
    });
}

#[test]
fn an_error_of_a_destructor_in_one_vanishes_with_its_rollback() {
    on_each_engine(|vault: Vault<u32, Odd>| {
        vault.put(&1, &None).unwrap();
        let mut tx = vault.begin().unwrap();
        for is_dropped in [true, false] {
            let mut part = tx.savepoint().unwrap();
            part.put(&3, &None).unwrap();
            fail_in_drop(&mut part);
            if is_dropped {
                drop(part);
            } else {
                part.rollback().unwrap();
            }
        }
        let mut part = tx.savepoint().unwrap();
        let mut inner = part.savepoint().unwrap();
        fail_in_drop(&mut inner);
        inner.rollback().unwrap();
        part.put(&4, &None).unwrap();
        part.commit().unwrap();
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(1, None), (4, None)]);
    });
}

#[test]
fn an_error_of_a_destructor_before_one_is_not_lost_with_its_rollback() {
    on_each_engine(|vault: Vault<u32, Odd>| {
        vault.put(&1, &None).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.put(&2, &None).unwrap();
        fail_in_drop(&mut tx);
        tx.savepoint().unwrap().rollback().unwrap();
        assert_is!(tx.commit(), Err(Error::Encode { .. }));
        assert_eq!(entries(&vault), [(1, None)]);
    });
}

#[test]
fn an_error_of_a_destructor_before_one_is_that_of_the_commit_of_all() {
    on_each_engine(|vault: Vault<u32, Odd>| {
        vault.put(&1, &None).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.put(&2, &None).unwrap();
        fail_in_drop(&mut tx);
        // Whatever these say: what could not be written back was part of the whole.
        let _ = tx.try_extend([(3, None)]);
        let _ = tx.retain(|_, _| true);
        let _ = tx.savepoint().unwrap().commit();
        assert_is!(tx.commit(), Err(Error::Encode { .. }));
        assert_eq!(entries(&vault), [(1, None)]);
    });
}
