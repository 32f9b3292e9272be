//! A cursor over the rows of a map from both ends, which reads them in batches.

use std::ops::Range;

use crate::engine::row::{RawRow, WrongType};
use crate::engine::traits::Read;
use crate::engine::types::{Columns, Direction, KeyRange, MapId, Position, RowOrder, Scan, Span};
use crate::error::Result;

/// A batch ends at the first of these. The number of rows starts small, for a caller that wants only
/// the first entry, and doubles from batch to batch.
const FIRST_BATCH_ROWS: usize = 8;
const MAX_BATCH_ROWS: usize = 512;
const MAX_BATCH_BYTES: usize = 128 * 1024;

/// Rows that were read at once, in the order in which they were read.
#[derive(Debug, Default)]
struct RowBatch {
    bytes: Vec<u8>,
    rows: Vec<Bounds>,
    /// The rows with a column that is not a BLOB, by their index. Usually there is none.
    wrong_types: Vec<(usize, WrongType)>,
    /// The indices of the rows that were not yet returned.
    remaining: Range<usize>,
}

/// Where a row begins in the bytes of its batch, where its value begins, and where it ends.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    position: Position,
    start: usize,
    middle: usize,
    end: usize,
}

impl RowBatch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.wrong_types.clear();
        self.remaining = 0..0;
    }

    fn push(&mut self, row: RawRow<'_>) {
        let (position, key, value, wrong_type) = row.into_parts();
        if wrong_type.is_some() {
            self.wrong_types.push((self.rows.len(), wrong_type));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.rows.push(Bounds {
            position,
            start,
            middle,
            end: self.bytes.len(),
        });
        self.remaining.end = self.rows.len();
    }

    fn row(&self, index: usize) -> Option<RawRow<'_>> {
        let bounds = self.rows.get(index)?;
        let wrong = self
            .wrong_types
            .binary_search_by_key(&index, |(row, _)| *row);
        let wrong_type = wrong.ok().and_then(|found| self.wrong_types.get(found));
        Some(RawRow::new(
            bounds.position,
            self.bytes.get(bounds.start..bounds.middle)?,
            self.bytes.get(bounds.middle..bounds.end)?,
            wrong_type.and_then(|&(_, wrong_type)| wrong_type),
        ))
    }
}

/// The rows that a cursor has not read yet.
#[derive(Debug)]
enum Unread {
    Everything,
    Some(Span),
    Nothing,
}

/// The rows of a map that were not yet visited, from both ends.
///
/// It keeps positions or keys and not a statement. Between two batches the reader is free for other work,
/// and rows that are removed in between are not returned.
#[derive(Debug)]
pub(crate) struct Cursor {
    columns: Columns,
    unread: Unread,
    front: RowBatch,
    back: RowBatch,
    batch_rows: usize,
}

impl Cursor {
    /// Returns a cursor over every row.
    pub(crate) fn new(columns: Columns) -> Self {
        Self::over(columns, Unread::Everything)
    }

    /// Returns a cursor over the rows whose keys are in `range`.
    pub(crate) fn in_range(columns: Columns, range: KeyRange) -> Self {
        let unread = if range.is_empty() {
            Unread::Nothing
        } else {
            Unread::Some(Span::Keys(range))
        };
        Self::over(columns, unread)
    }

    fn over(columns: Columns, unread: Unread) -> Self {
        Self {
            columns,
            unread,
            front: RowBatch::default(),
            back: RowBatch::default(),
            batch_rows: FIRST_BATCH_ROWS,
        }
    }

    /// Returns `true` if [`prefetch`](Self::prefetch) would read a batch in that direction.
    #[inline]
    pub(crate) fn needs_batch(&self, direction: Direction) -> bool {
        let batch = match direction {
            Direction::Forward => &self.front,
            Direction::Backward => &self.back,
        };
        batch.remaining.is_empty() && !matches!(self.unread, Unread::Nothing)
    }

    /// Reads the next batch in that direction, if the last one is used up.
    pub(crate) fn prefetch(
        &mut self,
        reader: &mut impl Read,
        map: MapId,
        direction: Direction,
    ) -> Result<()> {
        if self.needs_batch(direction) {
            self.read_batch(reader, map, direction)?;
        }
        Ok(())
    }

    /// Returns the next row in that direction, after [`prefetch`](Self::prefetch). When everything was
    /// read, the batch of the other end has the rest.
    pub(crate) fn next(&mut self, direction: Direction) -> Option<RawRow<'_>> {
        let (near, far) = match direction {
            Direction::Forward => (&mut self.front, &mut self.back),
            Direction::Backward => (&mut self.back, &mut self.front),
        };
        match near.remaining.next() {
            Some(index) => near.row(index),
            None => far.remaining.next_back().and_then(|index| far.row(index)),
        }
    }

    fn read_batch(
        &mut self,
        reader: &mut impl Read,
        map: MapId,
        direction: Direction,
    ) -> Result<()> {
        let span = match std::mem::replace(&mut self.unread, Unread::Nothing) {
            Unread::Everything => Span::all(map.order),
            Unread::Some(span) => span,
            Unread::Nothing => return Ok(()),
        };
        let read = self.read_span(reader, map, direction, &span);
        // After an error the same rows are read again.
        self.unread = match read {
            Ok(()) => self.rest_of(&span, direction),
            Err(_) => Unread::Some(span),
        };
        read
    }

    fn read_span(
        &mut self,
        reader: &mut impl Read,
        map: MapId,
        direction: Direction,
        unread: &Span,
    ) -> Result<()> {
        let columns = match (map.order, self.columns) {
            // The next batch begins after the key of the last row.
            (RowOrder::Key, Columns::Value) => Columns::Both,
            (_, columns) => columns,
        };
        let scan = Scan {
            columns,
            direction,
            span: unread,
        };
        let limit = self.batch_rows;
        let batch = self.batch_mut(direction);
        batch.clear();
        reader.scan(map, scan, |row| {
            batch.push(row);
            batch.rows.len() < limit && batch.bytes.len() < MAX_BATCH_BYTES
        })?;
        self.batch_rows = (limit * 2).min(MAX_BATCH_ROWS);
        Ok(())
    }

    fn batch_mut(&mut self, direction: Direction) -> &mut RowBatch {
        match direction {
            Direction::Forward => &mut self.front,
            Direction::Backward => &mut self.back,
        }
    }

    /// Returns what is left of `span` after the batch that was just read in that direction.
    fn rest_of(&mut self, span: &Span, direction: Direction) -> Unread {
        let batch = self.batch_mut(direction);
        let last = batch.rows.len().checked_sub(1);
        let rest = last.and_then(|last| batch.row(last)).and_then(|row| {
            let (position, key, _, _) = row.into_parts();
            span.after(position, key, direction)
        });
        rest.map_or(Unread::Nothing, Unread::Some)
    }
}

#[cfg(test)]
mod tests;
