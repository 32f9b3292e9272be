//! What SQLite asks of a file system layer that has nothing to do with files: the default layer
//! answers.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use rusqlite::ffi;

/// Calls a method of the default layer, or gives the value for one that it does not have.
///
/// To be used in an unsafe block, with a layer that `vfs` registered.
macro_rules! of_default {
    ($vfs:expr, $method:ident($($argument:expr),*), or $otherwise:expr) => {{
        let default = (*$vfs).pAppData.cast::<ffi::sqlite3_vfs>();
        match (*default).$method {
            Some(method) => method(default, $($argument),*),
            None => $otherwise,
        }
    }};
}

pub(in crate::sqlite) unsafe extern "C" fn randomness(
    vfs: *mut ffi::sqlite3_vfs,
    count: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: `pAppData` is the default layer, which is never freed; the arguments are its own.
    unsafe { of_default!(vfs, xRandomness(count, out), or 0) }
}

pub(in crate::sqlite) unsafe extern "C" fn sleep(
    vfs: *mut ffi::sqlite3_vfs,
    microseconds: c_int,
) -> c_int {
    // SAFETY: as in `randomness`.
    unsafe { of_default!(vfs, xSleep(microseconds), or 0) }
}

pub(in crate::sqlite) unsafe extern "C" fn current_time(
    vfs: *mut ffi::sqlite3_vfs,
    out: *mut f64,
) -> c_int {
    // SAFETY: as in `randomness`.
    unsafe { of_default!(vfs, xCurrentTime(out), or ffi::SQLITE_ERROR) }
}

pub(in crate::sqlite) unsafe extern "C" fn get_last_error(
    vfs: *mut ffi::sqlite3_vfs,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: as in `randomness`.
    unsafe { of_default!(vfs, xGetLastError(room, out), or 0) }
}

/// Milliseconds since the beginning of the Julian calendar.
pub(in crate::sqlite) unsafe extern "C" fn current_time_int64(
    vfs: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: as in `randomness`, and `register` saw that the default layer is new enough.
    unsafe { of_default!(vfs, xCurrentTimeInt64(out), or ffi::SQLITE_ERROR) }
}

/// There are no libraries in memory, so loading one fails here.
pub(in crate::sqlite) unsafe extern "C" fn dl_open(
    _vfs: *mut ffi::sqlite3_vfs,
    _name: *const c_char,
) -> *mut c_void {
    ptr::null_mut()
}

/// Leaves the message that SQLite has for it.
pub(in crate::sqlite) unsafe extern "C" fn dl_error(
    _vfs: *mut ffi::sqlite3_vfs,
    _room: c_int,
    _out: *mut c_char,
) {
}
