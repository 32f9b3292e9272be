//! The entries of one map, in either order.

use crate::engine::{End, KeyRange, Position, RawEntry, RawRow, RowOrder, Scan};
use crate::error::Result;
use crate::memory::entry::Bytes;
use crate::memory::table_by_insertion::TableByInsertion;
use crate::memory::table_by_key::TableByKey;

/// The entries of one map. Cloning it takes constant time.
#[derive(Clone)]
pub(crate) enum Table {
    ByInsertion(TableByInsertion),
    ByKey(TableByKey),
}

impl Table {
    pub(super) fn new(order: RowOrder) -> Self {
        match order {
            RowOrder::Insertion => Self::ByInsertion(TableByInsertion::default()),
            RowOrder::Key => Self::ByKey(TableByKey::default()),
        }
    }

    pub(super) const fn order(&self) -> RowOrder {
        match self {
            Self::ByInsertion(_) => RowOrder::Insertion,
            Self::ByKey(_) => RowOrder::Key,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::ByInsertion(table) => table.len(),
            Self::ByKey(table) => table.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn memory(&self) -> u64 {
        match self {
            Self::ByInsertion(table) => table.memory(),
            Self::ByKey(table) => table.memory(),
        }
    }

    /// Returns the position and the value of `key`.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<(Position, &Bytes)> {
        match self {
            Self::ByInsertion(table) => table.get(key),
            Self::ByKey(table) => Some((Position::NONE, table.get(key)?)),
        }
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        match self {
            Self::ByInsertion(table) => table.contains(key),
            Self::ByKey(table) => table.contains(key),
        }
    }

    /// Returns the first or the last row in the order of the map.
    pub(crate) fn at_end(&self, end: End) -> Option<RawEntry> {
        match self {
            Self::ByInsertion(table) => table.at_end(end),
            Self::ByKey(table) => table.at_end(end),
        }
    }

    /// Passes the rows of `scan` to `f`, in their order, until `f` returns `false`.
    pub(crate) fn scan(&self, scan: Scan<'_>, f: impl FnMut(RawRow<'_>) -> bool) {
        match self {
            Self::ByInsertion(table) => table.scan(scan, f),
            Self::ByKey(table) => table.scan(scan, f),
        }
    }

    /// Writes an entry. An entry that is present keeps its position.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        match self {
            Self::ByInsertion(table) => table.put(key, value),
            Self::ByKey(table) => table.put(key, value),
        }
    }

    /// Replaces the value of the row at `position`, which has this key.
    pub(crate) fn update(&mut self, position: Position, key: &[u8], value: &[u8]) -> Result<()> {
        match self {
            Self::ByInsertion(table) => table.update(position, key, value),
            Self::ByKey(table) => table.put(key, value),
        }
    }

    /// Gives the row at `position`, which has the first of `keys`, the second, and another value if there is one.
    pub(crate) fn set_key(
        &mut self,
        position: Position,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        match self {
            Self::ByInsertion(table) => table.set_key(position, keys, value),
            Self::ByKey(table) => table.set_key(keys, value),
        }
    }

    /// Writes an entry at a position. Returns `false` if the position or the key is taken.
    pub(crate) fn insert_at(
        &mut self,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        match self {
            Self::ByInsertion(table) => table.insert_at(position, key, value),
            Self::ByKey(table) => table.insert(key, value),
        }
    }

    /// Removes an entry. Returns `false` if it is not present.
    pub(crate) fn delete(&mut self, key: &[u8]) -> bool {
        match self {
            Self::ByInsertion(table) => table.delete(key),
            Self::ByKey(table) => table.delete(key),
        }
    }

    /// Removes the entries whose keys are in `range`, and returns their number.
    pub(crate) fn delete_range(&mut self, range: &KeyRange) -> u64 {
        match self {
            // Its keys are in no order.
            Self::ByInsertion(_) => 0,
            Self::ByKey(table) => table.delete_range(range),
        }
    }

    /// Removes every entry.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::ByInsertion(table) => *table = TableByInsertion::default(),
            Self::ByKey(table) => *table = TableByKey::default(),
        }
    }
}
