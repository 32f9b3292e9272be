//! The C interface to the files in memory: <https://www.sqlite.org/c3ref/vfs.html>.
//!
//! The functions here are called by SQLite only. Each turns its arguments into references and
//! slices, calls [`files`](crate::sqlite::memory::files), and turns the result into a code. None of them panics.
//!
//! What all `SAFETY` arguments build on is the contract of that page and of
//! <https://www.sqlite.org/c3ref/io_methods.html>: a file's methods are called between `xOpen`
//! and `xClose` only, `xClose` is the last of them, and buffers are as long as is said.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};
use std::slice;

use rusqlite::ffi;

use crate::sqlite::memory::fallback::{
    current_time, current_time_int64, dl_error, dl_open, get_last_error, randomness, sleep,
};
use crate::sqlite::memory::files::{Access, Existence, Files, Opening, Refusal, Role};
use crate::sqlite::memory::handle::{OPEN_FILE_BYTES, OpenFile, code, handle};
use crate::sqlite::memory::locks::Level;
use crate::sqlite::memory::shared::{shm_barrier, shm_lock, shm_map, shm_unmap};

/// The longest path, with the end of the string.
const MAX_PATH_BYTES: c_int = 512;

/// What SQLite takes for the unit of a write: the same as for its files on Unix.
const SECTOR_BYTES: c_int = 4096;

/// All files in memory.
pub(super) static FILES: Files = Files::new();

/// Registers the file system layer, not as the default one, and returns its name.
///
/// To be called once.
pub(super) fn register() -> Result<String, c_int> {
    // SAFETY: it takes no more than a name, and null means the default; it initialises SQLite.
    let default = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    if default.is_null() {
        return Err(ffi::SQLITE_ERROR);
    }
    let name = unique_name();
    let c_name = CString::new(name.as_str()).map_err(|_| ffi::SQLITE_MISUSE)?;
    let mut vfs = description(c_name, default);
    // SAFETY: a layer that is registered stays where it is. In its first version it was shorter,
    // so the version is looked at first.
    if unsafe { (*default).iVersion < 2 || (*default).xCurrentTimeInt64.is_none() } {
        vfs.xCurrentTimeInt64 = None;
    }
    // SQLite keeps it, and writes to it, for the life of the process.
    let vfs = Box::into_raw(Box::new(vfs));
    // SAFETY: it is complete and stays where it is for ever, as does its name.
    match unsafe { ffi::sqlite3_vfs_register(vfs, 0) } {
        ffi::SQLITE_OK => Ok(name),
        code => Err(code),
    }
}

/// A name for the crate's version and for these `FILES`.
///
/// A process may hold the crate more than once, in several versions or in several dynamic
/// libraries, over one SQLite. Under one name they would open each other's files.
fn unique_name() -> String {
    let (version, place) = (env!("CARGO_PKG_VERSION"), &raw const FILES);
    format!("vaults-memory-{version}-{place:p}")
}

/// All that SQLite wants to know. What has nothing to do with files, the default layer does.
fn description(name: CString, default: *mut ffi::sqlite3_vfs) -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: OPEN_FILE_BYTES,
        mxPathname: MAX_PATH_BYTES,
        pNext: ptr::null_mut(),
        zName: name.into_raw(),
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
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// Version 2: with shared memory, without memory-mapped content.
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
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

// ---- names ----

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let file = file.cast::<OpenFile>();
    // SAFETY: the memory is `szOsFile` bytes, aligned, and ours to write. Without methods, SQLite
    // does not close a file that was not opened.
    unsafe { (&raw mut (*file).base.pMethods).write(ptr::null()) };
    // SAFETY: `name` is null or a C string, which is not used beyond this call.
    let name = unsafe { path(name) };
    // As the Unix layer does: what is to be deleted when it is closed loses its name at once.
    let name = name.filter(|_| flags & ffi::SQLITE_OPEN_DELETEONCLOSE == 0);
    let Some(handle) = FILES.open(name, opening(flags)) else {
        return ffi::SQLITE_CANTOPEN;
    };
    // SAFETY: as above. The methods come last, when there is a handle for them.
    unsafe {
        (&raw mut (*file).handle).write(MaybeUninit::new(handle));
        (&raw mut (*file).base.pMethods).write(&raw const METHODS);
        if let Some(mut out_flags) = NonNull::new(out_flags) {
            *out_flags.as_mut() = flags;
        }
    }
    ffi::SQLITE_OK
}

fn opening(flags: c_int) -> Opening {
    let has = |flag| flags & flag != 0;
    let role = if has(ffi::SQLITE_OPEN_MAIN_DB) {
        Role::Database
    } else {
        Role::Companion
    };
    let existence = if !has(ffi::SQLITE_OPEN_CREATE) {
        Existence::Required
    } else if has(ffi::SQLITE_OPEN_EXCLUSIVE) {
        Existence::Forbidden
    } else {
        Existence::Optional
    };
    let access = if has(ffi::SQLITE_OPEN_READONLY) {
        Access::ReadOnly
    } else {
        Access::ReadWrite
    };
    Opening {
        role,
        existence,
        access,
    }
}

unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _sync_directory: c_int,
) -> c_int {
    // SAFETY: `name` is null or a C string, which is not used beyond this call.
    let name = unsafe { path(name) };
    if name.is_some_and(|name| FILES.delete(name)) {
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_IOERR_DELETE_NOENT
    }
}

unsafe extern "C" fn access(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    // SAFETY: `name` is null or a C string, which is not used beyond this call.
    let size = unsafe { path(name) }.and_then(|name| FILES.size(name));
    // An empty log or journal is as good as none, and the Unix layer says the same.
    let accessible = match flags {
        ffi::SQLITE_ACCESS_EXISTS => size.is_some_and(|size| size > 0),
        _ => size.is_some(),
    };
    // SAFETY: `result` is where SQLite wants the answer.
    unsafe { result.write(c_int::from(accessible)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: `name` is a C string, which is not used beyond this call.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if usize::try_from(room).is_ok_and(|room| bytes.len() <= room) {
        // SAFETY: `out` has `room` bytes, apart from those of `name`.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast(), bytes.len()) };
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_CANTOPEN
    }
}

/// The bytes of a path, if it is one: no path and an empty one mean a file without a name.
///
/// # Safety
///
/// `name` is null or a C string that outlives `'a`.
unsafe fn path<'a>(name: *const c_char) -> Option<&'a [u8]> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the caller says so.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

// ---- content ----

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let file = file.cast::<OpenFile>();
    // SAFETY: `open` wrote a handle and nobody calls a method after this one, so that it is
    // moved out once; without methods SQLite takes the file for closed.
    let handle = unsafe {
        (&raw mut (*file).base.pMethods).write(ptr::null());
        (*file).handle.assume_init_read()
    };
    FILES.close(handle);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(count), Ok(offset)) = (usize::try_from(count), usize::try_from(offset)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: the file is open; the buffer has `count` bytes, which nobody else uses and which
    // need not be initialised.
    let (handle, mut rest) = unsafe {
        let buffer = slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), count);
        (handle(file), buffer)
    };
    handle.read(offset, count, |piece| {
        rest = fill(mem::take(&mut rest), piece);
    });
    if rest.is_empty() {
        return ffi::SQLITE_OK;
    }
    rest.fill(MaybeUninit::new(0));
    ffi::SQLITE_IOERR_SHORT_READ
}

/// Copies the piece to the front of the buffer, as far as it fits, and returns what is left.
fn fill<'a>(buffer: &'a mut [MaybeUninit<u8>], piece: &[u8]) -> &'a mut [MaybeUninit<u8>] {
    let count = piece.len().min(buffer.len());
    match (buffer.split_at_mut_checked(count), piece.get(..count)) {
        (Some((front, rest)), Some(piece)) => {
            front.write_copy_of_slice(piece);
            rest
        }
        _ => &mut [],
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(count), Ok(offset)) = (usize::try_from(count), usize::try_from(offset)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: the file is open; the buffer has `count` bytes, which are to be written and so are
    // initialised, and nobody changes them meanwhile.
    let (handle, bytes) = unsafe {
        let bytes = slice::from_raw_parts(buffer.cast::<u8>(), count);
        (handle(file), bytes)
    };
    changed(handle.write(offset, bytes))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let Ok(size) = usize::try_from(size) else {
        return ffi::SQLITE_IOERR_TRUNCATE;
    };
    // SAFETY: the file is open.
    changed(unsafe { handle(file) }.resize(size))
}

/// The code for a change of the content. Memory is to such a file what a disk is to others.
fn changed(result: Result<(), Refusal>) -> c_int {
    match result {
        Err(Refusal::OutOfMemory) => ffi::SQLITE_FULL,
        other => code(other),
    }
}

/// There is nothing that could be lost without it.
unsafe extern "C" fn sync(_file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    let len = unsafe { handle(file) }.len();
    let Ok(len) = ffi::sqlite3_int64::try_from(len) else {
        return ffi::SQLITE_IOERR_FSTAT;
    };
    // SAFETY: `size` is where SQLite wants the answer.
    unsafe { size.write(len) };
    ffi::SQLITE_OK
}

// ---- locks ----

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.lock(level(wanted)))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { handle(file) }.unlock(level(wanted));
    ffi::SQLITE_OK
}

fn level(level: c_int) -> Level {
    match level {
        ..=ffi::SQLITE_LOCK_NONE => Level::Unlocked,
        ffi::SQLITE_LOCK_SHARED => Level::Shared,
        ffi::SQLITE_LOCK_RESERVED => Level::Reserved,
        ffi::SQLITE_LOCK_PENDING => Level::Pending,
        ffi::SQLITE_LOCK_EXCLUSIVE.. => Level::Exclusive,
    }
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    result: *mut c_int,
) -> c_int {
    // SAFETY: the file is open, and `result` is where SQLite wants the answer.
    unsafe { result.write(c_int::from(handle(file).is_reserved())) };
    ffi::SQLITE_OK
}

// ---- what kind of file it is ----

unsafe extern "C" fn file_control(
    _file: *mut ffi::sqlite3_file,
    _operation: c_int,
    _argument: *mut c_void,
) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_BYTES
}

/// Writes come one after the other, grow the file together with what they append, change no byte
/// beside their own, and a read may be of any part of a page.
unsafe extern "C" fn device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_SEQUENTIAL
        | ffi::SQLITE_IOCAP_SAFE_APPEND
        | ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
        | ffi::SQLITE_IOCAP_SUBPAGE_READ
}
