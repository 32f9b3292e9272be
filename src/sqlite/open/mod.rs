//! Opens connections to a file and checks that it is a vault.
//!
//! Nothing is written before the file is known to be a vault or new.
//!
//! - `config`: the settings. `settings`: those that SQLite gets.
//! - `paths`, `existence`, `siblings`: checks of the file system, before and after SQLite opens the file.
//! - `inspect`: decides whether the file is a vault, by `clean_file`, or by `schema` and `ends`.
//! - `open_first`: the first connection, which may create the vault.

mod clean_file;
pub(in crate::sqlite) mod config;
pub(in crate::sqlite) mod ends;
mod existence;
pub(in crate::sqlite) mod format;
mod inspect;
mod objects;
pub(in crate::sqlite) mod open_first;
pub(in crate::sqlite) mod paths;
pub(in crate::sqlite) mod schema;
pub(in crate::sqlite) mod settings;
mod several;
mod siblings;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use self::config::{Config, Existence};
pub(crate) use self::ends::{ANY_TYPES, Ends, TypeCheck};
use self::existence::check_existence;
use self::paths::{absolute, immutable_uri, sibling};
use self::settings::{check_sqlite_version, harden};
use crate::engine::Deadline;
use crate::error::{Error, Location, Result};
use crate::sqlite::connection::failure;
use crate::sqlite::connection::map_names::MapNames;
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::wal_index::WalIndex;
use crate::sqlite::names::NameTracker;

/// The longest timeout of SQLite, which counts milliseconds in 31 bits.
const LONGEST_SQLITE_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Opens connections to a file. It keeps the path, the settings, and the identities of the opened files.
#[derive(Debug)]
pub(in crate::sqlite) struct Opener {
    pub(in crate::sqlite) path: Arc<Path>,
    pub(in crate::sqlite) config: Config,
    /// The files that were opened first, because the path may become the name of another file.
    pub(in crate::sqlite) names: Arc<NameTracker>,
    map_names: Arc<MapNames>,
}

impl Opener {
    /// Makes the path absolute and checks what exists there.
    pub(in crate::sqlite) fn new(path: &Path, config: Config) -> Result<Self> {
        check_sqlite_version()?;
        let path = absolute(path, config.existence())?;
        check_existence(&path, &config)?;
        Ok(Self {
            names: Arc::new(NameTracker::new(&path)),
            path: Arc::from(path),
            map_names: Arc::default(),
            config,
        })
    }

    /// Opens a connection for reading, to the file of [`open_first`](Self::open_first). It holds `token` until it
    /// is closed.
    pub(in crate::sqlite) fn reader(&self, token: Arc<()>) -> Result<Session> {
        let connection = self.connect_reader()?;
        let timeout = self.config.busy_timeout;
        let session = Session::reader(connection, self.path.clone(), timeout);
        Ok(self.name(session.counted(token)))
    }

    /// Gives a connection what all connections of the store share.
    fn name(&self, session: Session) -> Session {
        session
            .named(self.names.clone())
            .with_map_names(self.map_names.clone())
    }

    /// Opens the WAL index, which shows whether the file has changed. Returns `None` if there is none.
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
        // A reader waits only while another connection recovers the log, and SQLite's own wait suffices for that.
        connection
            .busy_timeout(self.config.busy_timeout.min(LONGEST_SQLITE_TIMEOUT))
            .and_then(|()| connection.progress_handler(0, None::<fn() -> bool>))
            .map_err(|error| self.failed(error))?;
        // The path may have become the name of another file.
        if self.is_replaced() {
            return Err(self.moved());
        }
        Ok(connection)
    }

    /// Returns `true` if the path is no longer the name of the file that was opened first.
    pub(in crate::sqlite) fn is_replaced(&self) -> bool {
        self.names.is_replaced()
    }

    /// Returns the path of the log.
    pub(in crate::sqlite) fn log_path(&self) -> PathBuf {
        sibling(&self.path, "-wal")
    }

    /// Returns the error of a path that is no longer the name of the open file.
    pub(in crate::sqlite) fn moved(&self) -> Error {
        Error::Moved {
            location: Location::file(&self.path),
            moved: self.path.to_path_buf(),
        }
    }

    fn flags(&self) -> OpenFlags {
        let write = OpenFlags::SQLITE_OPEN_READ_WRITE;
        match self.config.existence() {
            _ if self.config.is_read_only() => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Existence::Created => write | OpenFlags::SQLITE_OPEN_CREATE,
            Existence::Required | Existence::Refused => write,
        }
    }

    /// Opens a connection to the file, with settings against a hostile schema.
    fn connect(&self, flags: OpenFlags) -> Result<Connection> {
        if self.config.immutable {
            let uri = immutable_uri(&self.path);
            return self.open_at(Path::new(&uri), flags | OpenFlags::SQLITE_OPEN_URI);
        }
        self.open_at(&self.path, flags)
    }

    fn open_at(&self, path: &Path, flags: OpenFlags) -> Result<Connection> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let creation_blocked = paths::block_creation();
        let opened = Connection::open_with_flags(path, flags);
        drop(creation_blocked);
        let mut connection = opened.map_err(|error| self.failed_to_open(error))?;
        harden(&mut connection).map_err(|error| self.failed(error))?;
        Ok(connection)
    }

    /// Returns the error of a connection that could not be opened, with the reason that the file system shows.
    fn failed_to_open(&self, error: rusqlite::Error) -> Error {
        let cannot_open = error.sqlite_error_code() == Some(ErrorCode::CannotOpen);
        match check_existence(&self.path, &self.config) {
            Err(Error::AlreadyExists { .. }) => self.failed(error),
            Err(reason) if cannot_open => reason,
            _ => self.failed(error),
        }
    }

    /// Returns an error if the file cannot be written, but the vault is to be.
    fn check_writable(&self, connection: &Connection) -> Result<()> {
        let read_only = connection
            .is_readonly(c"main")
            .map_err(|error| self.failed(error))?;
        if read_only && !self.config.is_read_only() {
            let source = failure::from_code(ffi::SQLITE_READONLY);
            return Err(self.failed(source));
        }
        Ok(())
    }

    /// Calls `f` until it does not fail because of a lock, at most until the deadline. SQLite's own timeout is
    /// not enough, because two connections that both upgrade a shared lock get `SQLITE_BUSY` at once.
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

    /// Returns the error of a connection that failed.
    pub(in crate::sqlite) fn failed(&self, error: rusqlite::Error) -> Error {
        self.names
            .explain(failure::from_sqlite(error, &self.path, Duration::ZERO))
    }
}

/// Returns `true` if the path is no longer the name of the file that `connection` has open.
#[cfg(unix)]
fn has_moved(connection: &Connection) -> bool {
    let mut moved = 0;
    let control = rusqlite::FileControl::HasMoved(&mut moved);
    connection.file_control(Some(c"main"), control).ok();
    moved != 0
}

/// Returns `false`: other systems do not rename or delete a file that is open.
#[cfg(not(unix))]
const fn has_moved(_: &Connection) -> bool {
    false
}
