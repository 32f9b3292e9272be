//! Files of every format, which later versions must read.
//!
//! Set `VAULTS_TEST_MAKE_FIXTURES` to write the file of a new format. Never write an old one again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vaults::{Durability, OpenOptions, SortedVault, Vault, VaultFile};

use crate::support::{Scratch, project};

const MAKE: &str = "VAULTS_TEST_MAKE_FIXTURES";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    name: String,
    /// MessagePack cannot hold all of its values.
    level: Option<Option<i32>>,
    bytes: Vec<u8>,
}

/// Entries in the order of their keys, with both codecs, and with values of both sizes in a sorted vault.
fn entries() -> Vec<((i64, String), Record)> {
    let record = |name: &str, level, size| Record {
        name: name.to_owned(),
        level,
        bytes: vec![1; size],
    };
    vec![
        ((-300, "a".into()), record("first", None, 0)),
        ((0, String::new()), record("large", Some(Some(1)), 1_000)),
        ((0, "a\0b".into()), record("", Some(None), 5)),
        ((70_000, "z".into()), record("last", Some(Some(-70_000)), 3)),
    ]
}

fn fixture(format: u32) -> PathBuf {
    project().join(format!("tests/fixtures/format_{format}.db"))
}

fn options(checksums: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.checksums(checksums).durability(Durability::Off);
    options
}

/// Makes a fixture if that is asked for, and returns a copy of it.
fn copy_of(format: u32, make: impl FnOnce(&Path)) -> (Scratch, PathBuf) {
    let (fixture, scratch) = (fixture(format), Scratch::new());
    if env::var_os(MAKE).is_some() && !fixture.exists() {
        make(&fixture);
    }
    let copy = scratch.vault();
    fs::copy(&fixture, &copy).unwrap();
    (scratch, copy)
}

#[test]
fn vaults_in_the_order_of_insertion() {
    for (format, checksums) in [(1, false), (2, true)] {
        let mut expected = entries();
        expected.reverse();
        let (_scratch, copy) = copy_of(format, |path| {
            let vault: Vault<(i64, String), Record> = options(checksums).open(path).unwrap();
            vault.try_extend(expected.clone()).unwrap();
            vault.close().unwrap();
        });
        let vault: Vault<(i64, String), Record> = options(checksums).open(copy).unwrap();
        let found: Vec<_> = vault.iter().map(Result::unwrap).collect();
        assert_eq!(found, expected, "format {format}");
        assert!(vault.verify().unwrap().is_ok());
    }
}

#[test]
fn sorted_vaults() {
    for (format, checksums) in [(3, false), (4, true)] {
        let (_scratch, copy) = copy_of(format, |path| {
            let vault: SortedVault<(i64, String), Record> =
                options(checksums).open_sorted(path).unwrap();
            vault.try_extend(entries().into_iter().rev()).unwrap();
            vault.close().unwrap();
        });
        let vault: SortedVault<(i64, String), Record> =
            options(checksums).open_sorted(copy).unwrap();
        let found: Vec<_> = vault.iter().map(Result::unwrap).collect();
        assert_eq!(found, entries(), "format {format}");
        assert!(vault.verify().unwrap().is_ok());
    }
}

#[test]
fn several_maps() {
    let mut expected = entries();
    expected.reverse();
    let (_scratch, copy) = copy_of(5, |path| {
        let file = options(false).open_file(path).unwrap();
        let plain: Vault<(i64, String), Record> = file.vault("it's \"plain\"").unwrap();
        plain.try_extend(expected.clone()).unwrap();
        let removed = file.sorted_vault::<u8, u8>("removed").unwrap();
        file.remove("removed").unwrap();
        drop((plain, removed));
        file.close().unwrap();
        let file = options(true).open_file(path).unwrap();
        let sorted: SortedVault<(i64, String), Record> = file.sorted_vault("sorted").unwrap();
        sorted.try_extend(entries()).unwrap();
        drop(sorted);
        file.close().unwrap();
    });
    let file = VaultFile::open(copy).unwrap();
    assert_eq!(file.names().unwrap(), ["it's \"plain\"", "sorted"]);
    let plain: Vault<(i64, String), Record> = file.vault("it's \"plain\"").unwrap();
    let found: Vec<_> = plain.iter().map(Result::unwrap).collect();
    assert_eq!(found, expected);
    let sorted: SortedVault<(i64, String), Record> = file.sorted_vault("sorted").unwrap();
    let found: Vec<_> = sorted.iter().map(Result::unwrap).collect();
    assert_eq!(found, entries());
    assert!(file.verify().unwrap().is_ok());
}
