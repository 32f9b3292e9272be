//! Rows as bytes, and the error of one that holds something else.

use crate::engine::types::Position;
use crate::error::{EntryPart, Error, Result, preview};

/// The first column of a row that is not a BLOB, and the type that it has instead.
pub(crate) type WrongType = Option<(EntryPart, &'static str)>;

/// One row, borrowed from what it was read with. A column that was not asked for is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawRow<'row> {
    pub(crate) position: Position,
    key: &'row [u8],
    value: &'row [u8],
    wrong_type: WrongType,
}

impl<'row> RawRow<'row> {
    #[inline]
    pub(crate) const fn new(
        position: Position,
        key: &'row [u8],
        value: &'row [u8],
        wrong_type: WrongType,
    ) -> Self {
        Self {
            position,
            key,
            value,
            wrong_type,
        }
    }

    pub(crate) const fn into_parts(self) -> (Position, &'row [u8], &'row [u8], WrongType) {
        (self.position, self.key, self.value, self.wrong_type)
    }

    /// Returns the key and the value, or an error if one that was asked for is not a BLOB.
    #[inline]
    pub(crate) fn bytes(&self) -> Result<(&'row [u8], &'row [u8])> {
        match self.wrong_type {
            None => Ok((self.key, self.value)),
            Some((part, found)) => Err(self.not_a_blob(part, found)),
        }
    }

    #[cold]
    fn not_a_blob(&self, part: EntryPart, found: &'static str) -> Error {
        let key = if self.key.is_empty() {
            format!("in row {}", self.position)
        } else {
            preview(self.key)
        };
        Error::NotABlob { part, key, found }
    }

    /// Returns the key, to remove the row whatever is in it. It is empty if it is not a BLOB.
    pub(crate) const fn key_or_empty(&self) -> &'row [u8] {
        self.key
    }
}

/// One row that owns its bytes.
#[derive(Debug)]
pub(crate) struct RawEntry {
    pub(crate) position: Position,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// What prevented the reading of some rows.
#[derive(Debug, Default)]
pub(crate) struct Obstacles {
    /// The error that ended the scan from the first row on.
    pub(crate) error: Option<Error>,
    /// The number of rows that the index lists and that could not be read.
    pub(crate) unreadable: u64,
}
