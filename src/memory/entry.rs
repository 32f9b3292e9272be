//! The bytes of an entry, and their largest size.

use std::sync::Arc;

use crate::error::{Error, Result};

/// The largest key and value together, as in a file: SQLite's default for a row
/// (<https://www.sqlite.org/limits.html>).
const MAX_ENTRY_BYTES: usize = 1_000_000_000;

/// A key or a value, which versions share.
pub(super) type Bytes = Arc<[u8]>;

pub(super) fn entry_bytes(key: &[u8], value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

pub(super) fn check_size(key: &[u8], value: &[u8]) -> Result<()> {
    if key.len() + value.len() > MAX_ENTRY_BYTES {
        return Err(Error::TooLarge {
            source: "a key and its value have at most 1,000,000,000 bytes".into(),
        });
    }
    Ok(())
}
