//! Reads SQLite's file format without SQLite: <https://www.sqlite.org/fileformat2.html>.

pub(in crate::sqlite) mod btree;
pub(in crate::sqlite) mod index;
pub(in crate::sqlite) mod sorted;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The first bytes of every SQLite file.
pub(in crate::sqlite) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The size of the header at the beginning of page 1.
pub(in crate::sqlite) const FILE_HEADER_BYTES: usize = 100;

/// Fills `bytes` from the bytes at `offset`.
pub(in crate::sqlite) fn read_at(file: &mut File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// Reads a big-endian number of up to four bytes.
pub(in crate::sqlite) fn number(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |n, &byte| n << 8 | u32::from(byte)))
}

/// Reads a variable-length integer. Returns it and the offset of its end.
pub(in crate::sqlite) fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for n in 0..9 {
        let byte = u64::from(*bytes.get(at.checked_add(n)?)?);
        if n == 8 {
            return Some((value << 8 | byte, at + 9));
        }
        value = value << 7 | (byte & 0x7F);
        if byte < 0x80 {
            return Some((value, at + n + 1));
        }
    }
    None
}
