//! A file system layer over SQLite's default one: <https://www.sqlite.org/c3ref/vfs.html>.
//!
//! It is registered as the default layer, so a vault opens its files through it. A file in an
//! unwatched folder is opened by the layer below, and SQLite then calls the methods of that layer
//! directly. A file in a watched folder gets the methods here. They ask the [`FolderWatch`] whether
//! to fail, call the layer below, and report the change. Shared memory belongs to the layer below,
//! so write-ahead logging works across watched and unwatched handles.
//!
//! All `SAFETY` comments rely on the contract of that page and of
//! <https://www.sqlite.org/c3ref/io_methods.html>: the methods of a file are only called between
//! `xOpen` and `xClose`, `xClose` is the last call, buffers have the stated length, and a
//! registered layer is never moved. No function here panics.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Once, PoisonError, RwLock};

use self::file::{METHODS, OWN_BYTES, OpenFile, WatchedFile, behind};
use rusqlite::ffi;

use super::trace::{FolderWatch, Operation};

/// The watched folders.
static WATCHED: RwLock<Vec<(PathBuf, Arc<FolderWatch>)>> = RwLock::new(Vec::new());

static REGISTRATION: Once = Once::new();

thread_local! {
    static SKIPS_SLEEP: Cell<bool> = const { Cell::new(false) };
}

/// Watches a folder until it is dropped.
pub(super) struct WatchGuard {
    folder: PathBuf,
    watch: Arc<FolderWatch>,
}

impl WatchGuard {
    /// Watches a folder in which no file is open.
    pub(super) fn new(folder: &Path) -> Self {
        REGISTRATION.call_once(register);
        let watch = Arc::new(FolderWatch::new(folder));
        let mut watched = WATCHED.write().unwrap_or_else(PoisonError::into_inner);
        watched.push((folder.to_path_buf(), Arc::clone(&watch)));
        Self {
            folder: folder.to_path_buf(),
            watch,
        }
    }
}

impl Deref for WatchGuard {
    type Target = FolderWatch;

    fn deref(&self) -> &FolderWatch {
        &self.watch
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        let mut watched = WATCHED.write().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|(folder, _)| *folder != self.folder);
    }
}

/// Runs `f` while SQLite does not sleep between two tries on this thread.
pub(super) fn without_sleeping<R>(f: impl FnOnce() -> R) -> R {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            SKIPS_SLEEP.set(false);
        }
    }
    SKIPS_SLEEP.set(true);
    let _restore = Restore;
    f()
}

fn register() {
    // SAFETY: null selects the default layer. The call initialises SQLite.
    let below = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    assert!(!below.is_null(), "SQLite has no default layer");
    // SAFETY: a registered layer is complete, and is never moved.
    let (version, size, longest) =
        unsafe { ((*below).iVersion, (*below).szOsFile, (*below).mxPathname) };
    assert!(version >= 2, "the default layer is older than SQLite 3.7");
    let vfs = ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: OWN_BYTES + size,
        mxPathname: longest,
        pNext: ptr::null_mut(),
        zName: c"vaults-test-faults".as_ptr(),
        pAppData: below.cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
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
    };
    // SAFETY: the layer is complete. It is leaked, so it is never moved.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 1) };
    assert_eq!(code, ffi::SQLITE_OK);
}

/// Calls a method of the layer below, or returns `$otherwise` if the layer does not have it.
///
/// It must be used in an unsafe block, with the layer that [`register`] made.
macro_rules! layer_below {
    ($vfs:expr, $method:ident($($argument:expr),*), or $otherwise:expr) => {{
        let below = (*$vfs).pAppData.cast::<ffi::sqlite3_vfs>();
        match (*below).$method {
            Some(method) => method(below, $($argument),*),
            None => $otherwise,
        }
    }};
}

/// Calls a method of the file of the layer below, or returns `$otherwise` if the file does not have
/// it.
///
/// It must be used in an unsafe block, with a file that [`open`] opened.
macro_rules! file_below {
    ($file:expr, $method:ident($($argument:expr),*), or $otherwise:expr) => {{
        let below = behind($file);
        match (*(*below).pMethods).$method {
            Some(method) => method(below, $($argument),*),
            None => $otherwise,
        }
    }};
}

/// Returns the watch of the folder of a path, and the file name.
///
/// # Safety
///
/// `path` must be null or a C string that outlives `'a`.
unsafe fn find<'a>(path: *const c_char) -> Option<(Arc<FolderWatch>, &'a str)> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller guarantees it.
    let path = Path::new(unsafe { CStr::from_ptr(path) }.to_str().ok()?);
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let all = WATCHED.read().unwrap_or_else(PoisonError::into_inner);
    let (_, watch) = all.iter().find(|(watched, _)| watched == folder)?;
    Some((Arc::clone(watch), name))
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: `path` is null or a C string, which is not used beyond this call.
    let Some((watch, name)) = (unsafe { find(path) }) else {
        // SAFETY: SQLite passes valid arguments for the layer below, and more space than that layer
        // needs.
        return unsafe {
            layer_below!(vfs, xOpen(path, file, flags, out_flags), or ffi::SQLITE_CANTOPEN)
        };
    };
    // SAFETY: this call may write to the memory. SQLite does not close a file without methods.
    unsafe { (*file).pMethods = ptr::null() };
    if let Some(code) = watch.fails(Operation::Open) {
        return code;
    }
    // SAFETY: SQLite passes `path`, and there is enough space for the file of the layer below.
    let code = unsafe {
        let below = behind(file);
        (*below).pMethods = ptr::null();
        let code = layer_below!(vfs, xOpen(path, below, flags, out_flags), or ffi::SQLITE_CANTOPEN);
        if code != ffi::SQLITE_OK {
            // A file with methods must be closed even if opening it failed.
            if !(*below).pMethods.is_null() {
                file_below!(file, xClose(), or ffi::SQLITE_OK);
            }
            return code;
        }
        code
    };
    // With a new log or journal, the layer below syncs the folder at the first sync:
    // <https://www.sqlite.org/atomiccommit.html>, section 3.7.
    let companion =
        ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
    let syncs_folder = flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & companion != 0;
    let watched = Box::new(WatchedFile {
        file: watch.opened(name),
        watch,
        syncs_folder: Cell::new(syncs_folder),
    });
    // SAFETY: as above. The methods are set last, when everything they need is in temp.
    unsafe {
        (*file.cast::<OpenFile>()).watched = Box::into_raw(watched);
        (*file).pMethods = &raw const METHODS;
    }
    code
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    sync_folder: c_int,
) -> c_int {
    // SAFETY: `path` is null or a C string, which is not used beyond this call.
    let found = unsafe { find(path) };
    if let Some((watch, _)) = &found
        && let Some(code) = watch.fails(Operation::Delete)
    {
        return code;
    }
    // SAFETY: SQLite passes valid arguments.
    let code =
        unsafe { layer_below!(vfs, xDelete(path, sync_folder), or ffi::SQLITE_IOERR_DELETE) };
    if let Some((watch, name)) = found
        && code == ffi::SQLITE_OK
    {
        watch.deleted(name, sync_folder != 0);
    }
    code
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    // SAFETY: `path` is null or a C string, which is not used beyond this call.
    if let Some((watch, _)) = unsafe { find(path) }
        && let Some(code) = watch.fails(Operation::Access)
    {
        return code;
    }
    // SAFETY: SQLite passes valid arguments.
    unsafe { layer_below!(vfs, xAccess(path, flags, result), or ffi::SQLITE_IOERR_ACCESS) }
}

unsafe extern "C" fn full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { layer_below!(vfs, xFullPathname(path, room, out), or ffi::SQLITE_CANTOPEN) }
}

unsafe extern "C" fn randomness(
    vfs: *mut ffi::sqlite3_vfs,
    count: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { layer_below!(vfs, xRandomness(count, out), or 0) }
}

unsafe extern "C" fn sleep(vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    if SKIPS_SLEEP.try_with(Cell::get).unwrap_or(false) {
        return microseconds;
    }
    // SAFETY: SQLite passes valid arguments.
    unsafe { layer_below!(vfs, xSleep(microseconds), or 0) }
}

unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { layer_below!(vfs, xCurrentTime(out), or ffi::SQLITE_ERROR) }
}

unsafe extern "C" fn get_last_error(
    vfs: *mut ffi::sqlite3_vfs,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { layer_below!(vfs, xGetLastError(room, out), or 0) }
}

unsafe extern "C" fn current_time_int64(
    vfs: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes valid arguments, and the layer below has at least version 2.
    unsafe { layer_below!(vfs, xCurrentTimeInt64(out), or ffi::SQLITE_ERROR) }
}

mod file;
