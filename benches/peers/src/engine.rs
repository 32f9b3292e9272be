//! What is compared, and the work that each of them is asked to do.

use std::error::Error;
use std::fmt;

use crate::Result;

/// A store, or a variant of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// `vaults` with its defaults.
    Vaults,
    /// `vaults` without its cache of entries.
    VaultsUncached,
    /// `vaults` with `verify_writes(false)`: by hand nothing is verified either.
    VaultsUnverified,
    /// SQLite through rusqlite, with the same table, settings, statements and codec: the floor.
    ByHand,
    /// redb.
    Redb,
    /// LMDB, through heed.
    Heed,
    /// fjall.
    Fjall,
    /// sled.
    Sled,
    /// `std::collections::HashMap` behind a lock, for scale.
    HashMap,
}

impl Engine {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 9] = [
        Self::Vaults,
        Self::VaultsUncached,
        Self::VaultsUnverified,
        Self::ByHand,
        Self::Redb,
        Self::Heed,
        Self::Fjall,
        Self::Sled,
        Self::HashMap,
    ];

    /// Those of the plots of what is read.
    pub const READING: [Self; 8] = [
        Self::Vaults,
        Self::VaultsUncached,
        Self::ByHand,
        Self::Redb,
        Self::Heed,
        Self::Fjall,
        Self::Sled,
        Self::HashMap,
    ];

    /// Those that are no variant of another.
    pub const PLAIN: [Self; 7] = [
        Self::Vaults,
        Self::ByHand,
        Self::Redb,
        Self::Heed,
        Self::Fjall,
        Self::Sled,
        Self::HashMap,
    ];

    /// The stores that users would choose between.
    pub const PEERS: [Self; 4] = [Self::Redb, Self::Heed, Self::Fjall, Self::Sled];

    /// The head of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vaults => "vaults",
            Self::VaultsUncached => "vaults, cache off",
            Self::VaultsUnverified => "vaults, unverified",
            Self::ByHand => "SQLite by hand",
            Self::Redb => "redb",
            Self::Heed => "heed",
            Self::Fjall => "fjall",
            Self::Sled => "sled",
            Self::HashMap => "HashMap",
        }
    }

    /// Its name on a command line and in the file system.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Vaults => "vaults",
            Self::VaultsUncached => "vaults-uncached",
            Self::VaultsUnverified => "vaults-unverified",
            Self::ByHand => "hand",
            Self::Redb => "redb",
            Self::Heed => "heed",
            Self::Fjall => "fjall",
            Self::Sled => "sled",
            Self::HashMap => "hashmap",
        }
    }

    /// Back from [`tag`](Self::tag).
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.tag() == tag)
    }

    /// True if its files are copies of those of `vaults`.
    pub const fn is_variant(self) -> bool {
        matches!(self, Self::VaultsUncached | Self::VaultsUnverified)
    }

    /// True if what it calls durable is synced to the disk: sled's flush leaves the file's
    /// metadata and the disk's cache to themselves.
    pub const fn syncs(self) -> bool {
        !matches!(self, Self::Sled | Self::HashMap)
    }
}

/// When a write is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Synced before the call returns.
    Full,
    /// Survives a killed process; a power cut may take the newest writes.
    Normal,
    /// What the engine has that syncs nothing.
    Off,
}

impl Durability {
    /// Its name on a command line and in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "Full",
            Self::Normal => "Normal",
            Self::Off => "Off",
        }
    }
}

/// Whether other processes have the same file open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody else has.
    Alone,
    /// Others have, and one of them writes.
    Reader,
    /// Others have, and read.
    Writer,
}

/// The engine has no such operation, or no such mode.
#[derive(Debug)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the engine has no such operation")
    }
}

impl Error for Unsupported {}

/// An open map. Each method does many operations, so that the loop is the engine's own and the
/// call through a pointer is paid once; the result is the sum of what was read.
pub trait Map<K, V>: Send + Sync {
    /// Waits until nothing is done in the background any more.
    fn settle(&self) {}

    /// A get for each key, each by itself.
    fn get_each(&self, keys: &[K]) -> Result<u64>;

    /// The values of all keys, of one state.
    fn get_many(&self, _keys: &[K]) -> Result<Vec<Option<V>>> {
        Err(Unsupported.into())
    }

    /// A get for each key in one snapshot, which is taken and dropped here.
    fn get_in_snapshot(&self, _keys: &[K]) -> Result<u64> {
        Err(Unsupported.into())
    }

    /// Reads and decodes every entry.
    fn iterate(&self) -> Result<u64>;

    /// The number of entries.
    fn len(&self) -> Result<u64>;

    /// Stores each entry by itself.
    fn put_each(&self, entries: &[(K, V)]) -> Result<()>;

    /// Stores each entry by itself and reads the value that it replaces.
    fn insert_each(&self, entries: Vec<(K, V)>) -> Result<u64>;

    /// Removes each key by itself and reads its value.
    fn remove_each(&self, keys: &[K]) -> Result<u64>;

    /// Adds one to the value of each key, in one atomic step a key.
    fn increment_each(&self, keys: &[K]) -> Result<()>;

    /// Stores all entries in one step.
    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()>;

    /// Stores all entries in a transaction, by a put each.
    fn put_together(&self, entries: &[(K, V)]) -> Result<()>;
}
