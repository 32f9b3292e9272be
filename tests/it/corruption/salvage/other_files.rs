//! Salvage from other files and with other types, and the files that it refuses to read or replace.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde_json::Value as Json;
use vaults::maintenance::{IfExists, SalvageLoss};
use vaults::{Error, Vault};

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
    let mut remaining = stored.iter();
    assert!(
        saved
            .iter()
            .all(|row| remaining.any(|stored| stored == row)),
        "the rows must be unchanged and in order"
    );
    assert!(saved.iter().any(|(_, value)| value[0] == b'P'));
    let python = Vault::<Json, Json>::open(scratch.path("saved.db")).unwrap();
    assert_eq!(python.len().unwrap(), saved.len());
}

#[test]
fn nothing_is_saved_from_a_file_that_is_not_a_vault() {
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
        assert_is!(&report.lost[0], SalvageLoss::Page { number: 1, .. });
        assert!(saved(&scratch).is_empty());
    }
}

#[test]
fn salvage_with_wrong_types() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(10));
    let report = Vault::<u32, u64>::salvage(scratch.vault(), scratch.path("saved.db")).unwrap();
    assert_eq!((report.saved, report.lost.len()), (0, 10));
    assert!(
        report
            .lost
            .iter()
            .all(|loss| matches!(loss, SalvageLoss::Entry(Error::Decode { .. })))
    );
}

#[test]
fn the_new_path_must_not_exist() {
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
fn a_missing_file() {
    let scratch = Scratch::new();
    let result = Vault::<u32, u32>::salvage(scratch.path("missing"), scratch.path("new.db"));
    assert_is!(result, Err(Error::Io { .. }));
    assert!(contents(&scratch.folder()).is_empty());
}

/// Makes files that are not regular files, and returns their names.
fn special_files(scratch: &Scratch) -> Vec<&'static str> {
    fs::create_dir(scratch.path("folder")).unwrap();
    let mut special = vec!["folder"];
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        make(scratch.path("target"), numbers(3));
        symlink(scratch.path("target"), scratch.path("link")).unwrap();
        symlink("nowhere", scratch.path("dangling")).unwrap();
        symlink("/dev/zero", scratch.path("infinite")).unwrap();
        make_pipe(&scratch.path("pipe"));
        std::os::unix::net::UnixListener::bind(scratch.path("socket")).unwrap();
        special.extend(["link", "dangling", "infinite", "pipe", "socket"]);
    }
    special
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

#[test]
fn only_regular_files_are_read() {
    let scratch = Scratch::new();
    let special = special_files(&scratch);
    let mut paths: Vec<_> = special.iter().map(|name| scratch.path(name)).collect();
    #[cfg(unix)]
    paths.push("/dev/zero".into());
    for path in paths {
        let result = Vault::<u32, u32>::salvage(&path, scratch.path("new.db"));
        assert_is!(result, Err(Error::InvalidPath { path: reported, .. }) if *reported == path);
        assert!(!scratch.path("new.db").exists());
    }
}

#[test]
fn only_a_regular_file_is_a_log() {
    let scratch = Scratch::new();
    for name in special_files(&scratch) {
        make(scratch.vault(), numbers(3));
        fs::rename(scratch.path(name), scratch.path("vault.db-wal")).unwrap();
        let result = Vault::<u32, u32>::salvage(scratch.vault(), scratch.path("new.db"));
        // The error asks the user to remove it. If salvage ignored a log, its entries would be
        // lost.
        let log = scratch.path("vault.db-wal");
        assert_is!(result, Err(Error::InvalidPath { path: reported, .. }) if *reported == log);
        assert!(!scratch.path("new.db").exists());
        fs::rename(log, scratch.path(name)).unwrap();
        fs::remove_file(scratch.vault()).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_backup_replaces_only_regular_files() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let vault = open::<u32, u32>(scratch.vault());
    for name in special_files(&scratch) {
        let path = scratch.path(name);
        for existing in [IfExists::Refuse, IfExists::Replace] {
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

/// A value that is stored as a number, and panics when 7 is decoded.
#[derive(serde::Serialize)]
struct PanicAtSeven(u32);

impl<'de> serde::Deserialize<'de> for PanicAtSeven {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        assert_ne!(number, 7, "enough");
        Ok(Self(number))
    }
}

#[test]
fn a_salvage_that_panics_leaves_no_file() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(10));
    let before = contents(&scratch.folder());
    let salvage = || Vault::<u32, PanicAtSeven>::salvage(scratch.vault(), scratch.path("new.db"));
    assert!(catch_unwind(AssertUnwindSafe(salvage)).is_err());
    assert!(contents(&scratch.folder()) == before);
    let salvage = Vault::<u32, u32>::salvage(scratch.vault(), scratch.path("new.db"));
    assert_eq!(salvage.unwrap().saved, 10);
}
