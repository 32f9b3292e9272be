//! Schemas and headers with false information.

use std::fs;

use vaults::{Error, OpenOptions, Vault};

use crate::corruption::inspection::{
    Outcome, PAGE, inspect, is_typed, open_options, options, small,
};
use crate::support::damage::{change, make_paged};
use crate::support::{Scratch, contents, refused, sql};

/// Makes a vault, and changes its schema by a statement.
fn with_schema(change: &str) -> Scratch {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 4096, &options(false), small());
    sql(
        &scratch.vault(),
        &format!("PRAGMA writable_schema = ON; {change}; PRAGMA writable_schema = OFF"),
    );
    scratch
}

#[test]
fn schemas_with_false_information() {
    for lie in [
        "UPDATE sqlite_schema SET rootpage = 999999",
        "UPDATE sqlite_schema SET rootpage = -1",
        "UPDATE sqlite_schema SET rootpage = 0",
        "UPDATE sqlite_schema SET rootpage = 1",
        "UPDATE sqlite_schema SET rootpage = 2",
        "UPDATE sqlite_schema SET rootpage = 3",
        "UPDATE sqlite_schema SET rootpage = 'two'",
        "UPDATE sqlite_schema SET rootpage = NULL",
        "UPDATE sqlite_schema SET rootpage = 5 - rootpage",
        "UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'dict'",
        "UPDATE sqlite_schema SET sql = NULL",
        "UPDATE sqlite_schema SET sql = x'00ff00'",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE dict (' WHERE name = 'dict'",
        "UPDATE sqlite_schema SET type = 'view' WHERE name = 'dict'",
        "UPDATE sqlite_schema SET type = NULL, name = NULL",
        "UPDATE sqlite_schema SET tbl_name = 'other'",
        "UPDATE sqlite_schema SET name = 'sqlite_autoindex_dict_1'",
        "DELETE FROM sqlite_schema WHERE type = 'index'",
        "INSERT INTO sqlite_schema SELECT * FROM sqlite_schema",
    ] {
        let scratch = with_schema(lie);
        let before = fs::read(scratch.vault()).unwrap();
        for way in &open_options()[..2] {
            let found = inspect(&scratch.vault(), way, &small());
            assert_ne!(found, Outcome::Other, "{lie}");
            assert_ne!(found, Outcome::Right, "{lie}");
        }
        assert!(fs::read(scratch.vault()).unwrap() == before, "{lie}");
        inspect(&scratch.vault(), &open_options()[2], &small());
    }
}

#[test]
fn a_table_with_texts_and_numbers() {
    // Without `STRICT`, the columns may contain values of any type.
    for (key, value) in [
        ("'text'", "x'4d01'"),
        ("x'4d01'", "1"),
        ("1.5", "NULL"),
        ("''", "''"),
    ] {
        let scratch = Scratch::new();
        sql(
            &scratch.vault(),
            &format!(
                "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB);
                 INSERT INTO dict VALUES ({key}, {value})"
            ),
        );
        let before = contents(&scratch.folder());
        for way in &open_options()[..2] {
            let found = inspect(&scratch.vault(), way, &small());
            assert_eq!(found, Outcome::Error, "{key}, {value}");
        }
        assert!(contents(&scratch.folder()) == before);
    }
}

/// Constraints that SQLite evaluates when an entry is written. The author of the file controls
/// them.
#[test]
fn tables_with_constraints_are_refused() {
    let columns = |key: &str, value: &str| {
        format!(
            "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL {key}, value BLOB NOT NULL {value}) STRICT"
        )
    };
    for schema in [
        columns("", "CHECK (hex(zeroblob(400000000)) <> '')"),
        columns("CHECK (key <> x'4d07')", ""),
        columns("", "REFERENCES dict (key) ON DELETE CASCADE"),
        columns("COLLATE NOCASE", ""),
        columns("ON CONFLICT REPLACE", ""),
    ] {
        let scratch = Scratch::new();
        sql(&scratch.vault(), &schema);
        let error = refused(&scratch, || Vault::<u32, u32>::open(scratch.vault()));
        assert_is!(error, Error::NotAVault { .. });
    }
}

#[test]
fn headers_with_false_information() {
    for (at, bytes) in [
        (28, &[0xFF, 0xFF, 0xFF, 0xFE][..]),
        (28, &[0, 0, 0, 1]),
        (32, &[0, 0, 0, 2, 0, 0, 0, 1]),
        (36, &[0xFF; 4]),
        (44, &[0, 0, 0, 9]),
        (52, &[0, 0, 0, 1]),
        (56, &[0, 0, 0, 2]),
        (18, &[9, 9]),
        (18, &[1, 1]),
        (20, &[255]),
        (21, &[0, 0, 0]),
    ] {
        let scratch = Scratch::new();
        make_paged(&scratch.vault(), PAGE, &options(true), small());
        change(&scratch.vault(), |file| {
            file[at..at + bytes.len()].copy_from_slice(bytes);
        });
        for way in &open_options() {
            let found = inspect(&scratch.vault(), way, &small());
            assert_ne!(found, Outcome::Other, "{bytes:?} at {at}");
        }
        let vault = OpenOptions::new().open::<u32, String>(scratch.vault());
        if let Ok(vault) = vault {
            // If the file claims to have the maximum size, no page can be added.
            if let Err(error) = vault.try_extend((1000..1100).map(|n| (n, "x".repeat(100)))) {
                assert!(is_typed(&error), "{bytes:?} at {at}: {error:?}");
            }
        }
    }
}
