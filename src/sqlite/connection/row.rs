//! Rows as bytes, and what is said of one that holds something else.

use crate::error::{EntryPart, Error, Result, preview};
use crate::sqlite::connection::statement::Column;

/// One row, borrowed from what it was read with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawRow<'page> {
    pub(crate) rowid: i64,
    key: &'page [u8],
    value: &'page [u8],
    not_a_blob: NotABlob,
}

/// The first column of a row that is not a BLOB, and the type that it has.
pub(in crate::sqlite) type NotABlob = Option<(EntryPart, &'static str)>;

impl<'page> RawRow<'page> {
    #[inline]
    pub(in crate::sqlite) fn new(rowid: i64, key: Column<'page>, value: Column<'page>) -> Self {
        let ((key, key_type), (value, value_type)) = (key.split(), value.split());
        let of_key = key_type.map(|found| (EntryPart::Key, found));
        let of_value = value_type.map(|found| (EntryPart::Value, found));
        Self::from_parts(rowid, key, value, of_key.or(of_value))
    }

    #[inline]
    pub(in crate::sqlite) const fn from_parts(
        rowid: i64,
        key: &'page [u8],
        value: &'page [u8],
        not_a_blob: NotABlob,
    ) -> Self {
        Self {
            rowid,
            key,
            value,
            not_a_blob,
        }
    }

    pub(in crate::sqlite) const fn into_parts(self) -> (i64, &'page [u8], &'page [u8], NotABlob) {
        (self.rowid, self.key, self.value, self.not_a_blob)
    }

    /// The key and the value, as far as they were asked for; an error if one is not a BLOB.
    #[inline]
    pub(crate) fn bytes(&self) -> Result<(&'page [u8], &'page [u8])> {
        match self.not_a_blob {
            None => Ok((self.key, self.value)),
            Some((part, found)) => Err(self.not_a_blob(part, found)),
        }
    }

    #[cold]
    fn not_a_blob(&self, part: EntryPart, found: &'static str) -> Error {
        let key = if self.key.is_empty() {
            format!("in row {}", self.rowid)
        } else {
            preview(self.key)
        };
        Error::NotABlob { part, key, found }
    }

    /// The key, for the cache to forget it; nothing if it is not a BLOB, which the cache never holds.
    pub(in crate::sqlite) const fn cached_key(&self) -> &'page [u8] {
        self.key
    }
}

/// A row of the table, and where it is.
#[derive(Debug)]
pub(crate) struct RawEntry {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) rowid: i64,
}
