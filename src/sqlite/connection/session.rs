//! A connection with its prepared statements, and its transactions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::{Error, Location, Result};
use crate::sqlite::connection::failure;
use crate::sqlite::connection::hooked_connection::HookedConnection;
use crate::sqlite::connection::map_names::{self, MapNames};
use crate::sqlite::connection::owned_statements::OwnedStatements;
use crate::sqlite::connection::statements::{Sql, Statements};
use crate::sqlite::names::NameTracker;

/// A connection with its prepared statements, used by one thread at a time.
pub(in crate::sqlite) struct Session {
    statements: OwnedStatements,
    pub(in crate::sqlite) path: Arc<Path>,
    /// How long SQLite itself waits for a lock on this connection.
    busy_timeout: Duration,
    /// A reader holds a clone, so that open readers can be counted.
    token: Option<Arc<()>>,
    /// The names of the files, which tell why a call failed.
    pub(in crate::sqlite) names: Option<Arc<NameTracker>>,
    pub(in crate::sqlite) map_names: Arc<MapNames>,
}

impl Session {
    /// Returns a session for reading.
    pub(in crate::sqlite) fn reader(
        connection: Connection,
        path: Arc<Path>,
        busy_timeout: Duration,
    ) -> Self {
        Self::new(HookedConnection::reader(connection), path, busy_timeout)
    }

    /// Returns a session for writing, which keeps the log below its size limit.
    pub(in crate::sqlite) fn writer(
        connection: Connection,
        path: Arc<Path>,
        busy_timeout: Duration,
        log_size_limit: u64,
    ) -> Result<Self> {
        let connection = HookedConnection::writer(connection, log_size_limit)
            .map_err(|error| failure::from_sqlite(error, &path, busy_timeout))?;
        Ok(Self::new(connection, path, busy_timeout))
    }

    fn new(connection: HookedConnection, path: Arc<Path>, busy_timeout: Duration) -> Self {
        Self {
            busy_timeout,
            token: None,
            names: None,
            map_names: Arc::default(),
            statements: OwnedStatements::new(connection),
            path,
        }
    }

    /// Holds `token` until the session is closed.
    pub(in crate::sqlite) fn counted(mut self, token: Arc<()>) -> Self {
        self.token = Some(token);
        self
    }

    /// Sets the names of the files, by which errors are explained.
    pub(in crate::sqlite) fn named(mut self, names: Arc<NameTracker>) -> Self {
        self.names = Some(names);
        self
    }

    /// Sets the names of the maps, which all connections of a store share.
    pub(in crate::sqlite) fn with_map_names(mut self, map_names: Arc<MapNames>) -> Self {
        self.map_names = map_names;
        self
    }

    /// Returns the error of a file that SQLite reads and that cannot be right.
    pub(in crate::sqlite) fn corrupt(&self, reason: &'static str) -> Error {
        self.explain(Error::Corrupt {
            location: Location::file(&self.path),
            source: reason.into(),
        })
    }

    /// Replaces an error that may be the effect of files that moved by that reason.
    #[cold]
    pub(in crate::sqlite) fn explain(&self, error: Error) -> Error {
        match &self.names {
            Some(names) => names.explain(error),
            None => error,
        }
    }

    /// Runs `f` on the statements and adds the path to its error.
    #[inline]
    pub(in crate::sqlite) fn with<R>(
        &mut self,
        f: impl for<'c> FnOnce(&mut Statements<'c>) -> rusqlite::Result<R>,
    ) -> Result<R> {
        self.statements.with(f).map_err(|error| self.failed(error))
    }

    #[cold]
    fn failed(&self, error: rusqlite::Error) -> Error {
        let missing = self
            .map_names
            .removed(&error, &self.path)
            .or_else(|| map_names::converted(&error, &self.path, self.hooked().get()));
        missing.unwrap_or_else(|| {
            self.explain(failure::from_sqlite(error, &self.path, self.busy_timeout))
        })
    }

    /// Runs `f` on the connection itself.
    pub(in crate::sqlite) fn with_connection<R>(
        &mut self,
        f: impl FnOnce(&Connection) -> rusqlite::Result<R>,
    ) -> Result<R> {
        self.with(|statements| f(statements.connection))
    }

    pub(in crate::sqlite) fn path(&self) -> &Path {
        &self.path
    }

    /// Finalises the statements and closes the connection, or gives the session back with the error.
    pub(in crate::sqlite) fn close(self) -> Result<(), Box<(Self, Error)>> {
        let Self {
            statements,
            path,
            busy_timeout,
            token,
            names,
            map_names,
        } = self;
        let Err(failed) = statements.into_connection().close() else {
            return Ok(());
        };
        let (connection, error) = *failed;
        let error = failure::from_sqlite(error, &path, busy_timeout);
        let session = Self {
            statements: OwnedStatements::new(connection),
            path,
            busy_timeout,
            token,
            names,
            map_names,
        };
        Err(Box::new((session, error)))
    }

    // ---- transactions -------------------------------------------------------------

    pub(in crate::sqlite) fn begin_read(&mut self) -> Result<()> {
        self.with(|statements| statements.run(Sql::Begin))
    }

    /// Begins a write transaction. Returns `false` at once if another connection has one.
    pub(in crate::sqlite) fn try_begin_write(&mut self) -> Result<bool> {
        self.with(|statements| match statements.run(Sql::BeginImmediate) {
            Ok(()) => Ok(true),
            Err(error) if failure::is_busy(&error) => Ok(false),
            Err(error) => Err(error),
        })
    }

    /// Commits, and returns the number of frames in the log after it, or zero if there was nothing to write.
    pub(in crate::sqlite) fn commit(&mut self) -> Result<u32> {
        self.hooked().forget_commit();
        self.with(|statements| statements.run(Sql::Commit))?;
        Ok(self.hooked().committed_frames())
    }

    /// Rolls back the transaction. Returns `false` if none is open, as after some errors.
    pub(in crate::sqlite) fn rollback(&mut self) -> Result<bool> {
        self.with(|statements| {
            let is_open = !statements.connection.is_autocommit();
            if is_open {
                statements.run(Sql::Rollback)?;
            }
            Ok(is_open)
        })
    }

    /// Returns `false` outside a transaction, and after an error for which SQLite has rolled it back.
    pub(in crate::sqlite) fn is_in_transaction(&self) -> bool {
        !self.hooked().get().is_autocommit()
    }

    pub(in crate::sqlite) fn hooked(&self) -> &HookedConnection {
        self.statements.connection()
    }

    pub(in crate::sqlite) fn savepoint(&mut self) -> Result<()> {
        self.with(|statements| statements.run(Sql::Savepoint))
    }

    pub(in crate::sqlite) fn release(&mut self) -> Result<()> {
        self.with(|statements| statements.run(Sql::Release))
    }

    /// Runs several statements that take effect together or not at all.
    pub(in crate::sqlite) fn in_savepoint<R>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<R> {
        self.savepoint()?;
        match f(self) {
            Ok(result) => self.release().map(|()| result),
            Err(error) => {
                // After some errors SQLite has rolled back the whole transaction, and there is no savepoint.
                self.rollback_to().ok();
                Err(error)
            }
        }
    }

    /// Undoes what was written since the innermost savepoint, and ends it.
    pub(in crate::sqlite) fn rollback_to(&mut self) -> Result<()> {
        self.with(|statements| {
            statements.run(Sql::RollbackTo)?;
            statements.run(Sql::Release)
        })
    }
}
