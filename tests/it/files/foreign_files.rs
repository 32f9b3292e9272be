//! SQLite files that are not vaults, or of a newer version. They are refused, and no byte is
//! changed.

use std::fs;
use std::path::Path;

use vaults::{Error, OpenOptions, Vault};

use crate::support::{Scratch, contents, entries, make, open, refused, sql};

const DDL: &str = "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT";

/// Returns the error of opening the vault, with or without `create`. The folder must stay
/// unchanged.
fn refusal(scratch: &Scratch) -> Error {
    let path = scratch.vault();
    let mut options = OpenOptions::new();
    options.create(false);
    refused(scratch, || options.open::<u32, u32>(&path));
    refused(scratch, || Vault::<u32, u32>::open(&path))
}

fn assert_refused(setup: &str, expected: &str) {
    let scratch = Scratch::new();
    sql(&scratch.vault(), setup);
    let error = refusal(&scratch);
    assert_is!(&error, Error::NotAVault { location, .. } if *location == *scratch.vault());
    assert!(error.to_string().contains(expected), "{setup}: {error}");
}

#[test]
fn other_tables() {
    assert_refused("CREATE TABLE users (id INTEGER)", "the table \"users\"");
    assert_refused(
        &format!("{DDL}; CREATE TABLE more (x)"),
        "the table \"more\"",
    );
    assert_refused(
        &format!("{DDL}; CREATE TABLE t (x INTEGER PRIMARY KEY AUTOINCREMENT)"),
        "it contains the table",
    );
}

#[test]
fn other_columns_of_the_table() {
    for shape in [
        "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL)",
        "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB, time INTEGER)",
        "CREATE TABLE dict (key TEXT PRIMARY KEY, value BLOB)",
        "CREATE TABLE dict (key INTEGER PRIMARY KEY, value BLOB)",
        "CREATE TABLE dict (key BLOB, value BLOB)",
    ] {
        assert_refused(shape, "\"dict\"");
    }
}

#[test]
fn other_objects() {
    let with = |more: &str| format!("{DDL}; {more}");
    assert_refused(
        &with("CREATE INDEX fast ON dict (value)"),
        "the index \"fast\"",
    );
    assert_refused(&with("CREATE VIEW v AS SELECT 1"), "the view \"v\"");
    assert_refused(
        &with("CREATE TRIGGER t AFTER INSERT ON dict BEGIN DELETE FROM dict; END"),
        "the trigger \"t\"",
    );
    assert_refused(
        &with("CREATE VIRTUAL TABLE f USING fts5(x)"),
        "it contains the table",
    );
}

#[test]
fn views_with_arbitrary_sql() {
    assert_refused(
        "CREATE TABLE loot (k, v);
         CREATE VIEW dict AS SELECT x'4d01' AS key, x'4d01' AS value;
         CREATE TRIGGER t INSTEAD OF INSERT ON dict BEGIN
             INSERT INTO loot VALUES (new.key, new.value);
         END",
        "it contains the",
    );
    assert_refused(
        "CREATE VIEW dict AS SELECT 1 AS key, 2 AS value",
        "the view \"dict\"",
    );
}

#[test]
fn the_application_id_of_another_program() {
    assert_refused(
        &format!("{DDL}; PRAGMA application_id = 0x12345678"),
        "0x12345678",
    );
    assert_refused(
        "PRAGMA application_id = -1; CREATE TABLE t (x)",
        "0xffffffff",
    );
}

#[test]
fn the_application_id_without_a_table() {
    assert_refused(
        "PRAGMA application_id = 0x56414c54; PRAGMA user_version = 1",
        "no table \"dict\"",
    );
}

#[test]
fn a_newer_format() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, 1_u32)]);
    sql(&scratch.vault(), "PRAGMA user_version = 7");
    let error = refusal(&scratch);
    assert_is!(
        &error,
        Error::NewerFormat {
            found: 7,
            supported: 5,
            ..
        }
    );
    assert!(error.to_string().contains("upgrade"), "{error}");
}

#[test]
fn a_foreign_file_opened_read_only() {
    let scratch = Scratch::new();
    sql(&scratch.vault(), "CREATE TABLE users (id)");
    let mut options = OpenOptions::new();
    options.read_only(true);
    let error = refused(&scratch, || options.open::<u32, u32>(scratch.vault()));
    assert_is!(error, Error::NotAVault { .. });
}

// ---- remaining logs and journal modes ---------------------------------------------------

#[test]
fn a_closed_foreign_file_in_wal_mode() {
    assert_refused(
        "PRAGMA journal_mode = WAL; CREATE TABLE users (id)",
        "the table \"users\"",
    );
}

#[test]
fn a_foreign_file_in_wal_mode_opened_read_only() {
    let scratch = Scratch::new();
    sql(
        &scratch.vault(),
        "PRAGMA journal_mode = WAL; CREATE TABLE users (id)",
    );
    let mut options = OpenOptions::new();
    options.read_only(true);
    let error = refused(&scratch, || options.open::<u32, u32>(scratch.vault()));
    assert_is!(error, Error::NotAVault { .. });
}

/// Copies a file in use, as a crash would leave it.
fn copy_in_use(from: &Path, to: &Path, suffixes: &[&str]) {
    for suffix in suffixes {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(name(from), name(to)).unwrap();
    }
}

#[test]
fn a_foreign_file_with_a_log() {
    let source = Scratch::new();
    let connection = rusqlite::Connection::open(source.vault()).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE users (id); INSERT INTO users VALUES (1), (2)",
        )
        .unwrap();
    let scratch = Scratch::new();
    copy_in_use(&source.vault(), &scratch.vault(), &["", "-wal"]);
    let log = contents(&scratch.folder())["vault.db-wal"].len();
    assert!(log > 4096, "the table is only in the log");
    let before = contents(&scratch.folder());
    let error = Vault::<u32, u32>::open(scratch.vault()).unwrap_err();
    assert_is!(&error, Error::NotAVault { .. });
    assert!(error.to_string().contains("the table"), "{error}");
    let after = contents(&scratch.folder());
    for name in ["vault.db", "vault.db-wal"] {
        assert!(after[name] == before[name], "{name} was changed");
    }
    // The other program still finds its rows.
    let owner = rusqlite::Connection::open(scratch.vault()).unwrap();
    let users: i64 = owner
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(users, 2);
}

#[test]
fn a_vault_with_a_log_is_recovered() {
    let source = Scratch::new();
    let vault = open::<u32, u32>(source.vault());
    vault.try_extend([(1, 1), (2, 2)]).unwrap();
    let scratch = Scratch::new();
    copy_in_use(&source.vault(), &scratch.vault(), &["", "-wal"]);
    let copy = open::<u32, u32>(scratch.vault());
    assert_eq!(entries(&copy), [(1, 1), (2, 2)]);
}

#[test]
fn a_foreign_file_in_use_is_not_disturbed() {
    let scratch = Scratch::new();
    let connection = rusqlite::Connection::open(scratch.vault()).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE users (id); BEGIN; INSERT INTO users VALUES (1)")
        .unwrap();
    let error = Vault::<u32, u32>::open(scratch.vault()).unwrap_err();
    assert_is!(error, Error::NotAVault { .. });
    connection.execute_batch("COMMIT").unwrap();
    let users: i64 = connection
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(users, 1);
}

#[test]
fn a_changed_journal_mode_is_restored() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, 1_u32)]);
    sql(&scratch.vault(), "PRAGMA journal_mode = DELETE");
    let vault = open::<u32, u32>(scratch.vault());
    vault.put(&2, &2).unwrap();
    assert_eq!(vault.len().unwrap(), 2);
    vault.close().unwrap();
    assert_eq!(fs::read(scratch.vault()).unwrap()[18..20], [2, 2]);
}

#[test]
fn reading_keeps_a_changed_journal_mode() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, 1_u32)]);
    sql(&scratch.vault(), "PRAGMA journal_mode = DELETE");
    let before = contents(&scratch.folder());
    let vault: Vault<u32, u32> = OpenOptions::new()
        .read_only(true)
        .open(scratch.vault())
        .unwrap();
    assert_eq!(entries(&vault), [(1, 1)]);
    assert_eq!(vault.len().unwrap(), 1);
    vault.close().unwrap();
    assert!(contents(&scratch.folder()) == before);
}
