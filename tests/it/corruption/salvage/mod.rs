//! Salvage: what can be recovered from damaged and other files.

mod checksums;
mod damaged_files;
mod other_files;

use std::collections::HashMap;
use std::path::Path;

use vaults::maintenance::SalvageReport;
use vaults::{OpenOptions, Vault};

use crate::support::damage::make_paged;
use crate::support::{Scratch, contents, entries, open};

const ENTRIES: u32 = 1500;

fn texts(count: u32) -> impl Iterator<Item = (u32, String)> {
    (0..count).map(|n| (n, format!("{n:0100}")))
}

/// Makes a file with interior pages below the root: it has many small pages, and rows with overflow
/// pages.
fn make_deep(path: &Path) {
    let long = (ENTRIES..ENTRIES + 20).map(|n| (n, "long".repeat(n as usize)));
    make_paged(path, 512, &OpenOptions::new(), texts(ENTRIES).chain(long));
}

fn all() -> Vec<(u32, String)> {
    let long = (ENTRIES..ENTRIES + 20).map(|n| (n, "long".repeat(n as usize)));
    texts(ENTRIES).chain(long).collect()
}

/// Salvages into `saved.db`, and asserts that the damaged files stay unchanged.
fn salvage(scratch: &Scratch) -> SalvageReport {
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

/// Asserts that the saved entries are correct and in order, and that exactly `lost` are missing.
fn assert_lacks(saved: &[(u32, String)], lost: u64) {
    let all = all();
    let expected: HashMap<u32, &String> = all.iter().map(|(n, text)| (*n, text)).collect();
    assert!(saved.iter().all(|(n, text)| expected[n] == text));
    assert!(saved.is_sorted_by_key(|entry| entry.0), "not in order");
    assert_eq!(saved.len() as u64 + lost, all.len() as u64);
}
