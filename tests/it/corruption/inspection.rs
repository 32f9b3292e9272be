//! Reads everything in a file that was damaged, and says what came of it.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use vaults::{Durability, Error, OpenOptions};

use crate::support::Scratch;

pub(crate) const PAGE: u32 = 512;

pub(crate) type Entries = Vec<(u32, String)>;

pub(crate) fn small() -> Entries {
    (0..12).map(|n| (n * 50, format!("value {n}"))).collect()
}

pub(crate) fn options(checksums: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.checksums(checksums);
    options
}

/// What came of reading a damaged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Opening or reading gave an error, or `verify` found something.
    Error,
    /// Everything, and nothing else.
    Right,
    /// Without an error, some entries were not there; `Older` if it is the newest ones that are not.
    Missing,
    Older,
    /// A value or a key that was never stored.
    Other,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// What must never be, to be shown all at once.
    faults: BTreeSet<String>,
    pub(crate) total: usize,
    pub(crate) error: usize,
    pub(crate) right: usize,
    pub(crate) missing: usize,
    pub(crate) older: usize,
    pub(crate) other: usize,
}

impl Counts {
    fn add(&mut self, found: Found) {
        self.total += 1;
        match found {
            Found::Error => self.error += 1,
            Found::Right => self.right += 1,
            Found::Missing => self.missing += 1,
            Found::Older => self.older += 1,
            Found::Other => self.other += 1,
        }
    }

    /// Shows the counts of a test, which must be without a fault.
    pub(crate) fn finish(self, what: &str) -> Self {
        eprintln!("{what}: {self:?}");
        assert!(self.faults.is_empty(), "{what}: {:#?}", self.faults);
        self
    }
}

/// What a file may say about itself when it was damaged. All else is a defect.
pub(crate) fn is_typed(error: &Error) -> bool {
    matches!(
        error,
        Error::NotAVault { .. }
            | Error::NewerFormat { .. }
            | Error::TypeMismatch { .. }
            | Error::Decode { .. }
            | Error::Pickle { .. }
            | Error::UnknownTag { .. }
            | Error::NotABlob { .. }
            | Error::Checksum { .. }
            | Error::Corrupt { .. }
            | Error::ReadOnly { .. }
            | Error::Full { .. }
            | Error::Io { .. }
            | Error::Ended { .. }
    )
}

/// Reads everything in every way, and compares it with what was stored.
pub(crate) fn examine(path: &Path, options: &OpenOptions, stored: &Entries) -> Found {
    let mut faults = BTreeSet::new();
    let found = examine_for(&mut faults, path, options, stored);
    assert!(faults.is_empty(), "{faults:?}");
    found
}

pub(crate) fn examine_for(
    faults: &mut BTreeSet<String>,
    path: &Path,
    options: &OpenOptions,
    stored: &Entries,
) -> Found {
    let mut reading = Reading {
        stored: stored.iter().map(|(key, value)| (*key, value)).collect(),
        path: path.display().to_string(),
        faults,
        failed: false,
        other: false,
    };
    let Some(vault) = reading.told(options.open::<u32, String>(path)) else {
        return Found::Error;
    };
    let mut there = Vec::new();
    for (key, _) in stored {
        if let Some(Some(value)) = reading.told(vault.get(key)) {
            reading.compare(*key, &value);
            there.push(*key);
        }
    }
    let forward = reading.walk(vault.iter());
    let mut backward = reading.walk(vault.iter().rev());
    backward.reverse();
    let length = reading.told(vault.len());
    if let Some(report) = reading.told(vault.verify()) {
        if report.entries > 2 * reading.most() as u64 {
            reading.fault("`verify` finds more entries than there can be");
        }
        reading.failed |= !report.is_ok();
    }
    let keys: Vec<u32> = stored.iter().map(|entry| entry.0).collect();
    match reading {
        Reading { other: true, .. } => Found::Other,
        Reading { failed: true, .. } => Found::Error,
        _ if there == keys && forward == keys && backward == keys && length == Some(keys.len()) => {
            Found::Right
        }
        _ if keys.starts_with(&there) && forward == there && backward == there => Found::Older,
        _ => Found::Missing,
    }
}

struct Reading<'a> {
    stored: HashMap<u32, &'a String>,
    path: String,
    faults: &'a mut BTreeSet<String>,
    failed: bool,
    other: bool,
}

impl Reading<'_> {
    fn most(&self) -> usize {
        4 * self.stored.len() + 64
    }

    fn told<T>(&mut self, result: vaults::Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                self.failed = true;
                if !is_typed(error) {
                    let cause = std::error::Error::source(error);
                    let cause = cause.map_or(String::new(), ToString::to_string);
                    self.faults
                        .insert(format!("{error}: {cause}").replace(&self.path, "it"));
                }
            })
            .ok()
    }

    fn fault(&mut self, what: &str) {
        self.failed = true;
        self.faults.insert(what.to_owned());
    }

    fn compare(&mut self, key: u32, value: &String) {
        self.other |= self.stored.get(&key) != Some(&value);
    }

    /// The keys, of a walk that must come to its end.
    fn walk(&mut self, items: impl Iterator<Item = vaults::Result<(u32, String)>>) -> Vec<u32> {
        let mut keys = Vec::new();
        for (count, item) in items.enumerate() {
            if count >= self.most() {
                self.fault("a walk has no end");
                break;
            }
            if let Some((key, value)) = self.told(item) {
                self.compare(key, &value);
                keys.push(key);
            }
        }
        keys
    }
}

/// Ways of opening, in turn.
pub(crate) fn ways() -> [OpenOptions; 3] {
    let mut writing = OpenOptions::new();
    writing.create(false).durability(Durability::Off);
    let mut reading = OpenOptions::new();
    reading.read_only(true);
    let mut immutable = OpenOptions::new();
    immutable.immutable(true);
    [immutable, reading, writing]
}

/// A place where files are laid out, examined and removed again.
pub(crate) struct Bench {
    scratch: Scratch,
    stored: Entries,
    pub(crate) counts: Counts,
}

impl Bench {
    pub(crate) fn new(stored: Entries) -> Self {
        Self {
            scratch: Scratch::new(),
            stored,
            counts: Counts::default(),
        }
    }

    pub(crate) fn try_out(&mut self, way: &OpenOptions, file: &[u8], log: Option<&[u8]>) -> Found {
        let path = self.scratch.vault();
        let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(beside(suffix)).ok();
        }
        fs::write(&path, file).unwrap();
        if let Some(log) = log {
            fs::write(beside("-wal"), log).unwrap();
        }
        let found = examine_for(&mut self.counts.faults, &path, way, &self.stored);
        self.counts.add(found);
        found
    }
}
