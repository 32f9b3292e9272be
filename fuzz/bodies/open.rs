//! Bytes that are a file and its log. They are opened as a vault, and every operation runs on it.

use std::fmt::Debug;
use std::fs;
use std::hash::Hash;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tempfile::TempDir;
use vaults::maintenance::IfExists;
use vaults::{Durability, Entry, Error, OpenOptions, Result, Vault};

use super::log;
use super::several::{self, Task};

/// The bits of an input's first byte: whether the checksums of the log are corrected, the types of
/// keys and values, which operations run, and whether the file is opened as one of several maps.
pub(crate) const MEND: u8 = 1;
pub(crate) const NUMBERS: u8 = 2;
pub(crate) const TASKS: u8 = 4 | 8;
pub(crate) const SEVERAL: u8 = 16;
pub(crate) const READ: u8 = 0;
pub(crate) const READ_ALONE: u8 = 4;
pub(crate) const WRITE: u8 = 8;

/// Makes an input for [`Bench::run`].
#[allow(dead_code, reason = "the fuzzer makes its own")]
pub(crate) fn input(choice: u8, file: &[u8], log: &[u8]) -> Vec<u8> {
    let length = u32::try_from(file.len()).unwrap().to_le_bytes();
    [&[choice], &length[..3], file, log].concat()
}

/// The folder of the files.
pub(crate) struct Bench {
    folder: TempDir,
}

/// The parts of an input.
struct Hostile {
    choice: u8,
    file: Vec<u8>,
    log: Vec<u8>,
}

impl Hostile {
    fn parse(input: &[u8]) -> Option<Self> {
        let (&[choice, a, b, c], rest) = input.split_first_chunk()?;
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        let (file, log) = rest.split_at(length.min(rest.len()));
        let mut log = log.to_vec();
        if choice & MEND != 0 {
            log::mend(&mut log);
        }
        let file = file.to_vec();
        Some(Self { choice, file, log })
    }

    /// Returns more entries than this many bytes can contain, if each is found once.
    fn most_entries(&self) -> usize {
        usize::midpoint(self.file.len(), self.log.len()) + 64
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the input to the folder and removes everything else.
    fn lay_out(&self, hostile: &Hostile) {
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::write(self.path("vault.db"), &hostile.file).unwrap();
        if !hostile.log.is_empty() {
            fs::write(self.path("vault.db-wal"), &hostile.log).unwrap();
        }
    }

    pub(crate) fn run(&self, input: &[u8]) {
        let Some(hostile) = Hostile::parse(input) else {
            return;
        };
        if hostile.choice & SEVERAL != 0 {
            self.run_as_several(&hostile);
        } else if hostile.choice & NUMBERS == 0 {
            self.run_as::<Json, Json>(&hostile, &Json::from("new"), &Json::from(1));
        } else {
            self.run_as::<u32, String>(&hostile, &7, &"new".to_owned());
        }
    }

    fn run_as_several(&self, hostile: &Hostile) {
        self.lay_out(hostile);
        let task = match hostile.choice & TASKS {
            READ => Task::Read,
            READ_ALONE => Task::ReadAlone,
            _ => Task::Write,
        };
        let (path, most) = (self.path("vault.db"), hostile.most_entries());
        several::run(
            &path,
            task,
            most,
            &self.path("saved.db"),
            &self.path("copy.db"),
        );
        if task != Task::Write {
            let now = fs::read(&path).unwrap();
            assert!(now == hostile.file, "reading changed the file");
        }
    }

    fn run_as<K, V>(&self, hostile: &Hostile, key: &K, value: &V)
    where
        K: Serialize + DeserializeOwned + Eq + Hash + Clone + Debug,
        V: Serialize + DeserializeOwned + PartialEq + Clone + Debug,
    {
        let path = self.path("vault.db");
        let most = hostile.most_entries();
        let open = |options: &mut OpenOptions| {
            let options = options.busy_timeout(Duration::ZERO);
            told(options.open::<K, V>(&path))
        };
        let mut written = OpenOptions::new();
        written.durability(Durability::Off);
        self.lay_out(hostile);
        match hostile.choice & TASKS {
            READ => {
                if let Some(vault) = open(OpenOptions::new().read_only(true)) {
                    read(&vault, key, most);
                    told(vault.backup(self.path("copy.db")));
                    told(vault.close().map_err(Error::from));
                }
            }
            READ_ALONE => {
                if let Some(vault) = open(OpenOptions::new().immutable(true)) {
                    read(&vault, key, most);
                }
                told(Vault::<K, V>::salvage(&path, self.path("saved.db")));
                if let Some(saved) = told(Vault::<K, V>::open(self.path("saved.db"))) {
                    assert!(saved.verify().unwrap().is_ok());
                }
            }
            WRITE => {
                if let Some(vault) = open(&mut written) {
                    read(&vault, key, most);
                    write(&vault, key, value, most);
                    told(vault.close().map_err(Error::from));
                }
            }
            _ => {
                if let Some(vault) = open(&mut written) {
                    told(vault.compact());
                    told(vault.backup_with(self.path("copy.db"), IfExists::Replace, |_| ()));
                    clear(&vault, key, value, most);
                    told(vault.delete().map_err(Error::from));
                }
            }
        }
        if [READ, READ_ALONE].contains(&(hostile.choice & TASKS)) {
            let now = fs::read(&path).unwrap();
            assert!(now == hostile.file, "reading changed the file");
        }
    }
}

/// Returns the value, or `None` for an error that a hostile file may cause.
pub(crate) fn told<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(
            Error::NotAVault { .. }
            | Error::NewerFormat { .. }
            | Error::WrongKind { .. }
            | Error::NotFound { .. }
            | Error::TooManyMaps { .. }
            | Error::AlreadyExists { .. }
            | Error::TypeMismatch { .. }
            | Error::Decode { .. }
            | Error::Pickle { .. }
            | Error::UnknownTag { .. }
            | Error::Checksum { .. }
            | Error::Corrupt { .. }
            | Error::Ended { .. }
            | Error::NeedsRecovery { .. }
            | Error::ReadOnly { .. }
            | Error::Full { .. }
            | Error::Io { .. }
            | Error::Sqlite { .. },
        ) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// Reads to the end, which must come within `most` items.
pub(crate) fn bounded<T>(iterator: impl Iterator<Item = Result<T>>, most: usize) -> usize {
    let mut count = 0;
    for item in iterator {
        told(item);
        count += 1;
        assert!(count <= most, "more entries than the file can hold");
    }
    count
}

fn read<K, V>(vault: &Vault<K, V>, key: &K, most: usize)
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    told(vault.get(key));
    told(vault.get_key_value(key));
    told(vault.contains_key(key));
    told(vault.len());
    told(vault.is_empty());
    bounded(vault.iter(), most);
    bounded(vault.iter().rev(), most);
    bounded(vault.keys(), most);
    bounded(vault.values(), most);
    // Takes items from both ends in turn.
    let mut iterator = vault.iter();
    let turns = std::iter::from_fn(|| iterator.next().or_else(|| iterator.next_back()));
    bounded(turns, most);
    if let Some(snapshot) = told(vault.snapshot()) {
        bounded(snapshot.iter(), most);
        told(snapshot.len());
    }
    if let Some(report) = told(vault.verify()) {
        assert!(report.entries <= 2 * most as u64, "{report:?}");
    }
    told(vault.stats());
}

fn write<K, V>(vault: &Vault<K, V>, key: &K, value: &V, most: usize)
where
    K: Serialize + DeserializeOwned + Eq + Hash + Clone + Debug,
    V: Serialize + DeserializeOwned + PartialEq + Clone + Debug,
{
    if told(vault.put(key, value)).is_some()
        && let Some(read) = told(vault.get(key))
    {
        // A damaged index may not find the entry, or may find a different one.
        let is_right = read.as_ref() == Some(value);
        let report = told(vault.verify());
        assert!(
            is_right || report.is_none_or(|report| !report.is_ok()),
            "{read:?}"
        );
    }
    told(vault.insert(key.clone(), value.clone()));
    if let Some(entry) = told(vault.entry(key.clone()).into_entry()) {
        match entry {
            Entry::Occupied(mut entry) => {
                told(entry.insert(value.clone()));
            }
            Entry::Vacant(entry) => {
                told(entry.insert(value.clone()));
            }
        }
    }
    told(vault.flush());
    if let Some(mut tx) = told(vault.begin()) {
        told(tx.remove(key));
        told(tx.put(key, value));
        bounded(tx.iter(), most);
        told(tx.commit());
    }
    let mut seen = 0;
    told(vault.for_each_mut(|_, _| {
        seen += 1;
        assert!(seen <= most, "more entries than the file can hold");
    }));
    told(vault.pop_first());
    told(vault.pop_last());
    told(vault.remove(key));
    let mut keep = false;
    told(vault.retain(|_, _| {
        keep = !keep;
        keep
    }));
    bounded(vault.drain(), most);
    told(vault.flush());
    read(vault, key, most);
}

fn clear<K, V>(vault: &Vault<K, V>, key: &K, value: &V, most: usize)
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    told(vault.clear());
    told(vault.put_many([(key, value)]));
    bounded(vault.extract_if(|_, _| true), most);
    told(vault.flush());
}
