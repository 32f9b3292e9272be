//! Users and permissions: vaults of another user, logs and journals that cannot be written back, a
//! file that is mounted by itself, and a process that runs out of file descriptors.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;

use rusqlite::Connection;
use vaults::{Error, OpenOptions, Vault};

#[cfg(unix)]
use crate::support::{
    Child, contents, listen, not_tried, open, ran_without_privileges, role, say, set_mode,
    unprivileged,
};
use crate::support::{Scratch, entries, make, numbers, refused, sql};

fn read_only(path: &Path) -> vaults::Result<Vault<u32, u32>> {
    OpenOptions::new().read_only(true).open(path)
}

fn immutable(path: &Path) -> vaults::Result<Vault<u32, u32>> {
    OpenOptions::new().immutable(true).open(path)
}

/// Makes a vault at `path` as a killed process leaves it: 100 entries are only in the log.
fn make_with_log(path: &Path, index: bool) {
    let elsewhere = Scratch::new();
    make(elsewhere.vault(), [(1000, 1000)]);
    let vault: Vault<u32, u32> = Vault::open(elsewhere.vault()).unwrap();
    vault.try_extend(numbers(100)).unwrap();
    copy_all(
        &elsewhere,
        path,
        if index {
            &["", "-wal", "-shm"]
        } else {
            &["", "-wal"]
        },
    );
}

/// Makes a vault of three entries at `path`, as Python leaves it when it is killed in a
/// transaction.
fn make_with_hot_journal(path: &Path) {
    let elsewhere = Scratch::new();
    make(elsewhere.vault(), numbers(3));
    sql(&elsewhere.vault(), "PRAGMA journal_mode = DELETE");
    let writer = Connection::open(elsewhere.vault()).unwrap();
    // The cache is so small that pages reach the file before the transaction ends.
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN;
             WITH RECURSIVE n(x) AS (VALUES(0) UNION ALL SELECT x + 1 FROM n WHERE x < 2000)
             INSERT INTO dict SELECT randomblob(30), randomblob(300) FROM n",
        )
        .unwrap();
    copy_all(&elsewhere, path, &["", "-journal"]);
}

fn copy_all(from: &Scratch, to: &Path, suffixes: &[&str]) {
    for suffix in suffixes {
        let from = from.path(&format!("vault.db{suffix}"));
        fs::copy(from, format!("{}{suffix}", to.display())).unwrap();
    }
}

fn assert_needs_recovery(error: &Error, log: &Path) {
    assert_is!(error, Error::NeedsRecovery { log: named, .. } if named == log);
    let text = error.to_string();
    assert!(text.contains(log.to_str().unwrap()), "{text}");
    assert!(!text.contains("immutable(true)"), "{text}");
}

// ---- logs and journals --------------------------------------------------------------------

#[test]
fn immutable_with_a_log() {
    let scratch = Scratch::new();
    make_with_log(&scratch.vault(), false);
    let error = refused(&scratch, || immutable(&scratch.vault()));
    assert_needs_recovery(&error, &scratch.path("vault.db-wal"));
    // The error recommends this.
    Vault::<u32, u32>::open(scratch.vault())
        .unwrap()
        .close()
        .unwrap();
    assert_eq!(immutable(&scratch.vault()).unwrap().len().unwrap(), 101);
}

#[test]
fn immutable_with_a_hot_journal() {
    let scratch = Scratch::new();
    make_with_hot_journal(&scratch.vault());
    let error = refused(&scratch, || immutable(&scratch.vault()));
    assert_needs_recovery(&error, &scratch.path("vault.db-journal"));
    Vault::<u32, u32>::open(scratch.vault())
        .unwrap()
        .close()
        .unwrap();
    let vault = immutable(&scratch.vault()).unwrap();
    assert!(entries(&vault).into_iter().eq(numbers(3)));
}

#[test]
fn immutable_with_an_empty_log_or_journal() {
    for (name, bytes) in [
        ("vault.db-wal", &[][..]),
        ("vault.db-journal", &[]),
        // SQLite leaves it like this with `journal_mode = PERSIST`.
        ("vault.db-journal", &[0; 1024]),
    ] {
        let scratch = Scratch::new();
        make(scratch.vault(), numbers(3));
        fs::write(scratch.path(name), bytes).unwrap();
        let vault = immutable(&scratch.vault()).unwrap();
        assert!(entries(&vault).into_iter().eq(numbers(3)), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn immutable_with_a_pipe_instead_of_a_journal() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let journal = scratch.path("vault.db-journal");
    let made = Command::new("mkfifo").arg(&journal).status().unwrap();
    assert!(made.success());
    assert_needs_recovery(&immutable(&scratch.vault()).unwrap_err(), &journal);
}

#[test]
fn read_only_with_a_hot_journal() {
    let scratch = Scratch::new();
    make_with_hot_journal(&scratch.vault());
    let error = refused(&scratch, || read_only(&scratch.vault()));
    assert_needs_recovery(&error, &scratch.path("vault.db-journal"));
}

#[cfg(unix)]
#[test]
fn a_log_or_a_journal_in_a_folder_without_write_permission() {
    if ran_without_privileges(test_path!(
        a_log_or_a_journal_in_a_folder_without_write_permission
    )) {
        return;
    }
    let log: fn(&Path) = |path| make_with_log(path, false);
    for (make, name) in [
        (log, "vault.db-wal"),
        (make_with_hot_journal, "vault.db-journal"),
    ] {
        let scratch = Scratch::new();
        make(&scratch.vault());
        set_mode(&scratch.folder(), 0o555);
        let error = refused(&scratch, || read_only(&scratch.vault()));
        set_mode(&scratch.folder(), 0o755);
        assert_needs_recovery(&error, &scratch.path(name));
    }
}

// ---- an index without write permission ----------------------------------------------------

/// A killed process has left an index, which no process keeps up to date. The log is read without
/// it.
#[cfg(unix)]
#[test]
fn reading_a_log_whose_index_is_not_writable() {
    if ran_without_privileges(test_path!(reading_a_log_whose_index_is_not_writable)) {
        return;
    }
    let scratch = Scratch::new();
    make_with_log(&scratch.vault(), true);
    for name in contents(&scratch.folder()).into_keys() {
        set_mode(&scratch.path(&name), 0o444);
    }
    set_mode(&scratch.folder(), 0o555);
    let before = contents(&scratch.folder());
    let vault = read_only(&scratch.vault()).unwrap();
    assert_eq!(vault.len().unwrap(), 101);
    assert_eq!(vault.get(&7).unwrap(), Some(7));
    assert_eq!(vault.get(&7).unwrap(), Some(7));
    assert_eq!(vault.get(&1000).unwrap(), Some(1000));
    assert_eq!(vault.snapshot().unwrap().len().unwrap(), 101);
    assert_eq!(entries(&vault).len(), 101);
    assert!(vault.verify().unwrap().is_ok());
    assert_eq!(vault.stats().unwrap().entries, 101);
    vault.close().unwrap();
    assert!(contents(&scratch.folder()) == before);
    set_mode(&scratch.folder(), 0o755);
}

#[cfg(unix)]
#[test]
fn writing_with_a_log_that_is_not_writable() {
    if ran_without_privileges(test_path!(writing_with_a_log_that_is_not_writable)) {
        return;
    }
    for suffix in ["-wal", "-shm"] {
        let scratch = Scratch::new();
        make_with_log(&scratch.vault(), true);
        let companion = scratch.path(&format!("vault.db{suffix}"));
        set_mode(&companion, 0o444);
        let error = Vault::<u32, u32>::open(scratch.vault()).unwrap_err();
        assert_is!(&error, Error::ReadOnly { location, .. } if *location == *companion);
        let text = error.to_string();
        assert!(text.contains("owner"), "{text}");
        // The error recommends this.
        set_mode(&companion, 0o644);
        assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 101);
    }
}

// ---- vaults of another user ---------------------------------------------------------------

/// Starts a child as another user, who can read what this one creates. Returns `None` if this
/// process has no permission for it.
#[cfg(unix)]
fn child_of_another_user(test: &str, scratch: &Scratch) -> Option<(Scratch, Child)> {
    let tools = Scratch::new();
    let command = unprivileged(&tools)?;
    let child = Child::start_with(command, test, "another user", &scratch.folder());
    Some((tools, child))
}

#[cfg(unix)]
#[test]
fn reading_while_another_user_writes() {
    if let Some((_, folder)) = role() {
        let vault = read_only(&folder.join("vault.db")).unwrap();
        assert!(entries(&vault).into_iter().eq(numbers(100)));
        assert_eq!(vault.get(&7).unwrap(), Some(7));
        assert_eq!(vault.get(&7).unwrap(), Some(7));
        let hits = vault.stats().unwrap().cache_hits;
        assert_eq!(hits, 1, "the cache works with the shared index");
        let snapshot = vault.snapshot().unwrap();
        assert_eq!(snapshot.len().unwrap(), 100);
        say("read");
        assert_eq!(listen().as_deref(), Some("written"));
        assert_eq!(
            vault.get(&7).unwrap(),
            Some(8),
            "the value must not be stale"
        );
        assert_eq!(vault.len().unwrap(), 101);
        assert_eq!(snapshot.get(&7).unwrap(), Some(7));
        assert!(vault.verify().unwrap().is_ok());
        return;
    }
    let scratch = Scratch::new();
    set_mode(&scratch.folder(), 0o755);
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(100)).unwrap();
    let test = test_path!(reading_while_another_user_writes);
    let Some((_tools, mut child)) = child_of_another_user(test, &scratch) else {
        not_tried(test, "only root can start a process of another user");
        return;
    };
    child.expect("read");
    vault.put(&7, &8).unwrap();
    vault.put(&100, &100).unwrap();
    child.tell("written");
    child.finish();
}

#[cfg(unix)]
#[test]
fn a_reader_of_another_user_does_not_block_the_owner() {
    if let Some((_, folder)) = role() {
        let path = folder.join("vault.db");
        let names = || fs::read_dir(&folder).unwrap().count();
        let error = read_only(&path).unwrap_err();
        assert_is!(&error, Error::ReadOnlyFolder { .. });
        assert_eq!(names(), 1, "after {error:?}");
        assert_eq!(immutable(&path).unwrap().len().unwrap(), 3);
        assert_eq!(names(), 1);
        say("refused");
        assert_eq!(listen().as_deref(), Some("open"));
        assert_eq!(read_only(&path).unwrap().len().unwrap(), 3);
        say("read");
        assert_eq!(listen().as_deref(), Some("writable by all"));
        assert_eq!(read_only(&path).unwrap().len().unwrap(), 3);
        return;
    }
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    set_mode(&scratch.vault(), 0o644);
    set_mode(&scratch.folder(), 0o777);
    let test = test_path!(a_reader_of_another_user_does_not_block_the_owner);
    let Some((_tools, mut child)) = child_of_another_user(test, &scratch) else {
        not_tried(test, "only root can start a process of another user");
        return;
    };
    child.expect("refused");
    let vault = open::<u32, u32>(scratch.vault());
    vault.put(&0, &0).unwrap();
    child.tell("open");
    child.expect("read");
    vault.close().unwrap();
    assert_eq!(contents(&scratch.folder()).len(), 1);
    // If all users can write the vault, a reader may create the log and the index.
    set_mode(&scratch.vault(), 0o666);
    child.tell("writable by all");
    child.finish();
}

// ---- a file mounted by itself -------------------------------------------------------------

#[cfg(target_os = "linux")]
#[test]
fn a_file_mounted_by_itself() {
    if let Some((_, folder)) = role() {
        let mounted = folder.join("mounted.db");
        let before = contents(&folder);
        for opened in [Vault::<u32, u32>::open(&mounted), read_only(&mounted)] {
            let error = opened.unwrap_err();
            assert_is!(&error, Error::InvalidPath { .. });
            let text = error.to_string();
            assert!(text.contains("mount its folder"), "{text}");
        }
        assert!(contents(&folder) == before);
        // Without a log, no entry can be missed.
        assert_eq!(immutable(&mounted).unwrap().len().unwrap(), 3);
        let folder = folder.join("folder").join("vault.db");
        assert_eq!(open::<u32, u32>(folder).len().unwrap(), 3);
        return;
    }
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    fs::write(scratch.path("mounted.db"), "").unwrap();
    for folder in ["real", "folder"] {
        fs::create_dir(scratch.path(folder)).unwrap();
    }
    make(scratch.path("real").join("vault.db"), numbers(3));
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-e", "-c", script, "sh"])
            .current_dir(scratch.folder());
        command
    };
    // If this process cannot mount, an ordinary file gives the same result as in all other tests.
    let may_mount = unshare("mount --bind vault.db mounted.db").output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        let test = "files::other_users::a_file_mounted_by_itself";
        not_tried(test, "this process has no permission to mount");
        return;
    }
    let mut command =
        unshare("mount --bind vault.db mounted.db; mount --bind real folder; exec \"$@\"");
    command.arg(std::env::current_exe().unwrap());
    let test = test_path!(a_file_mounted_by_itself);
    Child::start_with(command, test, "mounted", &scratch.folder()).finish();
}

// ---- descriptors --------------------------------------------------------------------------

#[cfg(unix)]
fn until_too_many<T>(mut open: impl FnMut() -> vaults::Result<T>) -> (usize, Error) {
    let mut opened = Vec::new();
    loop {
        match open() {
            Ok(one) => opened.push(one),
            Err(error) => return (opened.len(), error),
        }
    }
}

#[cfg(unix)]
#[test]
fn running_out_of_descriptors() {
    if let Some((_, folder)) = role() {
        let vault = open::<u32, u32>(folder.join("vault.db"));
        assert_eq!(vault.get(&1).unwrap(), Some(1));
        let (iterators, error) = until_too_many(|| {
            let mut iterator = vault.iter();
            iterator.next().unwrap().map(|_| iterator)
        });
        assert!(iterators > 5, "{iterators}");
        assert_is!(&error, Error::TooManyFiles { .. });
        let text = error.to_string();
        assert!(text.contains("too many files"), "{text}");
        let mut number = 0;
        let (vaults, error) = until_too_many(|| {
            number += 1;
            Vault::<u32, u32>::open(folder.join(format!("{number}.db")))
        });
        assert!(vaults > 2, "{vaults}");
        assert_is!(&error, Error::TooManyFiles { .. });
        // With free descriptors, everything works again.
        vault.put(&1, &2).unwrap();
        assert_eq!(open::<u32, u32>(folder.join("new.db")).len().unwrap(), 0);
        return;
    }
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 60; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap());
    let test = test_path!(running_out_of_descriptors);
    Child::start_with(command, test, "poor", &scratch.folder()).finish();
}

// ---- names --------------------------------------------------------------------------------

#[cfg(unix)]
#[test]
fn a_path_that_is_too_long_for_sqlite() {
    let scratch = Scratch::new();
    let part = "d".repeat(100);
    let mut folder = scratch.folder();
    while folder.as_os_str().len() + 101 < 450 {
        folder.push(&part);
    }
    fs::create_dir_all(&folder).unwrap();
    let path = |bytes: usize| {
        let missing = bytes - folder.as_os_str().len() - 1;
        folder.join("v".repeat(missing))
    };
    make(path(504), numbers(3));
    assert_eq!(immutable(&path(504)).unwrap().len().unwrap(), 3);
    // An unfinished copy has a temporary name.
    for bytes in [470, 477, 504] {
        let vault = open::<u32, u32>(path(504));
        let copy = folder.join("w".repeat(bytes - folder.as_os_str().len() - 1));
        vault.backup(&copy).unwrap();
        fs::write(&copy, "damaged").unwrap();
        vault.close().unwrap();
        let restored = Vault::<u32, u32>::restore(path(504), &copy).unwrap();
        assert_eq!(restored.len().unwrap(), 3);
    }
    for bytes in [505, 512, 600] {
        let error = Vault::<u32, u32>::open(path(bytes)).unwrap_err();
        assert_is!(&error, Error::InvalidPath { .. });
        let text = error.to_string();
        assert!(text.contains("504 bytes"), "{text}");
        assert!(!path(bytes).exists());
    }
}

// ---- error messages -----------------------------------------------------------------------

#[test]
fn the_error_of_a_write_through_a_read_only_handle() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    for open in [read_only, immutable] {
        let vault = open(&scratch.vault()).unwrap();
        let text = vault.put(&1, &1).unwrap_err().to_string();
        assert!(text.contains("only reads"), "{text}");
        assert!(text.contains("without `OpenOptions::read_only`"), "{text}");
        assert!(!text.contains("permissions"), "{text}");
    }
}

#[test]
fn the_error_of_a_reentrant_write_in_memory() {
    let vault: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    let _entry = vault.entry(1).or_insert(1).unwrap();
    let text = vault.put(&2, &2).unwrap_err().to_string();
    assert!(!text.contains("::"), "{text}");
}
