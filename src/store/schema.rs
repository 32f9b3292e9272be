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
    let checksums = id == APPLICATION_ID && format == CHECKSUMS;
    Ok(match objects.as_slice() {
        [] if id == 0 => Found::Empty,
        [] => Found::Foreign("it has no table \"dict\"".to_owned()),
        [object] if object.is_dict() => Found::Vault { checksums },
        objects => Found::Foreign(describe_foreign(objects)),
    })
}

/// Something in the schema.
struct Object {
    kind: String,
    name: String,
    sql: String,
}

impl Object {
    /// True for the one table, declared with nothing beyond its columns and their keys: a `CHECK`, a
    /// collation or a conflict clause would make SQLite do more than keep rows.
    fn is_dict(&self) -> bool {
        let words = words(&self.sql);
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.last() == Some(&"strict") {
            words.pop();
        }
        let declaration = words.join(" ");
        let Some(columns) = declaration
            .strip_prefix("create table dict ( key blob ")
            .and_then(|rest| rest.strip_suffix(" )"))
        else {
            return false;
        };
        let keys = [
            "primary key",
            "primary key not null",
            "not null primary key",
        ];
        let values = [", value blob", ", value blob not null"];
        self.kind == "table"
            && keys
                .iter()
                .filter_map(|key| columns.strip_prefix(key)?.strip_prefix(' '))
                .any(|rest| values.contains(&rest))
    }
}

/// The words and signs of a statement, in lower case and without quotes.
fn words(sql: &str) -> Vec<String> {
    let mut spaced = String::new();
    for character in sql.chars() {
        match character {
            '(' | ')' | ',' => spaced.extend([' ', character, ' ']),
            '"' | '`' | '[' | ']' => spaced.push(' '),
            other => spaced.push(other.to_ascii_lowercase()),
        }
    }
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// Everything in the schema, but for the primary key's own index.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    connection
        .prepare(
            "SELECT type, name, coalesce(sql, '') FROM sqlite_schema \
             WHERE name <> 'sqlite_autoindex_dict_1'",
        )?
        .query_map([], |row| {
            Ok(Object {
                kind: row.get(0)?,
                name: row.get(1)?,
                sql: row.get(2)?,
            })
        })?
        .collect()
}

fn describe_foreign(objects: &[Object]) -> String {
    let is_dict = |object: &Object| object.kind == "table" && object.name == "dict";
    match objects.iter().find(|object| !is_dict(object)) {
        Some(Object { kind, name, .. }) => format!("it contains the {kind} {name:?}"),
        None => {
            "its table \"dict\" is not `(key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)`, \
                 with nothing else"
                .to_owned()
        }
    }
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
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB CHECK (value <> x''))",
            "CREATE TABLE dict (key BLOB PRIMARY KEY COLLATE NOCASE, value BLOB)",
            "CREATE TABLE dict (key BLOB PRIMARY KEY ON CONFLICT REPLACE, value BLOB)",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB DEFAULT (randomblob(9)))",
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
