//! Uses a file that a connection has open, through the methods of SQLite's own file layer.
//!
//! Opening and closing such a file in any other way would release the locks that this process holds on it
//! (`fcntl(2)`).
//!
//! All unsafe code here calls SQLite's C interface.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU32;

use rusqlite::{Connection, ffi};

/// The size of a region of the WAL index: <https://www.sqlite.org/walformat.html>.
const REGION_BYTES: c_int = 32 * 1024;

/// A file that SQLite has open, borrowed from the connection or other owner that keeps it open.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct OpenFile<'a> {
    file: NonNull<ffi::sqlite3_file>,
    methods: &'a ffi::sqlite3_io_methods,
}

/// Calls a method of the file. The result is `$missing` if the file layer does not have the method.
macro_rules! call {
    ($file:ident.$method:ident($($argument:expr),*), $missing:expr) => {{
        match $file.methods.$method {
            // SAFETY: by the contract of `from_raw`, the file is open and no other thread uses it. Every
            // use of the macro passes pointers to its own variables, of the size that the method requires
            // (<https://www.sqlite.org/c3ref/io_methods.html>).
            Some(method) => unsafe { method($file.file.as_ptr(), $($argument),*) },
            None => $missing,
        }
    }};
}

impl<'a> OpenFile<'a> {
    /// Returns the main file of `connection`, if it is open.
    pub(in crate::sqlite) fn main(connection: &'a Connection) -> Option<Self> {
        Self::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER)
    }

    /// Returns the log or the journal of `connection`, if it is open.
    pub(in crate::sqlite) fn log(connection: &'a Connection) -> Option<Self> {
        Self::of(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)
    }

    fn of(connection: &'a Connection, which: c_int) -> Option<Self> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: these two controls write a `sqlite3_file *` to the argument
        // (<https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html>). It points to an object of
        // the connection, which is borrowed and not `Sync`, so no other thread uses the object.
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

    /// Borrows the object of a file. Returns `None` if the file is not open.
    ///
    /// # Safety
    ///
    /// `file` is null or points to a `sqlite3_file`. If it is open, it stays open and no other thread uses it
    /// during `'a`.
    pub(in crate::sqlite) unsafe fn from_raw(file: *mut ffi::sqlite3_file) -> Option<Self> {
        let file = NonNull::new(file)?;
        // SAFETY: by the contract, `file` points to a `sqlite3_file`. The methods of an open file are static,
        // and those of a closed file are null.
        let methods = unsafe { file.as_ref().pMethods.as_ref() }?;
        Some(Self { file, methods })
    }

    /// Fills the buffer, with zeros after the end of the file, and returns SQLite's code.
    pub(in crate::sqlite) fn read(self, offset: u64, buffer: &mut [u8]) -> c_int {
        let (Ok(count), Ok(offset)) = (c_int::try_from(buffer.len()), i64::try_from(offset)) else {
            return ffi::SQLITE_IOERR_READ;
        };
        let start = buffer.as_mut_ptr().cast();
        call!(self.xRead(start, count, offset), ffi::SQLITE_IOERR_READ)
    }

    /// Reads `N` bytes at `offset`. Returns `None` if the file ends before or the read fails.
    pub(in crate::sqlite) fn read_array<const N: usize>(self, offset: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (self.read(offset, &mut bytes) == ffi::SQLITE_OK).then_some(bytes)
    }

    /// Returns the size of the file in bytes.
    pub(in crate::sqlite) fn len(self) -> Result<u64, c_int> {
        let mut size = 0;
        let code = call!(self.xFileSize(&raw mut size), ffi::SQLITE_IOERR_FSTAT);
        checked(code)?;
        u64::try_from(size).map_err(|_| ffi::SQLITE_IOERR_FSTAT)
    }

    /// Syncs the file to the disk.
    pub(in crate::sqlite) fn sync(self) -> Result<(), c_int> {
        checked(call!(self.xSync(ffi::SQLITE_SYNC_FULL), ffi::SQLITE_OK))
    }

    /// Raises the connection's lock on the file to `level`, and returns SQLite's code.
    pub(in crate::sqlite) fn lock(self, level: c_int) -> c_int {
        call!(self.xLock(level), ffi::SQLITE_OK)
    }

    /// Acquires an exclusive lock on the file, whose connection must not have read from it yet. Closing the
    /// file releases it. Returns `false` if another connection holds a lock, as one in WAL mode always does.
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

    /// Releases all locks of the connection on the file, and returns SQLite's code.
    pub(in crate::sqlite) fn unlock(self) -> c_int {
        call!(self.xUnlock(ffi::SQLITE_LOCK_NONE), ffi::SQLITE_OK)
    }

    /// Returns `true` if another connection holds a lock for writing.
    pub(in crate::sqlite) fn is_reserved(self) -> Result<bool, c_int> {
        let mut reserved = 0;
        checked(call!(
            self.xCheckReservedLock(&raw mut reserved),
            ffi::SQLITE_OK
        ))?;
        Ok(reserved != 0)
    }

    /// Maps the first region of the WAL index and returns its address, or `None` if no process keeps the
    /// index up to date and this one cannot write it.
    ///
    /// SQLite returns `SQLITE_READONLY` for a mapping that cannot be written, and
    /// `SQLITE_READONLY_CANTINIT` for no mapping.
    pub(in crate::sqlite) fn map_index(self) -> Result<Option<NonNull<AtomicU32>>, c_int> {
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

    /// Closes the file.
    ///
    /// # Safety
    ///
    /// The file is not used after this call.
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
    fn files_of_a_connection_are_read_and_locked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let open = || Connection::open(&path).unwrap();
        let connection = open();
        assert_eq!(read_log(&connection, 0), None);
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
            .unwrap();
        let log = std::fs::read(folder.path().join("t.db-wal")).unwrap();
        assert_eq!(
            OpenFile::log(&connection).unwrap().len(),
            Ok(log.len() as u64)
        );
        assert_eq!(read_log(&connection, 0).unwrap(), log[..4]);
        assert_eq!(read_log(&connection, log.len() as u64), None);
        // A connection in WAL mode keeps others from locking the file.
        assert!(!lock(&open()));
        connection.close().unwrap();
        let alone = open();
        assert!(lock(&alone));
        assert!(!lock(&open()));
        drop(alone);
        assert!(lock(&open()));
    }
}
