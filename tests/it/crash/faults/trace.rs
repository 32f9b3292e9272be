//! The recorder of a watched folder. It records every change of a file in order, and decides which
//! operation fails.
//!
//! SQLite calls the [`vfs`](super::vfs), so the functions that it uses must not panic.

use std::collections::{BTreeMap, HashMap};
use std::ffi::c_int;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

/// Identifies a file independently of its name, like an inode number.
pub(super) type FileId = usize;

/// A change in the folder.
#[derive(Debug)]
pub(super) enum Event {
    Created {
        file: FileId,
        name: String,
    },
    Deleted {
        name: String,
    },
    Written {
        file: FileId,
        offset: usize,
        bytes: Box<[u8]>,
    },
    Truncated {
        file: FileId,
        size: usize,
    },
    Synced {
        file: FileId,
    },
    FolderSynced,
    Marked(Mark),
}

/// A mark that the workload sets in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A call was begun that may change something.
    Begun,
    /// The last call has returned `Ok`.
    Acknowledged,
    /// All acknowledged calls are on the disk, according to the vault.
    Flushed,
}

/// The events, and the files that existed before.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) initial: BTreeMap<String, (FileId, Vec<u8>)>,
    pub(super) events: Vec<Event>,
}

/// An operation that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Open,
    Access,
    Delete,
    Read,
    Write,
    Truncate,
    Sync,
    FileSize,
    Lock,
    ShmMap,
    ShmLock,
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::Open,
    Operation::Access,
    Operation::Delete,
    Operation::Read,
    Operation::Write,
    Operation::Truncate,
    Operation::Sync,
    Operation::FileSize,
    Operation::Lock,
    Operation::ShmMap,
    Operation::ShmLock,
];

/// The number of times that each operation was reached.
pub(super) type Reached = [u32; OPERATIONS.len()];

/// Makes the `nth` operation of a kind fail with `code`, counted from one. If the fault is lasting,
/// all later operations of the kind fail too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) operation: Operation,
    pub(super) nth: u32,
    pub(super) code: c_int,
    pub(super) is_lasting: bool,
}

/// The recorder of one folder.
#[derive(Debug)]
pub(super) struct FolderWatch {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<String, FileId>,
    next: FileId,
    initial: BTreeMap<String, (FileId, Vec<u8>)>,
    /// `None` while nothing is recorded.
    events: Option<Vec<Event>>,
    fault: Option<Fault>,
    reached: Reached,
    fired: u32,
    open_files: usize,
}

impl State {
    fn record(&mut self, event: impl FnOnce() -> Event) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }

    fn new_file(&mut self, name: &str) -> FileId {
        let file = self.next;
        self.next += 1;
        self.names.insert(name.to_owned(), file);
        file
    }
}

/// The interface for tests.
impl FolderWatch {
    /// Returns a watch that knows the current files of `folder`, and does not record yet.
    pub(super) fn new(folder: &Path) -> Self {
        let mut state = State::default();
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        found.sort();
        for path in found {
            let name = path.file_name().unwrap().to_str().unwrap();
            let file = state.new_file(name);
            let content = fs::read(&path).unwrap();
            state.initial.insert(name.to_owned(), (file, content));
        }
        Self {
            state: Mutex::new(state),
        }
    }

    /// Starts recording.
    pub(super) fn record(&self) {
        self.state().events = Some(Vec::new());
    }

    pub(super) fn mark(&self, mark: Mark) {
        self.state().record(|| Event::Marked(mark));
    }

    /// Returns the recorded events.
    pub(super) fn take_trace(&self) -> Trace {
        let mut state = self.state();
        Trace {
            initial: std::mem::take(&mut state.initial),
            events: state.events.take().unwrap_or_default(),
        }
    }

    /// Resets the counts of operations, and sets the operation that fails.
    pub(super) fn arm(&self, fault: Option<Fault>) {
        let mut state = self.state();
        state.fault = fault;
        state.reached = Reached::default();
        state.fired = 0;
    }

    pub(super) fn disarm(&self) {
        self.state().fault = None;
    }

    /// Returns how often the fault occurred.
    pub(super) fn fired(&self) -> u32 {
        self.state().fired
    }

    pub(super) fn reached(&self) -> Reached {
        self.state().reached
    }

    /// Returns the number of files that SQLite has open.
    pub(super) fn open_files(&self) -> usize {
        self.state().open_files
    }

    /// Returns the number of recorded changes that match.
    pub(super) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        let state = self.state();
        let events = state.events.as_deref().unwrap_or_default();
        events.iter().filter(|event| wanted(event)).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The interface for the file system layer.
impl FolderWatch {
    /// Counts an operation. Returns the code that it must fail with, if any.
    pub(super) fn fails(&self, operation: Operation) -> Option<c_int> {
        let mut state = self.state();
        let reached = state.reached.get_mut(operation as usize)?;
        *reached += 1;
        let reached = *reached;
        let fault = state.fault?;
        let occurs = fault.operation == operation
            && (reached == fault.nth || fault.is_lasting && reached > fault.nth);
        if !occurs {
            return None;
        }
        state.fired += 1;
        Some(fault.code)
    }

    pub(super) fn opened(&self, name: &str) -> FileId {
        let mut state = self.state();
        state.open_files += 1;
        if let Some(file) = state.names.get(name) {
            return *file;
        }
        let file = state.new_file(name);
        state.record(|| Event::Created {
            file,
            name: name.to_owned(),
        });
        file
    }

    pub(super) fn closed(&self) {
        let mut state = self.state();
        state.open_files = state.open_files.saturating_sub(1);
    }

    pub(super) fn deleted(&self, name: &str, is_folder_synced: bool) {
        let mut state = self.state();
        state.names.remove(name);
        state.record(|| Event::Deleted {
            name: name.to_owned(),
        });
        if is_folder_synced {
            state.record(|| Event::FolderSynced);
        }
    }

    pub(super) fn written(&self, file: FileId, offset: usize, bytes: &[u8]) {
        self.state().record(|| Event::Written {
            file,
            offset,
            bytes: bytes.into(),
        });
    }

    pub(super) fn truncated(&self, file: FileId, size: usize) {
        self.state().record(|| Event::Truncated { file, size });
    }

    pub(super) fn synced(&self, file: FileId, with_folder: bool) {
        let mut state = self.state();
        state.record(|| Event::Synced { file });
        if with_folder {
            state.record(|| Event::FolderSynced);
        }
    }
}

/// Returns the error codes with which an operation can fail.
pub(super) const fn codes(operation: Operation) -> &'static [c_int] {
    match operation {
        Operation::Open => &[ffi::SQLITE_CANTOPEN, ffi::SQLITE_IOERR],
        Operation::Access => &[ffi::SQLITE_IOERR_ACCESS],
        Operation::Delete => &[ffi::SQLITE_IOERR_DELETE],
        Operation::Read => &[ffi::SQLITE_IOERR_READ],
        Operation::Write => &[ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE],
        Operation::Truncate => &[ffi::SQLITE_IOERR_TRUNCATE],
        Operation::Sync => &[ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_FULL],
        Operation::FileSize => &[ffi::SQLITE_IOERR_FSTAT],
        Operation::Lock => &[ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_LOCK],
        Operation::ShmMap => &[ffi::SQLITE_IOERR_SHMMAP],
        Operation::ShmLock => &[ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_SHMLOCK],
    }
}
