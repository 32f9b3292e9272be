//! What is compared.

use Engine::{
    ByHand, Fjall, HashMap, Heed, Redb, Sled, Vaults, VaultsUncached, VaultsUnverified,
    WithoutRowid,
};

/// A store, or a variant of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// `vaults` with its defaults.
    Vaults,
    VaultsUncached,
    /// `vaults` with `verify_writes(false)`: by hand nothing is verified either.
    VaultsUnverified,
    /// SQLite through rusqlite, with the same table, settings, statements and codec: the floor.
    ByHand,
    /// The same with a table `WITHOUT ROWID`, for maps in the order of their keys.
    WithoutRowid,
    Redb,
    /// LMDB.
    Heed,
    Fjall,
    Sled,
    /// `std::collections::HashMap` behind a lock, for scale.
    HashMap,
}

/// In the order of the tables: the head of the column, and the name on a command line and in the
/// file system.
const NAMES: [(Engine, &str, &str); 10] = [
    (Vaults, "vaults", "vaults"),
    (VaultsUncached, "vaults, cache off", "vaults-uncached"),
    (VaultsUnverified, "vaults, unverified", "vaults-unverified"),
    (ByHand, "SQLite by hand", "hand"),
    (WithoutRowid, "SQLite, WITHOUT ROWID", "hand-without-rowid"),
    (Redb, "redb", "redb"),
    (Heed, "heed", "heed"),
    (Fjall, "fjall", "fjall"),
    (Sled, "sled", "sled"),
    (HashMap, "HashMap", "hashmap"),
];

impl Engine {
    /// Those that are not a variant of another.
    pub const PLAIN: &[Self] = &[Vaults, ByHand, Redb, Heed, Fjall, Sled, HashMap];

    /// Those, and the variant that differs in reading.
    #[rustfmt::skip]
    pub const READING: &[Self] =
        &[Vaults, VaultsUncached, ByHand, Redb, Heed, Fjall, Sled, HashMap];

    /// Those, and the variant that differs in writing.
    #[rustfmt::skip]
    pub const WRITING: &[Self] =
        &[Vaults, VaultsUnverified, ByHand, Redb, Heed, Fjall, Sled, HashMap];

    /// Those that several processes can open. They have several maps in a file too.
    pub const SHARED: &[Self] = &[Vaults, ByHand, Redb, Heed];

    /// Those with maps in the order of their keys.
    pub const SORTED: &[Self] = &[Vaults, ByHand, WithoutRowid, Redb, Heed];

    /// The stores that users would choose between.
    pub const PEERS: &[Self] = &[Redb, Heed, Fjall, Sled];

    /// All of them, in the order of the tables.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(engine, ..)| engine)
    }

    /// The head of its column.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// Its name on a command line and in the file system.
    pub fn tag(self) -> &'static str {
        NAMES[self as usize].2
    }

    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::all().find(|engine| engine.tag() == tag)
    }

    /// True if its files are copies of those of `vaults`.
    pub const fn is_variant(self) -> bool {
        matches!(self, VaultsUncached | VaultsUnverified)
    }

    /// True if what it calls durable is synced to the disk. sled's flush syncs neither the metadata
    /// of the file nor the cache of the disk.
    pub const fn syncs(self) -> bool {
        !matches!(self, Sled | HashMap)
    }
}
