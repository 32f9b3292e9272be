//! The file format of a vault: the application id, the version and the table.

use rusqlite::Connection;

use crate::engine::{MapId, RowOrder};
use crate::sqlite::connection::{catalogue, tables};
use crate::sqlite::file_format::number;
use crate::sqlite::open::format::{Format, MapFormat};
use crate::sqlite::open::objects::{Object, foreign_beside, list, objects};
use crate::sqlite::open::several::problem_of_several;

/// The `application_id` of a vault: "VALT".
pub(in crate::sqlite) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"VALT");

/// The oldest SQLite without the WAL defect that loses committed data: its number and its name.
pub(in crate::sqlite) const OLDEST_SQLITE: (i32, &str) = (3_051_003, "3.51.3");

/// Returns the statements that make a vault of an empty file.
pub(in crate::sqlite) fn create(format: Format) -> String {
    let tables = match format {
        Format::One(map) => tables::create(map.only()),
        Format::Several => catalogue::CREATE.to_owned(),
    };
    format!("{}; {tables}", declare(format))
}

/// Returns the statements that write a format into the header of a file.
pub(in crate::sqlite) fn declare(format: Format) -> String {
    let number = format.number();
    format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}")
}

/// The table of the Python package.
const PYTHON: &str = "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)";

/// The kind of a file, by its schema.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum FileKind {
    /// A new file, without a table and an application id.
    Empty,
    /// A vault that this version of the crate reads.
    Vault(Format),
    /// A vault of this newer format.
    Newer(i32),
    /// Another file, with the reason.
    Foreign(String),
}

/// The numbers of a file's header that change with its schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sqlite) struct Head {
    id: i32,
    format: i32,
    cookie: i32,
}

impl Head {
    /// Reads the numbers of a header.
    pub(in crate::sqlite) fn from_header(header: &[u8]) -> Option<Self> {
        let number = |at| number(header, at, 4).map(u32::cast_signed);
        Some(Self {
            id: number(68)?,
            format: number(60)?,
            cookie: number(40)?,
        })
    }

    /// Reads the numbers through a connection, without parsing the schema.
    pub(in crate::sqlite) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |pragma| connection.query_one(pragma, [], |row| row.get(0));
        Ok(Self {
            id: number("PRAGMA application_id")?,
            format: number("PRAGMA user_version")?,
            cookie: number("PRAGMA schema_version")?,
        })
    }

    /// Returns the format, or `None` if it is not that of a vault. A vault of the Python package has no
    /// application id.
    const fn vault_format(self) -> Option<Format> {
        match self.id {
            APPLICATION_ID => Format::from_number(self.format),
            0 => Some(Format::PYTHON),
            _ => None,
        }
    }
}

/// Returns the format of a file whose only table was declared by `sql`. Returns `None` if `sql` is not a known
/// statement, or the head is not that of a vault with one table.
pub(in crate::sqlite) fn recognize(head: Head, sql: &[u8]) -> Option<MapFormat> {
    let is_known = is_known(&String::from_utf8_lossy(sql));
    head.vault_format()?
        .only_map()
        .filter(|map| is_known && map.order == RowOrder::Insertion)
}

/// Returns `true` if `sql` is the statement by which this crate or the Python package declares its table.
fn is_known(sql: &str) -> bool {
    sql == PYTHON || sql == tables::create(MapId::only(RowOrder::Insertion))
}

/// Detects the kind of a file without changing it.
///
/// A vault of the Python package has the same table, perhaps without `STRICT`, and no application id.
pub(in crate::sqlite) fn detect_kind(
    connection: &Connection,
    head: Head,
) -> rusqlite::Result<FileKind> {
    let Head {
        id, format: number, ..
    } = head;
    let Some(format) = head.vault_format() else {
        return Ok(match id {
            APPLICATION_ID if number > Format::NEWEST => FileKind::Newer(number),
            APPLICATION_ID => FileKind::Foreign(format!("no vault has the format {number}")),
            _ => FileKind::Foreign(format!(
                "its application id {id:#010x} is that of another program"
            )),
        });
    };
    let mut objects = objects(connection)?;
    // SQLite's own tables, such as those of `ANALYZE`, are ignored.
    objects.retain(|object| !(object.kind == "table" && object.name.starts_with("sqlite_")));
    if id == 0 && objects.is_empty() {
        return Ok(FileKind::Empty);
    }
    let problem = match format.only_map().map(|map| map.order) {
        Some(RowOrder::Insertion) => problem_of_dict(connection, objects)?,
        Some(RowOrder::Key) => problem_of_sorted(objects),
        None => problem_of_several(connection, objects)?,
    };
    Ok(problem.map_or(FileKind::Vault(format), FileKind::Foreign))
}

/// Returns why these are not the objects of a vault in the order of insertion, or `None` if they are.
fn problem_of_dict(
    connection: &Connection,
    objects: Vec<Object>,
) -> rusqlite::Result<Option<String>> {
    let (own, foreign): (Vec<Object>, Vec<Object>) = objects
        .into_iter()
        .partition(|object| object.belongs_to("dict"));
    let table = own.iter().find(|object| object.kind == "table");
    Ok(match (table, foreign.as_slice()) {
        (None, []) => Some("it has no table \"dict\"".to_owned()),
        (None, foreign) => Some(format!("it contains {}", list(foreign))),
        // The table is examined only if there is nothing else, because a view could answer the query.
        (Some(table), []) => {
            let is_dict = own.len() == 2 && (is_known(&table.sql) || table.is_dict(connection)?);
            (!is_dict).then(|| WRONG_TABLE.to_owned())
        }
        (Some(_), foreign) => Some(foreign_beside("dict", foreign)),
    })
}

/// Returns why these are not the tables of a sorted map, or `None` if they are.
fn problem_of_sorted(objects: Vec<Object>) -> Option<String> {
    let expected = tables::create_statements(MapId::only(RowOrder::Key));
    let (own, foreign): (Vec<Object>, Vec<Object>) = objects
        .into_iter()
        .partition(|object| expected.contains(&object.sql));
    if own.len() < expected.len() {
        return Some(
            "it does not have the tables \"sorted\" and \"sorted_large\" of a sorted vault"
                .to_owned(),
        );
    }
    (!foreign.is_empty()).then(|| foreign_beside("sorted", &foreign))
}

const WRONG_TABLE: &str = "its table \"dict\" is not `(key BLOB PRIMARY KEY NOT NULL, \
     value BLOB NOT NULL)`, with nothing else";

#[cfg(test)]
mod tests {
    use super::*;

    fn create_dict() -> String {
        tables::create(MapId::only(RowOrder::Insertion))
    }

    fn create_sorted() -> String {
        tables::create(MapId::only(RowOrder::Key))
    }

    fn found(sql: &str) -> FileKind {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        detect_kind(&connection, Head::read(&connection).unwrap()).unwrap()
    }

    fn is_foreign(sql: &str) -> bool {
        matches!(found(sql), FileKind::Foreign(_))
    }

    #[test]
    fn the_formats_of_this_crate_and_of_python_are_vaults() {
        assert_eq!(found(""), FileKind::Empty);
        let plain = || FileKind::Vault(Format::PYTHON);
        assert_eq!(found(&create_dict()), plain());
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
                "{}; PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={format}",
                create_dict()
            ))
        };
        assert!(matches!(of(-1), FileKind::Foreign(_)));
        assert!(matches!(of(0), FileKind::Foreign(_)));
        let with = |checksums| Format::one(RowOrder::Insertion, checksums);
        assert_eq!(of(1), FileKind::Vault(with(false)));
        assert_eq!(of(2), FileKind::Vault(with(true)));
        assert!(matches!(of(3), FileKind::Foreign(_)));
        assert!(matches!(of(4), FileKind::Foreign(_)));
        assert!(matches!(of(5), FileKind::Foreign(_)));
        assert_eq!(of(6), FileKind::Newer(6));
    }

    #[test]
    fn sorted_vaults_have_exactly_their_tables() {
        for checksums in [false, true] {
            let format = Format::one(RowOrder::Key, checksums);
            let created = create(format);
            assert_eq!(found(&created), FileKind::Vault(format));
            assert_eq!(Format::from_number(format.number()), Some(format));
            for more in [
                "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)",
                "CREATE INDEX i ON sorted (value)",
                "CREATE TRIGGER t AFTER INSERT ON sorted BEGIN DELETE FROM sorted; END",
                "DROP TABLE sorted_large",
                "DROP TABLE sorted; CREATE TABLE sorted (key BLOB PRIMARY KEY NOT NULL, value ANY NOT NULL) STRICT",
            ] {
                assert!(is_foreign(&format!("{created}; {more}")), "{more}");
            }
        }
        let unnumbered = create_sorted();
        assert!(is_foreign(&unnumbered));
        assert!(is_foreign(&format!("{unnumbered}; {}", create_dict())));
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
        for sql in [
            "CREATE TABLE dict (key \"blob primary key\", value blob)",
            "CREATE TABLE dict (key \"blob\" \"primary key\", value blob)",
            "CREATE TABLE dict (key BLOB PRIMARY KEY DESC, value BLOB)",
            "CREATE TABLE dict (key BLOB UNIQUE, value BLOB)",
            "CREATE TABLE dict (key BLOB, value BLOB, PRIMARY KEY (key, value))",
            "CREATE TABLE dict (key BLOB, value BLOB, PRIMARY KEY (key COLLATE NOCASE))",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB, UNIQUE (value))",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB, CHECK (1))",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB REFERENCES dict (key))",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB NOT NULL ON CONFLICT IGNORE)",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB GENERATED ALWAYS AS (key) STORED)",
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB DEFAULT x'00')",
            "CREATE TABLE dict (key INTEGER PRIMARY KEY, value BLOB)",
            "CREATE TABLE Dict (key BLOB PRIMARY KEY, value BLOB)",
            "CREATE VIRTUAL TABLE dict USING fts5 (key, value)",
        ] {
            assert!(is_foreign(sql), "{sql}");
        }
        let with = |more: &str| format!("{}; {more}", create_dict());
        assert!(is_foreign(&with("CREATE INDEX i ON dict (value)")));
        assert!(is_foreign(&with("CREATE TABLE second (x)")));
        assert!(is_foreign(&with(
            "CREATE TRIGGER t AFTER INSERT ON dict BEGIN DELETE FROM dict; END"
        )));
    }

    #[test]
    fn other_statements_for_the_same_table_are_vaults() {
        for sql in [
            "CREATE TABLE dict (\"key\" BLOB, value BLOB, PRIMARY KEY (key))",
            "CREATE TABLE IF NOT EXISTS dict (key BLOB CONSTRAINT k PRIMARY KEY, value BLOB)",
            "CREATE TABLE dict (key blob primary key -- as ever\n, value [BLOB] NULL)",
        ] {
            assert_eq!(found(sql), FileKind::Vault(Format::PYTHON), "{sql}");
        }
    }

    #[test]
    fn tables_of_sqlite_itself_are_accepted() {
        let sql = format!(
            "{}; INSERT INTO dict VALUES (x'4d01', x'4d01'); ANALYZE",
            create_dict()
        );
        assert_eq!(found(&sql), FileKind::Vault(Format::PYTHON));
        let sql = format!(
            "CREATE TABLE t (x INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE t; {}",
            create_dict()
        );
        assert_eq!(found(&sql), FileKind::Vault(Format::PYTHON));
        assert_eq!(
            found("CREATE TABLE t (x); ANALYZE; DROP TABLE t"),
            FileKind::Empty
        );
    }

    #[test]
    fn an_error_names_foreign_objects_and_how_to_remove_them() {
        let sql = format!(
            "{}; CREATE TABLE _litestream_seq (id); CREATE TABLE \"a\"\"b\" (x); \
             CREATE INDEX i ON dict (value)",
            create_dict()
        );
        let FileKind::Foreign(reason) = found(&sql) else {
            panic!("it is foreign");
        };
        for part in [
            "the table \"_litestream_seq\", the table \"a\\\"b\", the index \"i\"",
            "`DROP INDEX \"i\"; DROP TABLE \"_litestream_seq\"; DROP TABLE \"a\"\"b\"`",
        ] {
            assert!(reason.contains(part), "{reason}");
        }
        let tables: Vec<String> = (0..50).map(|n| format!("CREATE TABLE t{n} (x);")).collect();
        let FileKind::Foreign(reason) = found(&tables.concat()) else {
            panic!("it is foreign");
        };
        assert!(reason.contains("\"t19\" and 30 more"), "{reason}");
        assert!(!reason.contains("DROP"), "{reason}");
    }

    #[test]
    fn the_application_id_is_four_letters() {
        assert_eq!(APPLICATION_ID, 0x5641_4C54);
    }
}
