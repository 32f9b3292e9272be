//! Values that cannot be written because the disk is full. Each test runs in a child process with a
//! file size limit.
#![cfg(unix)]

use std::process::Command;

use vaults::{Entry, Error, OpenOptions, RefMut, Result, Vault};

use crate::support::{Child, Scratch, entries, make, open, role, say};

type Texts = Vault<u32, String>;

/// The file size limit, in blocks of 512 or 1024 bytes, depending on the shell: 2 or 4 MB.
const LIMIT: u32 = 4096;

/// Returns a value larger than the limit in either unit.
fn big() -> String {
    "x".repeat(16 << 20)
}

fn small() -> Vec<(u32, String)> {
    [(1, "one".to_owned()), (2, "two".to_owned())].into()
}

/// Runs the test in a process with a file size limit, and checks the file afterwards.
fn run_with_file_size_limit(test: &str) {
    let scratch = Scratch::new();
    make(scratch.vault(), small());
    let mut command = Command::new("sh");
    command
        .arg("-c")
        // Ignore the signal, so that a write beyond the limit returns an error.
        .arg(format!(
            "trap '' XFSZ; ulimit -f {LIMIT}; exec \"$0\" \"$@\""
        ))
        .arg(std::env::current_exe().unwrap());
    let mut child = Child::start_with(command, test, "file size limit", &scratch.vault());
    child.expect("done");
    child.finish();
    // The file works without the limit.
    let vault: Texts = open(scratch.vault());
    assert_eq!(entries(&vault), small());
    *vault.get_mut(&1).unwrap().unwrap() = big();
    assert_eq!(vault.get(&1).unwrap(), Some(big()));
    vault.close().unwrap();
    let connection = rusqlite::Connection::open(scratch.vault()).unwrap();
    let result: String = connection
        .query_one("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(result, "ok");
}

fn assert_disk_full(result: &Result<()>) {
    assert_is!(result, Err(Error::Full { .. } | Error::Io { .. }));
}

/// Asserts that nothing was changed, that no other error is deferred, and that small values can be
/// written.
fn assert_unchanged(vault: &Texts, what: &str) {
    assert_eq!(entries(vault), small(), "{what}");
    assert_eq!(vault.len().unwrap(), 2, "{what}");
    vault.get_mut(&2).unwrap().unwrap().push('!');
    vault.put(&3, &"three".into()).unwrap();
    assert_eq!(vault.get(&2).unwrap().as_deref(), Some("two!"), "{what}");
    vault.get_mut(&2).unwrap().unwrap().pop();
    vault.entry(3).into_entry().map(remove).unwrap();
}

fn remove(entry: Entry<'_, u32, String>) {
    match entry {
        Entry::Occupied(entry) => drop(entry.remove().unwrap()),
        Entry::Vacant(_) => panic!("the key is stored"),
    }
}

fn limited(path: &std::path::Path) -> Texts {
    // By default, a commit is synced. Some of the errors occur there.
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
fn a_full_disk_is_an_error_of_the_call() {
    let Some((_, path)) = role() else {
        return run_with_file_size_limit(test_path!(a_full_disk_is_an_error_of_the_call));
    };
    let vault = limited(&path);
    for (what, call) in CALLS {
        assert_disk_full(&call(&vault));
        assert_unchanged(&vault, what);
    }
    vault.close().unwrap();
    say("done");
}

type DropGuard = fn(&Texts);

const DROPS: [(&str, DropGuard); 5] = [
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
    |vault| vault.clone().close().map_err(Error::from),
];

#[test]
fn a_full_disk_in_a_destructor_is_an_error_of_the_next_write() {
    let Some((_, path)) = role() else {
        return run_with_file_size_limit(test_path!(
            a_full_disk_in_a_destructor_is_an_error_of_the_next_write
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
            assert_disk_full(&Err(*source.downcast().unwrap()));
            assert_unchanged(&vault, what);
        }
    }
    vault.close().unwrap();
    say("done");
}

#[test]
fn a_transaction_with_a_full_disk_keeps_nothing() {
    let Some((_, path)) = role() else {
        return run_with_file_size_limit(test_path!(a_transaction_with_a_full_disk_keeps_nothing));
    };
    let vault = limited(&path);
    let mut tx = vault.begin().unwrap();
    tx.put(&4, &"before".into()).unwrap();
    assert_disk_full(&tx.put(&1, &big()));
    // The results of these calls do not matter, because the transaction cannot be committed.
    let _ = tx.put(&5, &"after".into());
    let _ = tx.try_extend([(6, "after".to_owned())]);
    let _ = tx.savepoint().and_then(|mut part| {
        part.put(&7, &"after".into())?;
        part.commit()
    });
    let _ = tx.entry(8).or_default().map(drop);
    tx.commit().unwrap_err();
    assert_unchanged(&vault, "a transaction");
    vault.close().unwrap();
    say("done");
}

#[test]
fn a_savepoint_with_a_full_disk_keeps_nothing() {
    let Some((_, path)) = role() else {
        return run_with_file_size_limit(test_path!(a_savepoint_with_a_full_disk_keeps_nothing));
    };
    let vault = limited(&path);
    let mut tx = vault.begin().unwrap();
    tx.put(&4, &"before".into()).unwrap();
    let mut part = tx.savepoint().unwrap();
    assert_disk_full(&part.put(&1, &big()));
    let _ = part.put(&5, &"after".into());
    let _ = part.commit();
    let _ = tx.put(&6, &"after".into());
    if tx.commit().is_ok() {
        // The writes before and after the savepoint may be kept, but only together.
        assert_eq!(vault.remove(&4).unwrap().as_deref(), Some("before"));
        assert_eq!(vault.remove(&6).unwrap().as_deref(), Some("after"));
    }
    assert_unchanged(&vault, "a savepoint");
    vault.close().unwrap();
    say("done");
}
