//! Values that cannot be written back because the disk has no room: a process of its own under a
//! limit on the size of its files.
#![cfg(unix)]

use std::process::Command;

use vaults::{Entry, Error, OpenOptions, RefMut, Result, Vault};

use crate::support::{Child, Scratch, entries, make, open, role, say};

type Texts = Vault<u32, String>;

/// In blocks of 512 bytes or of 1024, as the shell has it: 2 or 4 MB.
const LIMIT: u32 = 4096;

/// More than the limit in either unit.
fn big() -> String {
    "x".repeat(16 << 20)
}

fn small() -> Vec<(u32, String)> {
    [(1, "one".to_owned()), (2, "two".to_owned())].into()
}

/// Runs the test in a process that may not write large files, and checks the file afterwards.
fn in_little_room(test: &str) {
    let scratch = Scratch::new();
    make(scratch.vault(), small());
    let mut command = Command::new("sh");
    command
        .arg("-c")
        // A write beyond the limit is then an error, and not the end of the process.
        .arg(format!(
            "trap '' XFSZ; ulimit -f {LIMIT}; exec \"$0\" \"$@\""
        ))
        .arg(std::env::current_exe().unwrap());
    let mut child = Child::start_with(command, test, "in little room", &scratch.vault());
    child.expect("done");
    child.finish();
    // Without the limit it goes on.
    let vault: Texts = open(scratch.vault());
    assert_eq!(entries(&vault), small());
    *vault.get_mut(&1).unwrap().unwrap() = big();
    assert_eq!(vault.get(&1).unwrap(), Some(big()));
    vault.close().unwrap();
    let connection = rusqlite::Connection::open(scratch.vault()).unwrap();
    let verdict: String = connection
        .query_one("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}

fn is_out_of_room(result: &Result<()>) {
    assert_is!(result, Err(Error::Full { .. } | Error::Io { .. }));
}

/// Nothing was changed, nothing more is reported, and what is small fits.
fn is_as_before(vault: &Texts, what: &str) {
    assert_eq!(entries(vault), small(), "{what}");
    assert_eq!(vault.len().unwrap(), 2, "{what}");
    vault.get_mut(&2).unwrap().unwrap().push('!');
    vault.put(&3, &"three".into()).unwrap();
    assert_eq!(vault.get(&2).unwrap().as_deref(), Some("two!"), "{what}");
    vault.get_mut(&2).unwrap().unwrap().pop();
    vault.entry(3).resolve().map(remove).unwrap();
}

fn remove(entry: Entry<'_, u32, String>) {
    match entry {
        Entry::Occupied(entry) => drop(entry.remove().unwrap()),
        Entry::Vacant(_) => panic!("it is there"),
    }
}

fn limited(path: &std::path::Path) -> Texts {
    // By default a commit is synced, which is where some of the errors are met.
    OpenOptions::new().create(false).open(path).unwrap()
}

type Call = fn(&Texts) -> Result<()>;

const CALLS: [(&str, Call); 10] = [
    ("put", |vault| vault.put(&1, &big())),
    ("insert", |vault| vault.insert(4, big()).map(drop)),
    ("try_extend", |vault| {
        vault.try_extend([(4, "four".to_owned()), (1, big())])
    }),
    ("retain", |vault| {
        vault.retain(|_, value| {
            *value = big();
            true
        })
    }),
    ("RefMut::commit", |vault| {
        let mut value = vault.get_mut(&1)?.unwrap();
        *value = big();
        RefMut::commit(value)
    }),
    ("RefMut::into_value", |vault| {
        let value = vault.entry(4).or_insert_with(big)?;
        RefMut::into_value(value).map(drop)
    }),
    ("OccupiedEntry::commit", |vault| {
        let mut entry = vault.entry(1).insert_entry("small".into())?;
        *entry.get_mut() = big();
        entry.commit()
    }),
    ("get_or_insert_with", |vault| {
        vault.get_or_insert_with(4, big).map(drop)
    }),
    ("transaction", |vault| {
        vault.transaction(|tx| {
            tx.put(&2, &"changed".into())?;
            tx.put(&1, &big())
        })
    }),
    ("the commit of a transaction", |vault| {
        let mut tx = vault.begin()?;
        tx.put(&2, &"changed".into())?;
        *tx.get_mut(&1)?.unwrap() = big();
        tx.commit()
    }),
];

#[test]
fn what_does_not_fit_is_the_error_of_the_call() {
    let Some((_, path)) = role() else {
        return in_little_room(test_path!(what_does_not_fit_is_the_error_of_the_call));
    };
    let vault = limited(&path);
    for (what, call) in CALLS {
        is_out_of_room(&call(&vault));
        is_as_before(&vault, what);
    }
    vault.close().unwrap();
    say("done");
}

type Leave = fn(&Texts);

const DROPS: [(&str, Leave); 5] = [
    ("a guard", |vault| {
        *vault.get_mut(&1).unwrap().unwrap() = big();
    }),
    ("a new value", |vault| {
        drop(vault.entry(4).or_insert_with(big).unwrap());
    }),
    ("an entry", |vault| {
        let mut entry = vault.entry(1).insert_entry("small".into()).unwrap();
        *entry.get_mut() = big();
    }),
    ("and_modify", |vault| {
        drop(vault.entry(1).and_modify(|value| *value = big()));
    }),
    ("a clone", |vault| {
        let clone = vault.clone();
        *clone.get_mut(&1).unwrap().unwrap() = big();
    }),
];

const NEXT: [Call; 3] = [
    |vault| vault.put(&1, &"one".into()),
    Vault::flush,
    |vault| vault.clone().close(),
];

#[test]
fn what_a_destructor_cannot_write_is_the_error_of_the_next_write() {
    let Some((_, path)) = role() else {
        return in_little_room(test_path!(
            what_a_destructor_cannot_write_is_the_error_of_the_next_write
        ));
    };
    let vault = limited(&path);
    for (what, fail) in DROPS {
        for next in NEXT {
            fail(&vault);
            vault.get(&1).unwrap();
            let error = next(&vault).unwrap_err();
            let Error::Deferred { source, .. } = error else {
                panic!("expected Deferred, got {error:?}");
            };
            is_out_of_room(&Err(*source.downcast().unwrap()));
            is_as_before(&vault, what);
        }
    }
    vault.close().unwrap();
    say("done");
}

#[test]
fn a_transaction_that_met_a_full_disk_keeps_nothing() {
    let Some((_, path)) = role() else {
        return in_little_room(test_path!(a_transaction_that_met_a_full_disk_keeps_nothing));
    };
    let vault = limited(&path);
    let mut tx = vault.begin().unwrap();
    tx.put(&4, &"before".into()).unwrap();
    is_out_of_room(&tx.put(&1, &big()));
    // Whatever these say, they are part of a transaction that cannot be kept.
    let _ = tx.put(&5, &"after".into());
    let _ = tx.try_extend([(6, "after".to_owned())]);
    let _ = tx.savepoint().and_then(|mut part| {
        part.put(&7, &"after".into())?;
        part.commit()
    });
    let _ = tx.entry(8).or_default().map(drop);
    tx.commit().unwrap_err();
    is_as_before(&vault, "a transaction");
    vault.close().unwrap();
    say("done");
}

#[test]
fn a_savepoint_that_met_a_full_disk_keeps_nothing() {
    let Some((_, path)) = role() else {
        return in_little_room(test_path!(a_savepoint_that_met_a_full_disk_keeps_nothing));
    };
    let vault = limited(&path);
    let mut tx = vault.begin().unwrap();
    tx.put(&4, &"before".into()).unwrap();
    let mut part = tx.savepoint().unwrap();
    is_out_of_room(&part.put(&1, &big()));
    let _ = part.put(&5, &"after".into());
    let _ = part.commit();
    let _ = tx.put(&6, &"after".into());
    if tx.commit().is_ok() {
        // What was before the savepoint and after it may be kept, and then all of it.
        assert_eq!(vault.remove(&4).unwrap().as_deref(), Some("before"));
        assert_eq!(vault.remove(&6).unwrap().as_deref(), Some("after"));
    }
    is_as_before(&vault, "a savepoint");
    vault.close().unwrap();
    say("done");
}
