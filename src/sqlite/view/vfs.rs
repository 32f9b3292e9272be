//! The C interface to a view: <https://www.sqlite.org/c3ref/vfs.html>.
//!
//! The functions here are called by SQLite only, and what all `SAFETY` arguments build on is the
//! contract of that page: a file's methods are called between `xOpen` and `xClose` only, `xClose`
//! is the last of them, and buffers are as long as is said. None of them panics.
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
use crate::sqlite::view::real::Real;

/// The size of a region of the index: <https://www.sqlite.org/walformat.html>.
const REGION_BYTES: c_int = 32 * 1024;
const REGION_WORDS: usize = 32 * 1024 / 8;

/// Only its address is used: it tells this copy of the crate from others in the process.
static PLACE: u8 = 0;

/// The default layer, once [`register`] has found it.
static DEFAULT: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// Registers the layer, not as the default one, and returns its name. It is called once.
///
/// The layer is a copy of the default one which opens files in its own way and deletes none.
pub(super) fn register() -> Result<String, c_int> {
    let name = format!(
        "vaults-view-{}-{:p}",
        env!("CARGO_PKG_VERSION"),
        &raw const PLACE
    );
    let c_name = CString::new(name.as_str()).map_err(|_| ffi::SQLITE_MISUSE)?;
    // SAFETY: null means the default layer, and to look for it initialises SQLite. A layer that is
    // registered stays where it is. Those of its functions that the copy keeps get the copy, which has
    // the same `pAppData`. The copy and its name stay where they are for ever.
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

/// Version 2: with the index of a log, without memory-mapped content.
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

/// What SQLite sees of an open file, with ours behind it.
#[repr(C)]
struct ViewFile {
    base: ffi::sqlite3_file,
    /// A box, as long as the methods are not null.
    file: *mut File,
}

/// One file of a view. One connection uses it, which one thread at a time uses.
struct File {
    /// Not there for a log that SQLite has wanted to create.
    real: Option<Real>,
    /// Not there as long as nothing was written.
    changes: Option<Overlay>,
    /// The index of the log. SQLite writes to it through pointers.
    regions: Vec<Arc<[AtomicU64]>>,
}

/// Reads the real file, if there is one.
fn read_real(real: Option<&Real>, offset: u64, buffer: &mut [u8]) -> c_int {
    if let Some(file) = real.and_then(Real::file) {
        return file.read(offset, buffer);
    }
    buffer.fill(0);
    ffi::SQLITE_IOERR_SHORT_READ
}

/// As `read_real`, for bytes of which it is known whether they are there.
fn fill(real: Option<&Real>, offset: u64, buffer: &mut [u8]) -> Result<(), c_int> {
    match read_real(real, offset, buffer) {
        ffi::SQLITE_OK | ffi::SQLITE_IOERR_SHORT_READ => Ok(()),
        code => Err(code),
    }
}

impl File {
    /// The real file, if there is one.
    fn file(&self) -> Option<OpenFile<'_>> {
        self.real.as_ref().and_then(Real::file)
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
        changes.read(offset, buffer, |at, piece| fill(real, at, piece))?;
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
        changes.write(offset, bytes, |at, piece| fill(real, at, piece))
    }

    fn resize(&mut self, size: u64) -> Result<(), c_int> {
        let len = self.len()?;
        let changes = self.changes.get_or_insert_with(|| Overlay::new(len));
        changes.resize(size);
        Ok(())
    }
}

/// Defines a method of an open file. SQLite calls it, and its body gets the [`File`]. A method that
/// returns a value has where to write it as its last parameter.
macro_rules! method {
    ($(#[$doc:meta])* fn $name:ident($file:ident $(, $argument:ident: $kind:ty)*) $body:block) => {
        $(#[$doc])*
        unsafe extern "C" fn $name(open: *mut ffi::sqlite3_file $(, $argument: $kind)*) -> c_int {
            // SAFETY: `open` put a box there, and only `close` takes it away. SQLite calls the methods
            // of a file one after the other.
            let $file: &mut File = unsafe { &mut *(*open.cast::<ViewFile>()).file };
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
            // SAFETY: as above, and `answer` is where SQLite wants the answer.
            let entered = unsafe {
                let answer = &mut *answer.cast::<MaybeUninit<$answer>>();
                (&mut *(*open.cast::<ViewFile>()).file, answer)
            };
            let ($file, answer): (&mut File, _) = entered;
            let result: Result<$answer, c_int> = $body;
            match result {
                Ok(found) => {
                    answer.write(found);
                    ffi::SQLITE_OK
                }
                Err(code) => code,
            }
        }
    };
}

// ---- names ----

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let kinds = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;
    let is_named = !name.is_null() && flags & kinds != 0;
    // SAFETY: the memory of `file` is `szOsFile` bytes, aligned, and ours to write. Without methods,
    // SQLite does not close a file that was not opened; they come last, when there is something for
    // them. The default layer is registered, and `name` stays valid until the file is closed.
    unsafe {
        let file = file.cast::<ViewFile>();
        (&raw mut (*file).base.pMethods).write(ptr::null());
        let real = is_named.then(|| {
            let kept = flags & (kinds | ffi::SQLITE_OPEN_NOFOLLOW);
            Real::open(DEFAULT.load(Ordering::Acquire), name, kept)
        });
        let real = match real {
            None => None,
            Some(Ok(real)) => Some(real),
            // A log that is not there is as good as an empty one.
            Some(Err(_)) if flags & ffi::SQLITE_OPEN_CREATE != 0 => None,
            Some(Err(code)) => return code,
        };
        let shown = Box::new(File {
            real,
            changes: None,
            regions: Vec::new(),
        });
        (&raw mut (*file).file).write(Box::into_raw(shown));
        (&raw mut (*file).base.pMethods).write(&raw const METHODS);
        if !out_flags.is_null() {
            out_flags.write(flags);
        }
    }
    ffi::SQLITE_OK
}

/// A journal that was rolled back stays where it is: what it says has no more effect.
unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    _name: *const c_char,
    _sync_directory: c_int,
) -> c_int {
    ffi::SQLITE_OK
}

// ---- content ----

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let file = file.cast::<ViewFile>();
    // SAFETY: `open` put a box there, and nobody calls a method after this one.
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
        // SAFETY: the buffer has `count` bytes that nobody else uses, and which are initialised here
        // before anything looks at them.
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
        // SAFETY: the buffer has `count` bytes, which are to be written and so are initialised.
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
    /// Takes a shared lock on the real file. A higher one is needed for writes only, which stay here.
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

// ---- the index of the log, which nobody else sees ----

method! {
    /// A region goes when the file is closed, which SQLite does last.
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

// ---- what kind of file it is ----

unsafe extern "C" fn file_control(
    _open: *mut ffi::sqlite3_file,
    _operation: c_int,
    _argument: *mut c_void,
) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// The size of a sector, for which zero means SQLite's default, and the characteristics, of which
/// there are none.
unsafe extern "C" fn zero(_open: *mut ffi::sqlite3_file) -> c_int {
    0
}
