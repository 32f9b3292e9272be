//! Whether the files that a store has open are still the ones of their names.
//!
//! Somebody may delete, rename or replace a file, its log or its index while it is open. What is
//! written then is found by nobody, or damages what others write. So the store looks before
//! each write, and once more after the commit and before it is acknowledged: a look before alone
//! would leave a gap.
//!
//! # What a look costs
//!
//! Deleting, renaming and creating a file changes the times of its folder. So the store compares the
//! folder with what it was when all names were last right: before a write by an open descriptor,
//! after a commit by its path, which shows too that no folder above was renamed. Only if they differ
//! does it look at each file.
//!
//! The times are as coarse as the file system's clock. So after a commit a folder is believed only when
//! it was the same for longer than a step of that clock: a change after that has another time. Until
//! then the store looks at each file. Before a write an equal folder is enough: what
//! changed in the same step is found after the commit.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::sqlite::lock;
use crate::sqlite::open::paths::{self, Identity, sibling};

/// Longer than a step of a clock that counts in parts of a millisecond, and of one that does not.
/// Linux advances the first at least every 10 milliseconds; FAT counts in steps of two seconds.
const FINE_STEP: Duration = Duration::from_millis(100);
const COARSE_STEP: Duration = Duration::from_secs(3);

/// What became of the name of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum NameState {
    /// It is the file's.
    Own,
    /// No file has it.
    Missing,
    /// Another file has it.
    Replaced,
}

/// The names of the three files of a store.
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

/// What changes in a folder with the names in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    identity: Identity,
    times: [(i64, i64); 2],
}

impl Stamp {
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

impl Stamp {
    /// A time after which each change is sure to give the folder another stamp.
    fn step(&self) -> Duration {
        let is_fine = |(_, nanoseconds): &(i64, i64)| nanoseconds % 1_000_000 != 0;
        if self.times.iter().all(is_fine) {
            FINE_STEP
        } else {
            COARSE_STEP
        }
    }
}

/// The names of a file that is open, of its log and of its index.
#[derive(Debug)]
pub(in crate::sqlite) struct NameTracker {
    path: PathBuf,
    log: PathBuf,
    index: PathBuf,
    folder: PathBuf,
    /// `None` if it may not be opened.
    open_folder: Option<File>,
    own_file: OnceLock<Identity>,
    /// It is known once a commit was looked for; `None` if that was not found under the name.
    own_log: OnceLock<Option<Identity>>,
    /// The log just after it was opened: most likely its own.
    first_log: OnceLock<Identity>,
    own_index: OnceLock<Identity>,
    /// The folder when all names were right.
    right: Mutex<Option<Right>>,
}

/// A folder in which all names were right.
#[derive(Clone, Copy, Debug)]
struct Right {
    stamp: Stamp,
    /// When it was first seen so.
    since: Instant,
    /// True if each later change is sure to give it another stamp.
    is_believed: bool,
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
            right: Mutex::new(None),
        }
    }

    pub(in crate::sqlite) fn log_path(&self) -> &Path {
        &self.log
    }

    /// Keeps which files are the store's, just after they were opened: this one, and the index of
    /// that name. A store that writes has one.
    ///
    /// The index cannot be proved to be its own: to open and close it would drop this process's locks.
    pub(in crate::sqlite) fn keep(&self, file: Option<Identity>, is_writer: bool) -> Result<()> {
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
            // Another handle of this process has it, and it was deleted meanwhile.
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

    /// True if the path no longer names the file.
    pub(in crate::sqlite) fn is_replaced(&self) -> bool {
        let own = self.own_file.get();
        own.is_some() && name(&self.path, own) != NameState::Own
    }

    /// Keeps which log is the store's; `None` if it is not the one of that name.
    pub(in crate::sqlite) fn keep_log(&self, identity: Option<Identity>) {
        self.own_log.get_or_init(|| identity);
    }

    pub(in crate::sqlite) fn knows_log(&self) -> bool {
        self.own_log.get().is_some()
    }

    /// A look before a write.
    pub(in crate::sqlite) fn check_before_write(&self) -> NameStates {
        match &self.open_folder {
            Some(folder) => self.check_unless_unchanged(folder.metadata(), |_| true),
            None => self.check(),
        }
    }

    /// A look after a commit.
    pub(in crate::sqlite) fn check_after_commit(&self) -> NameStates {
        self.check_unless_unchanged(fs::metadata(&self.folder), |right| right.is_believed)
    }

    /// Looks at each name, unless the folder is what it was when all were right, and that is `enough`.
    fn check_unless_unchanged(
        &self,
        folder: io::Result<Metadata>,
        enough: fn(&Right) -> bool,
    ) -> NameStates {
        #[cfg(unix)]
        if let Ok(folder) = folder
            && (*lock(&self.right))
                .is_some_and(|right| enough(&right) && right.stamp == Stamp::of(&folder))
        {
            return NameStates::OWN;
        }
        #[cfg(not(unix))]
        let _ = (folder, enough);
        self.check()
    }

    /// A look at each name.
    pub(in crate::sqlite) fn check(&self) -> NameStates {
        let Some(own_file) = self.own_file.get() else {
            return NameStates::OWN;
        };
        // First the folder, then what is in it: what changes in between is seen now, or makes
        // the folder another one.
        let folder = fs::metadata(&self.folder);
        let states = NameStates {
            file: name(&self.path, Some(own_file)),
            // A file that is not in write-ahead mode has neither.
            log: self
                .own_index
                .get()
                .map_or(NameState::Own, |_| self.log_state()),
            index: self
                .own_index
                .get()
                .map_or(NameState::Own, |index| name(&self.index, Some(index))),
        };
        if states.are_own() {
            self.keep_folder(folder);
        }
        states
    }

    fn log_state(&self) -> NameState {
        match self.own_log.get() {
            None => name(&self.log, self.first_log.get()),
            Some(Some(own)) => name(&self.log, Some(own)),
            Some(None) => match name(&self.log, None) {
                NameState::Own => NameState::Replaced,
                other => other,
            },
        }
    }

    /// Keeps what the folder was when all names were right.
    fn keep_folder(&self, folder: io::Result<Metadata>) {
        #[cfg(unix)]
        if let Ok(folder) = folder {
            let stamp = Stamp::of(&folder);
            let mut right = lock(&self.right);
            let since = match *right {
                Some(before) if before.stamp == stamp => before.since,
                _ => Instant::now(),
            };
            *right = Some(Right {
                stamp,
                since,
                is_believed: self.knows_log() && since.elapsed() >= stamp.step(),
            });
        }
        #[cfg(not(unix))]
        let _ = (folder, Instant::now(), FINE_STEP, COARSE_STEP);
    }

    /// The error of a file that no longer has its name.
    pub(in crate::sqlite) fn moved(&self, states: NameStates) -> Error {
        let moved = match states {
            NameStates { file, .. } if file != NameState::Own => &self.path,
            NameStates { log, .. } if log != NameState::Own => &self.log,
            _ => &self.index,
        };
        Error::Moved {
            path: self.path.clone(),
            moved: moved.clone(),
        }
    }

    /// Puts the reason in the place of an error which may be its effect.
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

/// What became of `path`, which was the name of the file `own`, if that is known.
fn name(path: &Path, own: Option<&Identity>) -> NameState {
    if cfg!(not(unix)) {
        return NameState::Own;
    }
    match (paths::identity(path), own) {
        (None, _) => NameState::Missing,
        (Some(found), Some(own)) if found != *own => NameState::Replaced,
        _ => NameState::Own,
    }
}
