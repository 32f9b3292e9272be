//! Opens the first connection of a store, which may create the vault.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::engine::Deadline;
use crate::error::Result;
use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::connection::session::Session;
use crate::sqlite::open::ends::TypeCheck;
use crate::sqlite::open::existence::create_file;
use crate::sqlite::open::format::Format;
use crate::sqlite::open::inspect::Inspection;
use crate::sqlite::open::paths::{self, Identity};
use crate::sqlite::open::settings::switch_to_wal;
use crate::sqlite::open::{Opener, has_moved, schema};

/// How often opening is tried again because the file was replaced during it.
const MAX_ATTEMPTS: usize = 16;

/// The first connection of a store.
pub(in crate::sqlite) struct FirstConnection {
    pub(in crate::sqlite) session: Session,
    pub(in crate::sqlite) file: PreparedFile,
}

/// A file that is a vault in WAL mode or, if it is read-only, a vault.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct PreparedFile {
    pub(in crate::sqlite) format: Format,
    /// Whether this connection has created the vault.
    pub(in crate::sqlite) is_new: bool,
}

impl PreparedFile {
    const fn existing(format: Format) -> Self {
        Self {
            format,
            is_new: false,
        }
    }
}

impl Opener {
    /// Opens the first connection, which is the writer unless the vault is read-only.
    ///
    /// All checks that can refuse the file come before the first change. A connection that has not read yet
    /// has not touched the file.
    pub(in crate::sqlite) fn open_first(&self, check: TypeCheck<'_>) -> Result<FirstConnection> {
        self.refuse_pending_log()?;
        self.refuse_foreign_owner()?;
        create_file(&self.path, &self.config)?;
        for _ in 0..MAX_ATTEMPTS {
            self.refuse_to_lock_out_owner()?;
            let mut connection = self.connect(self.flags())?;
            let mut deadline = Deadline::new(self.config.busy_timeout);
            let siblings = self.siblings();
            let prepared = self
                .check_writable(&connection)
                .and_then(|()| self.inspect(&connection, &siblings, check, &mut deadline))
                .and_then(|known| self.prepare(&connection, known, check, &mut deadline));
            if prepared.is_err() && siblings.has_log {
                // Closing would write the log of a refused file back.
                let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                connection.set_db_config(keep, true).ok();
            }
            // If the file was replaced during this attempt, its result means nothing. The identity is that
            // of the open file, because the file has its name between two reads of the same identity.
            let identity = paths::identity(&self.path);
            if has_moved(&connection) || paths::identity(&self.path) != identity {
                continue;
            }
            connection
                .progress_handler(0, None::<fn() -> bool>)
                .map_err(|error| self.failed(error))?;
            let file = prepared?;
            self.record_names(&connection, identity)?;
            let session = Session::writer(
                connection,
                self.path.clone(),
                Duration::ZERO,
                self.config.log_size_limit,
            )?;
            return Ok(FirstConnection {
                session: self.name(session),
                file,
            });
        }
        Err(self.moved())
    }

    /// Records which files `connection` has open. The main one is `file`.
    fn record_names(&self, connection: &Connection, file: Option<Identity>) -> Result<()> {
        // A file that was just switched to WAL mode has no index until it is read.
        if !self.config.is_read_only() && OpenFile::log(connection).is_none() {
            connection
                .query_one("PRAGMA schema_version", [], |_| Ok(()))
                .map_err(|error| self.failed(error))?;
        }
        // Another user may have created these files after the first check.
        self.refuse_foreign_owner()?;
        self.names.record(file, !self.config.is_read_only())
    }

    /// Makes the file of a new connection a vault in WAL mode.
    fn prepare(
        &self,
        connection: &Connection,
        known: Option<Inspection>,
        check: TypeCheck<'_>,
        deadline: &mut Deadline,
    ) -> Result<PreparedFile> {
        // The file may have changed or been replaced since it was inspected. In a transaction, all of it is
        // read in one state.
        let run = |sql| {
            connection
                .execute_batch(sql)
                .map_err(|error| self.failed(error))
        };
        run("BEGIN")?;
        let format = self
            .inspect_connection(connection, known, check, deadline)?
            .format;
        run("COMMIT")?;
        if self.config.is_read_only() {
            // A new file was refused.
            let format = format.unwrap_or(self.config.new_format());
            return Ok(PreparedFile::existing(format));
        }
        self.refuse_unwritable_log()?;
        let synchronous = self.config.durability.synchronous();
        connection
            .pragma_update(None, "synchronous", synchronous)
            .map_err(|error| self.failed(error))?;
        // A connection that has only read has a journal open only in WAL mode.
        if OpenFile::log(connection).is_none() {
            self.retry(deadline, || switch_to_wal(connection))?;
        }
        match format {
            Some(format) => Ok(PreparedFile::existing(format)),
            None => self.create_schema(connection, check, deadline),
        }
    }

    /// Creates the table, unless another process has created it since the inspection.
    fn create_schema(
        &self,
        connection: &Connection,
        check: TypeCheck<'_>,
        deadline: &mut Deadline,
    ) -> Result<PreparedFile> {
        self.retry(deadline, || connection.execute_batch("BEGIN IMMEDIATE"))?;
        let existing = self
            .inspect_connection(connection, None, check, deadline)?
            .format;
        if existing.is_none() {
            connection
                .execute_batch(&schema::create(self.config.new_format()))
                .map_err(|error| self.failed(error))?;
        }
        connection
            .execute_batch("COMMIT")
            .map_err(|error| self.failed(error))?;
        Ok(PreparedFile {
            format: existing.unwrap_or(self.config.new_format()),
            is_new: existing.is_none(),
        })
    }
}
