//! A file of SQLite's default layer, opened for reading by that layer's own methods: the file must not be
//! opened and closed in any other way, for that would drop the locks that this process holds
//! on it (`fcntl(2)`).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use rusqlite::{Connection, ffi};

use crate::sqlite::connection::open_file::OpenFile;

/// An open file. It is closed when it is dropped.
pub(super) struct Real {
    /// `words` words, in which the layer has its own object.
    file: NonNull<u64>,
    words: usize,
}

impl Real {
    /// Opens a file that is there, for reading.
    ///
    /// # Safety
    ///
    /// `layer` is registered, and `name` is what `xOpen` was called with: it stays valid until the
    /// file is closed.
    pub(super) unsafe fn open(
        layer: *mut ffi::sqlite3_vfs,
        name: ffi::sqlite3_filename,
        kind: c_int,
    ) -> Result<Self, c_int> {
        // SAFETY: the caller says that the layer is registered. The memory is `szOsFile` bytes, aligned
        // for anything, and zero. `name` is as the caller says, and nobody asks for the resulting flags.
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

    /// The file, if it was opened.
    pub(super) fn file(&self) -> Option<OpenFile<'_>> {
        // SAFETY: the memory is an object of the layer for as long as `self`, and only the thread
        // that has the connection uses it.
        unsafe { OpenFile::from_raw(self.file.as_ptr().cast()) }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let memory = ptr::slice_from_raw_parts_mut(self.file.as_ptr(), self.words);
        // SAFETY: nobody uses the file after this. The memory is the one that `open` made, and it is
        // given back once, when the file is closed.
        unsafe {
            if let Some(file) = self.file() {
                file.close();
            }
            drop(Box::from_raw(memory));
        }
    }
}

/// The size of the file that a connection has open, and its first bytes as they are stored: without
/// what a log says. The connection must not have read anything yet.
pub(in crate::sqlite) fn stored(connection: &Connection) -> Result<(u64, Vec<u8>), c_int> {
    let file = OpenFile::main(connection).ok_or(ffi::SQLITE_IOERR_READ)?;
    let size = file.len()?;
    let mut head = vec![0; usize::try_from(size).map_or(100, |size| size.min(100))];
    match file.read(0, &mut head) {
        ffi::SQLITE_OK | ffi::SQLITE_IOERR_SHORT_READ => Ok((size, head)),
        code => Err(code),
    }
}

/// True if another connection, of this process or another, uses the file that `connection` has open
/// for writing and has not read from yet. A connection in WAL mode holds a shared lock for
/// as long as it is open, so nobody else can have an exclusive one.
///
/// `None` if that cannot be found out.
pub(in crate::sqlite) fn is_open_elsewhere(connection: &Connection) -> Option<bool> {
    let file = OpenFile::main(connection)?;
    let is_alone = file.lock_exclusively();
    file.unlock();
    is_alone.ok().map(|is_alone| !is_alone)
}
