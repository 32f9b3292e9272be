//! Checks that the names of the open file, its log and its index still belong to these files.
//!
//! Another program may delete, rename or replace one of them while it is open. What is written after that
//! cannot be found by other connections, or damages what they write. So the store checks the names before
//! each write, and again after the commit, before the call returns `Ok`. The second check finds a change
//! between the first one and the commit.
//!
//! # Cost
//!
//! Deleting, renaming or creating a file changes the times of its folder. So the store compares the times
//! of the folder with those at the last complete check, and checks each file only if they differ. Before a
//! write it reads the times through an open descriptor. After a commit it reads them by path, which also
//! finds that a folder above was renamed.
//!
//! The times are as coarse as the clock of the file system, so two changes may have the same time. After a
//! commit, equal times are trusted only if they have been equal for longer than a step of this clock.
//! Until then the store checks each file. Before a write, equal times are enough, because the check after
//! the commit finds a change in the same step.

#![cfg_attr(
    not(unix),
    allow(
        dead_code,
        unused_imports,
        reason = "the times of a folder tell of changed names on Unix only"
    )
)]

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::engine::lock;
use crate::error::{Error, Location, Result};
use crate::sqlite::open::paths::{self, Identity, sibling};

/// Longer than a step of a clock whose times have parts of a millisecond. Linux advances it at least every
/// 10 milliseconds.
const FINE_STEP: Duration = Duration::from_millis(100);
/// Longer than a step of any other clock. FAT has steps of two seconds.
const COARSE_STEP: Duration = Duration::from_secs(3);

/// Which file has the name of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum NameState {
    /// The open file.
    Own,
    /// No file.
    Missing,
    /// Another file.
    Replaced,
}

/// The states of the names of a file, its log and its index.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) struct NameStates {
    pub(in crate::sqlite) file: NameState,
    pub(in crate::sqlite) log: NameState,
    pub(in crate::sqlite) index: NameState,
}

impl NameStates {
    const OWN: Self = Self {
        file: NameState::Own,
        log: NameState::Own,
        index: NameState::Own,
    };

    pub(in crate::sqlite) fn are_own(self) -> bool {
        [self.file, self.log, self.index] == [NameState::Own; 3]
    }
}

/// A folder and its times, which change with the names in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FolderStamp {
    identity: Identity,
    times: [(i64, i64); 2],
}

impl FolderStamp {
    #[cfg(unix)]
    fn of(folder: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            identity: Identity::of(folder),
            times: [
                (folder.mtime(), folder.mtime_nsec()),
                (folder.ctime(), folder.ctime_nsec()),
            ],
        }
    }
}

impl FolderStamp {
    /// Returns a duration after which any change gives the folder another stamp.
    fn clock_step(&self) -> Duration {
        let is_fine = |(_, nanoseconds): &(i64, i64)| nanoseconds % 1_000_000 != 0;
        if self.times.iter().all(is_fine) {
            FINE_STEP
        } else {
            COARSE_STEP
        }
    }
}

/// Tracks the names of an open file, its log and its index.
#[derive(Debug)]
pub(in crate::sqlite) struct NameTracker {
    path: PathBuf,
    log: PathBuf,
    index: PathBuf,
    folder: PathBuf,
    /// `None` if the folder cannot be opened for reading.
    open_folder: Option<File>,
    own_file: OnceLock<Identity>,
    /// The log that contains the store's first commit. `None` if the log of that name does not contain it.
    own_log: OnceLock<Option<Identity>>,
    /// The log of that name just after opening, which is most likely the store's.
    first_log: OnceLock<Identity>,
    own_index: OnceLock<Identity>,
    /// The folder at the last complete check that found every name to be [`NameState::Own`].
    checked: Mutex<Option<CheckedFolder>>,
}

/// A folder in which every name belonged to its file.
#[derive(Clone, Copy, Debug)]
struct CheckedFolder {
    stamp: FolderStamp,
    /// When it first had this stamp.
    since: Instant,
    /// Whether any later change gives it another stamp.
    is_settled: bool,
}

impl NameTracker {
    pub(in crate::sqlite) fn new(path: &Path) -> Self {
        let folder = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        Self {
            path: path.to_path_buf(),
            log: sibling(path, "-wal"),
            index: sibling(path, "-shm"),
            open_folder: if cfg!(unix) {
                File::open(&folder).ok()
            } else {
                None
            },
            folder,
            own_file: OnceLock::new(),
            own_log: OnceLock::new(),
            first_log: OnceLock::new(),
            own_index: OnceLock::new(),
            checked: Mutex::new(None),
        }
    }

    pub(in crate::sqlite) fn log_path(&self) -> &Path {
        &self.log
    }

    /// Records which files the store has open, just after it opened them. A store that writes has an index.
    ///
    /// It takes the index of that name for its own. A proof would have to open and close the file, which
    /// would release the locks of this process.
    pub(in crate::sqlite) fn record(&self, file: Option<Identity>, is_writer: bool) -> Result<()> {
        if let Some(identity) = file {
            self.own_file.get_or_init(|| identity);
        }
        if let Some(identity) = paths::identity(&self.log) {
            self.first_log.get_or_init(|| identity);
        }
        match paths::identity(&self.index) {
            Some(identity) => {
                self.own_index.get_or_init(|| identity);
            }
            // It was deleted while another handle of this process had it open.
            None if is_writer && cfg!(unix) => {
                return Err(self.moved(NameStates {
                    index: NameState::Missing,
                    ..NameStates::OWN
                }));
            }
            None => {}
        }
        Ok(())
    }

    /// Returns `true` if the path is no longer the name of the open file.
    pub(in crate::sqlite) fn is_replaced(&self) -> bool {
        let own = self.own_file.get();
        own.is_some() && name_state(&self.path, own) != NameState::Own
    }

    /// Records which log the store has open. `None` means that it is not the log of that name.
    pub(in crate::sqlite) fn record_log(&self, identity: Option<Identity>) {
        self.own_log.get_or_init(|| identity);
    }

    /// Returns `true` if the store's log was recorded.
    pub(in crate::sqlite) fn knows_log(&self) -> bool {
        self.own_log.get().is_some()
    }

    /// Checks the names before a write.
    pub(in crate::sqlite) fn check_before_write(&self) -> NameStates {
        match &self.open_folder {
            Some(folder) => self.check_unless_unchanged(folder.metadata(), |_| true),
            None => self.check(),
        }
    }

    /// Checks the names after a commit.
    pub(in crate::sqlite) fn check_after_commit(&self) -> NameStates {
        self.check_unless_unchanged(fs::metadata(&self.folder), |checked| checked.is_settled)
    }

    /// Checks each name, unless the folder has the stamp of the last complete check and `is_enough` accepts
    /// that check.
    fn check_unless_unchanged(
        &self,
        folder: io::Result<Metadata>,
        is_enough: fn(&CheckedFolder) -> bool,
    ) -> NameStates {
        #[cfg(unix)]
        if let Ok(folder) = folder
            && (*lock(&self.checked)).is_some_and(|checked| {
                is_enough(&checked) && checked.stamp == FolderStamp::of(&folder)
            })
        {
            return NameStates::OWN;
        }
        #[cfg(not(unix))]
        let _ = (folder, is_enough);
        self.check()
    }

    /// Checks each name.
    pub(in crate::sqlite) fn check(&self) -> NameStates {
        let Some(own_file) = self.own_file.get() else {
            return NameStates::OWN;
        };
        // The folder is read first. A change after that is found by this check, or gives the folder another
        // stamp.
        let folder = fs::metadata(&self.folder);
        let states = NameStates {
            file: name_state(&self.path, Some(own_file)),
            // A file that is not in WAL mode has neither a log nor an index.
            log: self
                .own_index
                .get()
                .map_or(NameState::Own, |_| self.log_state()),
            index: self
                .own_index
                .get()
                .map_or(NameState::Own, |index| name_state(&self.index, Some(index))),
        };
        if states.are_own() {
            self.record_folder(folder);
        }
        states
    }

    fn log_state(&self) -> NameState {
        match self.own_log.get() {
            None => name_state(&self.log, self.first_log.get()),
            Some(Some(own)) => name_state(&self.log, Some(own)),
            Some(None) => match name_state(&self.log, None) {
                NameState::Own => NameState::Replaced,
                other => other,
            },
        }
    }

    /// Records the folder of a check that found every name to belong to its file.
    fn record_folder(&self, folder: io::Result<Metadata>) {
        #[cfg(unix)]
        if let Ok(folder) = folder {
            let stamp = FolderStamp::of(&folder);
            let mut checked = lock(&self.checked);
            let since = match *checked {
                Some(before) if before.stamp == stamp => before.since,
                _ => Instant::now(),
            };
            *checked = Some(CheckedFolder {
                stamp,
                since,
                is_settled: self.knows_log() && since.elapsed() >= stamp.clock_step(),
            });
        }
        #[cfg(not(unix))]
        let _ = (folder, Instant::now(), FINE_STEP, COARSE_STEP);
    }

    /// Returns the error that names the first of the files which no longer has its name.
    pub(in crate::sqlite) fn moved(&self, states: NameStates) -> Error {
        let moved = match states {
            NameStates { file, .. } if file != NameState::Own => &self.path,
            NameStates { log, .. } if log != NameState::Own => &self.log,
            _ => &self.index,
        };
        Error::Moved {
            location: Location::file(&self.path),
            moved: moved.clone(),
        }
    }

    /// Replaces an error by [`Error::Moved`], if a file no longer has its name and this can be the reason.
    #[cold]
    pub(in crate::sqlite) fn explain(&self, error: Error) -> Error {
        if !matches!(
            error,
            Error::Corrupt { .. }
                | Error::Io { .. }
                | Error::Sqlite { .. }
                | Error::NotFound { .. }
                | Error::ReadOnly {
                    source: Some(_),
                    ..
                }
        ) {
            return error;
        }
        let states = self.check();
        if states.are_own() {
            error
        } else {
            self.moved(states)
        }
    }
}

/// Returns which file has the name `path`: the file `own`, if its identity is known, or another one.
fn name_state(path: &Path, own: Option<&Identity>) -> NameState {
    if cfg!(not(unix)) {
        return NameState::Own;
    }
    match (paths::identity(path), own) {
        (None, _) => NameState::Missing,
        (Some(found), Some(own)) if found != *own => NameState::Replaced,
        _ => NameState::Own,
    }
}
