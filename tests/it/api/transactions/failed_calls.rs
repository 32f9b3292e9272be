//! A call that fails or panics in a transaction is undone, and the transaction continues.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vaults::{Error, Result, Transaction, Vault};

use crate::support::{numbers, on_each_engine};

use super::shows;

/// A type of which `BAD` cannot be stored.
type Odd = Option<serde_json::Value>;
const BAD: Odd = Some(serde_json::Value::Null);

/// Runs a failing call in a transaction, which must then be as it was before the call.
fn assert_undone(vault: &Vault<u32, Odd>, call: impl FnOnce(&mut Transaction<'_, u32, Odd>)) {
    let good = Some(serde_json::Value::Bool(true));
    vault.clear().unwrap();
    vault
        .try_extend((0..20).map(|n| (n, good.clone())))
        .unwrap();
    let mut tx = vault.begin().unwrap();
    tx.put(&100, &good).unwrap();
    tx.remove(&0).unwrap();
    let before: Vec<_> = tx.iter().map(Result::unwrap).collect();
    call(&mut tx);
    let after: Vec<_> = tx.iter().map(Result::unwrap).collect();
    assert_eq!(after, before);
    assert_eq!(tx.len().unwrap(), before.len());
    // The transaction continues.
    tx.put(&101, &good).unwrap();
    tx.commit().unwrap();
    assert_eq!(vault.len().unwrap(), 21);
    assert!(vault.contains_all(&[1, 19, 100, 101]).unwrap());
    assert!(!vault.contains_key(&0).unwrap());
}

#[test]
fn a_failed_call_is_undone_and_the_transaction_continues() {
    on_each_engine::<u32, Odd>(|vault| {
        let spoil = |key: &u32, value: &mut Odd| {
            *value = if *key == 15 { BAD } else { None };
        };
        assert_undone(&vault, |tx| {
            let pairs = [(1, None), (200, None), (201, BAD), (202, None)];
            assert_is!(tx.try_extend(pairs), Err(Error::Encode { .. }));
        });
        assert_undone(&vault, |tx| {
            let pairs = [(1, None), (200, None), (201, BAD)];
            let panic = catch_unwind(AssertUnwindSafe(|| tx.extend(pairs)));
            panic.unwrap_err();
        });
        assert_undone(&vault, |tx| {
            let retained = tx.retain(|key, value| {
                spoil(key, value);
                key % 2 == 1
            });
            assert_is!(retained, Err(Error::Encode { .. }));
        });
        assert_undone(&vault, |tx| {
            assert_is!(tx.for_each_mut(spoil), Err(Error::Encode { .. }));
        });
        assert_undone(&vault, |tx| {
            let taken: Vec<_> = tx
                .extract_if(|key, value| {
                    spoil(key, value);
                    key % 2 == 0
                })
                .collect();
            assert_eq!(taken.len(), 8, "seven even keys before 15, and the error");
            assert_is!(taken.last(), Some(Err(Error::Encode { .. })));
        });
        assert_undone(&vault, |tx| {
            let mut taken = tx.extract_if(|key, value| {
                spoil(key, value);
                key % 2 == 0
            });
            let failed = taken.by_ref().find_map(Result::err);
            assert_is!(failed, Some(Error::Encode { .. }));
            taken.commit().unwrap();
        });
        assert_undone(&vault, |tx| {
            assert_is!(tx.insert(1, BAD), Err(Error::Encode { .. }));
            assert_is!(tx.put(&1, &BAD), Err(Error::Encode { .. }));
            let made = tx.get_or_insert_with(300, || BAD);
            assert_is!(made, Err(Error::Encode { .. }));
        });
    });
}

#[test]
fn a_call_that_panics_is_undone_and_the_transaction_continues() {
    on_each_engine::<u32, Odd>(|vault| {
        let at_fifteen = |key: &u32, value: &mut Odd| {
            *value = None;
            assert_ne!(*key, 15, "a panic on purpose");
        };
        let panics = |call: &dyn Fn(&mut Transaction<'_, u32, Odd>)| {
            assert_undone(&vault, |tx| {
                catch_unwind(AssertUnwindSafe(|| call(tx))).unwrap_err();
            });
        };
        panics(&|tx| {
            let pairs = (10..20).map(|n| (n + u32::from(n == 15) * 300, None));
            tx.try_extend(pairs.inspect(|(key, _)| assert_ne!(*key, 315)))
                .unwrap();
        });
        panics(&|tx| tx.for_each_mut(at_fifteen).unwrap());
        panics(&|tx| {
            tx.retain(|key, value| {
                at_fifteen(key, value);
                false
            })
            .unwrap();
        });
        panics(&|tx| {
            let mut taken = tx.extract_if(|key, value| {
                at_fifteen(key, value);
                true
            });
            while taken.next().is_some() {}
        });
        panics(&|tx| {
            let mut drain = tx.drain();
            drain.next().unwrap().unwrap();
            panic!("in the loop");
        });
        panics(&|tx| {
            tx.get_or_insert_with(300, || panic!("in the function"))
                .unwrap();
        });
        panics(&|tx| {
            let mut value = tx.get_mut(&1).unwrap().unwrap();
            *value = None;
            panic!("with a guard");
        });
        panics(&|tx| {
            let mut part = tx.savepoint().unwrap();
            part.clear().unwrap();
            panic!("in a savepoint");
        });
    });
}

#[test]
fn removing_iterators_that_are_dropped_early_in_a_transaction() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(30)).unwrap();
        let mut tx = vault.begin().unwrap();
        let taken: Vec<_> = tx
            .extract_if(|key, _| key % 10 == 0)
            .take(2)
            .map(Result::unwrap)
            .collect();
        assert_eq!(taken, [(0, 0), (10, 10)]);
        assert_eq!(tx.len().unwrap(), 28);
        tx.extract_if(|key, _| key % 10 == 1).commit().unwrap();
        assert_eq!(tx.len().unwrap(), 28);
        let mut drain = tx.drain();
        assert_eq!(drain.next_back().unwrap().unwrap(), (29, 29));
        drop(drain);
        shows(&tx, &[]);
        tx.put(&1, &2).unwrap();
        tx.drain().commit().unwrap();
        assert!(tx.is_empty().unwrap());
        drop(tx);
        assert_eq!(vault.len().unwrap(), 30);
    });
}
