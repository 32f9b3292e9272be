//! A file of SQLite's default layer, opened for reading by that layer's own methods: the file must not be
//! opened and closed in any other way, for that would drop the locks that this process holds
//! on it (`fcntl(2)`).
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use rusqlite::{Connection, ffi};

use crate::sqlite::connection::raw;

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
        // SAFETY: the caller says that the layer is registered.
        let (bytes, open) = unsafe { ((*layer).szOsFile, (*layer).xOpen) };
        let bytes = usize::try_from(bytes).map_err(|_| ffi::SQLITE_MISUSE)?;
        let words = bytes.div_ceil(size_of::<u64>());
        let memory = Box::into_raw(vec![0_u64; words].into_boxed_slice());
        let file = NonNull::new(memory.cast::<u64>()).ok_or(ffi::SQLITE_NOMEM)?;
        let real = Self { file, words };
        let flags = ffi::SQLITE_OPEN_READONLY | kind;
        let open = open.ok_or(ffi::SQLITE_MISUSE)?;
        // SAFETY: the memory is `szOsFile` bytes, aligned for anything, and zero; `name` is as the
        // caller says, and nobody wants to know the resulting flags.
        match unsafe { open(layer, name, real.file(), flags, ptr::null_mut()) } {
            ffi::SQLITE_OK => Ok(real),
            code => Err(code),
        }
    }

    const fn file(&self) -> *mut ffi::sqlite3_file {
        self.file.as_ptr().cast()
    }

    fn methods(&self) -> Option<&ffi::sqlite3_io_methods> {
        methods(self.file())
    }

    /// Fills the buffer, with zeros beyond the end of the file, and returns SQLite's code.
    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> c_int {
        read(self.file(), offset, buffer)
    }

    pub(super) fn len(&self) -> Result<u64, c_int> {
        len(self.file())
    }

    /// Takes a shared lock, or gives it back. There is no other that a look needs.
    pub(super) fn share(&self) -> c_int {
        let lock = self.methods().and_then(|methods| methods.xLock);
        // SAFETY: the file is open.
        lock.map_or(ffi::SQLITE_OK, |lock| unsafe {
            lock(self.file(), ffi::SQLITE_LOCK_SHARED)
        })
    }

    pub(super) fn unlock(&self) -> c_int {
        let unlock = self.methods().and_then(|methods| methods.xUnlock);
        // SAFETY: the file is open.
        unlock.map_or(ffi::SQLITE_OK, |unlock| unsafe {
            unlock(self.file(), ffi::SQLITE_LOCK_NONE)
        })
    }

    /// True if somebody is in the middle of writing, so that the journal is theirs.
    pub(super) fn is_reserved(&self) -> Result<bool, c_int> {
        let Some(check) = self
            .methods()
            .and_then(|methods| methods.xCheckReservedLock)
        else {
            return Ok(false);
        };
        let mut reserved = 0;
        // SAFETY: the file is open, and `reserved` takes the answer.
        match unsafe { check(self.file(), &raw mut reserved) } {
            ffi::SQLITE_OK => Ok(reserved != 0),
            code => Err(code),
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        if let Some(close) = self.methods().and_then(|methods| methods.xClose) {
            // SAFETY: the file is open, and nobody uses it after this.
            unsafe { close(self.file()) };
        }
        let memory = ptr::slice_from_raw_parts_mut(self.file.as_ptr(), self.words);
        // SAFETY: this is the memory that `open` made, and it is given back once.
        drop(unsafe { Box::from_raw(memory) });
    }
}

/// The methods of an open file.
fn methods<'a>(file: *mut ffi::sqlite3_file) -> Option<&'a ffi::sqlite3_io_methods> {
    // SAFETY: `file` is an object of some layer; the methods of one that is open are static.
    unsafe { (*file).pMethods.as_ref() }
}

fn read(file: *mut ffi::sqlite3_file, offset: u64, buffer: &mut [u8]) -> c_int {
    let (Ok(count), Ok(offset)) = (c_int::try_from(buffer.len()), i64::try_from(offset)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    let Some(read) = methods(file).and_then(|methods| methods.xRead) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: the file is open, and the buffer has `count` bytes.
    unsafe { read(file, buffer.as_mut_ptr().cast::<c_void>(), count, offset) }
}

fn len(file: *mut ffi::sqlite3_file) -> Result<u64, c_int> {
    let size_of_file = methods(file).and_then(|methods| methods.xFileSize);
    let size_of_file = size_of_file.ok_or(ffi::SQLITE_IOERR_FSTAT)?;
    let mut size = 0;
    // SAFETY: the file is open, and `size` takes the answer.
    match unsafe { size_of_file(file, &raw mut size) } {
        ffi::SQLITE_OK => u64::try_from(size).map_err(|_| ffi::SQLITE_IOERR_FSTAT),
        code => Err(code),
    }
}

/// The size of the file that a connection has open, and its first bytes as they are stored: without
/// what a log says. The connection must not have read anything yet.
pub(in crate::sqlite) fn stored(connection: &Connection) -> Result<(u64, Vec<u8>), c_int> {
    let file = raw::file_pointer(connection, ffi::SQLITE_FCNTL_FILE_POINTER)
        .ok_or(ffi::SQLITE_IOERR_READ)?;
    let size = len(file.as_ptr())?;
    let mut head = vec![0; usize::try_from(size).map_or(100, |size| size.min(100))];
    match read(file.as_ptr(), 0, &mut head) {
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
    let file = raw::file_pointer(connection, ffi::SQLITE_FCNTL_FILE_POINTER)?.as_ptr();
    let methods = methods(file)?;
    let (lock, unlock) = (methods.xLock?, methods.xUnlock?);
    let levels = [ffi::SQLITE_LOCK_SHARED, ffi::SQLITE_LOCK_EXCLUSIVE];
    let refused = levels.into_iter().find_map(|level| {
        // SAFETY: the file is open, and its connection has no lock that this could confuse.
        let code = unsafe { lock(file, level) };
        (code != ffi::SQLITE_OK).then_some(code)
    });
    // SAFETY: as above.
    unsafe { unlock(file, ffi::SQLITE_LOCK_NONE) };
    match refused {
        None => Some(false),
        Some(ffi::SQLITE_BUSY) => Some(true),
        Some(_) => None,
    }
}
