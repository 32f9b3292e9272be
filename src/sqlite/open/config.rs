//! The settings of a store.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// When a write is on the disk.
///
/// It is a setting of the handle, not of the file: two handles of one vault may differ.
///
/// | | killed process | power cut | cost of a commit |
/// |---|---|---|---|
/// | `Full` | nothing lost | nothing lost | one `fdatasync` |
/// | `Normal` | nothing lost | the newest commits may be lost, never the file | none |
/// | `Off` | nothing lost | the file may be damaged | none, and cheaper checkpoints |
///
/// Atomicity does not depend on it: after a crash a transaction is there whole or
/// not at all (`Off` and a power cut excepted).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Every commit is synced before the call returns `Ok`: it survives a power cut.
    #[default]
    Full,
    /// A commit is handed to the operating system and synced at the next checkpoint:
    /// it survives a killed process. A power cut may take the newest commits, in order,
    /// and never damages the file. [`flush`](crate::Vault::flush) syncs on demand.
    Normal,
    /// Nothing is ever synced: for what can be rebuilt. A power cut may damage the file.
    Off,
}

impl Durability {
    /// SQLite's name for it: <https://www.sqlite.org/pragma.html#pragma_synchronous>.
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
