//! A look at a file that changes nothing: SQLite sees the file, its log and its journal, and whatever
//! it writes stays in this view.
//!
//! A connection through it recovers a log or rolls a journal back as any other does, so that it
//! shows what an ordinary connection would show; but the pages, the index of the log and the end of
//! the journal are in memory and go with the connection. The real files are open for reading only. The
//! one thing that others can notice is a shared lock while something is read.
//!
//! - `overlay`: what was written to one file. A plain value.
//! - `real`: a file of SQLite's default layer. `vfs`: the C interface. These two have the unsafe code.

mod overlay;
mod real;
mod vfs;

use std::ffi::c_int;
use std::sync::OnceLock;

pub(super) use real::{is_open_elsewhere, stored};

use crate::sqlite::connection::failure;

/// The name of the file system layer, to open connections with; the first call registers it.
pub(super) fn vfs() -> rusqlite::Result<&'static str> {
    static NAME: OnceLock<Result<String, c_int>> = OnceLock::new();
    match NAME.get_or_init(vfs::register) {
        Ok(name) => Ok(name),
        Err(code) => Err(failure::from_code(*code)),
    }
}
