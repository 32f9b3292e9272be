//! A file that SQLite has open for a connection, used through the methods of SQLite's own file
//! layer.
//!
//! A file must not be opened and closed in any other way while a connection has it open: that would
//! drop the locks that this process holds on it (`fcntl(2)`).
//!
//! This module is about nothing but calling SQLite's C interface.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::{Connection, ffi};

use crate::sqlite::connection::raw::WalIndexHeader;

/// The size of a region of the shared-memory index: <https://www.sqlite.org/walformat.html>.
const REGION_BYTES: c_int = 32 * 1024;

/// An open file of SQLite, borrowed from whatever keeps it open.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct OpenFile<'a> {
    file: NonNull<ffi::sqlite3_file>,
    methods: &'a ffi::sqlite3_io_methods,
}

/// Calls a method of the file. `$missing` is the result if the file layer does not have it.
macro_rules! call {
    ($file:ident.$method:ident($($argument:expr),*), $missing:expr) => {{
        match $file.methods.$method {
            // SAFETY: by `from_raw`, the file is open and no other thread uses it. Every use of the
            // macro passes pointers to variables of its own, with the room that the method asks for
            // (<https://www.sqlite.org/c3ref/io_methods.html>).
            Some(method) => unsafe { method($file.file.as_ptr(), $($argument),*) },
            None => $missing,
        }
    }};
}

impl<'a> OpenFile<'a> {
    /// The main file of `connection`, if it is open.
    pub(in crate::sqlite) fn main(connection: &'a Connection) -> Option<Self> {
        Self::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER)
    }

    /// The log of `connection`, or its journal, if it is open.
    pub(in crate::sqlite) fn log(connection: &'a Connection) -> Option<Self> {
        Self::of(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)
    }

    fn of(connection: &'a Connection, which: c_int) -> Option<Self> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: these two controls write one `sqlite3_file *` to the argument
        // (<https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html>). What they write is an
        // object of the connection, which is borrowed and not `Sync`, so that no other thread uses it.
        unsafe {
            ffi::sqlite3_file_control(
                connection.handle(),
                c"main".as_ptr(),
                which,
                (&raw mut file).cast(),
            );
            Self::from_raw(file)
        }
    }

    /// Borrows the object of a file; `None` for one that is not open.
    ///
    /// # Safety
    ///
    /// `file` is null or a `sqlite3_file`. If it is open, it stays open and no other thread uses it for
    /// as long as `'a`.
    pub(in crate::sqlite) unsafe fn from_raw(file: *mut ffi::sqlite3_file) -> Option<Self> {
        let file = NonNull::new(file)?;
        // SAFETY: by the contract; the methods of an open file are static, and those of one that is not
        // open are null.
        let methods = unsafe { file.as_ref().pMethods.as_ref() }?;
        Some(Self { file, methods })
    }

    /// Fills the buffer, with zeros beyond the end of the file, and returns SQLite's code.
    pub(in crate::sqlite) fn read(self, offset: u64, buffer: &mut [u8]) -> c_int {
        let (Ok(count), Ok(offset)) = (c_int::try_from(buffer.len()), i64::try_from(offset)) else {
            return ffi::SQLITE_IOERR_READ;
        };
        let start = buffer.as_mut_ptr().cast();
        call!(self.xRead(start, count, offset), ffi::SQLITE_IOERR_READ)
    }

    /// The bytes at `offset`, if the file has as many.
    pub(in crate::sqlite) fn read_array<const N: usize>(self, offset: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (self.read(offset, &mut bytes) == ffi::SQLITE_OK).then_some(bytes)
    }

    /// Bytes in the file.
    pub(in crate::sqlite) fn len(self) -> Result<u64, c_int> {
        let mut size = 0;
        let code = call!(self.xFileSize(&raw mut size), ffi::SQLITE_IOERR_FSTAT);
        checked(code)?;
        u64::try_from(size).map_err(|_| ffi::SQLITE_IOERR_FSTAT)
    }

    /// Writes everything that was written to the file to the disk.
    pub(in crate::sqlite) fn sync(self) -> Result<(), c_int> {
        checked(call!(self.xSync(ffi::SQLITE_SYNC_FULL), ffi::SQLITE_OK))
    }

    /// Locks the file, up from the level that its connection has, and returns SQLite's code.
    pub(in crate::sqlite) fn lock(self, level: c_int) -> c_int {
        call!(self.xLock(level), ffi::SQLITE_OK)
    }

    /// Locks a file that its connection has not read from, whatever is in it, as whoever changes it
    /// does. Closing the file gives the lock up. `false` if another connection uses the file or has it
    /// open in WAL mode.
    pub(in crate::sqlite) fn lock_exclusively(self) -> Result<bool, c_int> {
        for level in [ffi::SQLITE_LOCK_SHARED, ffi::SQLITE_LOCK_EXCLUSIVE] {
            match self.lock(level) {
                ffi::SQLITE_OK => {}
                ffi::SQLITE_BUSY => return Ok(false),
                code => return Err(code),
            }
        }
        Ok(true)
    }

    /// Gives up all locks of the connection on the file, and returns SQLite's code.
    pub(in crate::sqlite) fn unlock(self) -> c_int {
        call!(self.xUnlock(ffi::SQLITE_LOCK_NONE), ffi::SQLITE_OK)
    }

    /// True if another connection is about to write, or writes.
    pub(in crate::sqlite) fn is_reserved(self) -> Result<bool, c_int> {
        let mut reserved = 0;
        checked(call!(
            self.xCheckReservedLock(&raw mut reserved),
            ffi::SQLITE_OK
        ))?;
        Ok(reserved != 0)
    }

    /// Where the first region of the shared-memory index is mapped, if it is.
    ///
    /// SQLite answers `SQLITE_READONLY` for a mapping that is live and cannot be written, and
    /// `SQLITE_READONLY_CANTINIT`, without a mapping, for an index that nobody keeps true.
    pub(in crate::sqlite) fn index(self) -> Result<Option<NonNull<AtomicU32>>, c_int> {
        if self.methods.iVersion < 2 {
            return Err(ffi::SQLITE_IOERR_SHMMAP);
        }
        let mut region = ptr::null_mut();
        let code = call!(
            self.xShmMap(0, REGION_BYTES, 0, &raw mut region),
            ffi::SQLITE_IOERR_SHMMAP
        );
        match code {
            ffi::SQLITE_OK | ffi::SQLITE_READONLY => Ok(NonNull::new(region.cast())),
            ffi::SQLITE_READONLY_CANTINIT => Ok(None),
            code => Err(code),
        }
    }

    /// The header of the shared-memory index, if there is one.
    pub(in crate::sqlite) fn index_header(self) -> Option<WalIndexHeader> {
        let words = self.index().ok()??;
        Some(WalIndexHeader(std::array::from_fn(|word| {
            // SAFETY: the first copy lies in the first 48 bytes of a region of 32 KiB, aligned for u32,
            // which stays mapped while the file is open.
            unsafe { words.add(word).as_ref() }.load(Ordering::Relaxed)
        })))
    }

    /// Closes the file.
    ///
    /// # Safety
    ///
    /// Nobody uses the file after this.
    pub(in crate::sqlite) unsafe fn close(self) {
        call!(self.xClose(), ffi::SQLITE_OK);
    }
}

const fn checked(code: c_int) -> Result<(), c_int> {
    match code {
        ffi::SQLITE_OK => Ok(()),
        code => Err(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_log(connection: &Connection, at: u64) -> Option<[u8; 4]> {
        OpenFile::log(connection)?.read_array(at)
    }

    fn lock(connection: &Connection) -> bool {
        let file = OpenFile::main(connection).unwrap();
        file.lock_exclusively().unwrap()
    }

    #[test]
    fn what_a_connection_has_open_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let open = || Connection::open(&path).unwrap();
        let connection = open();
        assert!(
            OpenFile::main(&connection)
                .unwrap()
                .index_header()
                .is_none_or(|header| header.frames() == 0)
        );
        assert_eq!(read_log(&connection, 0), None);
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
            .unwrap();
        assert!(
            OpenFile::main(&connection)
                .unwrap()
                .index_header()
                .unwrap()
                .frames()
                > 0
        );
        let log = std::fs::read(folder.path().join("t.db-wal")).unwrap();
        assert_eq!(
            OpenFile::log(&connection).unwrap().len(),
            Ok(log.len() as u64)
        );
        assert_eq!(read_log(&connection, 0).unwrap(), log[..4]);
        assert_eq!(read_log(&connection, log.len() as u64), None);
        // Who has it open keeps others from having it alone.
        assert!(!lock(&open()));
        connection.close().unwrap();
        let alone = open();
        assert!(lock(&alone));
        assert!(!lock(&open()));
        drop(alone);
        assert!(lock(&open()));
    }
}
