//! Opening: from a path to a connection that is known to be a vault's.
//!
//! Nothing is written before the file is known to be a vault, or new.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, FileControl, OpenFlags, ffi};

use super::config::{Config, Existence, Location};
use super::failure;
use super::memory;
use super::patience::Patience;
use super::place::{self, Identity, absolute, beside, create_empty, immutable_uri, unique};
use super::raw::WalIndex;
use super::schema::{self, Found};
use super::session::Session;
use crate::error::{Error, Result};

/// The log is cut back to this size when a checkpoint has emptied it: without a limit, one
/// long-lived reader leaves a log of hundreds of MB behind for ever.
const LOG_SIZE_LIMIT_BYTES: u32 = 16 * 1024 * 1024;

/// How many steps of SQLite's machine opening may take; it takes some hundreds.
const MOST_OPENING_STEPS: i32 = 1_000_000;

/// SQLite counts milliseconds in 31 bits.
const LONGEST_SQLITE_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// How often the opening starts anew because the file was replaced meanwhile.
const MAX_MOVES: usize = 16;

/// Everything that is needed to open one more connection to the same file.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) path: Arc<Path>,
    vfs: Option<&'static str>,
    pub(super) config: Config,
    /// The file that was opened first: a path may come to name another one.
    identity: OnceLock<Identity>,
}

impl Connector {
    /// Makes the path absolute and checks what is there.
    pub(super) fn new(config: Config) -> Result<Self> {
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
        let connector = Self {
            path: Arc::from(path),
            vfs,
            config,
            identity: OnceLock::new(),
        };
        if connector.vfs.is_none() {
            connector.check_existence()?;
        }
        Ok(connector)
    }

    /// Opens the first connection: the writer's, or a read-only vault's only one. Says too
    /// whether the file has checksums.
    pub(super) fn establish(&self) -> Result<(Session, bool)> {
        self.create_file()?;
        for _ in 0..MAX_MOVES {
            self.refuse_foreign()?;
            let mut connection = self.connect(self.flags())?;
            let log_was_there = self.log_path().exists();
            let prepared = self.prepare(&connection);
            if prepared.is_err() && log_was_there {
                // Closing would write the log of a foreign file into it.
                let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                connection.set_db_config(keep, true).ok();
            }
            // A file that was deleted meanwhile fails, or works, in any way: start anew.
            if self.has_moved(&connection) {
                continue;
            }
            connection
                .progress_handler(0, None::<fn() -> bool>)
                .map_err(|error| self.failed(error))?;
            if let Some(identity) = place::identity(&self.path) {
                self.identity.get_or_init(|| identity);
            }
            let session = Session::writer(connection, self.path.clone(), Duration::ZERO);
            return prepared.map(|checksums| (session, checksums));
        }
        Err(self.moved())
    }

    /// Creates a file that must not be there yet, or is to have permissions of its own.
    ///
    /// It is made under another name and linked to its own, which fails if that exists: a file
    /// that SQLite may have open must not be closed by us, for that would drop SQLite's locks.
    fn create_file(&self) -> Result<()> {
        let exclusive = self.config.existence == Existence::Refused;
        let wanted = exclusive || (self.config.mode.is_some() && self.may_fill());
        if self.is_in_memory() || !wanted {
            return Ok(());
        }
        let beside = beside(&self.path, &format!(".{}.new", unique()));
        let created = create_empty(&beside, self.config.mode)
            .and_then(|()| fs::hard_link(&beside, &self.path));
        fs::remove_file(&beside).ok();
        match created {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::Io {
                path: self.path.to_path_buf(),
                source: Box::new(error),
            }),
            Err(_) if exclusive => Err(Error::AlreadyExists {
                path: self.path.to_path_buf(),
            }),
            _ => Ok(()),
        }
    }

    /// Refuses a file that is something else, without leaving a trace of having looked: no lock,
    /// no log, no index. What cannot be told so is left for the proper look.
    fn refuse_foreign(&self) -> Result<()> {
        // What a log or a journal says comes first, and this look would not see it: a file that was
        // cut short while it was being created is taken up again with the journal's help.
        let is_partial = ["-wal", "-journal"]
            .iter()
            .any(|suffix| beside(&self.path, suffix).exists());
        if self.is_in_memory() || is_partial || !self.path.exists() {
            return Ok(());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = self.open_at(Path::new(&immutable_uri(&self.path)), flags)?;
        match schema::inspect(&connection) {
            Ok(found @ (Found::Foreign(_) | Found::Newer(_))) => self.accept(Ok(found)).map(drop),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                self.accept(Err(self.failed(error))).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Opens one more connection, for reading, to a file that [`establish`](Self::establish) knows.
    ///
    /// It holds `token` for as long as it is open.
    pub(super) fn reader(&self, token: Arc<()>) -> Result<Session> {
        let connection = self.connect_reader()?;
        let timeout = self.config.busy_timeout;
        let session = Session::reader(connection, self.path.clone(), timeout);
        Ok(session.counted(token))
    }

    /// Opens the connection that shows the state of the file, where that can be known.
    pub(super) fn index(&self) -> Result<Option<WalIndex>> {
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
    pub(super) fn is_replaced(&self) -> bool {
        let first = self.identity.get();
        first.is_some() && !self.is_in_memory() && place::identity(&self.path).as_ref() != first
    }

    /// The log beside the file.
    pub(super) fn log_path(&self) -> PathBuf {
        beside(&self.path, "-wal")
    }

    pub(super) fn is_in_memory(&self) -> bool {
        self.vfs.is_some()
    }

    /// True if the path no longer names the file that `connection` has open.
    pub(super) fn has_moved(&self, connection: &Connection) -> bool {
        let mut moved = 0;
        #[cfg(unix)]
        if !self.is_in_memory() {
            let control = FileControl::HasMoved(&mut moved);
            connection.file_control(Some(c"main"), control).ok();
        }
        moved != 0
    }

    pub(super) fn moved(&self) -> Error {
        Error::Moved {
            path: self.path.to_path_buf(),
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
        let opened = match self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
            None => Connection::open_with_flags(path, flags),
        };
        let mut connection = opened.map_err(|error| self.cannot_open(error))?;
        harden(&mut connection).map_err(|error| self.failed(error))?;
        Ok(connection)
    }

    /// From a fresh connection to one on a vault in WAL mode, or an error and an unchanged file.
    /// Says whether the file has checksums.
    fn prepare(&self, connection: &Connection) -> Result<bool> {
        let mut patience = Patience::new(self.config.busy_timeout);
        let read_only = connection
            .is_readonly(c"main")
            .map_err(|error| self.failed(error))?;
        if read_only && !self.config.read_only {
            return Err(Error::ReadOnly {
                path: self.path.to_path_buf(),
                source: None,
            });
        }
        let found = self.retry(&mut patience, || schema::inspect(connection));
        let checksums = self.accept(found)?;
        if self.config.read_only {
            return Ok(checksums == Some(true));
        }
        let synchronous = self.config.durability.synchronous();
        connection
            .pragma_update(None, "synchronous", synchronous)
            .map_err(|error| self.failed(error))?;
        self.retry(&mut patience, || switch_to_wal(connection))?;
        match checksums {
            Some(checksums) => Ok(checksums),
            None => self.create_schema(connection, &mut patience),
        }
    }

    /// Decides on what was found: whether it has checksums, or `None` for a new file.
    fn accept(&self, found: Result<Found>) -> Result<Option<bool>> {
        let path = self.path.to_path_buf();
        let foreign = |reason: String, source| {
            Err(Error::NotAVault {
                path: self.path.to_path_buf(),
                reason,
                source,
            })
        };
        match found {
            Ok(Found::Vault { checksums: false }) if self.config.checksums => {
                Err(Error::InvalidOptions {
                    reason: "this vault was created without `checksums`: copy its entries into a new one",
                })
            }
            Ok(Found::Vault { checksums }) => Ok(Some(checksums)),
            Ok(Found::Empty) if self.may_fill() => Ok(None),
            Ok(Found::Empty) => foreign("the file is empty".to_owned(), None),
            Ok(Found::Foreign(reason)) => foreign(reason, None),
            Ok(Found::Newer(found)) => Err(Error::NewerFormat {
                path,
                found,
                supported: schema::NEWEST,
            }),
            Err(Error::Corrupt { source, .. }) if is_no_database(&*source) => {
                foreign("it is not a SQLite file".to_owned(), Some(source))
            }
            Err(
                Error::Io { source, .. }
                | Error::ReadOnly {
                    source: Some(source),
                    ..
                },
            ) if self.has_no_index(&*source) => Err(Error::ReadOnlyFolder { path, source }),
            Err(error) => Err(error),
        }
    }

    /// True if a file in WAL mode cannot be read because its index cannot be created.
    fn has_no_index(&self, source: &(dyn std::error::Error + 'static)) -> bool {
        let refused = matches!(
            code(source),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
        );
        self.config.read_only && refused && self.path.is_file()
    }

    fn may_fill(&self) -> bool {
        !self.config.read_only && self.config.existence != Existence::Required
    }

    /// Creates the table, unless another process did so since we looked.
    fn create_schema(&self, connection: &Connection, patience: &mut Patience) -> Result<bool> {
        self.retry(patience, || connection.execute_batch("BEGIN IMMEDIATE"))?;
        let found = self.retry(patience, || schema::inspect(connection));
        let created = self.accept(found)?;
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
        patience: &mut Patience,
        mut f: impl FnMut() -> rusqlite::Result<R>,
    ) -> Result<R> {
        loop {
            match f() {
                Err(error) if failure::is_busy(&error) && patience.pause() => {}
                result => {
                    return result.map_err(|error| {
                        failure::from_sqlite(error, &self.path, patience.elapsed())
                    });
                }
            }
        }
    }

    pub(super) fn failed(&self, error: rusqlite::Error) -> Error {
        failure::from_sqlite(error, &self.path, Duration::ZERO)
    }

    /// Tells apart why a file did not open, as far as the file system can say.
    fn cannot_open(&self, error: rusqlite::Error) -> Error {
        let cannot_open = error.sqlite_error_code() == Some(ErrorCode::CannotOpen);
        match self.check_existence() {
            Err(Error::AlreadyExists { .. }) => self.failed(error),
            Err(reason) if cannot_open && !self.is_in_memory() => reason,
            _ => self.failed(error),
        }
    }

    fn check_existence(&self) -> Result<()> {
        let path = self.path.to_path_buf();
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return if self.may_fill() {
                    Ok(())
                } else {
                    Err(Error::NotFound { path })
                };
            }
            Err(error) => {
                let source = Box::new(error);
                return Err(Error::Io { path, source });
            }
        };
        let reason = if metadata.is_symlink() {
            "it is a symbolic link: give the path it leads to"
        } else if metadata.is_dir() {
            "it is a directory: name a file in it"
        } else if !metadata.is_file() {
            "it is not a regular file"
        } else if self.config.existence == Existence::Refused {
            return Err(Error::AlreadyExists { path });
        } else if metadata.len() == 1 {
            // SQLite takes a file of one byte for an empty one, and would write over it.
            return Err(Error::NotAVault {
                path,
                reason: "it is not a SQLite file".to_owned(),
                source: None,
            });
        } else {
            return Ok(());
        };
        Err(Error::InvalidPath { path, reason })
    }
}

fn check_sqlite_version() -> Result<()> {
    let (oldest, required) = schema::OLDEST_SQLITE;
    if rusqlite::version_number() >= oldest {
        return Ok(());
    }
    Err(Error::UnsupportedSqlite {
        found: rusqlite::version(),
        required,
    })
}

/// Settings that keep a hostile schema from running anything, and a damaged page from being
/// believed: <https://www.sqlite.org/security.html>.
fn harden(connection: &mut Connection) -> rusqlite::Result<()> {
    use DbConfig as C;
    for (config, value) in [
        (C::SQLITE_DBCONFIG_DEFENSIVE, true),
        (C::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (C::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (C::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (C::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (C::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        connection.set_db_config(config, value)?;
    }
    // The schema is one table. Pages of it that share their children would be read for ever.
    connection.progress_handler(MOST_OPENING_STEPS, Some(|| true))?;
    // rusqlite waits 5 seconds unless it is told not to: our own patience has the right limit.
    connection.busy_timeout(Duration::ZERO)?;
    // Mapping the file would turn an I/O error into a signal.
    connection.execute_batch(&format!(
        "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = {LOG_SIZE_LIMIT_BYTES};"
    ))
}

fn switch_to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    // SQLite keeps the old mode where it finds no shared memory.
    Err(rusqlite::Error::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_CANTOPEN),
        Some(format!(
            "the file system does not support write-ahead logging (the mode stayed {mode:?})"
        )),
    ))
}

fn is_no_database(source: &(dyn std::error::Error + 'static)) -> bool {
    code(source) == Some(ErrorCode::NotADatabase)
}

fn code(source: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    source
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code)
}
