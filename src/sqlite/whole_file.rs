//! The file as a whole: its size, and deleting or replacing it.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::Connection;

use crate::engine::Refusal;
use crate::error::{Error, Result};
use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::connection::session::Session;
use crate::sqlite::open::ANY_TYPES;
use crate::sqlite::open::config::Config;
use crate::sqlite::store::Store;

impl Store {
    /// Returns the sizes of the file and of its log in bytes.
    pub(crate) fn file_sizes(&self) -> Result<(u64, u64)> {
        if self.opener.is_replaced() {
            return Err(self.opener.moved());
        }
        let io = |error| Error::io(self.file(), error);
        let file = fs::metadata(self.file()).map_err(io)?.len();
        match fs::metadata(self.opener.log_path()) {
            Ok(log) => Ok((file, log.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((file, 0)),
            Err(error) => Err(io(error)),
        }
    }

    /// Returns [`Error::Moved`] if the files no longer have their names.
    pub(in crate::sqlite) fn check_names(&self) -> Result<()> {
        match self.writer.try_acquire() {
            Ok(Some(mut session)) => {
                let checked = self.opener.check_idle(&mut session);
                self.writer.release(session);
                checked
            }
            // The write in progress checks them too.
            Ok(None) | Err(Refusal::Reentrant | Refusal::TimedOut) => self.opener.check_names(),
        }
    }

    /// Closes the store and deletes its file, unless it is open elsewhere. After an error the store is open.
    pub(crate) fn delete(&mut self) -> Result<()> {
        self.close_and(|path| fs::remove_file(path))
    }

    /// Closes the store and renames another file over its own, unless it is open elsewhere.
    pub(in crate::sqlite) fn replace_by(mut self, file: &Path) -> Result<()> {
        self.close_and(|path| fs::rename(file, path))
    }

    /// Closes the store and runs `f` on its path while nobody else can have the file open. After an error the
    /// store is open.
    pub(in crate::sqlite) fn close_and(
        &mut self,
        f: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<()> {
        self.take_deferred_error()?;
        if self.opener.config.is_read_only() {
            return Err(Error::ReadOnly {
                location: self.location_of_file(),
                source: None,
            });
        }
        // Another vault may have these names by now.
        self.check_names()?;
        self.close_coherence();
        drop(self.take_readers());
        let Some(mut session) = self.writer.take() else {
            return Err(Error::InUse {
                location: self.location_of_file(),
            });
        };
        match self.run_exclusively(&mut session, f) {
            Ok(()) => self.close_writer(session),
            Err(error) => {
                self.share_again(session);
                Err(error)
            }
        }
    }

    /// Runs `f` on the path of the file under the exclusive lock.
    fn run_exclusively(
        &self,
        session: &mut Session,
        f: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<()> {
        session
            .with_connection(lock_exclusively)
            .map_err(|error| match error {
                Error::Busy { location, .. } => Error::InUse { location },
                other => other,
            })?;
        // A process that opens the file now waits, and then finds that it was moved away.
        if self.opener.is_replaced() {
            return Err(self.opener.moved());
        }
        f(self.file()).map_err(|error| Error::io(self.file(), error))
    }

    /// Leaves the exclusive mode after an error, so that the store can be used again.
    fn share_again(&mut self, mut session: Session) {
        let is_in_wal_mode = session.with_connection(|connection| {
            connection.pragma_update_and_check(None, "locking_mode", "NORMAL", |_| Ok(()))?;
            // The lock is released after the next read.
            connection.query_one("PRAGMA schema_version", [], |_| Ok(()))?;
            Ok(OpenFile::log(connection).is_some())
        });
        let config = Config {
            create: false,
            create_new: false,
            ..self.opener.config
        };
        // A file that has left WAL mode gets a new log, which is not the one that this store has opened.
        if matches!(is_in_wal_mode, Ok(false))
            && let Ok(store) = Self::open(self.file(), config, ANY_TYPES)
        {
            drop(session);
            self.replace_by_reopened(store);
        } else {
            self.writer.release(session);
        }
    }
}

/// Leaves WAL mode, which fails while the file is open elsewhere, and locks it.
fn lock_exclusively(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}
