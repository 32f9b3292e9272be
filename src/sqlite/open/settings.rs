//! What a connection is told before it is used.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ffi};

use crate::error::{Error, Result};
use crate::sqlite::open::schema;

/// How many steps of SQLite's machine opening may take; it takes some hundreds.
const MOST_OPENING_STEPS: i32 = 1_000_000;

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

/// Settings that keep a hostile schema from running anything, and a damaged page from being
/// believed: <https://www.sqlite.org/security.html>.
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
    // The schema is one table. Pages of it that share their children would be read for ever.
    connection.progress_handler(MOST_OPENING_STEPS, Some(|| true))?;
    // rusqlite waits 5 seconds unless it is told not to: our own deadline has the right limit.
    connection.busy_timeout(Duration::ZERO)?;
    connection.execute_batch("PRAGMA cell_size_check = ON")
}

/// The settings of a connection that stays: it distrusts the file, and maps nothing of it, for that
/// would turn an I/O error into a signal.
pub(in crate::sqlite) fn harden(connection: &mut Connection) -> rusqlite::Result<()> {
    distrust(connection)?;
    connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY")
}

pub(in crate::sqlite) fn switch_to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mode: String = match rows.next()? {
        Some(row) => row.get(0)?,
        None => String::new(),
    };
    // The mode is committed after it is told, and that may fail.
    rows.next()?;
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
