//! The last inserted rowid of a connection, which rusqlite can read but not reset.
//!
//! The unsafe code here is one call of SQLite's C interface.
#![allow(unsafe_code)]

use rusqlite::{Connection, ffi};

/// A rowid that SQLite never chooses, because a new one is at least 1.
const NO_ROWID: i64 = i64::MIN;

/// Resets the last inserted rowid, so that [`rowid`] tells whether the next statement inserted a row.
pub(in crate::sqlite) fn reset(connection: &Connection) {
    // SAFETY: the connection is open. It is not `Sync`, so no other thread uses it during this call.
    unsafe { ffi::sqlite3_set_last_insert_rowid(connection.handle(), NO_ROWID) }
}

/// Returns the rowid of the row that was inserted since [`reset`], if any.
pub(in crate::sqlite) fn rowid(connection: &Connection) -> Option<i64> {
    let rowid = connection.last_insert_rowid();
    (rowid != NO_ROWID).then_some(rowid)
}
