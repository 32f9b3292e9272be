//! The settings of a store.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// When a commit is written to the disk.
///
/// It belongs to the handle and not to the file, so two handles of one vault may have different settings. Set
/// it with [`OpenOptions::durability`](crate::OpenOptions::durability).
///
/// | | killed process | power cut | syncs for each commit |
/// |---|---|---|---|
/// | `Full` | nothing is lost | nothing is lost | one |
/// | `Normal` | nothing is lost | the newest commits may be lost | none |
/// | `Off` | nothing is lost | the file may be damaged | none |
///
/// After a crash, each transaction is complete or absent. The only exception is `Off` after a power cut. See
/// the [guide](crate::guide::durability).
///
/// # Examples
///
/// ```
/// use vaults::{Durability, OpenOptions};
///
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("pages.db");
/// let pages = OpenOptions::new()
///     .durability(Durability::Normal)
///     .open::<String, u64>(&path)?;
/// pages.insert("home".into(), 1)?;
/// pages.flush()?; // From here on, the entry survives a power cut.
/// # pages.close()
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Each commit is synced before its call returns, so it survives a power cut.
    #[default]
    Full,
    /// Each commit is handed to the operating system, so it survives a killed process. It is synced at the next
    /// checkpoint, or by [`flush`](crate::Vault::flush). A power cut may lose the newest commits, in order,
    /// but does not damage the file.
    Normal,
    /// Nothing is synced except by [`flush`](crate::Vault::flush). A power cut may damage the file. Use it for
    /// data that can be rebuilt.
    Off,
}

impl Durability {
    /// Returns SQLite's name of the setting: <https://www.sqlite.org/pragma.html#pragma_synchronous>.
    pub(in crate::sqlite) const fn synchronous(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }
}

/// Whether a file may or must exist when a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// It must exist.
    Required,
    /// It is created if it does not exist.
    Created,
    /// It must not exist.
    Refused,
}

/// Where the entries are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A file, by the path that the caller gave.
    File(PathBuf),
    /// The memory of this process, until the store is closed.
    Memory,
}

/// The settings of [`Store::open`](crate::sqlite::Store::open).
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) location: Location,
    pub(crate) existence: Existence,
    pub(crate) read_only: bool,
    /// The file cannot change, so no locks are acquired and no log is read. Requires `read_only`.
    pub(crate) immutable: bool,
    /// A new file gets checksums, and an existing one must have them.
    pub(crate) checksums: bool,
    /// The permissions of a new file.
    pub(crate) mode: Option<u32>,
    pub(crate) durability: Durability,
    pub(crate) busy_timeout: Duration,
    /// In bytes.
    pub(crate) cache_capacity: usize,
    /// In bytes.
    pub(crate) log_size_limit: u64,
}

impl Config {
    /// Returns `true` if a vault may be created at the path.
    pub(in crate::sqlite) fn may_create(&self) -> bool {
        !self.read_only && self.existence != Existence::Required
    }

    /// Returns the path as the caller gave it, for errors that come before it is resolved.
    pub(in crate::sqlite) fn given_path(&self) -> &Path {
        match &self.location {
            Location::File(path) => path,
            Location::Memory => Path::new(":memory:"),
        }
    }
}
