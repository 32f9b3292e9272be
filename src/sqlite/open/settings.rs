//! Settings of a connection before its first use.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ffi};

use crate::error::{Error, Result};
use crate::sqlite::open::schema;

/// How many steps of SQLite's virtual machine a statement of opening may take. With one map it takes some hundreds, and
/// with the most maps, which have two tables each, some 20,000. The time of parsing a schema grows with the square of its
/// size, so a larger limit would let a hostile file take minutes.
const MAX_OPENING_STEPS: i32 = 60_000;

/// Returns an error if the linked SQLite is too old.
pub(in crate::sqlite) fn check_sqlite_version() -> Result<()> {
    let (oldest, required) = schema::OLDEST_SQLITE;
    if rusqlite::version_number() >= oldest {
        return Ok(());
    }
    Err(Error::UnsupportedSqlite {
        found: rusqlite::version(),
        required,
    })
}

/// Keeps a hostile schema from running code, and makes SQLite check pages for damage:
/// <https://www.sqlite.org/security.html>.
pub(in crate::sqlite) fn distrust(connection: &mut Connection) -> rusqlite::Result<()> {
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
    // Pages that share their children could make SQLite read for ever.
    connection.progress_handler(MAX_OPENING_STEPS, Some(|| true))?;
    // The default of rusqlite is 5 seconds. The caller retries until its own deadline.
    connection.busy_timeout(Duration::ZERO)?;
    connection.execute_batch("PRAGMA cell_size_check = ON")
}

/// Does what [`distrust`] does, and turns memory-mapped files off, because they turn an I/O error into a
/// signal.
pub(in crate::sqlite) fn harden(connection: &mut Connection) -> rusqlite::Result<()> {
    distrust(connection)?;
    connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY")
}

/// Switches the file to WAL mode.
pub(in crate::sqlite) fn switch_to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mode: String = match rows.next()? {
        Some(row) => row.get(0)?,
        None => String::new(),
    };
    // SQLite commits the mode after it has returned it, and that may fail.
    rows.next()?;
    if mode == "wal" {
        return Ok(());
    }
    // SQLite keeps the old mode if the file system has no shared memory.
    Err(rusqlite::Error::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_CANTOPEN),
        Some(format!(
            "the file system does not support write-ahead logging (the mode stayed {mode:?})"
        )),
    ))
}
