//! Reads the records of the two tables of a sorted map.

use crate::sqlite::file_format::btree::{columns, is_blob};
use crate::sqlite::file_format::varint;

/// The value in a row of the table `sorted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum SortedValue<'p> {
    Inline(&'p [u8]),
    /// The id of the row of the table `sorted_large` that has the value.
    Large(i64),
}

/// Returns the key and the value of a record of the table `sorted`.
pub(in crate::sqlite) fn record(payload: &[u8]) -> Option<(&[u8], SortedValue<'_>)> {
    let columns = columns(payload)?;
    let &[(kind, key), (value_kind, value)] = columns.as_slice() else {
        return None;
    };
    let value = if is_blob(value_kind) {
        SortedValue::Inline(value)
    } else {
        SortedValue::Large(integer(value_kind, value)?)
    };
    is_blob(kind).then_some((key, value))
}

/// Returns the integer in a column.
fn integer(serial: u64, bytes: &[u8]) -> Option<i64> {
    match serial {
        1..=6 => {
            let is_negative = bytes.first().is_some_and(|&byte| byte >= 0x80);
            let start = if is_negative { -1 } else { 0 };
            let push = |n: i64, &byte: &u8| n << 8 | i64::from(byte);
            Some(bytes.iter().fold(start, push))
        }
        8 => Some(0),
        9 => Some(1),
        _ => None,
    }
}

/// Returns the value of a record of the table `sorted_large`. Its first column is the id, for which SQLite stores
/// NULL, because it is the rowid.
pub(in crate::sqlite) fn large_record(payload: &[u8]) -> Option<&[u8]> {
    match columns(payload)?.as_slice() {
        &[(0, _), (kind, value)] if is_blob(kind) => Some(value),
        _ => None,
    }
}

/// Returns the id of the row of the table `sorted_large` at the offset `cell` of a leaf. Of its record it reads the
/// beginning only, which is always in the leaf.
pub(in crate::sqlite) fn large_id(page: &[u8], cell: usize) -> Option<i64> {
    let (length, at) = varint(page, cell)?;
    let (id, at) = varint(page, at)?;
    let (header_bytes, first) = varint(page, at)?;
    let (null, second) = varint(page, first)?;
    let (kind, end) = varint(page, second)?;
    let value_bytes = kind.checked_sub(12)? / 2;
    let is_row = null == 0
        && is_blob(kind)
        && header_bytes == (end - at) as u64
        && header_bytes.checked_add(value_bytes) == Some(length);
    is_row.then_some(id.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_length() {
        assert_eq!(integer(8, &[]), Some(0));
        assert_eq!(integer(9, &[]), Some(1));
        for (serial, length) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 8)] {
            let mut bytes = vec![0xFF; length];
            assert_eq!(integer(serial, &bytes), Some(-1));
            bytes[0] = 0x7F;
            let most = i64::MAX >> (64 - 8 * length);
            assert_eq!(integer(serial, &bytes), Some(most));
            bytes.fill(0);
            bytes[0] = 0x80;
            assert_eq!(integer(serial, &bytes), Some(-most - 1));
        }
        assert_eq!(integer(7, &[0; 8]), None);
        assert_eq!(integer(12, &[]), None);
    }

    #[test]
    fn records_of_other_tables_are_none() {
        let blob = [3, 14, 14, b'O', b'v'];
        let expected = (&b"O"[..], SortedValue::Inline(b"v"));
        assert_eq!(record(&blob), Some(expected));
        assert_eq!(
            record(&[3, 14, 1, b'O', 7]),
            Some((&b"O"[..], SortedValue::Large(7)))
        );
        // These have a NULL, a real number, text, a third column, and bytes after the end.
        assert_eq!(record(&[3, 14, 0, b'O']), None);
        assert_eq!(record(&[3, 14, 7, b'O', 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(record(&[3, 14, 15, b'O', b'v']), None);
        assert_eq!(record(&[4, 14, 14, 8, b'O', b'v']), None);
        assert_eq!(record(&[3, 14, 14, b'O', b'v', 0]), None);
        assert_eq!(large_record(&[3, 0, 14, b'v']), Some(&b"v"[..]));
        assert_eq!(large_record(&blob), None);
        assert_eq!(large_id(&[4, 7, 3, 0, 14, b'v'], 0), Some(7));
        assert_eq!(large_id(&[5, 7, 3, 0, 14, b'v'], 0), None);
        assert_eq!(large_id(&[5, 7, 3, 14, 14, b'k', b'v'], 0), None);
        assert_eq!(large_id(&[], 0), None);
    }
}
