//! An error in a destructor is returned by the next call that writes.

use vaults::{EntryPart, Error, Result, Vault};

use crate::support::on_each_engine;

use super::{BAD, GOOD, Odd, is_as_before};

/// Drops a guard whose value cannot be stored.
fn fail_in_drop(vault: &Vault<u8, Odd>) {
    *vault.get_mut(&1).unwrap().unwrap() = BAD;
}

type Next = fn(&Vault<u8, Odd>) -> Result<()>;

/// Asserts that a call returned a deferred error, with the error of the destructor as its source.
fn assert_deferred<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("an earlier write to"), "{text}");
    let Error::Deferred { source, .. } = error else {
        panic!("expected Deferred, got {error:?}");
    };
    let cause = source.downcast_ref::<Error>();
    assert_is!(
        cause,
        Some(Error::Encode {
            part: EntryPart::Value,
            ..
        })
    );
}

/// Calls that read.
const READS: [(&str, Next); 22] = [
    ("get", |vault| vault.get(&1).map(drop)),
    ("get, missing key", |vault| vault.get(&9).map(drop)),
    ("get_key_value", |vault| vault.get_key_value(&1).map(drop)),
    ("len", |vault| vault.len().map(drop)),
    ("is_empty", |vault| vault.is_empty().map(drop)),
    ("contains_key", |vault| vault.contains_key(&9).map(drop)),
    ("contains_all", |vault| vault.contains_all(&[9]).map(drop)),
    ("get_many", |vault| vault.get_many(&[1]).map(drop)),
    ("iter", |vault| {
        vault.iter().try_for_each(|item| item.map(drop))
    }),
    ("iter, backwards", |vault| {
        vault.iter().rev().try_for_each(|item| item.map(drop))
    }),
    ("keys", |vault| {
        vault.keys().try_for_each(|item| item.map(drop))
    }),
    ("values", |vault| {
        vault.values().try_for_each(|item| item.map(drop))
    }),
    ("into_iter", |vault| {
        vault
            .clone()
            .into_iter()
            .try_for_each(|item| item.map(drop))
    }),
    ("into_keys", |vault| {
        vault
            .clone()
            .into_keys()
            .try_for_each(|item| item.map(drop))
    }),
    ("snapshot", |vault| vault.snapshot().map(drop)),
    ("size_on_disk", |vault| vault.size_on_disk().map(drop)),
    ("verify", |vault| vault.verify().map(drop)),
    ("stats", |vault| vault.stats().map(drop)),
    ("backup", |vault| {
        let folder = tempfile::tempdir().unwrap();
        vault.backup(folder.path().join("copy.db"))
    }),
    ("get_or_insert_with, existing key", |vault| {
        vault
            .get_or_insert_with(1, || panic!("the key is stored"))
            .map(drop)
    }),
    ("get, on a clone", |vault| vault.clone().get(&1).map(drop)),
    ("Debug", |vault| {
        assert!(format!("{vault:?}").contains("Vault"));
        Ok(())
    }),
];

/// Calls that write, and calls that return deferred errors.
const WRITES: [(&str, Next); 24] = [
    ("put", |vault| vault.put(&1, &GOOD)),
    ("insert", |vault| vault.insert(1, GOOD).map(drop)),
    ("remove", |vault| vault.remove(&9).map(drop)),
    ("remove_entry", |vault| vault.remove_entry(&9).map(drop)),
    ("remove_many", |vault| vault.remove_many(&[9]).map(drop)),
    ("try_extend", |vault| vault.try_extend([(1, GOOD)])),
    ("put_many", |vault| vault.put_many([(&1, &GOOD)])),
    ("try_extend_results", |vault| {
        vault.try_extend_results(vault)
    }),
    ("retain", |vault| vault.retain(|_, _| true)),
    ("for_each_mut", |vault| vault.for_each_mut(|_, _| {})),
    ("extract_if", |vault| {
        vault
            .extract_if(|_, _| false)
            .try_for_each(|item| item.map(drop))
    }),
    ("entry", |vault| vault.entry(1).or_insert(GOOD).map(drop)),
    ("entry_ref", |vault| {
        vault.entry_ref(&1).or_insert(GOOD).map(drop)
    }),
    ("get_mut", |vault| vault.get_mut(&1).map(drop)),
    ("begin", |vault| vault.begin().map(drop)),
    ("transaction", |vault| vault.transaction(|_| Ok(()))),
    ("try_transaction", |vault| vault.try_transaction(|_| Ok(()))),
    ("get_or_insert_with", |vault| {
        vault.get_or_insert_with(2, || GOOD)?;
        vault.remove(&2).map(drop)
    }),
    ("compact", |vault| vault.compact().map(drop)),
    ("flush", Vault::flush),
    ("flush, on a clone", |vault| vault.clone().flush()),
    ("close", |vault| vault.clone().close().map_err(Error::from)),
    ("put, on a clone", |vault| vault.clone().put(&1, &GOOD)),
    ("put, on another thread", |vault| {
        std::thread::scope(|scope| scope.spawn(|| vault.put(&1, &GOOD)).join().unwrap())
    }),
];

#[test]
fn calls_that_read_do_not_return_deferred_errors() {
    on_each_engine::<u8, Odd>(|vault| {
        vault.put(&1, &GOOD).unwrap();
        fail_in_drop(&vault);
        for (name, read) in READS {
            read(&vault).unwrap_or_else(|error| panic!("{name} failed: {error}"));
        }
        assert_deferred(vault.flush());
        is_as_before(&vault);
    });
}

#[test]
fn a_deferred_error_is_returned_once_by_the_next_call_that_writes() {
    for (name, next) in WRITES {
        on_each_engine::<u8, Odd>(|vault| {
            vault.put(&1, &GOOD).unwrap();
            fail_in_drop(&vault);
            assert_deferred(next(&vault));
            next(&vault).unwrap_or_else(|error| panic!("{name} failed twice: {error}"));
            is_as_before(&vault);
        });
    }
}

#[test]
fn a_write_that_returns_a_deferred_error_is_not_made() {
    on_each_engine::<u8, Odd>(|vault| {
        vault.put(&1, &GOOD).unwrap();
        fail_in_drop(&vault);
        assert_deferred(vault.put(&7, &GOOD));
        assert!(!vault.contains_key(&7).unwrap());
        vault.put(&7, &GOOD).unwrap();
        assert!(vault.contains_key(&7).unwrap());
    });
}

#[test]
fn delete_returns_a_deferred_error() {
    on_each_engine::<u8, Odd>(|vault| {
        vault.put(&1, &GOOD).unwrap();
        fail_in_drop(&vault);
        assert_deferred(vault.delete().map_err(Error::from));
    });
}

#[test]
fn every_kind_of_destructor_defers_its_error() {
    const FAILING: [fn(&Vault<u8, Odd>); 7] = [
        fail_in_drop,
        |vault| *vault.entry(1).or_default().unwrap() = BAD,
        |vault| *vault.entry(2).or_insert(GOOD).unwrap() = BAD,
        |vault| *vault.entry(2).insert_entry(GOOD).unwrap().get_mut() = BAD,
        |vault| drop(vault.entry(1).and_modify(|value| *value = BAD)),
        |vault| {
            let entry = vault.entry(1).into_entry().unwrap();
            drop(entry.and_modify(|value| *value = BAD));
        },
        |vault| {
            let mut entry = vault.entry(1).insert_entry(None).unwrap();
            *entry.get_mut() = BAD;
        },
    ];
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        for fail in FAILING {
            fail(&vault);
            assert_deferred(vault.flush());
            is_as_before(&vault);
        }
    });
}

#[test]
fn an_error_in_a_destructor_is_returned_by_the_commit_of_the_transaction() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.put(&2, &GOOD).unwrap();
        *tx.get_mut(&1).unwrap().unwrap() = BAD;
        // The transaction continues until its commit.
        assert_eq!(tx.get(&1).unwrap(), Some(GOOD));
        tx.put(&3, &GOOD).unwrap();
        assert_unstorable!(tx.commit());
        is_as_before(&vault);

        let result: Result<()> = vault.transaction(|tx| {
            tx.put(&2, &GOOD)?;
            *tx.entry(1).or_default()? = BAD;
            Ok(())
        });
        assert_unstorable!(result);
        is_as_before(&vault);

        // A rollback discards the error.
        let mut tx = vault.begin().unwrap();
        *tx.get_mut(&1).unwrap().unwrap() = BAD;
        tx.rollback().unwrap();
        is_as_before(&vault);
    });
}

#[test]
fn a_close_that_returns_a_deferred_error_gives_the_handle_back() {
    on_each_engine::<u8, Odd>(|vault| {
        vault.put(&1, &GOOD).unwrap();
        fail_in_drop(&vault);
        let failed = vault.close().unwrap_err();
        assert_is!(failed.error(), Error::Deferred { .. });
        let vault = failed.into_vault();
        assert_eq!(vault.get(&1).unwrap(), Some(GOOD));
        vault.put(&2, &GOOD).unwrap();
        vault.close().unwrap();
    });
}
