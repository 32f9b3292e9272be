//! How a transaction ends, and what its closure returns.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vaults::{Error, Result};

use crate::support::{entries, numbers, on_each_engine};

use super::{Numbers, Own, Tx};

#[test]
fn a_committed_transaction() {
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
fn every_ending_but_commit_rolls_back() {
    fn change(tx: &mut Tx<'_>) -> Result<()> {
        tx.put(&0, &100)?;
        tx.remove(&1)?;
        *tx.entry(7).or_insert(7)? += 1;
        tx.try_extend(numbers(50))
    }
    fn early(vault: &Numbers) -> Result<()> {
        let mut tx = vault.begin()?;
        change(&mut tx)?;
        // The transaction is fine. This call on the vault fails.
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
        is_as_before("an error of the caller's type");

        let result: Result<(), Own> = vault.try_transaction(|tx| {
            change(tx)?;
            vault.put(&0, &0)?;
            Ok(())
        });
        assert_is!(result, Err(Own::Vault));
        is_as_before("an error of the vault");

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
fn the_closure_can_return_a_value_or_an_error() {
    on_each_engine(|vault: Numbers| {
        let grown = vault.transaction(|tx| {
            tx.try_extend(numbers(4))?;
            tx.len()
        });
        assert_eq!(grown.unwrap(), 4);
        // The error type of the caller is used throughout.
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

/// Tests that `Ok(())` can end the closure, for any error type of the function around it.
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
        // This works for `try_transaction` too, if the function returns its result.
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
fn nested_transactions_are_kept_or_undone_by_themselves() {
    on_each_engine::<u32, u32>(|vault| {
        let mut tx = vault.begin().unwrap();
        tx.put(&1, &1).unwrap();
        let len = tx.transaction(|part| {
            part.put(&2, &2)?;
            // Nested transactions can contain further ones.
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
fn debug_shows_no_entries() {
    on_each_engine(|vault: Numbers| {
        let mut tx = vault.begin().unwrap();
        tx.put(&1234, &5678).unwrap();
        assert_eq!(format!("{tx:?}"), "Transaction { .. }");
        let iterator = format!("{:?}", tx.iter());
        assert!(!iterator.contains("1234"), "{iterator}");
    });
}
