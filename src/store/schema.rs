//! The file format: the magic, the version and the one table.

use rusqlite::Connection;

/// "VALT": marks a file as a vault in SQLite's `application_id`.
pub(super) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"VALT");

/// The formats that this version knows, in `user_version`.
pub(super) const PLAIN: i32 = 1;
/// As `PLAIN`, and every value has a checksum: a value without one is damage.
pub(super) const CHECKSUMS: i32 = 2;
/// The newest format that this version reads.
pub(super) const NEWEST: i32 = CHECKSUMS;

/// The oldest SQLite without the write-ahead-log bug that loses committed data, and its name.
pub(super) const OLDEST_SQLITE: (i32, &str) = (3_051_003, "3.51.3");

/// The table of a new vault.
///
/// Not `WITHOUT ROWID`: rowids keep the order of insertion, and values of a KiB are
/// several times slower to read in such a table.
pub(super) const CREATE: &str =
    "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT";

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No table and no magic: a new file.
    Empty,
    /// A vault that this version reads.
    Vault { checksums: bool },
    /// A vault of a newer format.
    Newer(i32),
    /// Something else, with what gave it away.
    Foreign(String),
}

/// Looks at a file without changing it.
///
/// It may be a vault of this crate, or one of the Python package's: the same table,
/// perhaps not `STRICT`, and no magic.
pub(super) fn inspect(connection: &Connection) -> rusqlite::Result<Found> {
    let id: i32 = connection.query_one("PRAGMA application_id", [], |row| row.get(0))?;
    let format: i32 = connection.query_one("PRAGMA user_version", [], |row| row.get(0))?;
    if id != APPLICATION_ID && id != 0 {
        return Ok(Found::Foreign(format!(
            "its application id {id:#010x} is that of another program"
        )));
    }
    if id == APPLICATION_ID && format > NEWEST {
        return Ok(Found::Newer(format));
    }
    if id == APPLICATION_ID && format < PLAIN {
        return Ok(Found::Foreign(format!("no vault has the format {format}")));
    }
    let objects = objects(connection)?;
    if objects.is_empty() && id == 0 {
        return Ok(Found::Empty);
    }
    Ok(match foreign_object(&objects) {
        Some(reason) => Found::Foreign(reason),
        None => table(connection, id == APPLICATION_ID && format == CHECKSUMS)?,
    })
}

/// Type and name of everything in the schema, but for the primary key's own index.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    connection
        .prepare("SELECT type, name FROM sqlite_schema WHERE name <> 'sqlite_autoindex_dict_1'")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn foreign_object(objects: &[(String, String)]) -> Option<String> {
    let is_dict = |kind: &str, name: &str| kind == "table" && name == "dict";
    if let Some((kind, name)) = objects.iter().find(|(kind, name)| !is_dict(kind, name)) {
        return Some(format!("it contains the {kind} {name:?}"));
    }
    objects
        .is_empty()
        .then(|| "it has no table \"dict\"".to_owned())
}

/// Whether `dict` is a rowid table of two columns, `key BLOB PRIMARY KEY` and `value BLOB`.
fn table(connection: &Connection, checksums: bool) -> rusqlite::Result<Found> {
    let without_rowid: bool = connection.query_one(
        "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = 'dict'",
        [],
        |row| row.get(0),
    )?;
    let columns: Vec<(String, String, i64, i64)> = connection
        .prepare("SELECT name, upper(type), pk, hidden FROM pragma_table_xinfo('dict')")?
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let expected = [("key", "BLOB", 1, 0), ("value", "BLOB", 0, 0)];
    let matches = columns.len() == expected.len()
        && columns.iter().zip(expected).all(|(column, expected)| {
            (column.0.as_str(), column.1.as_str(), column.2, column.3) == expected
        });
    Ok(if matches && !without_rowid {
        Found::Vault { checksums }
    } else {
        Found::Foreign(
            "its table \"dict\" is not `(key BLOB PRIMARY KEY, value BLOB)` with rowids".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str) -> Found {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        inspect(&connection).unwrap()
    }

    fn is_foreign(sql: &str) -> bool {
        matches!(found(sql), Found::Foreign(_))
    }

    #[test]
    fn the_own_format_and_that_of_python_are_vaults() {
        assert_eq!(found(""), Found::Empty);
        let plain = || Found::Vault { checksums: false };
        assert_eq!(found(CREATE), plain());
        assert_eq!(
            found("CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)"),
            plain()
        );
        assert_eq!(
            found("create table dict (key blob not null primary key, value blob not null)"),
            plain()
        );
    }

    #[test]
    fn formats_are_told_apart() {
        let of = |format: i32| {
            found(&format!(
                "{CREATE}; PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={format}"
            ))
        };
        assert!(matches!(of(-1), Found::Foreign(_)));
        assert!(matches!(of(0), Found::Foreign(_)));
        assert_eq!(of(PLAIN), Found::Vault { checksums: false });
        assert_eq!(of(CHECKSUMS), Found::Vault { checksums: true });
        assert_eq!(of(3), Found::Newer(3));
    }

    #[test]
    fn anything_else_is_foreign() {
        for sql in [
            "PRAGMA application_id=5",
            "CREATE TABLE other (x)",
            "CREATE VIEW dict AS SELECT 1 AS key, 2 AS value",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB, more BLOB)",
            "CREATE TABLE dict (key TEXT PRIMARY KEY, value BLOB)",
            "CREATE TABLE dict (key BLOB, value BLOB)",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB AS (key))",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB UNIQUE)",
            "CREATE TABLE dict (value BLOB, key BLOB PRIMARY KEY)",
        ] {
            assert!(is_foreign(sql), "{sql}");
        }
        let with = |more: &str| format!("{CREATE}; {more}");
        assert!(is_foreign(&with("CREATE INDEX i ON dict (value)")));
        assert!(is_foreign(&with("CREATE TABLE second (x)")));
        assert!(is_foreign(&with(
            "CREATE TRIGGER t AFTER INSERT ON dict BEGIN DELETE FROM dict; END"
        )));
    }

    #[test]
    fn the_magic_is_four_letters() {
        assert_eq!(APPLICATION_ID, 0x5641_4C54);
    }
}
