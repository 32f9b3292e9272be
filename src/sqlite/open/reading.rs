//! What a handle that only reads needs beside the file, and what it must not leave there.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, OpenFlags};

use crate::error::{Error, Result, Source};
use crate::sqlite::connection::raw;
use crate::sqlite::open::Opener;
use crate::sqlite::open::paths::{self, immutable_uri, sibling};

impl Opener {
    /// Refuses to read a file without what a log or a journal beside it says.
    pub(in crate::sqlite) fn refuse_pending(&self) -> Result<()> {
        if !self.config.immutable {
            return Ok(());
        }
        self.pending().map_or(Ok(()), |log| {
            Err(Error::NeedsRecovery {
                path: self.path.to_path_buf(),
                log,
                source: None,
            })
        })
    }

    /// The log or the journal with changes that the file does not have yet, if there is one.
    fn pending(&self) -> Option<PathBuf> {
        let log = self.log_path();
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Some(log);
        }
        let journal = sibling(&self.path, "-journal");
        paths::is_hot_journal(&journal).then_some(journal)
    }

    /// Refuses to create a log or an index that the owner of the file could not write to: SQLite
    /// creates them for readers too, and a reader cannot take them away again.
    pub(in crate::sqlite) fn refuse_to_lock_out(&self) -> Result<()> {
        if !self.config.read_only || self.config.immutable || self.is_in_memory() {
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
            path: self.path.to_path_buf(),
            source: Source::from(
                "an index of this user would keep the owner of the file from writing",
            ),
        })
    }

    /// What keeps a handle for reading from reading, if that is what `error` means.
    pub(in crate::sqlite) fn unreadable(&self, error: Error) -> Error {
        match error {
            Error::Io { source, .. }
            | Error::ReadOnly {
                source: Some(source),
                ..
            } if self.has_no_index(&*source) => {
                let path = self.path.to_path_buf();
                match self.pending() {
                    Some(log) => Error::NeedsRecovery {
                        path,
                        log,
                        source: Some(source),
                    },
                    None => Error::ReadOnlyFolder { path, source },
                }
            }
            error => error,
        }
    }

    /// True if a file in WAL mode cannot be read because its index cannot be created.
    fn has_no_index(&self, source: &(dyn std::error::Error + 'static)) -> bool {
        let refused = matches!(
            crate::sqlite::open::look::code(source),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
        );
        self.config.read_only && refused && self.path.is_file()
    }

    /// The error of a handle that is to write, if it may not write to what lies beside the file.
    pub(in crate::sqlite) fn refuse_unwritable_log(&self) -> Result<()> {
        if self.config.read_only || self.is_in_memory() {
            return Ok(());
        }
        for suffix in ["-wal", "-shm", "-journal"] {
            let path = sibling(&self.path, suffix);
            if paths::may_not_write(&path) {
                let source = "it belongs to another user, or its permissions were changed";
                return Err(Error::ReadOnly {
                    path,
                    source: Some(source.into()),
                });
            }
        }
        Ok(())
    }

    /// Refuses to write beside a log, index or journal of a user who may not write the file: in a
    /// folder that others can write, they could have put it there to read or to change what is written.
    pub(in crate::sqlite) fn refuse_log_of_stranger(&self) -> Result<()> {
        if self.config.read_only || self.is_in_memory() {
            return Ok(());
        }
        let is_strangers = |suffix| paths::is_strangers(&sibling(&self.path, suffix), &self.path);
        if !["-wal", "-shm", "-journal"].into_iter().any(is_strangers) {
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
        Ok(raw::is_in_wal_mode(&connection))
    }
}
