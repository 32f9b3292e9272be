//! Files that another program has locked, and files that cannot be written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use vaults::{Error, OpenOptions, Vault};

use crate::support::{Scratch, entries, make, numbers, open, refused, sql};
#[cfg(unix)]
use crate::support::{ran_without_privileges, set_mode};

const SHORT: Duration = Duration::from_millis(40);

fn impatient() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.busy_timeout(SHORT);
    options
}

/// Opens a connection of another program, and runs a statement.
fn other(path: &Path, what: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(what).unwrap();
    connection
}

fn assert_busy(error: &Error, path: &Path) {
    assert_is!(error, Error::Busy { location, waited, .. } if *location == *path && *waited >= SHORT);
    let text = error.to_string();
    assert!(text.contains("busy_timeout"), "{text}");
}

#[test]
fn opening_a_locked_file() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(1));
    sql(&scratch.vault(), "PRAGMA journal_mode = DELETE");
    let owner = other(&scratch.vault(), "BEGIN EXCLUSIVE");
    let error = impatient().open::<u32, u32>(scratch.vault()).unwrap_err();
    assert_busy(&error, &scratch.vault());
    let mut options = impatient();
    options.read_only(true);
    let error = options.open::<u32, u32>(scratch.vault()).unwrap_err();
    assert_busy(&error, &scratch.vault());
    owner.execute_batch("COMMIT").unwrap();
    let vault: Vault<u32, u32> = impatient().open(scratch.vault()).unwrap();
    assert_eq!(vault.len().unwrap(), 1);
}

#[test]
fn opening_waits_for_the_lock() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(1));
    sql(&scratch.vault(), "PRAGMA journal_mode = DELETE");
    let owner = other(&scratch.vault(), "BEGIN EXCLUSIVE");
    std::thread::scope(|scope| {
        let opener = scope.spawn(|| open::<u32, u32>(scratch.vault()).len().unwrap());
        assert!(!opener.is_finished());
        owner.execute_batch("COMMIT").unwrap();
        assert_eq!(opener.join().unwrap(), 1);
    });
}

#[test]
fn writing_while_another_program_writes() {
    let scratch = Scratch::new();
    let vault: Vault<u32, u32> = impatient().open(scratch.vault()).unwrap();
    vault.put(&1, &1).unwrap();
    let owner = other(&scratch.vault(), "BEGIN IMMEDIATE");
    assert_busy(&vault.put(&2, &2).unwrap_err(), &scratch.vault());
    assert_busy(&vault.insert(2, 2).unwrap_err(), &scratch.vault());
    assert_busy(&vault.try_extend(numbers(9)).unwrap_err(), &scratch.vault());
    assert_busy(&vault.retain(|_, _| false).unwrap_err(), &scratch.vault());
    assert_busy(&vault.clear().unwrap_err(), &scratch.vault());
    assert_busy(
        &vault.drain().next().unwrap().unwrap_err(),
        &scratch.vault(),
    );
    assert_busy(&vault.drain().commit().unwrap_err(), &scratch.vault());
    assert_busy(
        &vault.extract_if(|_, _| true).commit().unwrap_err(),
        &scratch.vault(),
    );
    let mut extraction = vault.extract_if(|_, _| true);
    assert_busy(&extraction.next().unwrap().unwrap_err(), &scratch.vault());
    assert!(extraction.next().is_none());
    drop(extraction);
    // Reads still work.
    assert_eq!(entries(&vault), [(1, 1)]);
    assert_eq!(vault.len().unwrap(), 1);
    owner.execute_batch("COMMIT").unwrap();
    vault.put(&2, &2).unwrap();
    assert_eq!(entries(&vault), [(1, 1), (2, 2)]);
}

/// Much longer than the timeout, but shorter than SQLite's default.
const TOO_LONG: Duration = Duration::from_secs(4);

#[test]
fn a_write_uses_the_busy_timeout() {
    let scratch = Scratch::new();
    let vault: Vault<u32, u32> = impatient().open(scratch.vault()).unwrap();
    let _owner = other(&scratch.vault(), "BEGIN IMMEDIATE");
    assert_is!(vault.put(&1, &1), Err(Error::Busy { waited, .. }) if *waited < TOO_LONG);
}

#[test]
fn opening_uses_the_busy_timeout() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(1));
    sql(&scratch.vault(), "PRAGMA journal_mode = DELETE");
    let _owner = other(&scratch.vault(), "BEGIN EXCLUSIVE");
    let error = impatient().open::<u32, u32>(scratch.vault()).unwrap_err();
    assert_is!(error, Error::Busy { waited, .. } if *waited < TOO_LONG);
}

#[test]
fn a_timeout_of_zero_does_not_wait() {
    let scratch = Scratch::new();
    let mut options = OpenOptions::new();
    options.busy_timeout(Duration::ZERO);
    let vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    let owner = other(&scratch.vault(), "BEGIN IMMEDIATE");
    assert_is!(vault.put(&1, &1), Err(Error::Busy { .. }));
    owner.execute_batch("ROLLBACK").unwrap();
    vault.put(&1, &1).unwrap();
}

#[test]
fn a_write_waits_for_another_program_and_succeeds() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    let owner = other(
        &scratch.vault(),
        "BEGIN IMMEDIATE; INSERT INTO dict VALUES (x'4d07', x'4d07')",
    );
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| vault.insert(7, 8).unwrap());
        assert!(vault.is_empty().unwrap());
        owner.execute_batch("COMMIT").unwrap();
        assert_eq!(writer.join().unwrap(), Some(7));
    });
}

// ---- read-only handles --------------------------------------------------------------------

#[test]
fn a_read_only_handle_refuses_every_write() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let mut options = OpenOptions::new();
    options.read_only(true);
    let mut vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    let refusals = [
        vault.put(&1, &2),
        vault.insert(1, 2).map(drop),
        vault.remove(&1).map(drop),
        vault.remove_entry(&1).map(drop),
        vault.remove_many(&[1]).map(drop),
        vault.pop_first().map(drop),
        vault.pop_last().map(drop),
        vault.try_extend([(1, 2)]),
        vault.clear(),
        vault.retain(|_, _| true),
        vault.for_each_mut(|_, _| {}),
        vault.extract_if(|_, _| true).next().unwrap().map(drop),
        vault.extract_if(|_, _| true).commit(),
        vault.drain().next().unwrap().map(drop),
        vault.drain().commit(),
    ];
    for refusal in refusals {
        assert_is!(refusal, Err(Error::ReadOnly { source: None, .. }));
    }
    let extended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        vault.extend([(1, 2)]);
    }));
    assert!(extended.is_err());
    assert_eq!(entries(&vault), [(0, 0), (1, 1), (2, 2)]);
    assert_eq!(vault.get_many(&[2, 3]).unwrap(), [Some(2), None]);
    vault.flush().unwrap();
    assert_is!(
        vault.delete().map_err(Error::from),
        Err(Error::ReadOnly { .. })
    );
    assert!(scratch.vault().is_file());
}

#[test]
fn a_read_only_handle_shows_the_writes_of_others() {
    let scratch = Scratch::new();
    let writer = open::<u32, u32>(scratch.vault());
    let mut options = OpenOptions::new();
    options.read_only(true);
    let reader: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    for n in 0..10 {
        assert_eq!(reader.len().unwrap(), usize::try_from(n).unwrap());
        writer.put(&n, &n).unwrap();
        assert_eq!(reader.get(&n).unwrap(), Some(n));
    }
    assert_is!(reader.put(&1, &1), Err(Error::ReadOnly { .. }));
}

#[test]
fn a_read_only_handle_does_not_change_the_file() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let before = fs::read(scratch.vault()).unwrap();
    let mut options = OpenOptions::new();
    options.read_only(true);
    let vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    assert_eq!(entries(&vault).len(), 3);
    vault.close().unwrap();
    assert!(fs::read(scratch.vault()).unwrap() == before);
}

// ---- permissions --------------------------------------------------------------------------

#[cfg(unix)]
#[test]
fn a_file_without_write_permission() {
    if ran_without_privileges(test_path!(a_file_without_write_permission)) {
        return;
    }
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    set_mode(&scratch.vault(), 0o444);
    let before = fs::read(scratch.vault()).unwrap();
    let error = Vault::<u32, u32>::open(scratch.vault()).unwrap_err();
    assert!(fs::read(scratch.vault()).unwrap() == before);
    assert_is!(&error, Error::ReadOnly { location, .. } if *location == *scratch.vault());
    let text = error.to_string();
    assert!(
        text.contains("permissions") && text.contains("read_only"),
        "{text}"
    );
    let mut options = OpenOptions::new();
    options.read_only(true);
    let vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    assert_eq!(entries(&vault).len(), 3);
}

#[cfg(unix)]
#[test]
fn opening_a_file_without_write_permission_creates_no_files() {
    if ran_without_privileges(test_path!(
        opening_a_file_without_write_permission_creates_no_files
    )) {
        return;
    }
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    set_mode(&scratch.vault(), 0o444);
    let error = refused(&scratch, || Vault::<u32, u32>::open(scratch.vault()));
    assert_is!(error, Error::ReadOnly { .. });
}

#[cfg(unix)]
#[test]
fn a_file_without_read_permission() {
    if ran_without_privileges(test_path!(a_file_without_read_permission)) {
        return;
    }
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    set_mode(&scratch.vault(), 0o000);
    assert_is!(
        Vault::<u32, u32>::open(scratch.vault()),
        Err(Error::Io { .. })
    );
    set_mode(&scratch.vault(), 0o644);
    assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 3);
}

#[cfg(unix)]
#[test]
fn a_folder_without_write_permission() {
    if ran_without_privileges(test_path!(a_folder_without_write_permission)) {
        return;
    }
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    set_mode(&scratch.folder(), 0o555);
    let new = Vault::<u32, u32>::open(scratch.path("new.db")).unwrap_err();
    let old = refused(&scratch, || Vault::<u32, u32>::open(scratch.vault()));
    set_mode(&scratch.folder(), 0o755);
    assert_is!(new, Error::Io { .. });
    assert_is!(old, Error::Io { .. } | Error::ReadOnly { .. });
    assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 3);
}
