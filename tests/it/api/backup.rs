//! Backups: a backup is one state of the vault, it is complete or absent, and it overwrites no
//! other file.

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value as Json;
use vaults::maintenance::{IfExists, Progress};
use vaults::{Error, OpenOptions, Vault};

use crate::concurrency::processes::CHILD;
use crate::support::damage::python_fixture;
use crate::support::{
    Child, Scratch, contents, entries, make, numbers, on_each_engine, open, open_fast, rows, sql,
};

fn replace(vault: &Vault<u32, u32>, path: &Path) -> vaults::Result<()> {
    vault.backup_with(path, IfExists::Replace, |_| ())
}

#[test]
fn a_copy_is_equal_and_in_order() {
    on_each_engine::<u32, u32>(|vault| {
        let scratch = Scratch::new();
        vault.try_extend(numbers(2000)).unwrap();
        vault.put(&7, &70).unwrap();
        vault.remove(&3).unwrap();
        vault.put(&3, &30).unwrap();
        vault.backup(scratch.path("copy.db")).unwrap();
        assert_eq!(
            contents(&scratch.folder()).into_keys().collect::<Vec<_>>(),
            ["copy.db"]
        );
        let copy = open::<u32, u32>(scratch.path("copy.db"));
        assert_eq!(entries(&copy), entries(&vault));
        assert!(copy.verify().unwrap().is_ok());
        copy.put(&1, &1000).unwrap();
        assert_eq!(
            vault.get(&1).unwrap(),
            Some(1),
            "the copy is a vault of its own"
        );
    });
}

#[test]
fn a_copy_is_of_one_state_while_other_threads_write() {
    const KEYS: u32 = 64;
    const COPIES: u32 = 12;
    let scratch = Scratch::new();
    let vault = open_fast::<u32, u32>(scratch.vault());
    let written = AtomicU32::new(0);
    let write = |n: u32| {
        vault
            .transaction(|tx| {
                for key in 0..KEYS {
                    tx.put(&key, &n)?;
                }
                tx.put(&(1000 + n), &n)
            })
            .unwrap();
        written.store(n, Ordering::SeqCst);
    };
    write(1);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 1;
            while !done.load(Ordering::SeqCst) {
                n += 1;
                write(n);
            }
        });
        for copy in 0..COPIES {
            let path = scratch.path(&format!("{copy}.db"));
            let before = written.load(Ordering::SeqCst);
            vault.backup(&path).unwrap();
            let copy = open::<u32, u32>(&path);
            let state = copy.get(&0).unwrap().unwrap();
            assert!(
                state >= before,
                "state {before} was committed before the copy of state {state}"
            );
            let all: HashSet<u32> = (0..KEYS)
                .map(|key| copy.get(&key).unwrap().unwrap())
                .collect();
            assert_eq!(all, HashSet::from([state]));
            assert_eq!(copy.len().unwrap(), (KEYS + state) as usize);
            assert!(copy.verify().unwrap().is_ok());
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_copy_has_the_state_at_its_start() {
    let scratch = Scratch::new();
    let vault = open_fast::<u32, String>(scratch.vault());
    let text = "x".repeat(2000);
    vault
        .try_extend((0..2000).map(|n| (n, text.clone())))
        .unwrap();
    let mut steps = 0;
    vault
        .backup_with(scratch.path("copy.db"), IfExists::Refuse, |_| {
            steps += 1;
            vault.pop_first().unwrap();
            vault.put(&(10_000 + steps), &text).unwrap();
        })
        .unwrap();
    assert!(steps > 2, "{steps}");
    let copy = open::<u32, String>(scratch.path("copy.db"));
    assert!(copy.keys().map(Result::unwrap).eq(0..2000));
}

#[test]
fn uncommitted_changes_are_not_in_the_copy() {
    on_each_engine::<u32, u32>(|vault| {
        let scratch = Scratch::new();
        vault.try_extend(numbers(3)).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.clear().unwrap();
        vault.backup(scratch.path("copy.db")).unwrap();
        tx.commit().unwrap();
        assert!(
            entries(&open(scratch.path("copy.db")))
                .into_iter()
                .eq(numbers(3))
        );
    });
}

#[test]
fn progress_reaches_the_total() {
    let scratch = Scratch::new();
    let vault = open_fast::<u32, String>(scratch.vault());
    vault
        .try_extend((0..1000).map(|n| (n, "x".repeat(3000))))
        .unwrap();
    let mut seen: Vec<Progress> = Vec::new();
    vault
        .backup_with(scratch.path("copy.db"), IfExists::Refuse, |progress| {
            seen.push(progress);
        })
        .unwrap();
    let pages = vault.stats().unwrap().pages;
    assert!(seen.len() > 2);
    assert!(
        seen.iter().all(|progress| progress.total == pages),
        "{seen:?}"
    );
    assert!(seen.is_sorted_by_key(|progress| progress.done));
    assert_eq!(seen.last().unwrap().done, pages);
}

#[test]
fn python_files_can_be_copied() {
    let scratch = Scratch::new();
    python_fixture(&scratch.vault());
    let vault = open::<Json, Json>(scratch.vault());
    vault.backup(scratch.path("copy.db")).unwrap();
    assert_eq!(rows(&scratch.path("copy.db")), rows(&scratch.vault()));
    let copy = open::<Json, Json>(scratch.path("copy.db"));
    assert_eq!(copy.len().unwrap(), vault.len().unwrap());

    let with_checksums: Vault<u32, u32> = OpenOptions::new()
        .checksums(true)
        .open(scratch.path("checksums.db"))
        .unwrap();
    with_checksums.try_extend(numbers(10)).unwrap();
    with_checksums
        .backup(scratch.path("checksums copy.db"))
        .unwrap();
    let copy: Vault<u32, u32> = OpenOptions::new()
        .checksums(true)
        .open(scratch.path("checksums copy.db"))
        .unwrap();
    assert!(entries(&copy).into_iter().eq(numbers(10)));
}

#[test]
fn a_read_only_vault_can_be_copied() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(10));
    for immutable in [false, true] {
        let vault: Vault<u32, u32> = OpenOptions::new()
            .read_only(true)
            .immutable(immutable)
            .open(scratch.vault())
            .unwrap();
        let copy = scratch.path(&format!("{immutable}.db"));
        vault.backup(&copy).unwrap();
        let copy = open::<u32, u32>(copy);
        assert!(entries(&copy).into_iter().eq(numbers(10)));
        copy.put(&11, &11).unwrap();
    }
}

// ---- existing targets ---------------------------------------------------------------------

/// Asserts that copying fails and leaves the folder unchanged.
fn refused_unchanged(
    scratch: &Scratch,
    path: &Path,
    copy: impl Fn(&Path) -> vaults::Result<()>,
) -> Error {
    let before = contents(&scratch.folder());
    let error = copy(path).expect_err("the copy must be refused");
    let after = contents(&scratch.folder());
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>(),
        "after {error:?}"
    );
    assert!(after == before, "the folder was changed: {error:?}");
    error
}

#[test]
fn no_file_is_overwritten() {
    let home = Scratch::new();
    let vault = open::<u32, u32>(home.vault());
    vault.try_extend(numbers(10)).unwrap();
    let scratch = Scratch::new();
    make(scratch.path("vault.db"), numbers(3));
    fs::write(scratch.path("text"), "something else entirely").unwrap();
    fs::write(scratch.path("empty"), "").unwrap();
    fs::create_dir(scratch.path("folder")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", scratch.path("link")).unwrap();
    for name in ["vault.db", "text", "empty", "folder", "link"] {
        let path = scratch.path(name);
        let error = refused_unchanged(&scratch, &path, |path| vault.backup(path));
        assert_is!(&error, Error::AlreadyExists { location, .. } if *location == *path);
    }
    assert_is!(vault.backup(home.vault()), Err(Error::AlreadyExists { .. }));
    assert!(entries(&vault).into_iter().eq(numbers(10)));
}

#[test]
fn replacing_a_vault() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let path = scratch.path("copy.db");
    replace(&vault, &path).unwrap();
    for n in 10..13 {
        vault.put(&n, &n).unwrap();
        replace(&vault, &path).unwrap();
        let copy = open::<u32, u32>(&path);
        assert!(entries(&copy).into_iter().eq(numbers(n + 1)));
        copy.put(&99, &99).unwrap();
        copy.close().unwrap();
    }
    vault.close().unwrap();
    assert_eq!(
        contents(&scratch.folder()).into_keys().collect::<Vec<_>>(),
        ["copy.db", "vault.db"]
    );
}

#[test]
fn replacing_a_vault_that_has_a_log() {
    let scratch = Scratch::new();
    let other = open::<u32, u32>(scratch.path("other.db"));
    other.try_extend((100..200).map(|n| (n, n))).unwrap();
    let path = scratch.path("copy.db");
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(name(&scratch.path("other.db")), name(&path)).unwrap();
    }
    other.close().unwrap();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    replace(&vault, &path).unwrap();
    assert!(!scratch.path("copy.db-wal").exists());
    assert!(
        entries(&open::<u32, u32>(&path))
            .into_iter()
            .eq(numbers(10))
    );
}

#[test]
fn only_a_vault_is_replaced() {
    let home = Scratch::new();
    let vault = open::<u32, u32>(home.vault());
    vault.try_extend(numbers(10)).unwrap();
    let scratch = Scratch::new();
    fs::write(scratch.path("text"), "something else entirely").unwrap();
    fs::write(scratch.path("empty"), "").unwrap();
    sql(&scratch.path("users"), "CREATE TABLE users (id)");
    for name in ["text", "empty", "users"] {
        let error = refused_unchanged(&scratch, &scratch.path(name), |path| replace(&vault, path));
        assert_is!(error, Error::NotAVault { .. });
    }
    fs::create_dir(scratch.path("folder")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", scratch.path("link")).unwrap();
    for name in ["folder", "link"] {
        let error = refused_unchanged(&scratch, &scratch.path(name), |path| replace(&vault, path));
        assert_is!(
            error,
            Error::InvalidPath { .. } | Error::AlreadyExists { .. }
        );
    }
}

#[test]
fn a_vault_that_is_open_is_not_replaced() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let path = scratch.path("copy.db");

    let other = open::<u32, u32>(&path);
    other.try_extend(numbers(3)).unwrap();
    assert_is!(replace(&vault, &path), Err(Error::InUse { .. }));
    let iterator = other.into_iter();
    assert_is!(replace(&vault, &path), Err(Error::InUse { .. }));
    assert!(iterator.map(Result::unwrap).eq(numbers(3)));

    let mut child = Child::start(CHILD, "obedient", &path);
    child.expect("ready");
    assert_is!(replace(&vault, &path), Err(Error::InUse { .. }));
    child.tell("put 50");
    child.expect("ok");
    child.tell("len");
    child.expect("4");
    child.finish();

    // Nor can a vault replace itself.
    assert_is!(replace(&vault, &scratch.vault()), Err(Error::InUse { .. }));
    assert!(entries(&vault).into_iter().eq(numbers(10)));
    replace(&vault, &path).unwrap();
    vault.close().unwrap();
    assert_eq!(
        contents(&scratch.folder()).into_keys().collect::<Vec<_>>(),
        ["copy.db", "vault.db"]
    );
}

// ---- errors -------------------------------------------------------------------------------

#[test]
fn paths_where_no_file_can_be_created() {
    let scratch = Scratch::new();
    let vault: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    vault.try_extend(numbers(10)).unwrap();
    fs::write(scratch.path("file"), "").unwrap();
    for existing in [IfExists::Refuse, IfExists::Replace] {
        for path in ["missing/copy.db", "..", "file/copy.db"] {
            let error = refused_unchanged(&scratch, &scratch.path(path), |path| {
                vault.backup_with(path, existing, |_| ())
            });
            assert_is!(error, Error::InvalidPath { .. } | Error::Io { .. });
        }
        assert_is!(
            vault.backup_with("", existing, |_| ()),
            Err(Error::InvalidPath { .. })
        );
    }
}

#[test]
fn a_damaged_source_leaves_nothing_behind() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3000));
    let vault: Vault<u32, u32> = OpenOptions::new()
        .immutable(true)
        .open(scratch.vault())
        .unwrap();
    let length = fs::metadata(scratch.vault()).unwrap().len();
    let cut = |length: u64| {
        let file = fs::OpenOptions::new().write(true).open(scratch.vault());
        file.and_then(|file| file.set_len(length)).unwrap();
    };
    cut(length / 2);
    let target = Scratch::new();
    assert_is!(
        vault.backup(target.path("copy.db")),
        Err(Error::Corrupt { .. } | Error::Io { .. })
    );
    assert!(contents(&target.folder()).is_empty());
}

#[test]
fn a_panic_in_the_callback_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let vault: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    vault.try_extend(numbers(3000)).unwrap();
    let copied = catch_unwind(AssertUnwindSafe(|| {
        vault.backup_with(scratch.path("copy.db"), IfExists::Refuse, |_| {
            panic!("enough")
        })
    }));
    assert!(copied.is_err());
    assert_eq!(
        contents(&scratch.folder()).into_keys().collect::<Vec<_>>(),
        [""; 0]
    );
    vault.backup(scratch.path("copy.db")).unwrap();
    assert_eq!(
        open::<u32, u32>(scratch.path("copy.db")).len().unwrap(),
        3000
    );
}
