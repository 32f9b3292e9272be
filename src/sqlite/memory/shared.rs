//! The C interface to the shared memory of a file, as `vfs` is to its content: the same
//! contract, and the same grounds for what is unsafe.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use crate::sqlite::memory::handle::{code, handle};
use crate::sqlite::memory::locks::{SlotMode, SlotRange};
use crate::sqlite::memory::regions::{Missing, REGION_BYTES};

pub(super) unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and `out` is where SQLite wants the answer.
    let handle = unsafe {
        out.write(ptr::null_mut());
        handle(file)
    };
    let (Ok(region), Ok(REGION_BYTES)) = (usize::try_from(region), usize::try_from(size)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    let missing = match extend {
        0 => Missing::Report,
        _ => Missing::Create,
    };
    match handle.map(region, missing) {
        Ok(Some(start)) => {
            // SAFETY: as above. The region outlives its use: it goes when the last handle unmaps
            // it, and SQLite uses it only before it unmaps.
            unsafe { out.write(start.as_ptr().cast()) };
            ffi::SQLITE_OK
        }
        other => code(other.map(drop)),
    }
}

pub(super) unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let (Ok(first), Ok(count)) = (u8::try_from(first), u8::try_from(count)) else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    let Some(range) = SlotRange::new(first, count) else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    code(if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        handle.unlock_slots(range)
    } else if flags & ffi::SQLITE_SHM_SHARED != 0 {
        handle.lock_slots(range, SlotMode::Shared)
    } else {
        handle.lock_slots(range, SlotMode::Exclusive)
    })
}

pub(super) unsafe extern "C" fn shm_barrier(_file: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

/// Deleting needs nothing more: the memory goes with the last who has it mapped in any case.
pub(super) unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { handle(file) }.unmap();
    ffi::SQLITE_OK
}
