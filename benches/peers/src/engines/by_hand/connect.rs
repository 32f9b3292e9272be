//! Connections with the vault's settings.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use crate::error::Result;
use crate::map::Durability;

/// Opens a file, and creates it if there is none.
pub fn connect(path: &Path, durability: Durability) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let synchronous = durability.name();
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
         PRAGMA journal_size_limit = 16777216; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0"
    ))?;
    Ok(connection)
}

/// Creates the table of a map if there is none.
pub fn create_table(connection: &Connection, name: &str, options: &str) -> Result<()> {
    Ok(connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {name} \
         (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) {options}"
    ))?)
}

/// Locks a mutex. A panic elsewhere ends the run anyway.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
