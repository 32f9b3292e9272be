//! Salvage from other files, from other types, and what it refuses to read or replace.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde_json::Value as Json;
use vaults::{Error, Existing, Loss, Vault};

use crate::support::damage::python_fixture;
use crate::support::{Scratch, contents, entries, make, numbers, open, rows};

use super::{salvage, saved, texts};

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
