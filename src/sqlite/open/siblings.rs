//! Checks of the log, the index and the journal of a file: whether they can be read, written or created.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, OpenFlags};

use crate::error::{Error, Location, Result, Source};
use crate::sqlite::connection::failure;
use crate::sqlite::connection::wal_index::is_in_wal_mode;
use crate::sqlite::open::Opener;
use crate::sqlite::open::paths::{self, immutable_uri, sibling};

impl Opener {
    /// Returns an error if an immutable file has changes in a log or a journal, which would not be read.
    pub(in crate::sqlite) fn refuse_pending_log(&self) -> Result<()> {
        if !self.config.immutable {
            return Ok(());
        }
        self.pending_log().map_or(Ok(()), |log| {
            Err(Error::NeedsRecovery {
                location: Location::file(&self.path),
                log,
                source: None,
            })
        })
    }

    /// Returns the path of the log or journal with changes that are not in the file, if there is one.
    fn pending_log(&self) -> Option<PathBuf> {
        let log = self.log_path();
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Some(log);
        }
        let journal = sibling(&self.path, "-journal");
        paths::is_hot_journal(&journal).then_some(journal)
    }

    /// Returns an error if reading would create a log or an index that the owner of the file cannot write.
    /// SQLite creates them for readers too, and a reader cannot delete them again.
    pub(in crate::sqlite) fn refuse_to_lock_out_owner(&self) -> Result<()> {
        if !self.config.read_only || self.config.immutable {
            return Ok(());
        }
        let missing = |suffix| !sibling(&self.path, suffix).exists();
        let creates = (missing("-wal") || missing("-shm"))
            && paths::would_lock_out_owner(&self.path)
            && self.is_in_wal_mode()?;
        if !creates {
            return Ok(());
        }
        Err(Error::ReadOnlyFolder {
            location: Location::file(&self.path),
            source: Source::from(
                "an index of this user would keep the owner of the file from writing",
            ),
        })
    }

    /// Replaces an error of a read-only vault by the reason, if it is that the index cannot be created.
    pub(in crate::sqlite) fn explain_unreadable(&self, error: Error) -> Error {
        match error {
            Error::Io { source, .. }
            | Error::ReadOnly {
                source: Some(source),
                ..
            } if self.has_no_index(&*source) => {
                let location = Location::file(&self.path);
                match self.pending_log() {
                    Some(log) => Error::NeedsRecovery {
                        location,
                        log,
                        source: Some(source),
                    },
                    None => Error::ReadOnlyFolder { location, source },
                }
            }
            error => error,
        }
    }

    /// Returns `true` if `source` means that the index of a file in WAL mode cannot be created.
    fn has_no_index(&self, source: &(dyn std::error::Error + 'static)) -> bool {
        let refused = matches!(
            failure::sqlite_code(source),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
        );
        self.config.is_read_only() && refused && self.path.is_file()
    }

    /// Returns an error if the vault is to be written, but its log, index or journal cannot be.
    pub(in crate::sqlite) fn refuse_unwritable_log(&self) -> Result<()> {
        if self.config.is_read_only() {
            return Ok(());
        }
        for suffix in ["-wal", "-shm", "-journal"] {
            let path = sibling(&self.path, suffix);
            if paths::is_unwritable(&path) {
                let source = "it belongs to another user, or its permissions were changed";
                return Err(Error::ReadOnly {
                    location: Location::File(path),
                    source: Some(source.into()),
                });
            }
        }
        Ok(())
    }

    /// Returns an error if the log, the index or the journal belongs to a user who may not write the file. In a
    /// folder that others can write, this user could have created it to read or to change what is written.
    pub(in crate::sqlite) fn refuse_foreign_owner(&self) -> Result<()> {
        if self.config.is_read_only() {
            return Ok(());
        }
        let is_foreign =
            |suffix| paths::has_foreign_owner(&sibling(&self.path, suffix), &self.path);
        if !["-wal", "-shm", "-journal"].into_iter().any(is_foreign) {
            return Ok(());
        }
        Err(Error::InvalidPath {
            path: self.path.to_path_buf(),
            reason: "the log, index or journal beside it (`-wal`, `-shm`, `-journal`) belongs to \
                     a user who may not write it: give it to the owner of the vault",
        })
    }

    fn is_in_wal_mode(&self) -> Result<bool> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = self.open_at(Path::new(&immutable_uri(&self.path)), flags)?;
        Ok(is_in_wal_mode(&connection))
    }
}
