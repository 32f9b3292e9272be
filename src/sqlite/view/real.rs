//! A file that SQLite's default layer opens for reading.
//!
//! Opening and closing the file in any other way would release the locks that this process holds on it
//! (`fcntl(2)`).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use rusqlite::{Connection, ffi};

use crate::sqlite::connection::open_file::OpenFile;

/// An open file of SQLite's default layer. It is closed on drop.
pub(super) struct RealFile {
    /// Memory of `words` words, in which the layer keeps its own object.
    file: NonNull<u64>,
    words: usize,
}

impl RealFile {
    /// Opens an existing file for reading.
    ///
    /// # Safety
    ///
    /// `layer` is registered. `name` is the argument of a call of `xOpen` and stays valid until the file is
    /// closed.
    pub(super) unsafe fn open(
        layer: *mut ffi::sqlite3_vfs,
        name: ffi::sqlite3_filename,
        kind: c_int,
    ) -> Result<Self, c_int> {
        // SAFETY: by the contract, the layer is registered and `name` is valid. The memory has at least
        // `szOsFile` bytes, is aligned for any type, and is zero. The pointer for the resulting flags may
        // be null.
        unsafe {
            let bytes = usize::try_from((*layer).szOsFile).map_err(|_| ffi::SQLITE_MISUSE)?;
            let open = (*layer).xOpen.ok_or(ffi::SQLITE_MISUSE)?;
            let words = bytes.div_ceil(size_of::<u64>());
            let memory = Box::into_raw(vec![0_u64; words].into_boxed_slice());
            let file = NonNull::new(memory.cast::<u64>()).ok_or(ffi::SQLITE_NOMEM)?;
            let real = Self { file, words };
            let flags = ffi::SQLITE_OPEN_READONLY | kind;
            match open(layer, name, file.as_ptr().cast(), flags, ptr::null_mut()) {
                ffi::SQLITE_OK => Ok(real),
                code => Err(code),
            }
        }
    }

    /// Returns the file, or `None` if it could not be opened.
    pub(super) fn file(&self) -> Option<OpenFile<'_>> {
        // SAFETY: the memory is an object of the layer for as long as `self` lives, and only the thread
        // that uses the connection uses it.
        unsafe { OpenFile::from_raw(self.file.as_ptr().cast()) }
    }
}

impl Drop for RealFile {
    fn drop(&mut self) {
        let memory = ptr::slice_from_raw_parts_mut(self.file.as_ptr(), self.words);
        // SAFETY: the file is not used after this. The memory is the allocation of `open`, and it is freed
        // once, after the file is closed.
        unsafe {
            if let Some(file) = self.file() {
                file.close();
            }
            drop(Box::from_raw(memory));
        }
    }
}

/// Returns the size of the main file of `connection` and its first bytes, at most 100, without the changes
/// in the log. The connection must not have read anything yet.
pub(in crate::sqlite) fn read_stored_header(
    connection: &Connection,
) -> Result<(u64, Vec<u8>), c_int> {
    let file = OpenFile::main(connection).ok_or(ffi::SQLITE_IOERR_READ)?;
    let size = file.len()?;
    let mut head = vec![0; usize::try_from(size).map_or(100, |size| size.min(100))];
    match file.read(0, &mut head) {
        ffi::SQLITE_OK | ffi::SQLITE_IOERR_SHORT_READ => Ok((size, head)),
        code => Err(code),
    }
}

/// Returns `true` if another connection, of this process or another, uses the main file of `connection`.
///
/// A connection in WAL mode holds a shared lock until it is closed, so nothing else can acquire an
/// exclusive lock. `connection` must have the file open for writing and must not have read from it yet.
/// Returns `None` if the lock fails for another reason.
pub(in crate::sqlite) fn is_open_elsewhere(connection: &Connection) -> Option<bool> {
    let file = OpenFile::main(connection)?;
    let is_alone = file.lock_exclusively();
    file.unlock();
    is_alone.ok().map(|is_alone| !is_alone)
}
