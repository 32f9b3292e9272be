//! The functions of the layer that SQLite calls: <https://www.sqlite.org/c3ref/vfs.html>.
//!
//! All `SAFETY` arguments rely on the contract of that page. SQLite calls the methods of a file only
//! after `xOpen`, `xClose` is the last of them, and buffers have the length that SQLite passes. None of
//! the functions panics.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use rusqlite::ffi;

use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::view::overlay::Overlay;
use crate::sqlite::view::real::RealFile;

/// The size of a region of the WAL index: <https://www.sqlite.org/walformat.html>.
const REGION_BYTES: c_int = 32 * 1024;
const REGION_WORDS: usize = 32 * 1024 / 8;

/// Its address is part of the layer's name, which must differ between copies of this crate in a process.
static ADDRESS: u8 = 0;

/// SQLite's default layer, set by [`register`].
static DEFAULT: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// Registers the layer without making it the default, and returns its name. It must be called once only.
///
/// The layer is a copy of the default layer with another `xOpen`, and with an `xDelete` that deletes nothing.
pub(super) fn register() -> Result<String, c_int> {
    let name = format!(
        "vaults-view-{}-{:p}",
        env!("CARGO_PKG_VERSION"),
        &raw const ADDRESS
    );
    let c_name = CString::new(name.as_str()).map_err(|_| ffi::SQLITE_MISUSE)?;
    // SAFETY: null names the default layer, and finding it initialises SQLite. A registered layer is never
    // moved or freed. The functions that the copy shares with it are called with the copy, which has the
    // same `pAppData`. The copy and its name are leaked, so they stay valid.
    let code = unsafe {
        let default = ffi::sqlite3_vfs_find(ptr::null());
        if default.is_null() {
            return Err(ffi::SQLITE_ERROR);
        }
        DEFAULT.store(default, Ordering::Release);
        let view = ffi::sqlite3_vfs {
            szOsFile: c_int::try_from(size_of::<ViewFile>()).unwrap_or(c_int::MAX),
            pNext: ptr::null_mut(),
            zName: c_name.into_raw(),
            xOpen: Some(open),
            xDelete: Some(delete),
            ..*default
        };
        ffi::sqlite3_vfs_register(Box::into_raw(Box::new(view)), 0)
    };
    match code {
        ffi::SQLITE_OK => Ok(name),
        code => Err(code),
    }
}

/// Version 2 has the methods for the WAL index, but none for memory-mapped content.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(zero),
    xDeviceCharacteristics: Some(zero),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The object of an open file that SQLite knows: a `sqlite3_file`, followed by a pointer to ours.
#[repr(C)]
struct SqliteFile {
    base: ffi::sqlite3_file,
    /// A leaked box, while `pMethods` is not null.
    file: *mut ViewFile,
}

/// A file of the layer. One connection uses it, in one thread at a time.
struct ViewFile {
    /// `None` for a file that does not exist, such as a log that SQLite wants to create.
    real: Option<RealFile>,
    /// `None` until something is written.
    changes: Option<Overlay>,
    /// The WAL index. SQLite writes to it through pointers.
    regions: Vec<Arc<[AtomicU64]>>,
}

/// Reads from the real file, if there is one.
fn read_real(real: Option<&RealFile>, offset: u64, buffer: &mut [u8]) -> c_int {
    if let Some(file) = real.and_then(RealFile::file) {
        return file.read(offset, buffer);
    }
    buffer.fill(0);
    ffi::SQLITE_IOERR_SHORT_READ
}

/// Like [`read_real`], but reading past the end is not an error.
fn read_or_zeros(real: Option<&RealFile>, offset: u64, buffer: &mut [u8]) -> Result<(), c_int> {
    match read_real(real, offset, buffer) {
        ffi::SQLITE_OK | ffi::SQLITE_IOERR_SHORT_READ => Ok(()),
        code => Err(code),
    }
}

impl ViewFile {
    /// Returns the real file, if there is one.
    fn file(&self) -> Option<OpenFile<'_>> {
        self.real.as_ref().and_then(RealFile::file)
    }

    fn len(&self) -> Result<u64, c_int> {
        match (&self.changes, self.file()) {
            (Some(changes), _) => Ok(changes.len()),
            (None, Some(file)) => file.len(),
            (None, None) => Ok(0),
        }
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<c_int, c_int> {
        let real = self.real.as_ref();
        let Some(changes) = &self.changes else {
            return Ok(read_real(real, offset, buffer));
        };
        changes.read(offset, buffer, |at, piece| read_or_zeros(real, at, piece))?;
        let end = offset.saturating_add(buffer.len() as u64);
        Ok(if end > changes.len() {
            ffi::SQLITE_IOERR_SHORT_READ
        } else {
            ffi::SQLITE_OK
        })
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), c_int> {
        let len = self.len()?;
        let changes = self.changes.get_or_insert_with(|| Overlay::new(len));
        let real = self.real.as_ref();
        changes.write(offset, bytes, |at, piece| read_or_zeros(real, at, piece))
    }

    fn resize(&mut self, size: u64) -> Result<(), c_int> {
        let len = self.len()?;
        let changes = self.changes.get_or_insert_with(|| Overlay::new(len));
        changes.resize(size);
        Ok(())
    }
}

/// Defines a method of an open file, which SQLite calls. The body gets the [`ViewFile`]. A method with a
/// result gets a pointer as its last parameter and writes the result there.
macro_rules! method {
    ($(#[$doc:meta])* fn $name:ident($file:ident $(, $argument:ident: $kind:ty)*) $body:block) => {
        $(#[$doc])*
        unsafe extern "C" fn $name(open: *mut ffi::sqlite3_file $(, $argument: $kind)*) -> c_int {
            // SAFETY: `open` stored a box there, and only `close` frees it. SQLite calls the methods of a
            // file one after another.
            let $file: &mut ViewFile = unsafe { &mut *(*open.cast::<SqliteFile>()).file };
            match $body {
                Ok(()) => ffi::SQLITE_OK,
                Err(code) => code,
            }
        }
    };
    ($(#[$doc:meta])*
     fn $name:ident($file:ident $(, $argument:ident: $kind:ty)*) -> $answer:ty $body:block) => {
        $(#[$doc])*
        unsafe extern "C" fn $name(
            open: *mut ffi::sqlite3_file
            $(, $argument: $kind)*,
            answer: *mut $answer,
        ) -> c_int {
            // SAFETY: as above. `answer` points to memory for the result.
            let borrowed = unsafe {
                let answer = &mut *answer.cast::<MaybeUninit<$answer>>();
                (&mut *(*open.cast::<SqliteFile>()).file, answer)
            };
            let ($file, answer): (&mut ViewFile, _) = borrowed;
            let result: Result<$answer, c_int> = $body;
            match result {
                Ok(value) => {
                    answer.write(value);
                    ffi::SQLITE_OK
                }
                Err(code) => code,
            }
        }
    };
}

// ---- open and delete ----

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let kinds = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;
    let is_named = !name.is_null() && flags & kinds != 0;
    // SAFETY: `file` points to `szOsFile` aligned bytes that this function may write. If `pMethods` is null,
    // SQLite does not close the file, so it is set last, when `file.file` is valid. The default layer is
    // registered, and `name` stays valid until the file is closed.
    unsafe {
        let file = file.cast::<SqliteFile>();
        (&raw mut (*file).base.pMethods).write(ptr::null());
        let real = is_named.then(|| {
            let kept = flags & (kinds | ffi::SQLITE_OPEN_NOFOLLOW);
            RealFile::open(DEFAULT.load(Ordering::Acquire), name, kept)
        });
        let real = match real {
            None => None,
            Some(Ok(real)) => Some(real),
            // SQLite may create this file: it gets an empty one in memory.
            Some(Err(_)) if flags & ffi::SQLITE_OPEN_CREATE != 0 => None,
            Some(Err(code)) => return code,
        };
        let view = Box::new(ViewFile {
            real,
            changes: None,
            regions: Vec::new(),
        });
        (&raw mut (*file).file).write(Box::into_raw(view));
        (&raw mut (*file).base.pMethods).write(&raw const METHODS);
        if !out_flags.is_null() {
            out_flags.write(flags);
        }
    }
    ffi::SQLITE_OK
}

/// Deletes nothing. SQLite deletes a journal that it has rolled back, but here that was only in memory.
unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    _name: *const c_char,
    _sync_directory: c_int,
) -> c_int {
    ffi::SQLITE_OK
}

// ---- read and write ----

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let file = file.cast::<SqliteFile>();
    // SAFETY: `open` stored a box there, and SQLite calls no method after this one.
    unsafe {
        (&raw mut (*file).base.pMethods).write(ptr::null());
        drop(Box::from_raw((*file).file));
    }
    ffi::SQLITE_OK
}

method! {
    fn read(file, buffer: *mut c_void, count: c_int, offset: ffi::sqlite3_int64) {
        let (Ok(count), Ok(offset)) = (usize::try_from(count), u64::try_from(offset)) else {
            return ffi::SQLITE_IOERR_READ;
        };
        // SAFETY: the buffer has `count` bytes that nothing else uses, and they are initialised here
        // before they are borrowed.
        let buffer = unsafe {
            ptr::write_bytes(buffer.cast::<u8>(), 0, count);
            slice::from_raw_parts_mut(buffer.cast::<u8>(), count)
        };
        match file.read(offset, buffer) {
            Ok(ffi::SQLITE_OK) => Ok(()),
            Ok(code) | Err(code) => Err(code),
        }
    }
}

method! {
    fn write(file, buffer: *const c_void, count: c_int, offset: ffi::sqlite3_int64) {
        let (Ok(count), Ok(offset)) = (usize::try_from(count), u64::try_from(offset)) else {
            return ffi::SQLITE_IOERR_WRITE;
        };
        // SAFETY: the buffer has `count` initialised bytes.
        let bytes = unsafe { slice::from_raw_parts(buffer.cast::<u8>(), count) };
        file.write(offset, bytes)
    }
}

method! {
    fn truncate(file, size: ffi::sqlite3_int64) {
        u64::try_from(size)
            .map_err(|_| ffi::SQLITE_IOERR_TRUNCATE)
            .and_then(|size| file.resize(size))
    }
}

unsafe extern "C" fn sync(_open: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    ffi::SQLITE_OK
}

method! {
    fn file_size(file) -> ffi::sqlite3_int64 {
        file.len().map(|len| i64::try_from(len).unwrap_or(i64::MAX))
    }
}

// ---- locks ----

method! {
    /// Acquires a shared lock on the real file. Only writes need a higher lock, and they stay in memory.
    fn lock(file, level: c_int) {
        match file.file() {
            Some(real) if level == ffi::SQLITE_LOCK_SHARED => match real.lock(level) {
                ffi::SQLITE_OK => Ok(()),
                code => Err(code),
            },
            _ => Ok(()),
        }
    }
}

method! {
    fn unlock(file, level: c_int) {
        match file.file() {
            Some(real) if level == ffi::SQLITE_LOCK_NONE => match real.unlock() {
                ffi::SQLITE_OK => Ok(()),
                code => Err(code),
            },
            _ => Ok(()),
        }
    }
}

method! {
    fn check_reserved_lock(file) -> c_int {
        let is_reserved = file.file().map_or(Ok(false), OpenFile::is_reserved);
        is_reserved.map(c_int::from)
    }
}

// ---- the WAL index, which other connections do not see ----

method! {
    /// Returns a region, which stays valid until the file is closed.
    fn shm_map(file, region: c_int, size: c_int, extend: c_int) -> *mut c_void {
        let (Ok(region), REGION_BYTES) = (usize::try_from(region), size) else {
            return ffi::SQLITE_IOERR_SHMMAP;
        };
        while extend != 0 && file.regions.len() <= region {
            file.regions
                .push((0..REGION_WORDS).map(|_| AtomicU64::new(0)).collect());
        }
        let region = file.regions.get(region);
        Ok(region.map_or(ptr::null_mut(), |words| words.as_ptr().cast_mut().cast()))
    }
}

unsafe extern "C" fn shm_lock(
    _open: *mut ffi::sqlite3_file,
    _first: c_int,
    _count: c_int,
    _flags: c_int,
) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_barrier(_open: *mut ffi::sqlite3_file) {}

unsafe extern "C" fn shm_unmap(_open: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    ffi::SQLITE_OK
}

// ---- properties ----

unsafe extern "C" fn file_control(
    _open: *mut ffi::sqlite3_file,
    _operation: c_int,
    _argument: *mut c_void,
) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// Returns zero: the default size of a sector, and no device characteristics.
unsafe extern "C" fn zero(_open: *mut ffi::sqlite3_file) -> c_int {
    0
}
