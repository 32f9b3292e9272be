//! Operations on a whole vault: verify, backup, restore, compact, salvage and statistics.

mod file;
mod report;
mod restore;
mod salvage;
mod sorted;
mod whole;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Tag;
use crate::engine::RawRow;
use crate::error::{Error, Result};
use crate::maintenance::whole::{backup_of, stats_of};
use crate::map::access::ReadAccess;
use crate::map::read_transaction::ReadTransaction;
use crate::map::vault::Vault;
use crate::sqlite::Format;

pub use self::file::{
    FileSalvageReport, FileStats, FileVerifyReport, MapSalvage, MapStats, MapVerifyReport,
};
pub use self::report::{Compaction, IfExists, Progress, Stats, VerifyProblem, VerifyReport};
pub use self::salvage::{SalvageLoss, SalvageReport};

/// How many entries are verified between two reports of progress.
const PROGRESS_ENTRIES: u64 = 1024;

impl<K, V, O> Vault<K, V, O> {
    /// Returns the sizes of the file, the log and the cache, and other statistics.
    ///
    /// For a map of a file of several, the sizes are those of the file. [`VaultFile::stats`](crate::VaultFile::stats) has all maps.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Io`] if the file cannot be read, and the errors of [`len`](Self::len).
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
        stats_of(self.backend(), self.length()?)
    }

    /// Rewrites the file without its unused pages, and empties the log.
    ///
    /// Of a file of several maps, all are rewritten.
    ///
    /// If the last rows have very large rowids, which only another program writes, the rows are numbered
    /// again in their order. New entries then have room after the last one ([`Error::OutOfRowids`]).
    ///
    /// This takes time and disk space for a copy of the vault. Reads continue. If an iterator or a snapshot
    /// is open, a later checkpoint frees the space.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// After an error the entries are as they were.
    ///
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Full`] if there is no space for the copy.
    /// - Returns [`Error::ReadOnly`] if the vault cannot be written.
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
        self.backend().compact()?;
        Ok(Compaction {
            bytes_before,
            bytes_after: self.size_on_disk()?,
        })
    }

    /// Copies the vault to a new file at `path`. Other threads and processes can read and write during the copy.
    ///
    /// Of a file of several maps, all are copied.
    ///
    /// The copy is a vault with the entries of one moment. It is written under another name, synced and
    /// renamed, so it appears complete or not at all. An existing file is not replaced. This also saves a
    /// vault in memory to a file.
    ///
    /// Pages are copied as they are, including damaged ones. Check a backup with [`verify`](Self::verify).
    ///
    /// If the file system supports neither a rename that does not replace nor hard links, an empty file
    /// has the name for an instant. Do not open a vault at `path` at that time.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::AlreadyExists`] if `path` exists.
    /// - Returns [`Error::InvalidPath`] if `path` cannot be that of a vault.
    /// - Returns [`Error::Io`] or [`Error::Full`] if a file cannot be read or written.
    ///
    /// After an error no file is left behind, with one exception. If the folder can be synced before the
    /// rename but not after it, the complete backup exists, and a power cut may remove its name. A file
    /// system that cannot sync folders at all, as some network file systems, causes no error.
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
        self.backup_with(path, IfExists::Refuse, |_| ())
    }

    /// Copies the vault like [`backup`](Self::backup), can replace a vault at `path`, and calls `progress`
    /// with the number of pages or, for a vault in memory, of entries.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`backup`](Self::backup). With [`IfExists::Replace`] also:
    ///
    /// - Returns [`Error::NotAVault`] if the file at `path` is not a vault.
    /// - Returns [`Error::InUse`] if the vault at `path` is open anywhere.
    ///
    /// After an error the vault at `path` is as it was, unless the last sync of the folder failed.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("copy.db");
    /// use vaults::Vault;
    /// use vaults::maintenance::IfExists;
    ///
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.backup_with(&path, IfExists::Replace, |progress| {
    ///     println!("{} of {} pages", progress.done, progress.total);
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup_with(
        &self,
        path: impl AsRef<Path>,
        existing: IfExists,
        progress: impl FnMut(Progress),
    ) -> Result<()> {
        let format = Format::one(self.map().order, self.entry_codec().checksums);
        backup_of(self.backend(), path.as_ref(), existing, format, progress)
    }
}

impl<K, V, O> Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    /// Verifies the structure of the file and every entry.
    ///
    /// Of a file of several maps, it verifies this one. [`VaultFile::verify`](crate::VaultFile::verify) reads all of them.
    ///
    /// An entry must decode as `(K, V)`, its key must encode to the bytes under which it is stored, and its
    /// value must match its checksum, if the vault has checksums. In a sorted vault, the keys must be in their order,
    /// and each large value must belong to one key.
    ///
    /// The call reads all entries in one snapshot, and blocks nobody. It takes about as long as an
    /// iteration and SQLite's `integrity_check`. It continues after a problem: entries behind a damaged page
    /// are read from the last entry backwards, and through the index.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Io`] or [`Error::Corrupt`] if the file cannot be read at all. Every other problem is
    /// in the [`VerifyReport`].
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
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_with(|_| ())
    }

    /// Verifies the vault like [`verify`](Self::verify), and calls `progress` with the number of entries.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`verify`](Self::verify).
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let report = vault.verify_with(|progress| {
    ///     println!("{} of {} entries", progress.done, progress.total);
    /// })?;
    /// assert!(report.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify_with(&self, mut progress: impl FnMut(Progress)) -> Result<VerifyReport> {
        let mut transaction = ReadTransaction::begin_now(self.backend(), self.map())?;
        let total = transaction.count_any()?;
        let mut report = VerifyReport::default();
        let mut previous = Vec::new();
        let obstacles = transaction.reach_all(|row| {
            self.check_row(row, &mut report);
            self.check_order(&mut previous, row.key_or_empty(), &mut report);
            if report.entries % PROGRESS_ENTRIES == 0 {
                let done = report.entries;
                progress(Progress { done, total });
            }
        })?;
        report.unreadable = obstacles.unreadable;
        report
            .problems
            .extend(obstacles.error.map(VerifyProblem::Unreadable));
        report.problems.extend(match transaction.integrity_check() {
            Ok(faults) => faults.into_iter().map(VerifyProblem::Structure).collect(),
            Err(error) => vec![VerifyProblem::Structure(error.to_string())],
        });
        let done = report.entries;
        progress(Progress { done, total });
        Ok(report)
    }

    /// Checks that a key of a sorted vault follows the one before it.
    fn check_order(&self, previous: &mut Vec<u8>, key: &[u8], report: &mut VerifyReport) {
        let Some(comparison) = self.entry_codec().comparison else {
            return;
        };
        // After damage, the rest is read from the other end.
        if !previous.is_empty() && key > previous.as_slice() {
            let checked = comparison.check(previous, key);
            report
                .problems
                .extend(checked.err().map(VerifyProblem::Entry));
        }
        previous.clear();
        previous.extend_from_slice(key);
    }

    fn check_row(&self, row: RawRow<'_>, report: &mut VerifyReport) {
        report.entries += 1;
        let (key, value) = match row.bytes() {
            Ok(bytes) => bytes,
            Err(error) => return report.problems.push(VerifyProblem::Entry(error)),
        };
        report.key_bytes += key.len() as u64;
        report.value_bytes += value.len() as u64;
        let entry_codec = self.entry_codec();
        let tag = entry_codec
            .verify_checksum(key, value)
            .ok()
            .and_then(Tag::of);
        match tag {
            Some(Tag::MessagePack) => report.message_pack += 1,
            Some(Tag::Bincode) => report.bincode += 1,
            Some(Tag::Pickle) => report.pickle += 1,
            None => {}
        }
        match entry_codec.check_entry::<K, V>(key, value) {
            Ok(()) | Err(Error::Pickle { .. }) => {}
            Err(error) => report.problems.push(VerifyProblem::Entry(error)),
        }
    }
}
