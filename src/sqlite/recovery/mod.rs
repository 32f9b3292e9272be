//! Reads a damaged file and its write-ahead log without SQLite.
//!
//! From the lowest to the highest: `wal_reader` and `damaged_file` (the pages of a file and its log), `findings`
//! (what a scan reports), `table_walk` (the leaves of a table), `dict_rows` (a map in the order of insertion),
//! `large_values` and `sorted_rows` (a map in the order of its keys), `catalogue` and `several` (all maps of a file of
//! several), and `page_scanner` (the door).

pub(in crate::sqlite) mod catalogue;
mod damaged_file;
mod dict_rows;
pub(in crate::sqlite) mod findings;
mod large_values;
pub(in crate::sqlite) mod page_scanner;
mod several;
mod sorted_rows;
mod table_walk;
pub(in crate::sqlite) mod wal_reader;
