//! A process is killed or a thread panics while it holds the write lock: its changes are undone,
//! and the next writer continues at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use vaults::{Durability, Entry, OpenOptions, Vault};

use crate::support::{Child, Scratch, entries, listen, numbers, on_each_engine, role, say};

/// Opens a vault with a timeout that is never reached. If the lock is not released, the test hangs.
fn patient(path: impl AsRef<Path>) -> Vault<u32, u32> {
    OpenOptions::new()
        .durability(Durability::Off)
        .busy_timeout(Duration::from_secs(3600))
        .open(path)
        .unwrap()
}

// ---- killed processes -----------------------------------------------------------------

/// Holds a part of the vault until the process is killed.
fn hold_until_killed(what: &str, vault: &Vault<u32, u32>) {
    let hold = || {
        say("holding");
        while listen().is_some() {}
    };
    match what {
        "entry" => {
            let Entry::Occupied(mut entry) = vault.entry(0).into_entry().unwrap() else {
                panic!("key 0 is stored");
            };
            entry.insert(100).unwrap();
            hold();
        }
        "guard" => {
            let mut value = vault.get_mut(&0).unwrap().unwrap();
            *value = 100;
            hold();
        }
        "transaction" => {
            let mut tx = vault.begin().unwrap();
            // This is large enough for a part to be in the log already.
            tx.try_extend(numbers(200_000)).unwrap();
            tx.put(&0, &100).unwrap();
            hold();
        }
        "savepoint" => {
            let mut tx = vault.begin().unwrap();
            let mut part = tx.savepoint().unwrap();
            part.clear().unwrap();
            hold();
        }
        "drain" => {
            let mut drain = vault.drain();
            drain.next().unwrap().unwrap();
            hold();
        }
        "get_or_insert_with" => {
            let make = || {
                hold();
                7
            };
            vault.get_or_insert_with(7, make).unwrap();
        }
        other => panic!("hold {other}?"),
    }
}

#[test]
fn a_process_that_is_killed_while_it_holds_the_write_lock() {
    if let Some((what, path)) = role() {
        hold_until_killed(&what, &patient(path));
        return;
    }
    let test = test_path!(a_process_that_is_killed_while_it_holds_the_write_lock);
    for what in [
        "entry",
        "guard",
        "transaction",
        "savepoint",
        "drain",
        "get_or_insert_with",
    ] {
        let scratch = Scratch::new();
        let vault = patient(scratch.vault());
        vault.try_extend(numbers(3)).unwrap();
        let mut child = Child::start(test, what, &scratch.vault());
        child.expect("holding");
        assert!(entries(&vault).into_iter().eq(numbers(3)), "{what}");
        thread::scope(|scope| {
            // One writer waits when the process is killed, another one comes later.
            let waiting = scope.spawn(|| {
                *vault.entry(0).or_insert(9).unwrap() += 1;
            });
            child.kill();
            *vault.entry(1).or_insert(9).unwrap() += 1;
            waiting.join().unwrap();
        });
        assert_eq!(entries(&vault), [(0, 1), (1, 2), (2, 2)], "{what}");
        assert_eq!(vault.len().unwrap(), 3, "{what}");
        assert_eq!(vault.get_or_insert_with(7, || 8).unwrap(), 8, "{what}");
        vault.delete().unwrap();
    }
}

// ---- panicking threads ----------------------------------------------------------------

type Panic = fn(&Vault<u32, u32>);

#[test]
fn a_panic_while_holding_the_write_lock_changes_nothing() {
    const PANICS: [(&str, Panic); 13] = [
        ("an occupied entry", |vault| {
            let mut entry = vault.entry(0).insert_entry(100).unwrap();
            *entry.get_mut() = 101;
            panic!("on purpose");
        }),
        ("a vacant entry", |vault| {
            let _entry = vault.entry(7).into_entry().unwrap();
            panic!("on purpose");
        }),
        ("a chain", |vault| {
            *vault.entry(0).or_insert(0).unwrap() += panics();
        }),
        ("a new value", |vault| {
            *vault.entry(7).or_insert(0).unwrap() += panics();
        }),
        ("a guard", |vault| {
            let mut value = vault.get_mut(&0).unwrap().unwrap();
            *value = 100;
            panic!("on purpose");
        }),
        ("and_modify", |vault| {
            let modified = vault.entry(0).and_modify(|value| {
                *value = 100;
                panic!("on purpose");
            });
            drop(modified);
        }),
        ("or_insert_with", |vault| {
            drop(vault.entry(7).or_insert_with(panics));
        }),
        ("get_or_insert_with", |vault| {
            vault.get_or_insert_with(7, panics).unwrap();
        }),
        ("a transaction", |vault| {
            let mut tx = vault.begin().unwrap();
            tx.clear().unwrap();
            *tx.entry(7).or_default().unwrap() += 1;
            panic!("on purpose");
        }),
        ("an entry of a transaction", |vault| {
            let mut tx = vault.begin().unwrap();
            let mut entry = tx.entry(0).insert_entry(100).unwrap();
            *entry.get_mut() = 101;
            panic!("on purpose");
        }),
        ("retain", |vault| {
            vault
                .retain(|key, value| {
                    *value = 100;
                    assert_ne!(*key, 2, "on purpose");
                    false
                })
                .unwrap();
        }),
        ("drain", |vault| {
            for item in vault.drain() {
                assert_ne!(item.unwrap().0, 1, "on purpose");
            }
        }),
        ("try_extend", |vault| {
            let pairs = [(0, 100), (7, 7), (8, 8)].into_iter();
            let pairs = pairs.inspect(|(key, _)| assert_ne!(*key, 8, "on purpose"));
            vault.try_extend(pairs).unwrap();
        }),
    ];
    fn panics() -> u32 {
        panic!("on purpose")
    }
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let other = vault.clone();
        for (what, panics) in PANICS {
            catch_unwind(AssertUnwindSafe(|| panics(&vault))).unwrap_err();
            assert!(entries(&vault).into_iter().eq(numbers(3)), "{what}");
            assert_eq!(vault.len().unwrap(), 3, "{what}");
            // The same in a thread that ends with the panic.
            thread::scope(|scope| scope.spawn(|| panics(&vault)).join().unwrap_err());
            assert!(entries(&other).into_iter().eq(numbers(3)), "{what}");
            // The write lock is free, for this thread and for others.
            *vault.entry(0).or_insert(9).unwrap() += 1;
            thread::scope(|scope| {
                scope.spawn(|| *other.get_mut(&0).unwrap().unwrap() -= 1);
            });
        }
    });
}
