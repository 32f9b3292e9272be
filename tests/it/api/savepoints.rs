//! Savepoints: nested parts of a transaction that are committed or rolled back by themselves.

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

/// Writes `level`, then the inner levels, then `level + 10`. Returns the expected keys.
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
fn three_nested_savepoints_with_every_combination_of_endings() {
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
fn savepoints_one_after_another() {
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
fn a_committed_savepoint_is_undone_by_the_rollback_of_its_transaction() {
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
fn a_panic_in_a_savepoint_undoes_only_the_savepoint() {
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
fn a_savepoint_that_changed_all_entries_is_rolled_back() {
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

// ---- errors in destructors ----------------------------------------------------------------

type Odd = Option<serde_json::Value>;
const BAD: Odd = Some(serde_json::Value::Null);

/// Drops a guard whose value cannot be stored.
fn fail_in_drop(tx: &mut Transaction<'_, u32, Odd>) {
    *tx.get_mut(&1).unwrap().unwrap() = BAD;
}

#[test]
fn an_error_in_a_destructor_is_returned_by_the_commit_of_the_savepoint() {
    on_each_engine(|vault: Vault<u32, Odd>| {
        vault.put(&1, &None).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.put(&2, &None).unwrap();
        let mut part = tx.savepoint().unwrap();
        part.put(&3, &None).unwrap();
        fail_in_drop(&mut part);
        assert_is!(part.commit(), Err(Error::Encode { .. }));
        assert!(
            !tx.contains_key(&3).unwrap(),
            "the savepoint was rolled back"
        );
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(1, None), (2, None)]);
    });
}

#[test]
fn an_error_in_a_destructor_is_discarded_by_the_rollback_of_the_savepoint() {
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
fn an_error_before_a_savepoint_is_kept_after_the_rollback_of_the_savepoint() {
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
fn an_error_before_a_savepoint_is_returned_by_the_commit_of_the_transaction() {
    on_each_engine(|vault: Vault<u32, Odd>| {
        vault.put(&1, &None).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.put(&2, &None).unwrap();
        fail_in_drop(&mut tx);
        // The results of these calls do not matter: the value that was not written back belongs to
        // the transaction.
        let _ = tx.try_extend([(3, None)]);
        let _ = tx.retain(|_, _| true);
        let _ = tx.savepoint().unwrap().commit();
        assert_is!(tx.commit(), Err(Error::Encode { .. }));
        assert_eq!(entries(&vault), [(1, None)]);
    });
}
