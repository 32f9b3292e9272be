//! A watched file: its layout, and its methods.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::{ptr, slice};

use rusqlite::ffi;

use crate::crash::faults::trace::{FileId, FolderWatch, Operation};

/// A watched file, as SQLite sees it. The file of the layer below follows it in the same
/// allocation.
#[repr(C)]
pub(super) struct OpenFile {
    pub(super) base: ffi::sqlite3_file,
    /// Comes from a `Box`. The file owns it between `xOpen` and `xClose`.
    pub(super) watched: *mut WatchedFile,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the size of two pointers fits"
)]
pub(super) const OWN_BYTES: c_int = size_of::<OpenFile>() as c_int;

/// SQLite allocates with an alignment of 8, so the file of the layer below is aligned too.
const _: () = assert!(align_of::<OpenFile>() <= 8 && size_of::<OpenFile>().is_multiple_of(8));

pub(super) struct WatchedFile {
    pub(super) watch: Arc<FolderWatch>,
    pub(super) file: FileId,
    /// Whether the next sync also syncs the folder.
    pub(super) syncs_folder: Cell<bool>,
}

pub(super) static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
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

/// Returns the file of the layer below.
///
/// # Safety
///
/// `file` must be an allocation of the size that the layer requests.
pub(super) const unsafe fn behind(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the allocation contains an `OpenFile`, followed by a file of the layer below. The
    // size of the first is a multiple of the alignment of both.
    unsafe { file.cast::<OpenFile>().add(1).cast() }
}

/// Returns the state of an open file.
///
/// # Safety
///
/// `file` must have been opened by [`open`](super::open) as a watched one, and not be closed before
/// `'a` ends.
const unsafe fn watched<'a>(file: *mut ffi::sqlite3_file) -> &'a WatchedFile {
    // SAFETY: `open` stored a box there, and only `close` takes it.
    unsafe { &*(*file.cast::<OpenFile>()).watched }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open, and no method is called after this one, so the box is taken once.
    unsafe {
        let watched = Box::from_raw((*file.cast::<OpenFile>()).watched);
        watched.watch.closed();
        (*file).pMethods = ptr::null();
        file_below!(file, xClose(), or ffi::SQLITE_OK)
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open, and SQLite passes valid arguments.
    unsafe {
        if let Some(code) = watched(file).watch.fails(Operation::Read) {
            return code;
        }
        file_below!(file, xRead(buffer, count, offset), or ffi::SQLITE_IOERR_READ)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    let watched = unsafe { watched(file) };
    let fault = watched.watch.fails(Operation::Write);
    // Bytes written before the disk was full stay written.
    let written = match fault {
        None => count,
        Some(ffi::SQLITE_FULL) => count / 2,
        Some(code) => return code,
    };
    // SAFETY: the file is open, and SQLite passes a valid buffer, of which at most `count` bytes
    // are used.
    let code =
        unsafe { file_below!(file, xWrite(buffer, written, offset), or ffi::SQLITE_IOERR_WRITE) };
    if let (ffi::SQLITE_OK, Ok(written), Ok(offset)) =
        (code, usize::try_from(written), usize::try_from(offset))
    {
        // SAFETY: the buffer has at least `written` bytes, and is not changed during this call.
        let bytes = unsafe { slice::from_raw_parts(buffer.cast::<u8>(), written) };
        watched.watch.written(watched.file, offset, bytes);
    }
    fault.unwrap_or(code)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let watched = unsafe { watched(file) };
    if let Some(code) = watched.watch.fails(Operation::Truncate) {
        return code;
    }
    // SAFETY: the file is open.
    let code = unsafe { file_below!(file, xTruncate(size), or ffi::SQLITE_IOERR_TRUNCATE) };
    if let (ffi::SQLITE_OK, Ok(size)) = (code, usize::try_from(size)) {
        watched.watch.truncated(watched.file, size);
    }
    code
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let watched = unsafe { watched(file) };
    if let Some(code) = watched.watch.fails(Operation::Sync) {
        return code;
    }
    // SAFETY: the file is open.
    let code = unsafe { file_below!(file, xSync(flags), or ffi::SQLITE_IOERR_FSYNC) };
    if code == ffi::SQLITE_OK {
        let with_folder = watched.syncs_folder.replace(false);
        watched.watch.synced(watched.file, with_folder);
    }
    code
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open, and SQLite reads the result from `size`.
    unsafe {
        if let Some(code) = watched(file).watch.fails(Operation::FileSize) {
            return code;
        }
        file_below!(file, xFileSize(size), or ffi::SQLITE_IOERR_FSTAT)
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        if let Some(code) = watched(file).watch.fails(Operation::Lock) {
            return code;
        }
        file_below!(file, xLock(level), or ffi::SQLITE_IOERR_LOCK)
    }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { file_below!(file, xUnlock(level), or ffi::SQLITE_IOERR_UNLOCK) }
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    result: *mut c_int,
) -> c_int {
    // SAFETY: the file is open, and SQLite reads the answer from `result`.
    unsafe {
        file_below!(
            file,
            xCheckReservedLock(result),
            or ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
        )
    }
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and SQLite passes valid arguments.
    unsafe { file_below!(file, xFileControl(operation, argument), or ffi::SQLITE_NOTFOUND) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open. Zero means the default size.
    unsafe { file_below!(file, xSectorSize(), or 0) }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open.
    unsafe { file_below!(file, xDeviceCharacteristics(), or 0) }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and SQLite reads the answer from `out`.
    unsafe {
        if let Some(code) = watched(file).watch.fails(Operation::ShmMap) {
            out.write(ptr::null_mut());
            return code;
        }
        file_below!(file, xShmMap(region, size, extend, out), or ffi::SQLITE_IOERR_SHMMAP)
    }
}

/// Taking a lock may fail. Releasing it does not fail, and SQLite ignores the result.
unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        if flags & ffi::SQLITE_SHM_LOCK != 0
            && let Some(code) = watched(file).watch.fails(Operation::ShmLock)
        {
            return code;
        }
        file_below!(file, xShmLock(first, count, flags), or ffi::SQLITE_IOERR_SHMLOCK)
    }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: the file is open.
    unsafe { file_below!(file, xShmBarrier(), or()) }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { file_below!(file, xShmUnmap(delete), or ffi::SQLITE_OK) }
}
