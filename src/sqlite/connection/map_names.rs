//! The names of the maps of a file, as far as this process has met them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use rusqlite::Connection;

use crate::engine::{RowOrder, lock};
use crate::error::{Error, Location};
use crate::sqlite::connection::tables;

/// What SQLite says if the table of a map was dropped.
const NO_TABLE: &str = "no such table: ";

/// Returns the error of the only map of a file that has been given a name since it was opened, if that is what `error`
/// means.
pub(in crate::sqlite) fn converted(
    error: &rusqlite::Error,
    path: &Path,
    connection: &Connection,
) -> Option<Error> {
    let order = match missing_table(error)? {
        "dict" => RowOrder::Insertion,
        "sorted" | "sorted_large" => RowOrder::Key,
        _ => return None,
    };
    // There is a catalogue.
    connection.prepare("SELECT number FROM maps").ok()?;
    Some(Error::WrongKind {
        location: Location::file(path),
        expected: order.type_name(),
        found: "VaultFile",
    })
}

/// Returns the name of the table that SQLite does not find.
fn missing_table(error: &rusqlite::Error) -> Option<&str> {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.strip_prefix(NO_TABLE),
        _ => None,
    }
}

/// The last known names of the maps of a file, by their numbers. An error uses them to name a map that was removed.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct MapNames(Mutex<BTreeMap<u32, String>>);

impl MapNames {
    /// Notes the name of a map.
    pub(in crate::sqlite) fn note(&self, number: u32, name: &str) {
        lock(&self.0).insert(number, name.to_owned());
    }

    /// Returns the error of a map that was removed, if that is what `error` means.
    pub(in crate::sqlite) fn removed(&self, error: &rusqlite::Error, path: &Path) -> Option<Error> {
        let table = missing_table(error)?;
        let number = tables::number_of(table.strip_suffix("_large").unwrap_or(table))?;
        Some(self.not_found(number, path))
    }

    /// Returns the error of a map that does not exist.
    pub(in crate::sqlite) fn not_found(&self, number: u32, path: &Path) -> Error {
        let known = lock(&self.0).get(&number).cloned();
        // The name of the table is better than none.
        let name = known.unwrap_or_else(|| tables::name_of(number));
        Error::NotFound {
            location: Location::file(path).of_map(name),
        }
    }
}
