//! Damaged files, and what can be saved out of them.

use std::collections::HashMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde_json::Value as Json;
use vaults::{Durability, Error, Existing, Loss, OpenOptions, Salvage, Vault};

use crate::support::damage::{
    INTERIOR_TABLE, LEAF_TABLE, change, change_byte_of, damage_page, entries_in, make_paged,
    pages_of, python_fixture,
};
use crate::support::{Scratch, contents, entries, make, numbers, open, put_row, rows, sql};

const ENTRIES: u32 = 1500;

fn texts(count: u32) -> impl Iterator<Item = (u32, String)> {
    (0..count).map(|n| (n, format!("{n:0100}")))
}

/// A file with interior pages below the root: many small pages, and rows that go on in others.
fn make_deep(path: &Path) {
    let long = (ENTRIES..ENTRIES + 20).map(|n| (n, "long".repeat(n as usize)));
    make_paged(path, 512, &OpenOptions::new(), texts(ENTRIES).chain(long));
}

fn all() -> Vec<(u32, String)> {
    let long = (ENTRIES..ENTRIES + 20).map(|n| (n, "long".repeat(n as usize)));
    texts(ENTRIES).chain(long).collect()
}

/// Saves into `saved.db`; the damaged files must be as they were.
fn salvage(scratch: &Scratch) -> Salvage {
    let before = contents(&scratch.folder());
    let salvage = Vault::<u32, String>::salvage(scratch.vault(), scratch.path("saved.db")).unwrap();
    let mut after = contents(&scratch.folder());
    after.remove("saved.db").unwrap();
    assert!(after == before, "the damaged file is only read");
    salvage
}

fn saved(scratch: &Scratch) -> Vec<(u32, String)> {
    let vault = open::<u32, String>(scratch.path("saved.db"));
    assert!(vault.verify().unwrap().is_ok());
    entries(&vault)
}

/// Right entries only, in their order, and all but so many.
fn assert_lacks(saved: &[(u32, String)], lost: u64) {
    let all = all();
    let expected: HashMap<u32, &String> = all.iter().map(|(n, text)| (*n, text)).collect();
    assert!(saved.iter().all(|(n, text)| expected[n] == text));
    assert!(saved.is_sorted_by_key(|entry| entry.0), "not in order");
    assert_eq!(saved.len() as u64 + lost, all.len() as u64);
}

// ---- damage -------------------------------------------------------------------------------

#[test]
fn a_whole_file_is_saved_whole() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    let report = salvage(&scratch);
    assert!(report.lost.is_empty(), "{report:?}");
    assert_eq!(report.saved, 1520);
    assert!(saved(&scratch) == all());
}

#[test]
fn a_damaged_header() {
    for (from, to) in [(0, 16), (18, 24), (24, 100)] {
        let scratch = Scratch::new();
        // The size of pages is in the header too.
        make(scratch.vault(), texts(ENTRIES));
        change(&scratch.vault(), |file| file[from..to].fill(0xEE));
        let report = salvage(&scratch);
        assert_eq!(report.saved, u64::from(ENTRIES), "{from}..{to}");
        assert!(saved(&scratch).into_iter().eq(texts(ENTRIES)));
    }
}

#[test]
fn the_page_size_of_a_file_without_a_header() {
    for bytes in [512, 1024, 2048, 8192, 16384, 32768, 65536] {
        let scratch = Scratch::new();
        make_paged(&scratch.vault(), bytes, &OpenOptions::new(), texts(ENTRIES));
        change(&scratch.vault(), |file| {
            file[..bytes as usize].fill(0xEE);
        });
        let report = salvage(&scratch);
        assert_eq!(report.saved, u64::from(ENTRIES), "{bytes}: {report:?}");
        let mut saved = saved(&scratch);
        saved.sort();
        assert!(saved.into_iter().eq(texts(ENTRIES)), "{bytes}");
    }
}

#[test]
fn the_page_size_of_a_file_without_a_header_that_is_all_in_its_log() {
    let scratch = Scratch::new();
    let copy = scratch.path("copy.db");
    make_paged(&copy, 1024, &OpenOptions::new(), texts(0));
    let vault = open::<u32, String>(&copy);
    vault.try_extend(texts(20)).unwrap();
    fs::copy(scratch.path("copy.db-wal"), scratch.path("vault.db-wal")).unwrap();
    // There is not one row in the file from which its page size could be seen.
    fs::write(scratch.vault(), [0xEE; 4096]).unwrap();
    let report = salvage(&scratch);
    assert_eq!(report.saved, 20, "{report:?}");
    assert!(saved(&scratch).into_iter().eq(texts(20)));
}

#[test]
fn a_damaged_page_of_the_schema() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(ENTRIES));
    damage_page(&scratch.vault(), 1);
    let report = salvage(&scratch);
    assert_is!(&report.lost[0], Loss::Page { number: 1, .. });
    assert!(saved(&scratch).into_iter().eq(texts(ENTRIES)));
}

#[test]
fn a_damaged_schema_in_a_whole_header() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    change(&scratch.vault(), |file| file[100..512].fill(0xEE));
    let report = salvage(&scratch);
    assert_is!(&report.lost[0], Loss::Page { number: 1, .. });
    let mut saved = saved(&scratch);
    saved.sort();
    assert!(saved == all());
}

#[test]
fn a_damaged_interior_page() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    let interior = pages_of(&scratch.vault(), INTERIOR_TABLE);
    assert!(interior.len() > 2);
    for page in interior {
        let scratch = Scratch::new();
        make_deep(&scratch.vault());
        damage_page(&scratch.vault(), page);
        let report = salvage(&scratch);
        assert_is!(&report.lost[0], Loss::Page { number, .. } if *number as usize == page);
        assert_eq!(report.lost.len(), 1, "{report:?}");
        assert_eq!(report.saved, 1520, "page {page}");
        assert_lacks(&saved(&scratch), 0);
    }
}

#[test]
fn a_damaged_leaf() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    let leaves = pages_of(&scratch.vault(), LEAF_TABLE);
    let page = leaves[leaves.len() / 2];
    let lost = entries_in(&scratch.vault(), page);
    damage_page(&scratch.vault(), page);
    let report = salvage(&scratch);
    assert_is!(&report.lost[0], Loss::Page { number, .. } if *number as usize == page);
    assert_eq!(report.lost.len(), 1, "{report:?}");
    let told = report.lost[0].to_string();
    assert!(told.contains(&page.to_string()), "{told}");
    assert_eq!(report.saved, 1520 - lost);
    assert_lacks(&saved(&scratch), lost);
}

#[test]
fn a_file_that_was_cut() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    change(&scratch.vault(), |file| {
        file.truncate(file.len() / 2 / 512 * 512);
    });
    let report = salvage(&scratch);
    assert!(!report.lost.is_empty());
    let saved = saved(&scratch);
    assert!(saved.len() > 400, "{}", saved.len());
    assert_lacks(&saved, 1520 - report.saved);
}

#[test]
fn an_entry_that_does_not_decode() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(10));
    put_row(&scratch.vault(), b"M\x14", b"M\xc3");
    put_row(&scratch.vault(), b"M\x15", b"P\x80\x04N.");
    put_row(&scratch.vault(), b"M\x16", b"Zzz");
    let report = salvage(&scratch);
    assert_eq!(report.saved, 11);
    assert_eq!(report.lost.len(), 2);
    assert_is!(&report.lost[0], Loss::Entry(Error::Decode { .. }));
    assert_is!(
        &report.lost[1],
        Loss::Entry(Error::UnknownTag { tag: b'Z', .. })
    );
    assert!(report.lost[0].to_string().contains("M\\x14"));
    let pickled = rows(&scratch.path("saved.db")).pop().unwrap();
    assert_eq!(pickled, (b"M\x15".to_vec(), b"P\x80\x04N.".to_vec()));
}

// ---- the log ------------------------------------------------------------------------------

#[test]
fn what_is_in_the_log_only() {
    let source = Scratch::new();
    let vault: Vault<u32, String> = OpenOptions::new()
        .durability(Durability::Off)
        .open(source.vault())
        .unwrap();
    vault.try_extend(texts(100)).unwrap();
    vault.put(&5, &"newer".to_owned()).unwrap();
    vault.remove(&6).unwrap();
    let copy = |scratch: &Scratch| {
        for suffix in ["", "-wal"] {
            let name = |path: &Path| format!("{}{suffix}", path.display());
            fs::copy(name(&source.vault()), name(&scratch.vault())).unwrap();
        }
    };
    let scratch = Scratch::new();
    copy(&scratch);
    let report = salvage(&scratch);
    assert!(report.lost.is_empty(), "{report:?}");
    assert_eq!(saved(&scratch), entries(&vault));

    // Its last frame is damaged, and with it the last commit.
    let scratch = Scratch::new();
    copy(&scratch);
    change(&scratch.path("vault.db-wal"), |log| {
        let last = log.len() - 1;
        log[last] ^= 1;
    });
    salvage(&scratch);
    let saved = saved(&scratch);
    assert_eq!(saved.len(), 100);
    assert_eq!(saved[5].1, "newer");
}

// ---- files of other kinds -----------------------------------------------------------------

#[test]
fn a_file_with_checksums_keeps_them_and_drops_what_they_deny() {
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
    assert_is!(&report.lost[0], Loss::Entry(Error::Checksum { key }) if key == "\"M2\"");
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

/// A closed vault with checksums, and what each entry is stored as.
fn make_sealed(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let vault: Vault<u32, String> = OpenOptions::new().checksums(true).open(path).unwrap();
    vault.try_extend(texts(ENTRIES)).unwrap();
    vault.close().unwrap();
    rows(path)
}

type Damage = fn(&Path);

#[test]
fn checksums_that_the_header_no_longer_declares() {
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
        let mut stored = make_sealed(&scratch.vault());
        damage(&scratch.vault());
        let report = salvage(&scratch);
        assert_eq!(report.saved, u64::from(ENTRIES), "without {what}");
        assert!(
            saved(&scratch).into_iter().eq(texts(ENTRIES)),
            "without {what}"
        );
        assert!(
            rows(&scratch.path("saved.db")) == stored,
            "their bytes, without {what}"
        );
        // The new vault declares them again.
        let again = OpenOptions::new()
            .checksums(true)
            .open::<u32, String>(scratch.path("saved.db"));
        again.unwrap().close().unwrap();
        // What they deny is lost still.
        let (_, value) = &mut stored[700];
        *value.last_mut().unwrap() ^= 1;
        sql_value(&scratch.path("saved.db"), 701, value);
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

fn sql_value(path: &Path, rowid: i64, value: &[u8]) {
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
    let stored = make_sealed(&scratch.path("source.db"));
    // As `.dump` writes it: the schema and the rows, nothing of the header.
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
    // Written after that, by a program that does not know of the checksums.
    put_row(&scratch.vault(), b"M\xcd\x27\x0f", b"M\xa4text");
    put_row(&scratch.vault(), b"M\xcd\x27\x10", b"P\x80\x04N.");
    put_row(&scratch.vault(), b"M\xcd\x27\x11", b"M\x07");
    let report = salvage(&scratch);
    assert_eq!(
        (report.saved, report.lost.len()),
        (u64::from(ENTRIES) + 2, 1)
    );
    assert_is!(&report.lost[0], Loss::Entry(Error::Decode { .. }));
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
    make_sealed(&scratch.vault());
    put_row(&scratch.vault(), b"M\x07", b"M\xa4text");
    let report = salvage(&scratch);
    assert_eq!(
        (report.saved, report.lost.len()),
        (u64::from(ENTRIES) - 1, 1)
    );
    assert_is!(&report.lost[0], Loss::Entry(Error::Checksum { .. }));
}

#[test]
fn rows_without_checksums_give_a_vault_without_them() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(10));
    // It begins as one with a checksum does, and is none.
    put_row(&scratch.vault(), b"M\x63", b"C12345678M\xa4text");
    let report = salvage(&scratch);
    assert_eq!((report.saved, report.lost.len()), (10, 1));
    let refused = OpenOptions::new()
        .checksums(true)
        .open::<u32, String>(scratch.path("saved.db"));
    assert_is!(refused, Err(Error::InvalidOptions { .. }));
}

#[test]
fn a_python_file() {
    let scratch = Scratch::new();
    python_fixture(&scratch.vault());
    let stored = rows(&scratch.vault());
    let report = Vault::<Json, Json>::salvage(scratch.vault(), scratch.path("saved.db")).unwrap();
    let saved = rows(&scratch.path("saved.db"));
    assert_eq!(report.saved, saved.len() as u64);
    assert_eq!(saved.len() + report.lost.len(), stored.len(), "{report:?}");
    let mut left = stored.iter();
    assert!(
        saved.iter().all(|row| left.any(|stored| stored == row)),
        "their bytes, in their order"
    );
    assert!(saved.iter().any(|(_, value)| value[0] == b'P'));
    let python = Vault::<Json, Json>::open(scratch.path("saved.db")).unwrap();
    assert_eq!(python.len().unwrap(), saved.len());
}

#[test]
fn what_is_no_vault_saves_nothing() {
    for content in [
        &b""[..],
        b"x",
        b"just some text, not even a page",
        &[0; 5000],
        &[0xFF; 9000],
    ] {
        let scratch = Scratch::new();
        fs::write(scratch.vault(), content).unwrap();
        let report = salvage(&scratch);
        assert_eq!(report.saved, 0);
        assert_is!(&report.lost[0], Loss::Page { number: 1, .. });
        assert!(saved(&scratch).is_empty());
    }
}

#[test]
fn types_other_than_those_that_were_stored() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(10));
    let report = Vault::<u32, u64>::salvage(scratch.vault(), scratch.path("saved.db")).unwrap();
    assert_eq!((report.saved, report.lost.len()), (0, 10));
    assert!(
        report
            .lost
            .iter()
            .all(|loss| matches!(loss, Loss::Entry(Error::Decode { .. })))
    );
}

// ---- errors -------------------------------------------------------------------------------

#[test]
fn the_new_path_must_be_free() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    make(scratch.path("there.db"), numbers(1));
    fs::write(scratch.path("text"), "text").unwrap();
    let before = contents(&scratch.folder());
    for name in ["there.db", "text", "vault.db"] {
        let result = Vault::<u32, u32>::salvage(scratch.vault(), scratch.path(name));
        assert_is!(result, Err(Error::AlreadyExists { .. }));
    }
    let result = Vault::<u32, u32>::salvage(scratch.vault(), scratch.path("missing/new.db"));
    assert_is!(result, Err(Error::InvalidPath { .. }));
    assert!(contents(&scratch.folder()) == before);
}

#[test]
fn a_file_that_cannot_be_read_at_all() {
    let scratch = Scratch::new();
    let result = Vault::<u32, u32>::salvage(scratch.path("missing"), scratch.path("new.db"));
    assert_is!(result, Err(Error::Io { .. }));
    assert!(contents(&scratch.folder()).is_empty());
}

/// Things that are no regular files, by their names in a folder.
fn odd_files(scratch: &Scratch) -> Vec<&'static str> {
    fs::create_dir(scratch.path("folder")).unwrap();
    let mut odd = vec!["folder"];
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        make(scratch.path("target"), numbers(3));
        symlink(scratch.path("target"), scratch.path("link")).unwrap();
        symlink("nowhere", scratch.path("dangling")).unwrap();
        symlink("/dev/zero", scratch.path("endless")).unwrap();
        make_pipe(&scratch.path("pipe"));
        std::os::unix::net::UnixListener::bind(scratch.path("socket")).unwrap();
        odd.extend(["link", "dangling", "endless", "pipe", "socket"]);
    }
    odd
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

#[test]
fn only_regular_files_are_read() {
    let scratch = Scratch::new();
    let odd = odd_files(&scratch);
    let mut paths: Vec<_> = odd.iter().map(|name| scratch.path(name)).collect();
    #[cfg(unix)]
    paths.push("/dev/zero".into());
    for path in paths {
        let result = Vault::<u32, u32>::salvage(&path, scratch.path("new.db"));
        assert_is!(result, Err(Error::InvalidPath { path: told, .. }) if *told == path);
        assert!(!scratch.path("new.db").exists());
    }
}

#[test]
fn only_a_regular_file_is_a_log() {
    let scratch = Scratch::new();
    for name in odd_files(&scratch) {
        make(scratch.vault(), numbers(3));
        fs::rename(scratch.path(name), scratch.path("vault.db-wal")).unwrap();
        let result = Vault::<u32, u32>::salvage(scratch.vault(), scratch.path("new.db"));
        // The user takes it away: a log that is left out is lost.
        let log = scratch.path("vault.db-wal");
        assert_is!(result, Err(Error::InvalidPath { path: told, .. }) if *told == log);
        assert!(!scratch.path("new.db").exists());
        fs::rename(log, scratch.path(name)).unwrap();
        fs::remove_file(scratch.vault()).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_backup_neither_reads_nor_replaces_what_is_no_file() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let vault = open::<u32, u32>(scratch.vault());
    for name in odd_files(&scratch) {
        let path = scratch.path(name);
        for existing in [Existing::Refuse, Existing::Replace] {
            let result = vault.backup_with(&path, existing, |_| ());
            assert_is!(
                result,
                Err(Error::AlreadyExists { .. } | Error::InvalidPath { .. })
            );
        }
        assert!(fs::symlink_metadata(&path).is_ok(), "{name}");
    }
    assert!(
        entries(&open(scratch.path("target")))
            .into_iter()
            .eq(numbers(3))
    );
}

/// A value that is written as a number and panics when it is read as 7.
#[derive(serde::Serialize)]
struct Fuse(u32);

impl<'de> serde::Deserialize<'de> for Fuse {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        assert_ne!(number, 7, "enough");
        Ok(Self(number))
    }
}

#[test]
fn a_salvage_that_does_not_end_leaves_no_vault() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(10));
    let before = contents(&scratch.folder());
    let salvage = || Vault::<u32, Fuse>::salvage(scratch.vault(), scratch.path("new.db"));
    assert!(catch_unwind(AssertUnwindSafe(salvage)).is_err());
    assert!(contents(&scratch.folder()) == before);
    let salvage = Vault::<u32, u32>::salvage(scratch.vault(), scratch.path("new.db"));
    assert_eq!(salvage.unwrap().saved, 10);
}
