//! The engine of vaults in files: bytes in one table of one SQLite file.
//!
//! This is the only room that names `rusqlite`. It knows nothing of `K` and `V`, so little is compiled again
//! for each pair of types.
//!
//! One connection writes, behind a lock that knows its owner, and a pool of connections reads. In WAL mode
//! readers never wait for the connection that writes, and a read transaction keeps its state while others
//! commit.
//!
//! From the lowest to the highest: `connection` (one connection and its statements), `open` (from a path to
//! a connection), `coherence` (the cache), `write` (one transaction), `store` (all connections of a file),
//! `reader` and `writer` (the transactions of a handle), `engine` (the door).

mod cached;
#[cfg(test)]
mod catalogue_tests;
mod coherence;
mod connection;
mod convert;
mod engine;
mod file_format;
mod lengths;
mod maintenance;
mod moved;
mod names;
mod open;
mod own_length;
mod reader;
mod recovery;
mod replace;
mod store;
mod trace;
mod view;
mod whole_file;
mod write;
mod writer;

use std::path::Path;

pub(crate) use maintenance::backup::{Target, backup_rows};
pub use open::config::Durability;
pub(crate) use open::config::{Config, Content};
pub(crate) use open::format::Format;
pub(crate) use open::{ANY_TYPES, Ends};
pub(crate) use reader::Reader;
pub(crate) use recovery::findings::{Recovered, RecoveredRow};
pub(crate) use recovery::page_scanner::PageScanner;
pub(crate) use replace::has_log;
pub(crate) use store::Store;
pub(crate) use writer::Writer;

/// Returns `true` if a header with this application id and format belongs to a vault with checksums.
pub(crate) fn declares_checksums((id, format): (u32, u32)) -> bool {
    let is_vault = id == open::schema::APPLICATION_ID.cast_unsigned();
    let map = Format::from_number(format.cast_signed()).and_then(Format::only_map);
    map.is_some_and(|map| is_vault && map.checksums)
}

/// Returns the permissions of the file at `path`, if the system has them.
pub(crate) fn permissions(path: &Path) -> Option<u32> {
    open::paths::mode(path)
}
