//! The C interface to a view: <https://www.sqlite.org/c3ref/vfs.html>.
//!
//! The functions here are called by SQLite only, and what all `SAFETY` arguments build on is the
//! contract of that page: a file's methods are called between `xOpen` and `xClose` only, `xClose`
//! is the last of them, and buffers are as long as is said. None of them panics.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::slice;

use rusqlite::ffi;

use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::memory::fallback::{
    current_time, current_time_int64, dl_error, dl_open, get_last_error, randomness, sleep,
};
use crate::sqlite::view::overlay::Overlay;
use crate::sqlite::view::real::Real;

/// The size of a region of the index: <https://www.sqlite.org/walformat.html>.
const REGION_BYTES: c_int = 32 * 1024;
const REGION_WORDS: usize = 32 * 1024 / 8;

/// Only its address is used: it tells this copy of the crate from others in the process.
static PLACE: u8 = 0;

/// Registers the layer, not as the default one, and returns its name. To be called once.
pub(super) fn register() -> Result<String, c_int> {
    // SAFETY: it takes no more than a name, and null means the default; it initialises SQLite.
    let default = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    if default.is_null() {
        return Err(ffi::SQLITE_ERROR);
    }
    let name = format!(
        "vaults-view-{}-{:p}",
        env!("CARGO_PKG_VERSION"),
        &raw const PLACE
    );
    let c_name = CString::new(name.as_str()).map_err(|_| ffi::SQLITE_MISUSE)?;
    // SAFETY: a layer that is registered stays where it is.
    let (max_path, is_new) = unsafe {
        let is_new = (*default).iVersion >= 2 && (*default).xCurrentTimeInt64.is_some();
        ((*default).mxPathname, is_new)
    };
    let vfs = Box::into_raw(Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: c_int::try_from(size_of::<ViewFile>()).unwrap_or(c_int::MAX),
        mxPathname: max_path,
        pNext: ptr::null_mut(),
        zName: c_name.into_raw(),
        pAppData: default.cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: Some(dl_open),
        xDlError: Some(dl_error),
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: Some(get_last_error),
        xCurrentTimeInt64: is_new.then_some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }));
    // SAFETY: it is complete and stays where it is for ever, as does its name.
    match unsafe { ffi::sqlite3_vfs_register(vfs, 0) } {
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
    regions: Vec<*mut [u64; REGION_WORDS]>,
}

impl Drop for File {
    fn drop(&mut self) {
        for region in self.regions.drain(..) {
            // SAFETY: `shm_map` made it from a box, and this is the only place that takes it back.
            drop(unsafe { Box::from_raw(region) });
        }
    }
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

/// # Safety
///
/// `file` was opened by `open`, and nobody else uses it before `'a` ends.
unsafe fn file<'a>(file: *mut ffi::sqlite3_file) -> &'a mut File {
    // SAFETY: `open` put a box there, and only `close` takes it away; SQLite calls the methods of a
    // file one after the other.
    unsafe { &mut *(*file.cast::<ViewFile>()).file }
}

fn code(result: Result<(), c_int>) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

// ---- names ----

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let file = file.cast::<ViewFile>();
    // SAFETY: the memory is `szOsFile` bytes, aligned, and ours to write. Without methods, SQLite
    // does not close a file that was not opened.
    unsafe { (&raw mut (*file).base.pMethods).write(ptr::null()) };
    let kinds = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;
    let is_named = !name.is_null() && flags & kinds != 0;
    // SAFETY: `pAppData` is the default layer, and `name` stays valid until the file is closed.
    let real = is_named.then(|| unsafe {
        Real::open(
            (*vfs).pAppData.cast(),
            name,
            flags & (kinds | ffi::SQLITE_OPEN_NOFOLLOW),
        )
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
    // SAFETY: as above; the methods come last, when there is something for them.
    unsafe {
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

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    // SAFETY: `pAppData` is the default layer; the arguments are its own.
    unsafe {
        let default = (*vfs).pAppData.cast::<ffi::sqlite3_vfs>();
        (*default)
            .xAccess
            .map_or(ffi::SQLITE_IOERR_ACCESS, |access| {
                access(default, name, flags, result)
            })
    }
}

unsafe extern "C" fn full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: as in `access`.
    unsafe {
        let default = (*vfs).pAppData.cast::<ffi::sqlite3_vfs>();
        (*default)
            .xFullPathname
            .map_or(ffi::SQLITE_CANTOPEN, |full| full(default, name, room, out))
    }
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

unsafe extern "C" fn read(
    open: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(count), Ok(offset)) = (usize::try_from(count), u64::try_from(offset)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: the file is open; the buffer has `count` bytes that nobody else uses, and which are
    // initialised here before anything looks at them.
    let (file, buffer) = unsafe {
        ptr::write_bytes(buffer.cast::<u8>(), 0, count);
        (
            file(open),
            slice::from_raw_parts_mut(buffer.cast::<u8>(), count),
        )
    };
    file.read(offset, buffer).unwrap_or_else(|code| code)
}

unsafe extern "C" fn write(
    open: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(count), Ok(offset)) = (usize::try_from(count), u64::try_from(offset)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: the file is open; the buffer has `count` bytes, which are to be written and so are
    // initialised.
    let (file, bytes) = unsafe {
        (
            file(open),
            slice::from_raw_parts(buffer.cast::<u8>(), count),
        )
    };
    code(file.write(offset, bytes))
}

unsafe extern "C" fn truncate(open: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let Ok(size) = u64::try_from(size) else {
        return ffi::SQLITE_IOERR_TRUNCATE;
    };
    // SAFETY: the file is open.
    code(unsafe { file(open) }.resize(size))
}

unsafe extern "C" fn sync(_open: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(
    open: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    match unsafe { file(open) }.len() {
        Ok(len) => {
            // SAFETY: `size` is where SQLite wants the answer.
            unsafe { size.write(i64::try_from(len).unwrap_or(i64::MAX)) };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

// ---- locks ----

/// Takes a shared lock on the real file; anything above that is needed for writes only, which
/// stay here.
unsafe extern "C" fn lock(open: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    match unsafe { file(open) }.file() {
        Some(file) if level == ffi::SQLITE_LOCK_SHARED => file.lock(level),
        _ => ffi::SQLITE_OK,
    }
}

unsafe extern "C" fn unlock(open: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    match unsafe { file(open) }.file() {
        Some(file) if level == ffi::SQLITE_LOCK_NONE => file.unlock(),
        _ => ffi::SQLITE_OK,
    }
}

unsafe extern "C" fn check_reserved_lock(
    open: *mut ffi::sqlite3_file,
    result: *mut c_int,
) -> c_int {
    // SAFETY: the file is open.
    let real = unsafe { file(open) }.file();
    match real.map_or(Ok(false), OpenFile::is_reserved) {
        Ok(reserved) => {
            // SAFETY: `result` is where SQLite wants the answer.
            unsafe { result.write(c_int::from(reserved)) };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

// ---- the index of the log, which nobody else sees ----

unsafe extern "C" fn shm_map(
    open: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and `out` is where SQLite wants the answer.
    let file = unsafe {
        out.write(ptr::null_mut());
        file(open)
    };
    let (Ok(region), REGION_BYTES) = (usize::try_from(region), size) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    while extend != 0 && file.regions.len() <= region {
        let words = vec![0_u64; REGION_WORDS].into_boxed_slice();
        let Ok(words) = words.try_into() else {
            return ffi::SQLITE_IOERR_NOMEM;
        };
        file.regions.push(Box::into_raw(words));
    }
    if let Some(region) = file.regions.get(region) {
        // SAFETY: as above. The region goes when the file is closed, which SQLite does last.
        unsafe { out.write(region.cast()) };
    }
    ffi::SQLITE_OK
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

/// For the size of a sector: SQLite's default. For the characteristics: none.
unsafe extern "C" fn zero(_open: *mut ffi::sqlite3_file) -> c_int {
    0
}
