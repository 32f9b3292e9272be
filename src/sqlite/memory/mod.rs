//! Databases that exist in memory only, and behave as files do.
//!
//! SQLite's own `:memory:` has no write-ahead log and only one connection, and its `memdb`
//! refuses readers while somebody writes. This is a file system layer of SQLite
//! (<https://www.sqlite.org/vfs.html>) whose files are memory: several connections, a log,
//! snapshots that never wait for the writer. All above it is the same as for a file.
//!
//! A database lives as long as some connection has it open. Nothing of it is ever on a disk:
//! `ATTACH` and `VACUUM INTO` on such a connection name files in memory as well.
//!
//! - `content`: the bytes of one file. `locks`: who may use it. `regions`: the memory that its
//!   connections share. All three are plain values.
//! - `files`: names, handles, and the mutexes around those values.
//! - `vfs`, `handle`, `shared`, `fallback`: the C interface, the only places with unsafe code.

mod content;
pub(super) mod fallback;
mod files;
mod handle;
mod locks;
mod regions;
mod shared;
mod vfs;

use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi;

/// The name of the file system layer, to open connections with; the first call registers it.
///
/// # Errors
///
/// When SQLite refuses it, which it does only where it cannot be initialised at all.
pub(crate) fn vfs() -> rusqlite::Result<&'static str> {
    static NAME: OnceLock<Result<String, c_int>> = OnceLock::new();
    match NAME.get_or_init(vfs::register) {
        Ok(name) => Ok(name),
        Err(code) => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(*code), None)),
    }
}

/// A path that no other database in memory has.
pub(crate) fn unique_path() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("/vaults-memory/{number}")
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod workload;
