//! A read transaction on one map, and where its rows and values come from.

use std::borrow::BorrowMut;
use std::cell::RefCell;

use crate::backend::{Backend, Reader};
use crate::engine::{
    Columns, Cursor, Direction, End, KeyRange, MapId, Obstacles, RawEntry, RawRow, Read, Scan, Span,
};
use crate::entry::scope::{WriteScope, WriteTransaction};
use crate::error::Result;

/// One state of a map for as long as it lives, through a reader or a borrowed one.
pub(crate) struct ReadTransaction<R = Reader> {
    reader: R,
    map: MapId,
}

impl ReadTransaction {
    /// Begins a transaction, whose state is that of the first read.
    pub(crate) fn begin(backend: &Backend, map: MapId) -> Result<Self> {
        let reader = backend.begin_read()?;
        Ok(Self { reader, map })
    }

    /// Begins a transaction, whose state is the current one.
    pub(crate) fn begin_now(backend: &Backend, map: MapId) -> Result<Self> {
        let reader = backend.begin_read_now()?;
        Ok(Self { reader, map })
    }

    /// Returns the number of rows, or 0 if it cannot be counted because of damage.
    pub(crate) fn count_any(&mut self) -> Result<u64> {
        self.reader.count_any(self.map)
    }

    /// Passes every row that can be reached to `f`, whatever is damaged. Returns the error that prevented the
    /// reading of others, and how many the index lists that could not be read.
    pub(crate) fn reach_all(&mut self, f: impl FnMut(RawRow<'_>)) -> Result<Obstacles> {
        self.reader.reach_all(self.map, f)
    }

    /// Returns what is wrong with the structure of a file.
    pub(crate) fn integrity_check(&mut self) -> Result<Vec<String>> {
        self.reader.integrity_check(self.map)
    }
}

impl<R: BorrowMut<Reader>> ReadTransaction<R> {
    pub(crate) const fn of(reader: R, map: MapId) -> Self {
        Self { reader, map }
    }

    pub(crate) fn len(&mut self) -> Result<u64> {
        self.reader.borrow_mut().len(self.map)
    }

    pub(crate) fn is_empty(&mut self) -> Result<bool> {
        self.reader.borrow_mut().is_empty(self.map)
    }
}

/// Looks entries up in one state of a map.
pub(crate) trait Lookup {
    /// Passes the value of `key` to `f`, without copying it.
    fn get<R>(&mut self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;

    /// Returns `true` if `key` is present. Does not read the value.
    fn contains(&mut self, key: &[u8]) -> Result<bool>;

    /// Returns the first or the last row.
    fn at_end(&mut self, end: End) -> Result<Option<RawEntry>>;

    /// Returns the number of rows of a sorted map whose keys are in `range`.
    fn count_in(&mut self, range: &KeyRange) -> Result<u64>;
}

impl<S: BorrowMut<Reader>> Lookup for ReadTransaction<S> {
    #[inline]
    fn get<R>(&mut self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.reader
            .borrow_mut()
            .find(self.map, key, |_, value| f(value))
    }

    fn contains(&mut self, key: &[u8]) -> Result<bool> {
        self.reader.borrow_mut().contains(self.map, key)
    }

    fn at_end(&mut self, end: End) -> Result<Option<RawEntry>> {
        self.reader.borrow_mut().at_end(self.map, end)
    }

    fn count_in(&mut self, range: &KeyRange) -> Result<u64> {
        count_in(self.reader.borrow_mut(), self.map, range)
    }
}

/// Sees its own writes.
impl Lookup for WriteTransaction {
    #[inline]
    fn get<R>(&mut self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.find(key, |_, value| f(value))
    }

    fn contains(&mut self, key: &[u8]) -> Result<bool> {
        Self::contains(self, key)
    }

    fn at_end(&mut self, end: End) -> Result<Option<RawEntry>> {
        Self::at_end(self, end)
    }

    fn count_in(&mut self, range: &KeyRange) -> Result<u64> {
        let map = self.map();
        count_in(&mut *self.writer()?, map, range)
    }
}

fn count_in(reader: &mut impl Read, map: MapId, range: &KeyRange) -> Result<u64> {
    let mut rows = 0;
    let scan = Scan {
        columns: Columns::Key,
        direction: Direction::Forward,
        span: &Span::Keys(range.clone()),
    };
    reader.scan(map, scan, |_| {
        rows += 1;
        true
    })?;
    Ok(rows)
}

/// Where a cursor reads its batches.
pub(crate) trait RowSource {
    /// Reads the next batch, if the cursor needs one.
    fn prefetch(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()>;

    /// Returns the number of rows if it is known without reading, after the first batch.
    fn known_len(&mut self) -> Option<u64>;
}

impl RowSource for ReadTransaction {
    fn prefetch(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        cursor.prefetch(&mut self.reader, self.map, direction)
    }

    fn known_len(&mut self) -> Option<u64> {
        self.reader.known_len(self.map)
    }
}

impl RowSource for &RefCell<WriteScope<'_>> {
    fn prefetch(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        RefCell::borrow_mut(self)
            .transaction()
            .prefetch(cursor, direction)
    }

    fn known_len(&mut self) -> Option<u64> {
        RefCell::borrow_mut(self).transaction().known_len()
    }
}
