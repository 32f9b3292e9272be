//! A file system layer (VFS) for SQLite that changes no file: what a connection writes stays in memory.
//!
//! A connection through it recovers a log or rolls back a journal, so it reads what an ordinary connection
//! would read. The changed pages and the index of the log are in memory until the connection is closed.
//! The real files are open for reading only. Other connections see at most a shared lock while a
//! transaction reads.
//!
//! - `overlay`: the changes of one file.
//! - `real`: a file that SQLite's default layer has open.
//! - `vfs`: the functions that SQLite calls.

mod overlay;
mod real;
mod vfs;

use std::ffi::c_int;
use std::sync::OnceLock;

pub(super) use real::{is_open_elsewhere, read_stored_header};

use crate::sqlite::connection::failure;

/// Returns the name of the layer, to open connections with. The first call registers it.
pub(super) fn vfs() -> rusqlite::Result<&'static str> {
    static NAME: OnceLock<Result<String, c_int>> = OnceLock::new();
    match NAME.get_or_init(vfs::register) {
        Ok(name) => Ok(name),
        Err(code) => Err(failure::from_code(*code)),
    }
}
