//! Tools for the whole file: checking it, copying it, making it smaller, looking at its size.

pub(crate) mod restore;
pub(crate) mod salvage;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Tag;
use crate::error::{Error, Result};
use crate::map::access::ReadAccess;
use crate::map::vault::Vault;
use crate::sqlite::{RawRow, ReadTransaction, Store};

/// How many entries are checked between two reports of progress.
const PROGRESS_ENTRIES: u64 = 1024;

/// How far a long call has come: so many of so many, in entries for
/// [`verify`](Vault::verify_with) and in pages of the file for [`backup`](Vault::backup_with).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// What there is to do.
    pub total: u64,
}

/// What becomes of a vault that is already where [`Vault::backup_with`] is to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Existing {
    /// It stays, and the backup is [`Error::AlreadyExists`].
    #[default]
    Refuse,
    /// The backup takes its place, at once and only when it is complete.
    Replace,
}

/// What [`Vault::verify`] has found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The entries that could be read, whether or not they decode.
    pub entries: u64,
    /// Of those, the values that MessagePack wrote.
    pub message_pack: u64,
    /// The values that bincode wrote.
    pub bincode: u64,
    /// The values that Python pickled, which are never decoded and are no problem by themselves.
    pub pickle: u64,
    /// Bytes of all keys, encoded.
    pub key_bytes: u64,
    /// Bytes of all values, encoded.
    pub value_bytes: u64,
    /// The entries that are in the index and that cannot be read. They are counted only where
    /// entries between them and both ends of the vault cannot be read.
    pub unreadable: u64,
    /// What is wrong. Empty for a vault that is whole.
    pub problems: Vec<Problem>,
}

impl Report {
    /// True if nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One thing that is wrong with a vault.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The file's structure is damaged, in SQLite's words.
    Structure(String),
    /// An entry does not decode, fails its checksum or cannot be looked up; the error names its key.
    Entry(Error),
    /// Some entries cannot be read at all.
    Unreadable(Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure(fault) => write!(f, "the file's structure is damaged: {fault}"),
            Self::Entry(error) => error.fmt(f),
            Self::Unreadable(error) => write!(f, "some entries cannot be read: {error}"),
        }
    }
}

/// Sizes and numbers of a vault, from [`Vault::stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of entries.
    pub entries: u64,
    /// Bytes in the file.
    pub file_bytes: u64,
    /// Bytes in the log beside it. More than the
    /// [limit](crate::OpenOptions::log_size_limit) and one transaction shows a reader that does not end.
    pub log_bytes: u64,
    /// Bytes in a page of the file.
    pub page_bytes: u64,
    /// Pages of the file, including those that are only in the log so far.
    pub pages: u64,
    /// Pages that hold nothing and will be used again; [`Vault::compact`] gives them back.
    pub free_pages: u64,
    /// Connections for reading that this handle and its clones have open: as many as iterators,
    /// snapshots and reads that run at once, and up to 8 for the next ones.
    ///
    /// Each has two file descriptors open. One that is closed leaves one of them open, which the next
    /// connection takes over: closing it would drop the locks that the process holds on the file
    /// (`fcntl(2)`). So the vault has at most two for each of the most readers there ever were at once,
    /// and a few of its own, until its last handle is gone.
    pub readers_open: usize,
    /// Of those, the ones that nobody uses at present.
    pub readers_idle: usize,
    /// How many reads of this handle and its clones were answered from memory.
    pub cache_hits: u64,
    /// How many were not, of those that looked there.
    pub cache_misses: u64,
    /// Bytes of entries in memory, at most the
    /// [cache's capacity](crate::OpenOptions::cache_capacity).
    pub cache_bytes: u64,
}

/// What [`Vault::compact`] has gained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compaction {
    /// Bytes in the file and its log before.
    pub bytes_before: u64,
    /// Bytes in the file and its log after.
    pub bytes_after: u64,
}

impl<K, V> Vault<K, V> {
    /// Sizes and numbers, for a look from outside.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let stats = vault.stats()?;
    /// println!("{} entries in {} bytes", stats.entries, stats.file_bytes);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stats(&self) -> Result<Stats> {
        let figures = self.store().figures()?;
        Ok(Stats {
            entries: self.length()?,
            file_bytes: figures.file_bytes,
            log_bytes: figures.log_bytes,
            page_bytes: figures.page_bytes,
            pages: figures.pages,
            free_pages: figures.free_pages,
            readers_open: figures.readers_open,
            readers_idle: figures.readers_idle,
            cache_hits: figures.cache_hits,
            cache_misses: figures.cache_misses,
            cache_bytes: figures.cache_bytes,
        })
    }

    /// Writes the file anew without its free pages, and empties the log.
    ///
    /// It numbers the rows anew, in their order, if another program has left the largest rowids to
    /// them, so that there is room for entries after the last ([`Error::OutOfRowids`]).
    ///
    /// It takes time, and disk space for a copy. Reading goes on meanwhile. If somebody still
    /// reads an older state, the space is given back by a later checkpoint.
    ///
    /// Waits for the writer, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// If the writer cannot be had, or there is no space for the copy. The vault is as it was then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let vault = Vault::<u32, Vec<u32>>::open(folder.path().join("v.db"))?;
    /// vault.try_extend((0..1000).map(|n| (n, vec![n; 50])))?;
    /// vault.retain(|n, _| n % 10 == 0)?;
    /// let gained = vault.compact()?;
    /// assert!(gained.bytes_after < gained.bytes_before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn compact(&self) -> Result<Compaction> {
        let bytes_before = self.size_on_disk()?;
        self.store().compact()?;
        Ok(Compaction {
            bytes_before,
            bytes_after: self.size_on_disk()?,
        })
    }

    /// Copies the vault to a new file at `path`, while others go on reading and writing.
    ///
    /// The copy is of one state, opens as a vault, and appears whole or not at all: it is written
    /// under another name, synced, and put in its place. A file that is there is not replaced.
    /// A vault in memory is saved to a file in this way.
    ///
    /// It copies the pages of the file as they are, damage included: check a backup with
    /// [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`] if there is something at `path`, [`Error::InvalidPath`], and if
    /// a file cannot be read or written. Nothing is left behind then, with one exception: if the
    /// folder syncs before the backup is put in its place and fails to after that, the backup is
    /// there, whole, and a power cut may take its name away.
    ///
    /// A file system that cannot sync a folder at all, as some network file systems, is no error.
    /// Where the file system knows neither a rename that does not replace nor hard links, an
    /// empty file takes the name for an instant: do not open a vault at `path` then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("copy.db");
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// vault.backup(&path)?;
    /// assert_eq!(Vault::<String, u32>::open(&path)?.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        self.backup_with(path, Existing::Refuse, |_| ())
    }

    /// As [`backup`](Self::backup), showing the progress, in pages, and replacing a vault that is
    /// at `path` if that is what `existing` says.
    ///
    /// # Errors
    ///
    /// As [`backup`](Self::backup) and, when it is to replace, [`Error::NotAVault`] if there is
    /// something else at `path` and [`Error::InUse`] if the vault there is open anywhere. What was
    /// there is still there then, unless the last sync of the folder fails after the backup has
    /// taken its place.
    pub fn backup_with(
        &self,
        path: impl AsRef<Path>,
        existing: Existing,
        mut progress: impl FnMut(Progress),
    ) -> Result<()> {
        let mut report = |done, total| progress(Progress { done, total });
        let replace = existing == Existing::Replace;
        self.store().backup(path.as_ref(), replace, &mut report)
    }
}

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    /// Checks everything: the structure of the file, that each entry decodes as `(K, V)`, that each key
    /// encodes to the bytes under which it is stored, and the checksums, where the vault has them.
    ///
    /// It reads all of one state, in about the time that iteration and SQLite's own
    /// `integrity_check` take, and holds nobody up. Problems are listed, not stopped at: where a
    /// page of the file is damaged, entries behind it are reached from the last entry back, and
    /// through the index.
    ///
    /// # Errors
    ///
    /// If the check itself could not be made. What it finds is in the [`Report`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let report = vault.verify()?;
    /// for problem in &report.problems {
    ///     eprintln!("{problem}");
    /// }
    /// assert!(report.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify(&self) -> Result<Report> {
        self.verify_with(|_| ())
    }

    /// As [`verify`](Self::verify), showing the progress, in entries.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_with(&self, mut progress: impl FnMut(Progress)) -> Result<Report> {
        let mut transaction = ReadTransaction::begin_now(self.store())?;
        let total = transaction.session()?.count_any()?;
        let mut report = Report::default();
        let obstacles = transaction.reach_all(|row| {
            self.check_row(row, &mut report);
            if report.entries % PROGRESS_ENTRIES == 0 {
                let done = report.entries;
                progress(Progress { done, total });
            }
        })?;
        report.unreadable = obstacles.unreadable;
        report
            .problems
            .extend(obstacles.error.map(Problem::Unreadable));
        let faults = Store::integrity_check(&mut transaction);
        report.problems.extend(match faults {
            Ok(faults) => faults.into_iter().map(Problem::Structure).collect(),
            Err(error) => vec![Problem::Structure(error.to_string())],
        });
        let done = report.entries;
        progress(Progress { done, total });
        Ok(report)
    }

    fn check_row(&self, row: RawRow<'_>, report: &mut Report) {
        report.entries += 1;
        let (key, value) = match row.bytes() {
            Ok(bytes) => bytes,
            Err(error) => return report.problems.push(Problem::Entry(error)),
        };
        report.key_bytes += key.len() as u64;
        report.value_bytes += value.len() as u64;
        let format = self.format();
        let tag = format.verify_checksum(key, value).ok().and_then(Tag::of);
        match tag {
            Some(Tag::MessagePack) => report.message_pack += 1,
            Some(Tag::Bincode) => report.bincode += 1,
            Some(Tag::Pickle) => report.pickle += 1,
            None => {}
        }
        match format.check_entry::<K, V>(key, value) {
            Ok(()) | Err(Error::Pickle { .. }) => {}
            Err(error) => report.problems.push(Problem::Entry(error)),
        }
    }
}
