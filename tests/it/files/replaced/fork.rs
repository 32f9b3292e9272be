//! The handles of a parent process in a forked child.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use vaults::{Error, Vault};

use crate::support::{Scratch, entries, open};

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

/// Runs `f` in a forked child. Returns `true` if it did not panic there.
fn in_child(f: impl FnOnce()) -> bool {
    // SAFETY: the child runs no code of other threads, and exits without running destructors of the
    // parent.
    unsafe {
        let child = fork();
        assert!(child >= 0);
        if child == 0 {
            let result = catch_unwind(AssertUnwindSafe(f));
            _exit(i32::from(result.is_err()));
        }
        let mut status = -1;
        assert_eq!(waitpid(child, &raw mut status, 0), child);
        status == 0
    }
}

fn is_forked<T>(result: vaults::Result<T>) -> bool {
    result.is_err_and(|error| matches!(error, Error::Forked { .. }))
}

struct Handles<'vault> {
    clone: Vault<u32, u32>,
    iter: vaults::Iter<'vault, u32, u32>,
    snapshot: vaults::Snapshot<u32, u32>,
    tx: vaults::Transaction<'vault, u32, u32>,
}

fn handles(vault: &Vault<u32, u32>) -> Handles<'_> {
    let mut iter = vault.iter();
    iter.next().unwrap().unwrap();
    let snapshot = vault.snapshot().unwrap();
    let mut tx = vault.begin().unwrap();
    tx.put(&2, &2).unwrap();
    Handles {
        clone: vault.clone(),
        iter,
        snapshot,
        tx,
    }
}

#[test]
fn every_handle_of_the_parent_is_refused_in_a_child() {
    let scratch = Scratch::new();
    let vault: Vault<u32, u32> = open(scratch.vault());
    vault.put(&1, &1).unwrap();
    assert_eq!(vault.get(&1).unwrap(), Some(1));
    // The closure moves the handles. It runs only in the child, so the parent still has its own.
    let mut here = Some(handles(&vault));
    let good = in_child(|| {
        let mut handles = here.take().unwrap();
        let clone = handles.clone;
        assert!(is_forked(clone.get(&1)));
        assert!(is_forked(clone.contains_key(&1)));
        assert!(is_forked(clone.len()));
        assert!(is_forked(clone.put(&3, &3)));
        assert!(is_forked(clone.insert(3, 3)));
        assert!(is_forked(clone.entry(3).or_insert(3)));
        assert!(is_forked(clone.begin()));
        assert!(is_forked(clone.iter().next().unwrap()));
        assert!(is_forked(clone.snapshot()));
        assert!(is_forked(clone.flush()));
        assert!(is_forked(clone.compact()));
        assert!(is_forked(handles.snapshot.get(&1)));
        assert!(is_forked(handles.tx.put(&4, &4)));
        assert!(is_forked(handles.tx.commit()));
        // An entry that was read before the fork may still be returned.
        assert!(handles.iter.next().is_none_or(is_forked));
        drop((handles.iter, handles.snapshot));
        assert!(is_forked(clone.close().map_err(Error::from)));
    });
    assert!(good);
    {
        let handles = here.unwrap();
        handles.tx.commit().unwrap();
        assert_eq!(handles.snapshot.get(&2).unwrap(), None);
    }
    assert_eq!(entries(&vault), [(1, 1), (2, 2)]);
    drop(vault);
    assert_eq!(
        entries(&open::<u32, u32>(scratch.vault())),
        [(1, 1), (2, 2)]
    );
}

#[test]
fn the_last_handle_may_be_dropped_in_a_child() {
    let scratch = Scratch::new();
    let mut vault: Option<Vault<u32, u32>> = Some(open(scratch.vault()));
    vault.as_ref().unwrap().put(&1, &1).unwrap();
    let good = in_child(|| drop(vault.take()));
    assert!(good);
    let vault = vault.unwrap();
    vault.put(&2, &2).unwrap();
    assert!(scratch.path("vault.db-wal").exists());
    assert_eq!(entries(&vault), [(1, 1), (2, 2)]);
}
