//! An open file as SQLite sees it: its own object, with one of our handles in it.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::mem::MaybeUninit;

use rusqlite::ffi;

use crate::sqlite::memory::files::{Handle, Refusal};

/// What SQLite sees of an open file, with ours behind it.
///
/// SQLite allocates it. There is a handle in it as long as the methods are not null.
#[repr(C)]
pub(super) struct OpenFile {
    pub(super) base: ffi::sqlite3_file,
    pub(super) handle: MaybeUninit<Handle>,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "it is a hundred bytes or two"
)]
pub(super) const OPEN_FILE_BYTES: c_int = size_of::<OpenFile>() as c_int;

/// SQLite allocates with this alignment, whatever is in there.
const _: () = assert!(align_of::<OpenFile>() <= 8);

/// The methods only ever make shared references to a handle, from any thread.
const _: () = {
    const fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Handle>();
};

/// The handle of an open file.
///
/// # Safety
///
/// `file` was opened by `open`, and is not closed before `'a` ends.
pub(super) unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a Handle {
    // SAFETY: `open` wrote a handle, as the caller says, and only `close` takes it away.
    unsafe { (&*file.cast::<OpenFile>()).handle.assume_init_ref() }
}

/// SQLite's code for a result.
pub(super) fn code(result: Result<(), Refusal>) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(Refusal::Busy) => ffi::SQLITE_BUSY,
        Err(Refusal::OutOfMemory) => ffi::SQLITE_IOERR_NOMEM,
        Err(Refusal::ReadOnly) => ffi::SQLITE_READONLY,
        Err(Refusal::NotMapped) => ffi::SQLITE_IOERR_SHMLOCK,
    }
}
