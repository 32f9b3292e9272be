//! Opening: from a path to a connection that is known to be a vault's.
//!
//! Nothing is written before the file is known to be a vault, or new.

pub(in crate::sqlite) mod clean_file;
pub(in crate::sqlite) mod config;
pub(in crate::sqlite) mod existence;
pub(in crate::sqlite) mod look;
pub(in crate::sqlite) mod paths;
pub(in crate::sqlite) mod reading;
pub(in crate::sqlite) mod schema;
pub(in crate::sqlite) mod settings;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, FileControl, OpenFlags, ffi};

use self::config::{Config, Existence, Location};
use self::look::Seen;
pub(crate) use self::look::{ANY_TYPES, Check, Ends};
use self::paths::{Identity, absolute, immutable_uri, sibling};
use self::settings::{check_sqlite_version, harden, switch_to_wal};
use crate::engine::Deadline;
use crate::error::{Error, Result};
use crate::sqlite::connection::failure;
use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::connection::raw::WalIndex;
use crate::sqlite::connection::session::Session;
use crate::sqlite::memory;
use crate::sqlite::names::NameTracker;

/// SQLite counts milliseconds in 31 bits.
const LONGEST_SQLITE_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// How often the opening starts anew because the file was replaced meanwhile.
const MAX_MOVES: usize = 16;

/// Everything that is needed to open one more connection to the same file.
#[derive(Debug)]
pub(in crate::sqlite) struct Opener {
    pub(in crate::sqlite) path: Arc<Path>,
    vfs: Option<&'static str>,
    pub(in crate::sqlite) config: Config,
    /// Which files were opened first: a path may come to name another one.
    names: Option<Arc<NameTracker>>,
}

impl Opener {
    /// Makes the path absolute and checks what is there.
    pub(in crate::sqlite) fn new(config: Config) -> Result<Self> {
        check_sqlite_version()?;
        let (path, vfs) = match &config.location {
            Location::File(path) => (absolute(path, config.existence)?, None),
            Location::Memory => {
                let vfs = memory::vfs().map_err(|error| {
                    failure::from_sqlite(error, config.given_path(), Duration::ZERO)
                })?;
                (PathBuf::from(memory::unique_path()), Some(vfs))
            }
        };
        let opener = Self {
            names: vfs.is_none().then(|| Arc::new(NameTracker::new(&path))),
            path: Arc::from(path),
            vfs,
            config,
        };
        if opener.vfs.is_none() {
            opener.check_existence()?;
        }
        Ok(opener)
    }

    /// Opens the first connection: the writer's, or a read-only vault's only one. Says too
    /// whether the file has checksums.
    ///
    /// Everything that can refuse the file looks first. The connection touches nothing before it
    /// reads.
    pub(in crate::sqlite) fn open_first(&self, check: Check<'_>) -> Result<(Session, bool)> {
        self.refuse_pending()?;
        self.refuse_log_of_stranger()?;
        self.create_file()?;
        for _ in 0..MAX_MOVES {
            self.refuse_to_lock_out()?;
            let mut connection = self.connect(self.flags())?;
            let mut deadline = Deadline::new(self.config.busy_timeout);
            let siblings = self.siblings();
            let prepared = self
                .check_writable(&connection)
                .and_then(|()| self.look(&connection, &siblings, check, &mut deadline))
                .and_then(|seen| self.prepare(&connection, seen, check, &mut deadline));
            if prepared.is_err() && siblings.has_log {
                // Closing would write the log of a foreign file into it.
                let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                connection.set_db_config(keep, true).ok();
            }
            // A file that was deleted meanwhile fails, or works, in any way: start anew. Its
            // identity is known if it has its name between two looks that see the same file.
            let identity = paths::identity(&self.path);
            if self.has_moved(&connection) || paths::identity(&self.path) != identity {
                continue;
            }
            connection
                .progress_handler(0, None::<fn() -> bool>)
                .map_err(|error| self.failed(error))?;
            let checksums = prepared?;
            self.keep_names(&connection, identity)?;
            let session = Session::writer(
                connection,
                self.path.clone(),
                Duration::ZERO,
                self.config.log_size_limit,
            )?;
            return Ok((session.named(self.names.clone()), checksums));
        }
        Err(self.moved())
    }

    /// Keeps which files `connection` has open, of which the main one is `file`.
    fn keep_names(&self, connection: &Connection, file: Option<Identity>) -> Result<()> {
        let Some(names) = &self.names else {
            return Ok(());
        };
        // A file that was just switched to a log has no index before it is read.
        if !self.config.read_only && OpenFile::log(connection).is_none() {
            connection
                .query_one("PRAGMA schema_version", [], |_| Ok(()))
                .map_err(|error| self.failed(error))?;
        }
        // Somebody may have put them there since the first look.
        self.refuse_log_of_stranger()?;
        names.record(file, !self.config.read_only)
    }

    /// Opens one more connection, for reading, to a file that [`open_first`](Self::open_first) knows.
    ///
    /// It holds `token` for as long as it is open.
    pub(in crate::sqlite) fn reader(&self, token: Arc<()>) -> Result<Session> {
        let connection = self.connect_reader()?;
        let timeout = self.config.busy_timeout;
        let session = Session::reader(connection, self.path.clone(), timeout);
        Ok(session.counted(token).named(self.names.clone()))
    }

    /// Opens the connection that shows the state of the file, where that can be known.
    pub(in crate::sqlite) fn index(&self) -> Result<Option<WalIndex>> {
        if self.config.immutable {
            return Ok(None);
        }
        WalIndex::new(self.connect_reader()?).map_err(|error| self.failed(error))
    }

    fn connect_reader(&self) -> Result<Connection> {
        let mut connection = self
            .connect(OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|error| {
                if self.is_replaced() {
                    self.moved()
                } else {
                    error
                }
            })?;
        // Readers wait for nobody but one who recovers the log; there SQLite's own wait will do.
        connection
            .busy_timeout(self.config.busy_timeout.min(LONGEST_SQLITE_TIMEOUT))
            .and_then(|()| connection.progress_handler(0, None::<fn() -> bool>))
            .map_err(|error| self.failed(error))?;
        // It was opened by its path, which may name another file by now.
        if self.is_replaced() {
            return Err(self.moved());
        }
        Ok(connection)
    }

    /// True if the path no longer names the file that was opened first.
    pub(in crate::sqlite) fn is_replaced(&self) -> bool {
        self.names.as_ref().is_some_and(|names| names.is_replaced())
    }

    pub(in crate::sqlite) fn names(&self) -> Option<&NameTracker> {
        self.names.as_deref()
    }

    /// The log beside the file.
    pub(in crate::sqlite) fn log_path(&self) -> PathBuf {
        sibling(&self.path, "-wal")
    }

    pub(in crate::sqlite) fn is_in_memory(&self) -> bool {
        self.vfs.is_some()
    }

    /// True if the path no longer names the file that `connection` has open.
    pub(in crate::sqlite) fn has_moved(&self, connection: &Connection) -> bool {
        let mut moved = 0;
        #[cfg(unix)]
        if !self.is_in_memory() {
            let control = FileControl::HasMoved(&mut moved);
            connection.file_control(Some(c"main"), control).ok();
        }
        moved != 0
    }

    pub(in crate::sqlite) fn moved(&self) -> Error {
        Error::Moved {
            path: self.path.to_path_buf(),
            moved: self.path.to_path_buf(),
        }
    }

    fn flags(&self) -> OpenFlags {
        let write = OpenFlags::SQLITE_OPEN_READ_WRITE;
        match self.config.existence {
            _ if self.config.read_only => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Existence::Created => write | OpenFlags::SQLITE_OPEN_CREATE,
            Existence::Required | Existence::Refused => write,
        }
    }

    /// Opens a connection that trusts nothing in the file.
    fn connect(&self, flags: OpenFlags) -> Result<Connection> {
        if self.config.immutable {
            let uri = immutable_uri(&self.path);
            return self.open_at(Path::new(&uri), flags | OpenFlags::SQLITE_OPEN_URI);
        }
        self.open_at(&self.path, flags)
    }

    fn open_at(&self, path: &Path, flags: OpenFlags) -> Result<Connection> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let nobody_creates = paths::before_opening();
        let opened = match self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
            None => Connection::open_with_flags(path, flags),
        };
        drop(nobody_creates);
        let mut connection = opened.map_err(|error| self.cannot_open(error))?;
        harden(&mut connection).map_err(|error| self.failed(error))?;
        Ok(connection)
    }

    fn check_writable(&self, connection: &Connection) -> Result<()> {
        let read_only = connection
            .is_readonly(c"main")
            .map_err(|error| self.failed(error))?;
        if read_only && !self.config.read_only {
            let source = failure::from_code(ffi::SQLITE_READONLY);
            return Err(self.failed(source));
        }
        Ok(())
    }

    /// From a fresh connection to one on a vault in WAL mode. Says whether the file has checksums.
    fn prepare(
        &self,
        connection: &Connection,
        seen: Option<Seen>,
        check: Check<'_>,
        deadline: &mut Deadline,
    ) -> Result<bool> {
        // The file may have changed, or be another one, since it was looked at. One transaction, so
        // that all of it is of one state, and locked once.
        let run = |sql| {
            connection
                .execute_batch(sql)
                .map_err(|error| self.failed(error))
        };
        run("BEGIN")?;
        let Seen { checksums, .. } = self.inspect(connection, seen, check, deadline)?;
        run("COMMIT")?;
        if self.config.read_only {
            return Ok(checksums == Some(true));
        }
        self.refuse_unwritable_log()?;
        let synchronous = self.config.durability.synchronous();
        connection
            .pragma_update(None, "synchronous", synchronous)
            .map_err(|error| self.failed(error))?;
        // The journal of a connection that has only read is open if it is a log.
        if OpenFile::log(connection).is_none() {
            self.retry(deadline, || switch_to_wal(connection))?;
        }
        match checksums {
            Some(checksums) => Ok(checksums),
            None => self.create_schema(connection, check, deadline),
        }
    }

    /// Creates the table, unless another process did so since we looked.
    fn create_schema(
        &self,
        connection: &Connection,
        check: Check<'_>,
        deadline: &mut Deadline,
    ) -> Result<bool> {
        self.retry(deadline, || connection.execute_batch("BEGIN IMMEDIATE"))?;
        let created = self.inspect(connection, None, check, deadline)?.checksums;
        if created.is_none() {
            let (id, create) = (schema::APPLICATION_ID, schema::CREATE);
            let format = if self.config.checksums {
                schema::CHECKSUMS
            } else {
                schema::PLAIN
            };
            connection
                .execute_batch(&format!(
                    "PRAGMA application_id = {id}; PRAGMA user_version = {format}; {create}"
                ))
                .map_err(|error| self.failed(error))?;
        }
        connection
            .execute_batch("COMMIT")
            .map_err(|error| self.failed(error))?;
        Ok(created.unwrap_or(self.config.checksums))
    }

    /// Runs `f` again while others have the lock it needs. Racing first opens get `SQLITE_BUSY`
    /// whatever SQLite's own timeout, for a lock cannot be upgraded while two have it.
    fn retry<R>(
        &self,
        deadline: &mut Deadline,
        mut f: impl FnMut() -> rusqlite::Result<R>,
    ) -> Result<R> {
        loop {
            match f() {
                Err(error) if failure::is_busy(&error) && deadline.sleep() => {}
                result => {
                    return result.map_err(|error| {
                        failure::from_sqlite(error, &self.path, deadline.elapsed())
                    });
                }
            }
        }
    }

    pub(in crate::sqlite) fn failed(&self, error: rusqlite::Error) -> Error {
        let error = failure::from_sqlite(error, &self.path, Duration::ZERO);
        match &self.names {
            Some(names) => names.explain(error),
            None => error,
        }
    }
}
