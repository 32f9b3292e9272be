//! The file as a whole: its size, and deleting or replacing it.

use std::fs;
use std::io;
use std::path::Path;

use crate::engine::Refusal;
use crate::error::{Error, Location, Result};
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

    /// Closes the store and deletes its file, unless it is open elsewhere.
    pub(crate) fn delete(self) -> Result<()> {
        self.close_and(|path| fs::remove_file(path))
    }

    /// Closes the store and renames another file over its own, unless it is open elsewhere.
    pub(in crate::sqlite) fn replace_by(self, file: &Path) -> Result<()> {
        self.close_and(|path| fs::rename(file, path))
    }

    /// Closes the store and runs `f` on its path while nobody else can have the file open.
    pub(in crate::sqlite) fn close_and(
        mut self,
        f: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<()> {
        self.take_deferred_error()?;
        let path = self.file().to_path_buf();
        if self.opener.config.is_read_only() {
            return Err(Error::ReadOnly {
                location: Location::File(path),
                source: None,
            });
        }
        // Another vault may have these names by now.
        self.check_names()?;
        self.close_coherence();
        drop(self.take_readers());
        let Some(mut session) = self.writer.take() else {
            return Err(Error::InUse {
                location: Location::File(path),
            });
        };
        if let Err(error) = session.with_connection(lock_exclusively) {
            self.opener.prepare_close(&mut session);
            return Err(match error {
                Error::Busy { location, .. } => Error::InUse { location },
                other => other,
            });
        }
        // Still under the exclusive lock. A process that opens the file now waits, and then finds that it
        // was moved away.
        if self.opener.is_replaced() {
            return Err(self.opener.moved());
        }
        f(&path).map_err(|error| Error::io(&path, error))?;
        session.close()
    }
}

/// Leaves WAL mode, which fails while the file is open elsewhere, and locks it.
fn lock_exclusively(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}
