//! What SQLite offers and rusqlite does not wrap: the file behind a connection,
//! the head of its shared-memory index, and the last inserted rowid.
//!
//! This module is about nothing but calling SQLite's C interface.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, ffi};

/// Number of 32-bit words in SQLite's `WalIndexHdr`, of which the index holds two copies.
const HEADER_WORDS: usize = 12;
/// The size of a region of the shared-memory index: <https://www.sqlite.org/walformat.html>.
const REGION_BYTES: c_int = 32 * 1024;

/// The state of a vault: equal headers mean that nothing was committed in between.
///
/// It is a copy of the write-ahead log's index header, which every commit by every
/// connection of every process changes: <https://www.sqlite.org/walformat.html#the_wal_index_header>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header([u32; HEADER_WORDS]);

impl Header {
    /// True if exactly one transaction was committed between `before` and `self`: the third word
    /// (`iChange`) grows by one with each.
    pub(super) fn follows(&self, before: &Self) -> bool {
        let [_, _, then, ..] = before.0;
        let [_, _, now, ..] = self.0;
        now == then.wrapping_add(1)
    }
}

/// The live header, in memory that every connection to the file shares.
///
/// It has a connection of its own, which does nothing but keep that memory mapped, the file in
/// WAL mode, and both files open for a sync.
#[derive(Debug)]
pub(super) struct WalIndex {
    words: NonNull<AtomicU32>,
    connection: Mutex<Connection>,
}

// SAFETY: the words are only read, as atomics, and the mapping they lie in is shared memory
// that does not belong to a thread; a connection may move between threads.
unsafe impl Send for WalIndex {}
// SAFETY: concurrent atomic reads need no exclusion, and the connection is behind a lock.
unsafe impl Sync for WalIndex {}

impl WalIndex {
    /// Finds the index of the file that `connection` has open.
    ///
    /// `None` when the file is not in WAL mode.
    pub(super) fn new(connection: Connection) -> rusqlite::Result<Option<Self>> {
        // A connection opens the log and its index when it first reads.
        let read = |pragma: &str| connection.query_one(pragma, [], |row| row.get(0));
        let mode: String = read("PRAGMA journal_mode")?;
        if mode != "wal" {
            return Ok(None);
        }
        connection.query_one("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))?;
        let words = find_index(&connection).ok_or_else(|| failure(ffi::SQLITE_IOERR_SHMMAP))?;
        Ok(Some(Self {
            words,
            connection: Mutex::new(connection),
        }))
    }

    /// Syncs the log and then the file to the disk.
    ///
    /// It goes through SQLite's own handles: opening and closing the file once more would
    /// drop the locks that this process holds on it (`fcntl(2)`).
    pub(super) fn sync(&self) -> rusqlite::Result<()> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sync_file(&connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)?;
        sync_file(&connection, ffi::SQLITE_FCNTL_FILE_POINTER)
    }

    /// The header as it is now, or `None` if a commit is changing it this instant.
    ///
    /// A committer writes the second copy, a barrier, then the first: two equal copies, the
    /// first read first, are one header and not parts of two.
    pub(super) fn header(&self) -> Option<Header> {
        let first = self.copy(0);
        fence(Ordering::SeqCst);
        let second = self.copy(HEADER_WORDS);
        (first == second).then_some(Header(first))
    }

    fn copy(&self, offset: usize) -> [u32; HEADER_WORDS] {
        std::array::from_fn(|word| {
            // SAFETY: both copies lie within the first 96 bytes of a region of 32 KiB, aligned
            // for u32, which stays mapped while the connection is open in WAL mode: `self` owns
            // the connection, and nobody can leave WAL mode while it is there.
            unsafe { self.words.add(offset + word).as_ref() }.load(Ordering::Relaxed)
        })
    }
}

/// Where the first region of the shared-memory index of `connection` is mapped.
fn find_index(connection: &Connection) -> Option<NonNull<AtomicU32>> {
    let file = file_pointer(connection, ffi::SQLITE_FCNTL_FILE_POINTER)?;
    let mut region = ptr::null_mut();
    // SAFETY: `file` is the open file of a live connection, whose methods outlive it; region 0
    // exists since the connection has read in WAL mode, and is not extended.
    let code = unsafe {
        let methods = (*file.as_ptr()).pMethods.as_ref()?;
        if methods.iVersion < 2 {
            return None;
        }
        methods.xShmMap?(file.as_ptr(), 0, REGION_BYTES, 0, &raw mut region)
    };
    let words = NonNull::new(region.cast::<AtomicU32>())?;
    (code == ffi::SQLITE_OK).then_some(words)
}

fn sync_file(connection: &Connection, which: c_int) -> rusqlite::Result<()> {
    let Some(file) = file_pointer(connection, which) else {
        return Ok(());
    };
    // SAFETY: `file` is an open file of a live connection that no other thread uses.
    let code = unsafe {
        match (*file.as_ptr()).pMethods.as_ref().and_then(|m| m.xSync) {
            Some(sync) => sync(file.as_ptr(), ffi::SQLITE_SYNC_FULL),
            None => ffi::SQLITE_OK,
        }
    };
    if code == ffi::SQLITE_OK {
        return Ok(());
    }
    Err(failure(code))
}

fn failure(code: c_int) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// Forgets the last inserted rowid, so that the next statement shows whether it inserted.
pub(super) fn forget_last_insert(connection: &Connection) {
    // SAFETY: the handle is that of a live connection, which `&Connection` (not `Sync`)
    // keeps from being used by another thread meanwhile.
    unsafe { ffi::sqlite3_set_last_insert_rowid(connection.handle(), 0) }
}

/// SQLite's own file object for the main database or its journal, if it is open.
fn file_pointer(connection: &Connection, which: c_int) -> Option<NonNull<ffi::sqlite3_file>> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: these two controls write one `sqlite3_file *` to the argument
    // (<https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html>).
    unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            which,
            (&raw mut file).cast(),
        );
    }
    // An object without methods is one that is not open.
    // SAFETY: a pointer that is not null is to a live `sqlite3_file` of this connection.
    NonNull::new(file).filter(|file| unsafe { !file.as_ref().pMethods.is_null() })
}
