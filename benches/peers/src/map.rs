//! The work that each engine is asked to do.

use crate::error::{Result, Unsupported};

/// When a write is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Synced before the call returns.
    Full,
    /// Survives a killed process. A power cut may take the newest writes.
    Normal,
    /// What the engine has that syncs nothing.
    Off,
}

impl Durability {
    /// Its name in SQLite and in the tables.
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
    /// No other process has.
    Alone,
    /// Others have, and one of them writes.
    Reader,
    /// Others have, and read.
    Writer,
}

/// In which order a map is iterated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one that costs the engine least.
    Any,
    /// By the bytes of the keys.
    Keys,
}

/// How a map is opened.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// When its writes are on the disk.
    pub durability: Durability,
    /// Whether others have it open.
    pub role: Role,
    /// In which order it is iterated.
    pub order: Order,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            role: Role::Alone,
            order: Order::Any,
        }
    }
}

/// An open map. Each method does many operations, so that the loop is the engine's own and the
/// call through a pointer is paid once. The result is the sum of what was read.
///
/// A map in the order of its keys is opened with [`Order::Keys`]. It needs the methods without a
/// default, and `ranges`.
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

    /// Reads and decodes every entry, in the order of the mode.
    fn iterate(&self) -> Result<u64>;

    /// Reads up to `count` entries from each key on, in the order of the keys, all in one snapshot.
    fn ranges(&self, _starts: &[K], _count: usize) -> Result<u64> {
        Err(Unsupported.into())
    }

    /// The number of entries.
    fn len(&self) -> Result<u64> {
        Err(Unsupported.into())
    }

    /// Stores each entry by itself.
    fn put_each(&self, entries: &[(K, V)]) -> Result<()>;

    /// Stores each entry by itself and reads the value that it replaces.
    fn insert_each(&self, _entries: Vec<(K, V)>) -> Result<u64> {
        Err(Unsupported.into())
    }

    /// Removes each key by itself and reads its value.
    fn remove_each(&self, _keys: &[K]) -> Result<u64> {
        Err(Unsupported.into())
    }

    /// Adds one to the value of each key, in one atomic step a key.
    fn increment_each(&self, _keys: &[K]) -> Result<()> {
        Err(Unsupported.into())
    }

    /// Stores all entries in one step.
    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()>;

    /// Stores all entries in a transaction, by a put each.
    fn put_together(&self, _entries: &[(K, V)]) -> Result<()> {
        Err(Unsupported.into())
    }
}

/// Several open maps of one file. Entry `i` of a call belongs to map `i` modulo their number.
pub trait MapFile<K, V>: Send + Sync {
    /// Stores all entries in one durable transaction.
    fn put_across(&self, entries: &[(K, V)]) -> Result<()>;

    /// A get for each key, each by itself.
    fn get_across(&self, keys: &[K]) -> Result<u64>;
}
