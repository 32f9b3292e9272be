//! What the operations on a whole vault return.

use std::fmt;

use crate::error::Error;
#[cfg(doc)]
use crate::map::vault::Vault;

/// The progress of a long call.
///
/// [`verify_with`](Vault::verify_with) counts entries. [`backup_with`](Vault::backup_with) counts pages of the
/// file, or entries of a vault in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number that is done.
    pub done: u64,
    /// The number to do in total.
    pub total: u64,
}

/// What [`Vault::backup_with`] does if its target already exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IfExists {
    /// Returns [`Error::AlreadyExists`].
    #[default]
    Refuse,
    /// Replaces the vault at the target by the complete backup, in one atomic step.
    Replace,
}

/// The result of [`Vault::verify`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The number of entries that could be read, whether or not they decode.
    pub entries: u64,
    /// The number of values that MessagePack wrote.
    pub message_pack: u64,
    /// The number of values that bincode wrote.
    pub bincode: u64,
    /// The number of values that Python pickled. They are never decoded, and are not a problem.
    pub pickle: u64,
    /// The size of all encoded keys in bytes.
    pub key_bytes: u64,
    /// The size of all encoded values in bytes.
    pub value_bytes: u64,
    /// The number of entries that the index lists and that cannot be read. The index is consulted only
    /// if reading from both ends of the table meets damage.
    pub unreadable: u64,
    /// The problems. Empty for an intact vault.
    pub problems: Vec<VerifyProblem>,
}

impl VerifyReport {
    /// Returns `true` if there are no problems.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// assert!(vault.verify()?.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A problem that [`Vault::verify`] found.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerifyProblem {
    /// The structure of the file is damaged. The text is SQLite's.
    Structure(String),
    /// An entry does not decode, does not match its checksum, or cannot be looked up. The error names its key.
    Entry(Error),
    /// Some entries cannot be read at all.
    Unreadable(Error),
}

impl fmt::Display for VerifyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure(fault) => write!(f, "the structure of the file is damaged: {fault}"),
            Self::Entry(error) => error.fmt(f),
            Self::Unreadable(error) => write!(f, "some entries cannot be read: {error}"),
        }
    }
}

/// Statistics of a vault, from [`Vault::stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of entries.
    pub entries: u64,
    /// The size of the file, or the approximate memory of a vault in memory, in bytes.
    pub file_bytes: u64,
    /// The size of the log beside the file in bytes. If it exceeds the
    /// [limit](crate::OpenOptions::log_size_limit) by more than one transaction, an iterator or a snapshot
    /// is still open.
    pub log_bytes: u64,
    /// The size of a page in bytes.
    pub page_bytes: u64,
    /// The number of pages of the file, including those that are only in the log.
    pub pages: u64,
    /// The number of unused pages. Later writes reuse them, and [`Vault::compact`] removes them.
    pub free_pages: u64,
    /// The number of read connections that this handle and its clones have open: one for each iterator,
    /// snapshot and running read, and up to 8 idle ones.
    ///
    /// Each uses two file descriptors. A closed connection keeps one of them open for the next connection,
    /// because closing it would release the locks that the process holds on the file (`fcntl(2)`).
    /// Therefore, until its last handle is dropped, the vault uses up to two descriptors for each of the
    /// most readers that it ever had at one time, and a few of its own.
    pub readers_open: usize,
    /// The number of those that are idle.
    pub readers_idle: usize,
    /// The number of reads of this handle and its clones that the cache answered.
    pub cache_hits: u64,
    /// The number of reads that the cache could not answer.
    pub cache_misses: u64,
    /// The size of the cached entries in bytes, at most the
    /// [capacity](crate::OpenOptions::cache_capacity).
    pub cache_bytes: u64,
}

/// The result of [`Vault::compact`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compaction {
    /// The size of the file and its log in bytes, before.
    pub bytes_before: u64,
    /// The size of the file and its log in bytes, after.
    pub bytes_after: u64,
}
