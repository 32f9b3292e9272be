//! Reads a damaged file and its write-ahead log without SQLite.
//!
//! From the lowest to the highest: `wal_reader` and `damaged_file` (the pages of a file and its log), `findings`
//! (what a scan reports), `table_walk` (the leaves of a table), `dict_rows` (the rows of one kind of map), and
//! `page_scanner` (the door).

mod damaged_file;
mod dict_rows;
pub(in crate::sqlite) mod findings;
pub(in crate::sqlite) mod page_scanner;
mod table_walk;
pub(in crate::sqlite) mod wal_reader;
