//! All ways to undo a write. The entries are as they were before.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::support::any_error;
use vaults::order::Order;
use vaults::{Error, Result};

use super::write_table::{Perform, Write, key, make_all_changes, several, write};

/// Makes a row that changes nothing.
const fn undone<O>(name: &'static str, perform: Perform<O>) -> Write<O> {
    write(name, perform, |_, _| ())
}

/// Catches a panic, which is not printed.
fn unwinding(f: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(f))
        .map_or(Ok(()), |result| result.map(|()| panic!("it must panic")))
}

fn panic_quietly() -> ! {
    resume_unwind(Box::new(()))
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn undone_writes<O: Order<u32>>() -> Vec<Write<O>> {
    vec![
        undone("transaction, rolled back", |vault, n, look| {
            let mut tx = vault.begin()?;
            make_all_changes(&mut tx, n)?;
            look();
            tx.rollback()
        }),
        undone("transaction, dropped", |vault, n, look| {
            let mut tx = vault.begin()?;
            tx.clear()?;
            tx.try_extend(several(n))?;
            look();
            Ok(())
        }),
        undone("transaction, refused", |vault, n, look| {
            let result = vault.transaction(|tx| {
                make_all_changes(tx, n)?;
                look();
                Err::<(), _>(any_error())
            });
            assert_is!(result, Err(Error::InvalidOptions { .. }));
            Ok(())
        }),
        undone("transaction, panicked", |vault, n, look| {
            unwinding(|| {
                vault.transaction(|tx| {
                    make_all_changes(tx, n)?;
                    look();
                    panic_quietly()
                })
            })
        }),
        undone("get_or_try_insert_with, refused", |vault, n, look| {
            let new = || {
                look();
                Err(any_error())
            };
            vault.get_or_try_insert_with(key(n), new).ok();
            Ok(())
        }),
        undone("try_extend, panicked", |vault, n, look| {
            let entries = several(n)
                .into_iter()
                .chain(std::iter::once_with(|| -> (u32, u32) {
                    look();
                    panic_quietly()
                }));
            unwinding(|| vault.try_extend(entries))
        }),
        undone("retain, panicked at the last", |vault, n, look| {
            let last = vault.keys().last().transpose()?;
            unwinding(|| {
                vault.retain(|key, value| {
                    if Some(*key) == last {
                        look();
                        panic_quietly();
                    }
                    *value += n;
                    false
                })?;
                panic_quietly()
            })
        }),
        undone("for_each_mut, panicked at the last", |vault, n, look| {
            let last = vault.keys().last().transpose()?;
            unwinding(|| {
                vault.for_each_mut(|key, value| {
                    *value += n;
                    if Some(*key) == last {
                        look();
                        panic_quietly();
                    }
                })?;
                panic_quietly()
            })
        }),
        undone("drain, panicked", |vault, _, look| {
            unwinding(|| {
                let mut drain = vault.drain();
                drain.next().transpose()?;
                look();
                panic_quietly()
            })
        }),
        undone("get_mut, panicked", |vault, n, look| {
            unwinding(|| {
                let mut value = vault.get_mut(&key(n))?;
                if let Some(value) = &mut value {
                    **value += n;
                }
                look();
                panic_quietly()
            })
        }),
        undone("insert_entry, panicked", |vault, n, look| {
            unwinding(|| {
                let _entry = vault.entry(key(n)).insert_entry(n)?;
                look();
                panic_quietly()
            })
        }),
        undone("entry, looked at", |vault, n, look| {
            let entry = vault.entry(key(n)).into_entry()?;
            look();
            drop(entry);
            Ok(())
        }),
        undone("get_mut, not changed", |vault, n, look| {
            let value = vault.get_mut(&key(n))?;
            look();
            drop(value);
            Ok(())
        }),
        undone("nothing at all", |vault, _, _| {
            vault.try_extend([] as [(u32, u32); 0])?;
            vault.remove(&29)?;
            vault.begin()?.commit()
        }),
    ]
}
