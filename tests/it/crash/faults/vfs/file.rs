//! A file that is watched: its place in memory, and its methods.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::{ptr, slice};

use rusqlite::ffi;

use crate::crash::faults::trace::{FileId, Operation, Watch};

/// What SQLite sees of a watched file. The file of the layer below lies behind it, in the same
/// allocation.
#[repr(C)]
pub(super) struct OpenFile {
    pub(super) base: ffi::sqlite3_file,
    /// From a `Box`; it belongs to this file from `xOpen` to `xClose`.
    pub(super) watched: *mut Watched,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "it is two pointers"
)]
pub(super) const OWN_BYTES: c_int = size_of::<OpenFile>() as c_int;

/// SQLite allocates with an alignment of 8, which the file behind ours has then, too.
const _: () = assert!(align_of::<OpenFile>() <= 8 && size_of::<OpenFile>().is_multiple_of(8));

pub(super) struct Watched {
    pub(super) watch: Arc<Watch>,
    pub(super) file: FileId,
    /// Whether the next sync is one of the folder, too.
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

/// The file of the layer below, behind ours.
///
/// # Safety
///
/// `file` is an allocation of the size that the layer asks for.
pub(super) const unsafe fn behind(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the allocation is that of an `OpenFile` and a file of the layer below, in this order,
    // and the size of the first is a multiple of the alignment of both.
    unsafe { file.cast::<OpenFile>().add(1).cast() }
}

/// What is known of a file that is open.
///
/// # Safety
///
/// `file` was opened by [`open`](super::open) as a watched one, and is not closed before `'a` ends.
const unsafe fn watched<'a>(file: *mut ffi::sqlite3_file) -> &'a Watched {
    // SAFETY: `open` put a box there, as the caller says, and only `close` takes it away.
    unsafe { &*(*file.cast::<OpenFile>()).watched }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open, and nobody calls a method after this one: the box is taken once.
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
    // SAFETY: the file is open, and the arguments are SQLite's own.
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
    // What is written before the disk is full stays written.
    let written = match fault {
        None => count,
        Some(ffi::SQLITE_FULL) => count / 2,
        Some(code) => return code,
    };
    // SAFETY: the file is open, and the arguments are SQLite's own, or less than those.
    let code =
        unsafe { file_below!(file, xWrite(buffer, written, offset), or ffi::SQLITE_IOERR_WRITE) };
    if let (ffi::SQLITE_OK, Ok(written), Ok(offset)) =
        (code, usize::try_from(written), usize::try_from(offset))
    {
        // SAFETY: the buffer has at least so many bytes, which nobody changes meanwhile.
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
    // SAFETY: the file is open, and `size` is where SQLite wants the answer.
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
    // SAFETY: the file is open, and `result` is where SQLite wants the answer.
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
    // SAFETY: the file is open, and the arguments are SQLite's own.
    unsafe { file_below!(file, xFileControl(operation, argument), or ffi::SQLITE_NOTFOUND) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open; zero means the default.
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
    // SAFETY: the file is open, and `out` is where SQLite wants the answer.
    unsafe {
        if let Some(code) = watched(file).watch.fails(Operation::ShmMap) {
            out.write(ptr::null_mut());
            return code;
        }
        file_below!(file, xShmMap(region, size, extend, out), or ffi::SQLITE_IOERR_SHMMAP)
    }
}

/// Taking a lock may fail; giving it back does not, and SQLite does not ask whether it did.
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
