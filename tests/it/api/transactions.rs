//! Transactions and savepoints: what they see, what they keep, what they undo.
//!
//! Two entries of one transaction at a time do not compile, for each borrows the transaction
//! mutably, and neither does writing to it in a loop over one of its iterators.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use vaults::{Error, Result, Transaction, Vault};

use crate::support::{Scratch, entries, numbers, on_each_engine, open};

type Numbers = Vault<u32, u32>;
type Tx<'a> = Transaction<'a, u32, u32>;

/// A value that is refused, whatever else is stored.
type Odd = Option<serde_json::Value>;
const BAD: Odd = Some(serde_json::Value::Null);

fn all(tx: &Tx<'_>) -> Vec<(u32, u32)> {
    tx.iter().map(Result::unwrap).collect()
}

/// Asserts that every reading method of a transaction shows these entries, in this order.
fn shows(tx: &Tx<'_>, expected: &[(u32, u32)]) {
    assert_eq!(all(tx), expected);
    assert_eq!(tx.len().unwrap(), expected.len());
    assert_eq!(tx.is_empty().unwrap(), expected.is_empty());
    let keys: Vec<u32> = expected.iter().map(|entry| entry.0).collect();
    let values: Vec<u32> = expected.iter().map(|entry| entry.1).collect();
    assert_eq!(tx.keys().collect::<Result<Vec<_>>>().unwrap(), keys);
    assert_eq!(tx.values().collect::<Result<Vec<_>>>().unwrap(), values);
    let mut back: Vec<(u32, u32)> = tx.iter().rev().map(Result::unwrap).collect();
    back.reverse();
    assert_eq!(back, expected);
    assert!(
        tx.into_iter()
            .map(Result::unwrap)
            .eq(expected.iter().copied())
    );
    assert!(tx.contains_keys(&keys).unwrap());
    assert!(!tx.contains_keys(keys.iter().chain([&999])).unwrap());
    let many: Vec<Option<u32>> = values.iter().copied().map(Some).collect();
    assert_eq!(tx.get_many(&keys).unwrap(), many);
    for &(key, value) in expected {
        assert_eq!(tx.get(&key).unwrap(), Some(value));
        assert_eq!(tx.get_key_value(&key).unwrap(), Some((key, value)));
        assert!(tx.contains_key(&key).unwrap());
    }
    assert_eq!(tx.get(&999).unwrap(), None);
    assert_eq!(tx.get_key_value(&999).unwrap(), None);
    assert!(!tx.contains_key(&999).unwrap());
}

/// An error type of the caller.
#[derive(Debug)]
enum Own {
    Enough,
    Vault,
}

impl From<Error> for Own {
    fn from(_: Error) -> Self {
        Self::Vault
    }
}

// ---- how it ends --------------------------------------------------------------------------

#[test]
fn committed() {
    on_each_engine::<u32, u32>(|vault| {
        let mut tx = vault.begin().unwrap();
        tx.try_extend(numbers(3)).unwrap();
        tx.remove(&1).unwrap();
        assert!(vault.is_empty().unwrap());
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(0, 0), (2, 2)]);
        assert_eq!(vault.len().unwrap(), 2);
    });
}

#[test]
fn rolled_back_by_every_way_out_but_commit() {
    fn change(tx: &mut Tx<'_>) -> Result<()> {
        tx.put(&0, &100)?;
        tx.remove(&1)?;
        *tx.entry(7).or_insert(7)? += 1;
        tx.try_extend(numbers(50))
    }
    fn early(vault: &Numbers) -> Result<()> {
        let mut tx = vault.begin()?;
        change(&mut tx)?;
        // What fails is not the transaction.
        vault.put(&0, &0)?;
        tx.commit()
    }
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let is_as_before = |what: &str| {
            assert_eq!(entries(&vault), numbers(3).collect::<Vec<_>>(), "{what}");
            assert_eq!(vault.len().unwrap(), 3, "{what}");
            vault.put(&0, &0).unwrap();
        };
        let mut tx = vault.begin().unwrap();
        change(&mut tx).unwrap();
        tx.rollback().unwrap();
        is_as_before("rollback");

        let mut tx = vault.begin().unwrap();
        change(&mut tx).unwrap();
        drop(tx);
        is_as_before("drop");

        assert_is!(early(&vault), Err(Error::Reentrant { .. }));
        is_as_before("an early return");

        let result = vault.try_transaction(|tx| {
            change(tx)?;
            if tx.len()? > 3 {
                return Err(Own::Enough);
            }
            Ok(())
        });
        assert_is!(result, Err(Own::Enough));
        is_as_before("an error of the caller's own");

        let result: Result<(), Own> = vault.try_transaction(|tx| {
            change(tx)?;
            vault.put(&0, &0)?;
            Ok(())
        });
        assert_is!(result, Err(Own::Vault));
        is_as_before("an error of the vault's");

        let panic = catch_unwind(AssertUnwindSafe(|| {
            vault.transaction(|tx| -> Result<()> {
                change(tx)?;
                panic!("in the middle");
            })
        }));
        panic.unwrap_err();
        is_as_before("a panic");

        let panic = catch_unwind(AssertUnwindSafe(|| {
            let mut tx = vault.begin().unwrap();
            let mut part = tx.savepoint().unwrap();
            change(&mut part).unwrap();
            let _value = part.get_mut(&0).unwrap();
            panic!("in the middle");
        }));
        panic.unwrap_err();
        is_as_before("a panic in a savepoint");
    });
}

#[test]
fn what_the_closure_returns() {
    on_each_engine(|vault: Numbers| {
        let grown = vault.transaction(|tx| {
            tx.try_extend(numbers(4))?;
            tx.len()
        });
        assert_eq!(grown.unwrap(), 4);
        // The caller's own error type, all the way.
        let parsed: Result<u32, Box<dyn std::error::Error>> = vault.try_transaction(|tx| {
            let number: u32 = "17".parse()?;
            tx.put(&number, &number)?;
            Ok(number)
        });
        assert_eq!(parsed.unwrap(), 17);
        let parsed: Result<u32, Box<dyn std::error::Error>> = vault.try_transaction(|tx| {
            tx.clear()?;
            Ok("x".parse()?)
        });
        assert!(parsed.unwrap_err().is::<std::num::ParseIntError>());
        assert_eq!(vault.len().unwrap(), 5);
    });
}

/// `Ok(())` ends the closure, whatever the error type of the function around it.
#[test]
fn the_error_of_the_closure_is_inferred() {
    fn any(vault: &Numbers) -> Result<(), Box<dyn std::error::Error>> {
        vault.transaction(|tx| {
            *tx.entry(1).or_insert(0)? += 1;
            tx.transaction(|part| {
                part.put(&2, &2)?;
                Ok(())
            })?;
            Ok(())
        })?;
        // Of `try_transaction` too, where its result is the function's.
        vault.try_transaction(|tx| {
            tx.put(&3, &"3".parse()?)?;
            tx.try_transaction(|part| {
                part.put(&4, &"4".parse()?)?;
                Ok(())
            })
        })
    }
    fn own(vault: &Numbers) -> Result<()> {
        vault.transaction(|tx| {
            tx.clear()?;
            Ok(())
        })
    }
    on_each_engine::<u32, u32>(|vault| {
        any(&vault).unwrap();
        assert_eq!(entries(&vault), [(1, 1), (2, 2), (3, 3), (4, 4)]);
        own(&vault).unwrap();
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn a_part_in_a_closure_is_kept_or_undone_by_itself() {
    on_each_engine::<u32, u32>(|vault| {
        let mut tx = vault.begin().unwrap();
        tx.put(&1, &1).unwrap();
        let len = tx.transaction(|part| {
            part.put(&2, &2)?;
            // They nest.
            let undone: Result<(), String> = part
                .try_transaction(|inner| {
                    inner.put(&3, &3)?;
                    inner.remove(&1)?;
                    Err(Own::Enough)
                })
                .map_err(|error| format!("{error:?}"));
            assert_eq!(undone, Err("Enough".into()));
            part.len()
        });
        assert_eq!(len.unwrap(), 2);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            tx.transaction(|part| -> Result<()> {
                part.clear()?;
                panic!("in the middle");
            })
        }));
        panic.unwrap_err();
        tx.put(&4, &4).unwrap();
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(1, 1), (2, 2), (4, 4)]);
    });
}

#[test]
fn debug_shows_nothing() {
    on_each_engine(|vault: Numbers| {
        let mut tx = vault.begin().unwrap();
        tx.put(&1234, &5678).unwrap();
        assert_eq!(format!("{tx:?}"), "Transaction { .. }");
        let iterator = format!("{:?}", tx.iter());
        assert!(!iterator.contains("1234"), "{iterator}");
    });
}

// ---- what it sees -------------------------------------------------------------------------

#[test]
fn it_sees_its_own_writes_in_every_method() {
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
        let refused = tx.get_or_try_insert_with(6, || Err::<u32, Error>(not_now()));
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
        // Nobody else has seen any of it.
        assert_eq!(entries(&vault), [(0, 0), (1, 1), (2, 2)]);
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(2, 3)]);
    });
}

fn not_now() -> Error {
    Error::InvalidOptions { reason: "not now" }
}

#[test]
fn iterators_over_more_than_a_page_see_its_writes() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(1000)).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.retain(|key, _| key % 3 != 0).unwrap();
        tx.try_extend((1000..3000).map(|n| (n, n))).unwrap();
        let expected: Vec<u32> = (0..1000).filter(|n| n % 3 != 0).chain(1000..3000).collect();
        assert_eq!(tx.keys().collect::<Result<Vec<_>>>().unwrap(), expected);
        assert_eq!(tx.len().unwrap(), expected.len());
        // From both ends, and two at once.
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
        // Reading between two items.
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
    let nobody_sees = || {
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
    nobody_sees();
    // More than the page cache keeps, so that some of it is in the log before the commit.
    tx.try_extend((2..200_000).map(|n| (n, n))).unwrap();
    nobody_sees();
    let mut part = tx.savepoint().unwrap();
    part.put(&0, &0).unwrap();
    part.commit().unwrap();
    nobody_sees();
    tx.commit().unwrap();
    for handle in [&vault, &clone, &other] {
        assert_eq!(handle.len().unwrap(), 200_000);
        assert_eq!(handle.get(&1).unwrap(), Some(1));
    }
}

// ---- calls that fail in the middle --------------------------------------------------------

/// Runs a call that fails inside a transaction, which has to be as it was before the call.
fn fails_whole(vault: &Vault<u32, Odd>, call: impl FnOnce(&mut Transaction<'_, u32, Odd>)) {
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
    // The rest of it goes on.
    tx.put(&101, &good).unwrap();
    tx.commit().unwrap();
    assert_eq!(vault.len().unwrap(), 21);
    assert!(vault.contains_keys(&[1, 19, 100, 101]).unwrap());
    assert!(!vault.contains_key(&0).unwrap());
}

#[test]
fn a_call_that_fails_in_a_transaction_is_undone_and_the_rest_goes_on() {
    on_each_engine::<u32, Odd>(|vault| {
        let spoil = |key: &u32, value: &mut Odd| {
            *value = if *key == 15 { BAD } else { None };
        };
        fails_whole(&vault, |tx| {
            let pairs = [(1, None), (200, None), (201, BAD), (202, None)];
            assert_is!(tx.try_extend(pairs), Err(Error::Encode { .. }));
        });
        fails_whole(&vault, |tx| {
            let pairs = [(1, None), (200, None), (201, BAD)];
            let panic = catch_unwind(AssertUnwindSafe(|| tx.extend(pairs)));
            panic.unwrap_err();
        });
        fails_whole(&vault, |tx| {
            let retained = tx.retain(|key, value| {
                spoil(key, value);
                key % 2 == 1
            });
            assert_is!(retained, Err(Error::Encode { .. }));
        });
        fails_whole(&vault, |tx| {
            assert_is!(tx.for_each_mut(spoil), Err(Error::Encode { .. }));
        });
        fails_whole(&vault, |tx| {
            let taken: Vec<_> = tx
                .extract_if(|key, value| {
                    spoil(key, value);
                    key % 2 == 0
                })
                .collect();
            assert_eq!(taken.len(), 8, "seven even keys before 15, and the error");
            assert_is!(taken.last(), Some(Err(Error::Encode { .. })));
        });
        fails_whole(&vault, |tx| {
            let mut taken = tx.extract_if(|key, value| {
                spoil(key, value);
                key % 2 == 0
            });
            let failed = taken.by_ref().find_map(Result::err);
            assert_is!(failed, Some(Error::Encode { .. }));
            taken.commit().unwrap();
        });
        fails_whole(&vault, |tx| {
            assert_is!(tx.insert(1, BAD), Err(Error::Encode { .. }));
            assert_is!(tx.put(&1, &BAD), Err(Error::Encode { .. }));
            let made = tx.get_or_insert_with(300, || BAD);
            assert_is!(made, Err(Error::Encode { .. }));
        });
    });
}

#[test]
fn a_call_that_panics_in_a_transaction_is_undone_and_the_rest_goes_on() {
    on_each_engine::<u32, Odd>(|vault| {
        let at_fifteen = |key: &u32, value: &mut Odd| {
            *value = None;
            assert_ne!(*key, 15, "a panic on purpose");
        };
        let panics = |call: &dyn Fn(&mut Transaction<'_, u32, Odd>)| {
            fails_whole(&vault, |tx| {
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
fn removing_iterators_that_are_left_early_in_a_transaction() {
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
