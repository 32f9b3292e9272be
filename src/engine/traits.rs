//! The engine's door: what each place for bytes does for a map.

use std::path::Path;
use std::sync::Arc;

use crate::engine::row::{RawEntry, RawRow};
use crate::engine::types::{End, KeyRange, MapId, MapInfo, Position, RowOrder, Scan, WriteOp};
use crate::error::{Error, Location, Result};

/// Reads one state of a place for bytes.
pub(crate) trait Read {
    /// Passes the position and the value of `key` to `f`, without copying the value.
    fn find<R>(
        &mut self,
        map: MapId,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>>;

    /// Returns `true` if `key` is present. Does not read the value.
    fn contains(&mut self, map: MapId, key: &[u8]) -> Result<bool>;

    /// Returns `true` if there are no rows, in constant time.
    fn is_empty(&mut self, map: MapId) -> Result<bool>;

    /// Returns the number of rows.
    fn len(&mut self, map: MapId) -> Result<u64>;

    /// Returns the number of rows if it is known without reading, once the first read has fixed the state.
    fn known_len(&mut self, map: MapId) -> Option<u64>;

    /// Returns the first or the last row, or an error if a column of it is not a BLOB.
    fn at_end(&mut self, map: MapId, end: End) -> Result<Option<RawEntry>>;

    /// Returns what the catalogue says of the map with this name.
    fn find_map(&mut self, name: &str) -> Result<Option<MapInfo>>;

    /// Returns what the catalogue says of all maps, in the order of the bytes of their names.
    fn maps(&mut self) -> Result<Vec<MapInfo>>;

    /// Passes the rows of `scan` to `f`, in their order, until `f` returns `false`.
    fn scan(&mut self, map: MapId, scan: Scan<'_>, f: impl FnMut(RawRow<'_>) -> bool)
    -> Result<()>;
}

/// Writes in one transaction, and reads what it has written.
///
/// Dropping it rolls back, so that an early return and a panic leave the last committed state. It stays
/// on its thread, because a second write of that thread is refused.
pub(crate) trait Write: Read {
    /// Writes an entry. An entry that is present keeps its position.
    fn put(&mut self, map: MapId, key: &[u8], value: &[u8]) -> Result<()>;

    /// Replaces the value of a row that was read with this key.
    fn update(&mut self, map: MapId, position: Position, key: &[u8], value: &[u8]) -> Result<()>;

    /// Gives a row that was read with the first of `keys` the second, and another value if there is one.
    ///
    /// Returns [`Error::DuplicateKey`] if another row has the key.
    fn set_key(
        &mut self,
        map: MapId,
        position: Position,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()>;

    /// Writes an entry at a position. Returns `false` if the position or the key is taken.
    fn insert_at(
        &mut self,
        map: MapId,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool>;

    /// Removes an entry. Returns `false` if it is not present.
    fn delete(&mut self, map: MapId, key: &[u8]) -> Result<bool>;

    /// Removes a row that was read with this key.
    fn delete_at(&mut self, map: MapId, position: Position, key: &[u8]) -> Result<()>;

    /// Removes every entry.
    fn clear(&mut self, map: MapId) -> Result<()>;

    /// Removes the entries of a map in key order whose keys are in `range`, and returns their number.
    fn delete_range(&mut self, map: MapId, range: &KeyRange) -> Result<u64>;

    /// Creates a map. The caller has looked that there is none with this name.
    fn create_map(&mut self, name: &str, order: RowOrder, checksums: bool) -> Result<MapId>;

    /// Removes a map and its entries. Later calls on it return [`Error::NotFound`].
    fn remove_map(&mut self, map: MapId) -> Result<()>;

    /// Gives a map another name. The caller has looked that there is none with this name.
    fn rename_map(&mut self, map: MapId, name: &str) -> Result<()>;

    /// Begins a savepoint inside the innermost one.
    fn savepoint(&mut self) -> Result<()>;

    /// Ends the innermost savepoint and keeps what was written since it began.
    fn release(&mut self) -> Result<()>;

    /// Ends the innermost savepoint and undoes what was written since it began.
    fn rollback_to(&mut self) -> Result<()>;

    /// Makes everything visible to others and, at `Durability::Full`, durable. An error rolls it back.
    fn commit(&mut self) -> Result<()>;

    /// Undoes everything.
    fn rollback(&mut self) -> Result<()>;

    /// Keeps an error of a destructor for the next write to return.
    fn defer_error(&self, error: Error);

    /// Writes an entry that was looked up in this transaction, and found at `position` if it is present.
    ///
    /// This saves a second search for a row that is known.
    fn put_at(
        &mut self,
        map: MapId,
        position: Option<Position>,
        key: &[u8],
        value: &[u8],
    ) -> Result<()> {
        match position {
            Some(position) => self.update(map, position, key, value),
            None => self.put(map, key, value),
        }
    }

    /// Makes one write without reading the old value.
    fn apply(&mut self, map: MapId, op: &WriteOp) -> Result<()> {
        match op {
            WriteOp::Put { key, value } => self.put(map, key, value),
            WriteOp::Delete { key } => self.delete(map, key).map(drop),
        }
    }

    /// Makes one write of a key that was looked up, and found at `position` if it is present.
    fn apply_at(&mut self, map: MapId, position: Option<Position>, op: &WriteOp) -> Result<()> {
        match (op, position) {
            (WriteOp::Put { key, value }, position) => self.put_at(map, position, key, value),
            (WriteOp::Delete { key }, Some(position)) => self.delete_at(map, position, key),
            (WriteOp::Delete { .. }, None) => Ok(()),
        }
    }

    /// Makes one write and returns what `decode` makes of the key and the old value. If `decode` fails,
    /// nothing is written.
    fn swap<R>(
        &mut self,
        map: MapId,
        op: &WriteOp,
        decode: impl FnOnce(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        let key = op.key();
        let found = self.find(map, key, |position, old| (position, decode(key, old)))?;
        let (position, old) = found.unzip();
        let old = old.transpose()?;
        self.apply_at(map, position, op)?;
        Ok(old)
    }
}

/// A place for bytes that is open, shared by the handles of a vault.
pub(crate) trait Engine {
    type Reader: Read;
    type Writer: Write;

    /// Begins to read. The state is that of the first read.
    fn begin_read(self: &Arc<Self>) -> Result<Self::Reader>;

    /// Begins to read the current state.
    fn begin_read_now(self: &Arc<Self>) -> Result<Self::Reader>;

    /// Begins to write. Blocks for at most the busy timeout.
    fn begin_write(self: &Arc<Self>) -> Result<Self::Writer>;

    /// Passes the newest value of `key` to `f`, from a cache if there is one.
    fn get<R>(&self, map: MapId, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;

    /// Returns `true` if `key` is present in the newest state.
    fn contains(&self, map: MapId, key: &[u8]) -> Result<bool>;

    /// Returns the number of entries of the newest state.
    fn len(&self, map: MapId) -> Result<u64>;

    /// Returns the number of entries, if it is known without reading.
    fn cached_len(&self, map: MapId) -> Option<u64>;

    /// Returns `true` if the newest state has no entries.
    fn is_empty(&self, map: MapId) -> Result<bool>;

    /// Makes one write and commits it, possibly together with the writes of other threads.
    fn apply(self: &Arc<Self>, map: MapId, op: WriteOp) -> Result<()>;

    /// Makes one write, commits it, and returns what `decode` makes of the key and the old value.
    fn swap<R>(
        self: &Arc<Self>,
        map: MapId,
        op: WriteOp,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>>;

    /// Makes everything that was committed durable, whatever the durability.
    fn flush(&self) -> Result<()>;

    /// Closes it, and returns any error that dropping it would hide. After an error it is still open.
    fn close(&mut self) -> Result<()>;

    /// Returns the order of its only map, which has no name, or `None` if it holds maps with names.
    fn only_order(&self) -> Option<RowOrder>;

    /// Returns `true` if it holds maps with names.
    fn has_catalogue(&self) -> bool {
        self.only_order().is_none()
    }

    /// The absolute path of its file, or `None` if it has none.
    fn path(&self) -> Option<&Path>;

    /// Where it is.
    fn location(&self) -> Location;
}
