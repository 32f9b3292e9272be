//! Reading and writing the rows of a map, whatever its order.

use crate::engine::{End, KeyRange, MapId, Position, RawEntry, RawRow, RowOrder, Scan, Span};
use crate::error::Result;
use crate::sqlite::connection::session::Session;

/// The rows of one map, through a connection.
pub(in crate::sqlite) struct MapRows<'a> {
    session: &'a mut Session,
    map: MapId,
}

impl Session {
    #[inline]
    pub(in crate::sqlite) const fn rows(&mut self, map: MapId) -> MapRows<'_> {
        MapRows { session: self, map }
    }
}

impl MapRows<'_> {
    // ---- reading ------------------------------------------------------------------

    /// Passes the position and the value of `key` to `f`, without copying the value.
    #[inline]
    pub(in crate::sqlite) fn find<R>(
        self,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).find(key, f),
            RowOrder::Key => self.session.sorted(self.map.number).find(key, f),
        }
    }

    /// Returns `true` if `key` is present. Does not read the value.
    pub(in crate::sqlite) fn contains(self, key: &[u8]) -> Result<bool> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).contains(key),
            RowOrder::Key => self.session.sorted(self.map.number).contains(key),
        }
    }

    /// Returns `true` if there are no rows. Reads no column.
    pub(in crate::sqlite) fn is_empty(&mut self) -> Result<bool> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).is_empty(),
            RowOrder::Key => self.session.sorted(self.map.number).is_empty(),
        }
    }

    /// Returns the number of rows, by reading all of them.
    pub(in crate::sqlite) fn count(self) -> Result<u64> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).count(),
            RowOrder::Key => self.session.sorted(self.map.number).count(),
        }
    }

    /// Returns the first or the last row, or an error if a column of it is not a BLOB.
    pub(in crate::sqlite) fn at_end(self, end: End) -> Result<Option<RawEntry>> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).at_end(end),
            RowOrder::Key => self.session.sorted(self.map.number).at_end(end),
        }
    }

    /// Passes the rows of `scan` to `f`, in their order, until `f` returns `false`.
    pub(in crate::sqlite) fn scan(
        self,
        scan: Scan<'_>,
        f: impl FnMut(RawRow<'_>) -> bool,
    ) -> Result<()> {
        let Scan {
            columns,
            direction,
            span,
        } = scan;
        match span {
            Span::Positions(range) => self
                .session
                .dict(self.map.number)
                .scan_positions(columns, direction, *range, f),
            Span::Keys(range) => self
                .session
                .sorted(self.map.number)
                .scan(columns, direction, range, f),
        }
    }

    // ---- writing ------------------------------------------------------------------

    /// Writes an entry. Returns `true` if the key is new.
    #[inline]
    pub(in crate::sqlite) fn put(self, key: &[u8], value: &[u8]) -> Result<bool> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).put(key, value),
            RowOrder::Key => self.session.sorted(self.map.number).put(key, value),
        }
    }

    /// Gives a row that was read with the first of `keys` the second, and another value if there is one.
    pub(in crate::sqlite) fn set_key(
        self,
        position: Position,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        match self.map.order {
            RowOrder::Insertion => self
                .session
                .dict(self.map.number)
                .set_key(position, keys.1, value),
            RowOrder::Key => self.session.sorted(self.map.number).set_key(keys, value),
        }
    }

    /// Writes an entry at a position. Returns `false` if the position or the key is taken.
    pub(in crate::sqlite) fn insert_at(
        self,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        match self.map.order {
            RowOrder::Insertion => self
                .session
                .dict(self.map.number)
                .insert_at(position, key, value),
            RowOrder::Key => self.session.sorted(self.map.number).insert(key, value),
        }
    }

    /// Replaces the value of a row that was read with this key.
    pub(in crate::sqlite) fn update(
        self,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<()> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).update(position, value),
            RowOrder::Key => self
                .session
                .sorted(self.map.number)
                .put(key, value)
                .map(drop),
        }
    }

    /// Removes an entry. Returns `false` if it is not present.
    pub(in crate::sqlite) fn delete(self, key: &[u8]) -> Result<bool> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).delete(key),
            RowOrder::Key => self.session.sorted(self.map.number).delete(key),
        }
    }

    /// Removes a row that was read with this key. Returns `false` if there is none.
    pub(in crate::sqlite) fn delete_at(self, position: Position, key: &[u8]) -> Result<bool> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).delete_at(position),
            RowOrder::Key => self.session.sorted(self.map.number).delete(key),
        }
    }

    /// Removes the entries whose keys are in `range`, and returns their number.
    pub(in crate::sqlite) fn delete_range(self, range: &KeyRange) -> Result<u64> {
        match self.map.order {
            // Its keys are in no order.
            RowOrder::Insertion => Ok(0),
            RowOrder::Key => self.session.sorted(self.map.number).delete_range(range),
        }
    }

    /// Removes all entries and returns the number of them.
    pub(in crate::sqlite) fn clear(self) -> Result<u64> {
        match self.map.order {
            RowOrder::Insertion => self.session.dict(self.map.number).clear(),
            RowOrder::Key => self.session.sorted(self.map.number).clear(),
        }
    }
}
