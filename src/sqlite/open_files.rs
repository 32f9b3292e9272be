//! The files that SQLite has open for a connection: bytes of its log, the header of its index, and a
//! lock on its main file.
//!
//! This module is about nothing but calling SQLite's C interface.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, ffi};

use crate::sqlite::connection::failure;
use crate::sqlite::connection::raw::{Header, file_pointer, find_index};

/// The header of the index that `connection` uses, if it has read in WAL mode.
pub(in crate::sqlite) fn index_header(connection: &Connection) -> Option<Header> {
    let words = find_index(connection).ok()??;
    Some(Header(std::array::from_fn(|word| {
        // SAFETY: the first copy lies in the first 48 bytes of a region of 32 KiB, aligned for u32,
        // which stays mapped while the connection, which is borrowed, is open.
        unsafe { words.add(word).as_ref() }.load(Ordering::Relaxed)
    })))
}

/// Bytes in the log that `connection` has open.
pub(in crate::sqlite) fn log_bytes(connection: &Connection) -> Option<u64> {
    let file = file_pointer(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)?;
    let mut bytes = 0;
    // SAFETY: `file` is an open file of a live connection that no other thread uses.
    let code = unsafe {
        let methods = (*file.as_ptr()).pMethods.as_ref()?;
        methods.xFileSize?(file.as_ptr(), &raw mut bytes)
    };
    (code == ffi::SQLITE_OK).then(|| u64::try_from(bytes).ok())?
}

/// Bytes of the log that `connection` has open; `None` if it does not have as many.
pub(in crate::sqlite) fn read_log<const N: usize>(
    connection: &Connection,
    at: u64,
) -> Option<[u8; N]> {
    let file = file_pointer(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)?;
    let (length, at) = (c_int::try_from(N).ok()?, i64::try_from(at).ok()?);
    let mut bytes = [0; N];
    // SAFETY: `file` is an open file of a live connection that no other thread uses, and `bytes` has
    // room for what is read.
    let code = unsafe {
        let methods = (*file.as_ptr()).pMethods.as_ref()?;
        methods.xRead?(file.as_ptr(), bytes.as_mut_ptr().cast(), length, at)
    };
    (code == ffi::SQLITE_OK).then_some(bytes)
}

/// Locks the file of a connection that has read nothing, whatever is in the file, as one who changes
/// it does; `false` if anybody else has it open in WAL mode, or uses it.
pub(in crate::sqlite) fn lock_alone(connection: &Connection) -> rusqlite::Result<bool> {
    let Some(file) = file_pointer(connection, ffi::SQLITE_FCNTL_FILE_POINTER) else {
        return Err(failure::from_code(ffi::SQLITE_CANTOPEN));
    };
    for level in [ffi::SQLITE_LOCK_SHARED, ffi::SQLITE_LOCK_EXCLUSIVE] {
        // SAFETY: `file` is the open file of a live connection that no other thread uses. The levels
        // come in the order that SQLite asks for, and closing the file gives them up.
        let code = unsafe {
            match (*file.as_ptr()).pMethods.as_ref().and_then(|m| m.xLock) {
                Some(lock) => lock(file.as_ptr(), level),
                None => ffi::SQLITE_OK,
            }
        };
        match code {
            ffi::SQLITE_OK => {}
            ffi::SQLITE_BUSY => return Ok(false),
            code => return Err(failure::from_code(code)),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connection_has_open_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let open = || Connection::open(&path).unwrap();
        let connection = open();
        assert!(index_header(&connection).is_none_or(|header| header.frames() == 0));
        assert_eq!(read_log::<4>(&connection, 0), None);
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
            .unwrap();
        assert!(index_header(&connection).unwrap().frames() > 0);
        let log = std::fs::read(folder.path().join("t.db-wal")).unwrap();
        assert_eq!(log_bytes(&connection), Some(log.len() as u64));
        assert_eq!(read_log::<4>(&connection, 0).unwrap(), log[..4]);
        assert_eq!(read_log::<4>(&connection, log.len() as u64), None);
        // Who has it open keeps others from having it alone.
        assert!(!lock_alone(&open()).unwrap());
        connection.close().unwrap();
        let alone = open();
        assert!(lock_alone(&alone).unwrap());
        assert!(!lock_alone(&open()).unwrap());
        drop(alone);
        assert!(lock_alone(&open()).unwrap());
    }
}
