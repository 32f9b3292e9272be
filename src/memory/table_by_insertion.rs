//! The entries of a map in the order of insertion.

use std::sync::Arc;

use imbl::{HashMap, OrdMap};

use crate::engine::{Direction, End, Position, RawEntry, RawRow, Scan, Span};
use crate::error::{Error, Location, Result, preview};
use crate::memory::entry::{Bytes, check_size, entry_bytes};

/// The approximate memory of an entry besides its key and value: two places in a map and two allocations.
const ENTRY_OVERHEAD_BYTES: u64 = 128;

/// A value, and the position of its row.
#[derive(Clone)]
struct Indexed {
    position: Position,
    value: Bytes,
}

/// A key and its value.
#[derive(Clone)]
struct Row {
    key: Bytes,
    value: Bytes,
}

/// The entries of one map. Cloning it takes constant time.
#[derive(Clone, Default)]
pub(super) struct TableByInsertion {
    /// The entries by their keys.
    index: HashMap<Bytes, Indexed>,
    /// The same entries by their positions.
    rows: OrdMap<Position, Row>,
    /// The size of all keys and values.
    bytes: u64,
}

impl TableByInsertion {
    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) fn memory(&self) -> u64 {
        self.bytes + self.len() * ENTRY_OVERHEAD_BYTES
    }

    /// Returns the position and the value of `key`.
    #[inline]
    pub(super) fn get(&self, key: &[u8]) -> Option<(Position, &Arc<[u8]>)> {
        let found = self.index.get(key)?;
        Some((found.position, &found.value))
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.index.contains_key(key)
    }

    pub(super) fn at_end(&self, end: End) -> Option<RawEntry> {
        let (position, row) = match end {
            End::First => self.rows.get_min(),
            End::Last => self.rows.get_max(),
        }?;
        Some(RawEntry {
            position: *position,
            key: row.key.to_vec(),
            value: row.value.to_vec(),
        })
    }

    /// Passes the rows of `scan` to `f`, in their order, until `f` returns `false`.
    pub(super) fn scan(&self, scan: Scan<'_>, mut f: impl FnMut(RawRow<'_>) -> bool) {
        let mut pass = |(&position, row): (&Position, &Row)| {
            f(RawRow::new(position, &row.key, &row.value, None))
        };
        let Span::Positions(range) = scan.span else {
            return;
        };
        let rows = self.rows.range(range.first..=range.last);
        match scan.direction {
            Direction::Forward => rows.take_while(|row| pass(*row)).for_each(drop),
            Direction::Backward => rows.rev().take_while(|row| pass(*row)).for_each(drop),
        }
    }

    /// Writes an entry. An entry that is present keeps its position.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        check_size(key, value)?;
        let value = Bytes::from(value);
        if let Some(found) = self.index.get_mut(key) {
            found.value = Arc::clone(&value);
            let position = found.position;
            self.set_value(position, value);
            return Ok(());
        }
        let last = self.rows.get_max().map(|(position, _)| *position);
        let position = last.map_or(Some(Position::FIRST), Position::next);
        let position = position.ok_or_else(out_of_positions)?;
        self.insert(position, Bytes::from(key), value);
        Ok(())
    }

    /// Replaces the value of the row at `position`, which has this key.
    pub(super) fn update(&mut self, position: Position, key: &[u8], value: &[u8]) -> Result<()> {
        check_size(key, value)?;
        let value = Bytes::from(value);
        if let Some(found) = self.index.get_mut(key) {
            found.value = Arc::clone(&value);
        }
        self.set_value(position, value);
        Ok(())
    }

    /// Gives the row at `position`, which has the key `old`, the key `new`, and another value if there is one.
    pub(super) fn set_key(
        &mut self,
        position: Position,
        (old, new): (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        if old != new && self.contains(new) {
            return Err(Error::DuplicateKey { key: preview(new) });
        }
        let value = match (value, self.rows.get(&position)) {
            (Some(value), _) => Bytes::from(value),
            (None, Some(row)) => Arc::clone(&row.value),
            (None, None) => return Ok(()),
        };
        check_size(new, &value)?;
        self.delete(old);
        self.insert(position, Bytes::from(new), value);
        Ok(())
    }

    /// Writes an entry at a position. Returns `false` if the position or the key is taken.
    pub(super) fn insert_at(
        &mut self,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        check_size(key, value)?;
        if self.rows.contains_key(&position) || self.contains(key) {
            return Ok(false);
        }
        self.insert(position, Bytes::from(key), Bytes::from(value));
        Ok(true)
    }

    /// Removes an entry. Returns `false` if it is not present.
    pub(super) fn delete(&mut self, key: &[u8]) -> bool {
        let Some(found) = self.index.remove(key) else {
            return false;
        };
        self.rows.remove(&found.position);
        self.bytes -= entry_bytes(key, &found.value);
        true
    }

    fn insert(&mut self, position: Position, key: Bytes, value: Bytes) {
        self.bytes += entry_bytes(&key, &value);
        let indexed = Indexed {
            position,
            value: Arc::clone(&value),
        };
        self.index.insert(Arc::clone(&key), indexed);
        self.rows.insert(position, Row { key, value });
    }

    fn set_value(&mut self, position: Position, value: Bytes) {
        if let Some(row) = self.rows.get_mut(&position) {
            self.bytes += value.len() as u64;
            self.bytes -= row.value.len() as u64;
            row.value = value;
        }
    }
}

/// The error of a map whose last position is the largest possible, which takes 2^63 insertions.
#[cold]
fn out_of_positions() -> Error {
    Error::OutOfRowids {
        location: Location::Memory,
    }
}
