//! A cursor over the rows of a map from both ends, which reads them in batches.

use std::ops::Range;

use crate::engine::row::{RawRow, WrongType};
use crate::engine::traits::Read;
use crate::engine::types::{Columns, Direction, MapId, Position, Scan, Span};
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

/// The positions of a map that were not yet visited, from both ends.
///
/// It keeps positions and not a statement. Between two batches the reader is free for other work, and
/// rows that are removed in between are not returned.
#[derive(Debug)]
pub(crate) struct Cursor {
    columns: Columns,
    /// The positions that were not read yet, if any.
    unread: Option<Span>,
    front: RowBatch,
    back: RowBatch,
    batch_rows: usize,
}

impl Cursor {
    pub(crate) fn new(columns: Columns) -> Self {
        Self {
            columns,
            unread: Some(Span::ALL),
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
        batch.remaining.is_empty() && self.unread.is_some()
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
        let Some(unread) = self.unread else {
            return Ok(());
        };
        let scan = Scan {
            columns: self.columns,
            direction,
            span: unread,
        };
        let limit = self.batch_rows;
        let batch = match direction {
            Direction::Forward => &mut self.front,
            Direction::Backward => &mut self.back,
        };
        batch.clear();
        reader.scan(map, scan, |row| {
            batch.push(row);
            batch.rows.len() < limit && batch.bytes.len() < MAX_BATCH_BYTES
        })?;
        let last = batch.rows.last().map(|row| row.position);
        self.unread = last.and_then(|last| unread.after(last, direction));
        self.batch_rows = (limit * 2).min(MAX_BATCH_ROWS);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
