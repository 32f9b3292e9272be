//! Reads a damaged file and its write-ahead log without SQLite.

pub(in crate::sqlite) mod page_scanner;
pub(in crate::sqlite) mod wal_reader;
