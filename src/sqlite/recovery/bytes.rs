//! Numbers and pieces of SQLite's file format: <https://www.sqlite.org/fileformat2.html>.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Fills `bytes` from what lies at `offset`.
pub(in crate::sqlite) fn read_at(file: &mut File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// A big-endian number of up to four bytes.
pub(in crate::sqlite) fn number(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |n, &byte| n << 8 | u32::from(byte)))
}

/// A variable-length integer and where it ends.
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
