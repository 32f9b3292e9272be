//! Salvage from files with checksums, and from files that no longer declare theirs.

use std::fs;
use std::path::Path;

use vaults::maintenance::SalvageLoss;
use vaults::{Error, OpenOptions, Vault};

use crate::support::damage::{change, change_byte_of, damage_page, make_paged};
use crate::support::{Scratch, make, put_row, rows, sql};

use super::{ENTRIES, salvage, saved, texts};

#[test]
fn salvage_keeps_checksums_and_drops_entries_that_fail_them() {
    let scratch = Scratch::new();
    make_paged(
        &scratch.vault(),
        512,
        OpenOptions::new().checksums(true),
        texts(100),
    );
    let damaged = format!("{:0100}", 50);
    change_byte_of(&scratch.vault(), damaged.as_bytes(), |byte| byte ^ 1);
    let report = salvage(&scratch);
    assert_eq!(report.saved, 99);
    assert_eq!(report.lost.len(), 1);
    assert_is!(&report.lost[0], SalvageLoss::Entry(Error::Checksum { key, .. }) if key == "\"M2\"");
    assert!(
        saved(&scratch)
            .into_iter()
            .eq(texts(100).filter(|(n, _)| *n != 50))
    );
    let again: Vault<u32, String> = OpenOptions::new()
        .checksums(true)
        .open(scratch.path("saved.db"))
        .unwrap();
    assert_eq!(again.len().unwrap(), 99);
}

/// Makes a closed vault with checksums, and returns its rows.
fn make_with_checksums(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let vault: Vault<u32, String> = OpenOptions::new().checksums(true).open(path).unwrap();
    vault.try_extend(texts(ENTRIES)).unwrap();
    vault.close().unwrap();
    rows(path)
}

type Damage = fn(&Path);

#[test]
fn checksums_are_kept_if_the_header_no_longer_declares_them() {
    let damages: [(&str, Damage); 6] = [
        ("the format", |path| sql(path, "PRAGMA user_version = 0")),
        ("another format", |path| {
            sql(path, "PRAGMA user_version = 1");
        }),
        ("the application", |path| {
            sql(path, "PRAGMA application_id = 0");
        }),
        ("both", |path| {
            sql(path, "PRAGMA user_version = 0; PRAGMA application_id = 0");
        }),
        ("the header", |path| {
            change(path, |file| file[..100].fill(0));
        }),
        ("the first page", |path| damage_page(path, 1)),
    ];
    for (what, damage) in damages {
        let scratch = Scratch::new();
        let mut stored = make_with_checksums(&scratch.vault());
        damage(&scratch.vault());
        let report = salvage(&scratch);
        assert_eq!(report.saved, u64::from(ENTRIES), "without {what}");
        assert!(
            saved(&scratch).into_iter().eq(texts(ENTRIES)),
            "without {what}"
        );
        assert!(
            rows(&scratch.path("saved.db")) == stored,
            "the rows differ, without {what}"
        );
        // The new vault declares the checksums again.
        let again = OpenOptions::new()
            .checksums(true)
            .open::<u32, String>(scratch.path("saved.db"));
        again.unwrap().close().unwrap();
        // An entry that fails its checksum is still lost.
        let (_, value) = &mut stored[700];
        *value.last_mut().unwrap() ^= 1;
        set_value(&scratch.path("saved.db"), 701, value);
        fs::remove_file(scratch.vault()).unwrap();
        fs::rename(scratch.path("saved.db"), scratch.vault()).unwrap();
        damage(&scratch.vault());
        let report = salvage(&scratch);
        assert_eq!(report.saved, u64::from(ENTRIES) - 1, "without {what}");
        assert!(
            saved(&scratch)
                .into_iter()
                .eq(texts(ENTRIES).filter(|(n, _)| *n != 700))
        );
    }
}

#[test]
fn checksums_are_kept_if_the_last_entry_of_a_page_is_damaged() {
    let scratch = Scratch::new();
    let vault: Vault<u32, String> = OpenOptions::new()
        .checksums(true)
        .open(scratch.vault())
        .unwrap();
    vault.try_extend(texts(3)).unwrap();
    vault.close().unwrap();
    let (_, mut value) = rows(&scratch.vault()).pop().unwrap();
    *value.last_mut().unwrap() ^= 1;
    set_value(&scratch.vault(), 3, &value);
    sql(&scratch.vault(), "PRAGMA user_version = 1");
    let report = salvage(&scratch);
    assert_eq!((report.saved, report.lost.len()), (2, 1));
    assert!(saved(&scratch).into_iter().eq(texts(2)));
    let again = OpenOptions::new()
        .checksums(true)
        .open::<u32, String>(scratch.path("saved.db"));
    again.unwrap().close().unwrap();
}

fn set_value(path: &Path, rowid: i64, value: &[u8]) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let changed = connection
        .execute(
            "UPDATE dict SET value = ?2 WHERE rowid = ?1",
            (rowid, value),
        )
        .unwrap();
    assert_eq!(changed, 1);
    connection.close().unwrap();
}

#[test]
fn rows_that_were_dumped_and_loaded() {
    let scratch = Scratch::new();
    let stored = make_with_checksums(&scratch.path("source.db"));
    // Like the output of `.dump`: the schema and the rows, without the header.
    sql(
        &scratch.vault(),
        "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT",
    );
    let connection = rusqlite::Connection::open(scratch.vault()).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    for (key, value) in &stored {
        connection
            .execute("INSERT INTO dict VALUES (?1, ?2)", (key, value))
            .unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    connection.close().unwrap();
    // Rows written later by a program that does not know about checksums.
    put_row(&scratch.vault(), b"M\xcd\x27\x0f", b"M\xa4text");
    put_row(&scratch.vault(), b"M\xcd\x27\x10", b"P\x80\x04N.");
    put_row(&scratch.vault(), b"M\xcd\x27\x11", b"M\x07");
    let report = salvage(&scratch);
    assert_eq!(
        (report.saved, report.lost.len()),
        (u64::from(ENTRIES) + 2, 1)
    );
    assert_is!(&report.lost[0], SalvageLoss::Entry(Error::Decode { .. }));
    let vault: Vault<u32, String> = OpenOptions::new()
        .checksums(true)
        .open(scratch.path("saved.db"))
        .unwrap();
    assert_eq!(vault.get(&9999).unwrap().as_deref(), Some("text"));
    assert_is!(vault.get(&10_000), Err(Error::Pickle { .. }));
    assert!(vault.verify().unwrap().is_ok());
    assert_eq!(&rows(&scratch.path("saved.db"))[..stored.len()], stored);
}

#[test]
fn a_row_without_a_checksum_in_a_file_that_declares_them() {
    let scratch = Scratch::new();
    make_with_checksums(&scratch.vault());
    put_row(&scratch.vault(), b"M\x07", b"M\xa4text");
    let report = salvage(&scratch);
    assert_eq!(
        (report.saved, report.lost.len()),
        (u64::from(ENTRIES) - 1, 1)
    );
    assert_is!(&report.lost[0], SalvageLoss::Entry(Error::Checksum { .. }));
}

#[test]
fn rows_without_checksums_give_a_vault_without_them() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(10));
    // The row begins like one with a checksum, but is invalid.
    put_row(&scratch.vault(), b"M\x63", b"C12345678M\xa4text");
    let report = salvage(&scratch);
    assert_eq!((report.saved, report.lost.len()), (10, 1));
    let refused = OpenOptions::new()
        .checksums(true)
        .open::<u32, String>(scratch.path("saved.db"));
    assert_is!(refused, Err(Error::InvalidOptions { .. }));
}
