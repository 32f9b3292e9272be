//! Reads a damaged file by every method, and classifies the result.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use vaults::order::InsertionOrder;
use vaults::{Durability, Error, OpenOptions};

use crate::support::Scratch;
use crate::support::orders::TestOrder;

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

/// The result of reading a damaged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Opening or reading returned an error, or `verify` found a problem.
    Error,
    /// All entries were read, and no others.
    Right,
    /// Some entries were missing, without an error. `Older` if these were the newest ones.
    Missing,
    Older,
    /// A value or a key was read that was never stored.
    Other,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Results that are defects, collected to be printed together.
    defects: BTreeSet<String>,
    pub(crate) total: usize,
    pub(crate) error: usize,
    pub(crate) right: usize,
    pub(crate) missing: usize,
    pub(crate) older: usize,
    pub(crate) other: usize,
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        self.total += 1;
        match outcome {
            Outcome::Error => self.error += 1,
            Outcome::Right => self.right += 1,
            Outcome::Missing => self.missing += 1,
            Outcome::Older => self.older += 1,
            Outcome::Other => self.other += 1,
        }
    }

    /// Prints the counts of a test, and asserts that there are no defects.
    pub(crate) fn finish(self, what: &str) -> Self {
        eprintln!("{what}: {self:?}");
        assert!(self.defects.is_empty(), "{what}: {:#?}", self.defects);
        self
    }
}

/// Returns `true` for an error that a damaged file may cause. Any other error is a defect.
pub(crate) fn is_typed(error: &Error) -> bool {
    matches!(
        error,
        Error::NotAVault { .. }
            | Error::NewerFormat { .. }
            | Error::WrongKind { .. }
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

/// Reads a file by every method, and compares the result with the stored entries.
pub(crate) fn inspect(path: &Path, options: &OpenOptions, stored: &Entries) -> Outcome {
    let mut defects = BTreeSet::new();
    let outcome = inspect_into::<InsertionOrder>(&mut defects, path, options, stored);
    assert!(defects.is_empty(), "{defects:?}");
    outcome
}

fn inspect_into<O: TestOrder<u32>>(
    defects: &mut BTreeSet<String>,
    path: &Path,
    options: &OpenOptions,
    stored: &Entries,
) -> Outcome {
    let mut inspection = Inspection {
        stored: stored.iter().map(|(key, value)| (*key, value)).collect(),
        path: path.display().to_string(),
        defects,
        failed: false,
        other: false,
    };
    let Some(vault) = inspection.record(O::open::<String>(options, path)) else {
        return Outcome::Error;
    };
    let mut by_get = Vec::new();
    for (key, _) in stored {
        if let Some(Some(value)) = inspection.record(vault.get(key)) {
            inspection.compare(*key, &value);
            by_get.push(*key);
        }
    }
    let forward = inspection.collect_keys(vault.iter());
    let mut backward = inspection.collect_keys(vault.iter().rev());
    backward.reverse();
    let length = inspection.record(vault.len());
    if let Some(report) = inspection.record(vault.verify()) {
        if report.entries > 2 * inspection.item_limit() as u64 {
            inspection.add_defect("`verify` finds more entries than possible");
        }
        inspection.failed |= !report.is_ok();
    }
    let keys: Vec<u32> = stored.iter().map(|entry| entry.0).collect();
    match inspection {
        Inspection { other: true, .. } => Outcome::Other,
        Inspection { failed: true, .. } => Outcome::Error,
        _ if by_get == keys
            && forward == keys
            && backward == keys
            && length == Some(keys.len()) =>
        {
            Outcome::Right
        }
        _ if keys.starts_with(&by_get) && forward == by_get && backward == by_get => Outcome::Older,
        _ => Outcome::Missing,
    }
}

struct Inspection<'a> {
    stored: HashMap<u32, &'a String>,
    path: String,
    defects: &'a mut BTreeSet<String>,
    failed: bool,
    other: bool,
}

impl Inspection<'_> {
    fn item_limit(&self) -> usize {
        4 * self.stored.len() + 64
    }

    fn record<T>(&mut self, result: vaults::Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                self.failed = true;
                if !is_typed(error) {
                    let cause = std::error::Error::source(error);
                    let cause = cause.map_or(String::new(), ToString::to_string);
                    self.defects
                        .insert(format!("{error}: {cause}").replace(&self.path, "it"));
                }
            })
            .ok()
    }

    fn add_defect(&mut self, what: &str) {
        self.failed = true;
        self.defects.insert(what.to_owned());
    }

    fn compare(&mut self, key: u32, value: &String) {
        self.other |= self.stored.get(&key) != Some(&value);
    }

    /// Returns the keys of an iterator, which must end within the limit.
    fn collect_keys(
        &mut self,
        items: impl Iterator<Item = vaults::Result<(u32, String)>>,
    ) -> Vec<u32> {
        let mut keys = Vec::new();
        for (count, item) in items.enumerate() {
            if count >= self.item_limit() {
                self.add_defect("an iterator does not end");
                break;
            }
            if let Some((key, value)) = self.record(item) {
                self.compare(key, &value);
                keys.push(key);
            }
        }
        keys
    }
}

/// Returns the options to open a file with: immutable, read-only and writable.
pub(crate) fn open_options() -> [OpenOptions; 3] {
    let mut writing = OpenOptions::new();
    writing.create(false).durability(Durability::Off);
    let mut read_only = OpenOptions::new();
    read_only.read_only(true);
    let mut immutable = OpenOptions::new();
    immutable.immutable(true);
    [immutable, read_only, writing]
}

/// A folder in which files are written and inspected, one after another.
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

    pub(crate) fn inspect(
        &mut self,
        options: &OpenOptions,
        file: &[u8],
        log: Option<&[u8]>,
    ) -> Outcome {
        self.inspect_in::<InsertionOrder>(options, file, log)
    }

    /// Returns the path of the last file, which is closed.
    pub(crate) fn path(&self) -> PathBuf {
        self.scratch.vault()
    }

    pub(crate) fn inspect_in<O: TestOrder<u32>>(
        &mut self,
        options: &OpenOptions,
        file: &[u8],
        log: Option<&[u8]>,
    ) -> Outcome {
        let path = self.scratch.vault();
        let sibling = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(sibling(suffix)).ok();
        }
        fs::write(&path, file).unwrap();
        if let Some(log) = log {
            fs::write(sibling("-wal"), log).unwrap();
        }
        let outcome = inspect_into::<O>(&mut self.counts.defects, &path, options, &self.stored);
        self.counts.add(outcome);
        outcome
    }
}
