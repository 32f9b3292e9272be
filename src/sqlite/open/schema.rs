//! The file format of a vault: the application id, the version and the table.

use rusqlite::Connection;

use crate::engine::RowOrder;
use crate::sqlite::file_format::number;
use crate::sqlite::open::format::Format;

/// The `application_id` of a vault: "VALT".
pub(in crate::sqlite) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"VALT");

/// The oldest SQLite without the WAL defect that loses committed data: its number and its name.
pub(in crate::sqlite) const OLDEST_SQLITE: (i32, &str) = (3_051_003, "3.51.3");

/// The table of a new vault.
///
/// It is not `WITHOUT ROWID`, because rowids keep the order of insertion, and values of a KiB are several
/// times slower to read in such a table.
pub(in crate::sqlite) const CREATE: &str =
    "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT";

/// The tables of a sorted map.
///
/// The first has no rowids, so that a scan reads one tree in the order of the keys. A value in it is the value itself
/// or, if it is large, the id of its row in the second, because large values in a tree without rowids are several times
/// slower to read and to write.
pub(in crate::sqlite) const CREATE_SORTED: [&str; 2] = [
    "CREATE TABLE sorted (key BLOB PRIMARY KEY NOT NULL, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE sorted_large (id INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT",
];

/// Returns the statements that make a vault of an empty file.
pub(in crate::sqlite) fn create(format: Format) -> String {
    let number = format.number();
    let tables = match format.order {
        RowOrder::Insertion => CREATE.to_owned(),
        RowOrder::Key => CREATE_SORTED.join("; "),
    };
    format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; {tables}")
}

/// The table of the Python package.
const PYTHON: &str = "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)";

/// How many objects of the schema an error names.
const MAX_NAMES: usize = 20;

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
pub(in crate::sqlite) fn recognize(head: Head, sql: &[u8]) -> Option<Format> {
    let is_known = [CREATE, PYTHON].map(str::as_bytes).contains(&sql);
    head.vault_format()
        .filter(|format| is_known && format.order == RowOrder::Insertion)
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
    let problem = match format.order {
        RowOrder::Insertion => problem_of_dict(connection, objects)?,
        RowOrder::Key => problem_of_sorted(objects),
    };
    Ok(problem.map_or(FileKind::Vault(format), FileKind::Foreign))
}

/// Returns why these are not the objects of a vault in the order of insertion, or `None` if they are.
fn problem_of_dict(
    connection: &Connection,
    objects: Vec<Object>,
) -> rusqlite::Result<Option<String>> {
    let (own, foreign): (Vec<Object>, Vec<Object>) =
        objects.into_iter().partition(Object::belongs_to_dict);
    let table = own.iter().find(|object| object.kind == "table");
    Ok(match (table, foreign.as_slice()) {
        (None, []) => Some("it has no table \"dict\"".to_owned()),
        (None, foreign) => Some(format!("it contains {}", list(foreign))),
        // The table is examined only if there is nothing else, because a view could answer the query.
        (Some(table), []) => {
            let is_dict = own.len() == 2 && (table.is_known() || is_dict(connection, table)?);
            (!is_dict).then(|| WRONG_TABLE.to_owned())
        }
        (Some(_), foreign) => Some(foreign_beside("dict", foreign)),
    })
}

/// Returns why these are not the tables of a sorted map, or `None` if they are.
fn problem_of_sorted(objects: Vec<Object>) -> Option<String> {
    let (own, foreign): (Vec<Object>, Vec<Object>) = objects
        .into_iter()
        .partition(|object| CREATE_SORTED.contains(&object.sql.as_str()));
    if own.len() < CREATE_SORTED.len() {
        return Some(
            "it does not have the tables \"sorted\" and \"sorted_large\" of a sorted vault"
                .to_owned(),
        );
    }
    (!foreign.is_empty()).then(|| foreign_beside("sorted", &foreign))
}

/// Returns the reason to refuse a file that contains more than the tables of a vault.
fn foreign_beside(table: &str, foreign: &[Object]) -> String {
    format!(
        "beside the table {table:?} it contains {}; if nothing needs that, remove it with SQLite (`{}`)",
        list(foreign),
        drop_all(foreign)
    )
}

const WRONG_TABLE: &str = "its table \"dict\" is not `(key BLOB PRIMARY KEY NOT NULL, \
     value BLOB NOT NULL)`, with nothing else";

/// An object of the schema, such as a table or an index.
struct Object {
    kind: String,
    name: String,
    sql: String,
}

impl Object {
    /// Returns `true` if the object has the name of the table or of the index of its primary key.
    fn belongs_to_dict(&self) -> bool {
        matches!(
            (self.kind.as_str(), self.name.as_str()),
            ("table", "dict") | ("index", "sqlite_autoindex_dict_1")
        )
    }

    /// Returns `true` if the object was declared by the statement of this crate or of the Python package.
    fn is_known(&self) -> bool {
        self.sql == CREATE || self.sql == PYTHON
    }
}

/// Returns `true` if the table has the two columns and the key, and nothing that makes SQLite do more than
/// store rows.
fn is_dict(connection: &Connection, table: &Object) -> rusqlite::Result<bool> {
    let sql = table.sql.to_ascii_lowercase();
    // A virtual table must not be queried. Checks and conflict clauses are only in the statement, where their
    // keywords cannot be written in another way.
    if !sql.starts_with("create table") || sql.contains("check") || sql.contains("conflict") {
        return Ok(false);
    }
    let query =
        |sql: &str| -> rusqlite::Result<bool> { connection.query_one(sql, [], |row| row.get(0)) };
    // These are the kind of table, its columns including hidden and generated ones, its only index, which is
    // over the bytes of the key, and its foreign keys.
    Ok(query(
        "SELECT count(*) = 1 AND max(type = 'table' AND ncol = 2 AND wr = 0) \
         FROM pragma_table_list('dict') WHERE schema = 'main'",
    )? && query(
        "SELECT count(*) = 2 AND sum(upper(type) = 'BLOB' AND dflt_value IS NULL AND hidden = 0 \
             AND (cid, name, pk) IN (VALUES (0, 'key', 1), (1, 'value', 0))) = 2 \
         FROM pragma_table_xinfo('dict')",
    )? && query(
        "SELECT count(*) = 1 AND sum(\"unique\" AND origin = 'pk' AND NOT partial \
             AND name = 'sqlite_autoindex_dict_1') = 1 \
         FROM pragma_index_list('dict')",
    )? && query(
        "SELECT count(*) = 1 AND sum(cid = 0 AND NOT \"desc\" AND coll = 'BINARY') = 1 \
         FROM pragma_index_xinfo('sqlite_autoindex_dict_1') WHERE key",
    )? && query("SELECT count(*) = 0 FROM pragma_foreign_key_list('dict')")?)
}

fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    connection
        .prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")?
        .query_map([], |row| {
            Ok(Object {
                kind: row.get(0)?,
                name: row.get(1)?,
                sql: row.get(2)?,
            })
        })?
        .collect()
}

/// Lists the names of the objects, at most [`MAX_NAMES`].
fn list(objects: &[Object]) -> String {
    let shown = objects.iter().take(MAX_NAMES);
    let names: Vec<String> = shown
        .map(|Object { kind, name, .. }| format!("the {kind} {name:?}"))
        .collect();
    let more = objects.len().saturating_sub(MAX_NAMES);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    names.join(", ") + &rest
}

/// Returns the statements that remove the objects. Dropping a table also drops its indexes and triggers, so
/// tables come last.
fn drop_all(objects: &[Object]) -> String {
    let mut sorted: Vec<&Object> = objects.iter().take(MAX_NAMES).collect();
    sorted.sort_by_key(|object| object.kind == "table");
    let statements: Vec<String> = sorted
        .iter()
        .map(|Object { kind, name, .. }| {
            let (kind, name) = (kind.to_ascii_uppercase(), name.replace('"', "\"\""));
            format!("DROP {kind} \"{name}\"")
        })
        .collect();
    statements.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(matches!(of(-1), FileKind::Foreign(_)));
        assert!(matches!(of(0), FileKind::Foreign(_)));
        let with = |checksums| Format {
            checksums,
            ..Format::PYTHON
        };
        assert_eq!(of(1), FileKind::Vault(with(false)));
        assert_eq!(of(2), FileKind::Vault(with(true)));
        assert!(matches!(of(3), FileKind::Foreign(_)));
        assert!(matches!(of(4), FileKind::Foreign(_)));
        assert_eq!(of(5), FileKind::Newer(5));
    }

    #[test]
    fn sorted_vaults_have_exactly_their_tables() {
        for checksums in [false, true] {
            let format = Format {
                order: RowOrder::Key,
                checksums,
            };
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
        let unnumbered = CREATE_SORTED.join("; ");
        assert!(is_foreign(&unnumbered));
        assert!(is_foreign(&format!("{unnumbered}; {CREATE}")));
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
        let with = |more: &str| format!("{CREATE}; {more}");
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
        let sql = format!("{CREATE}; INSERT INTO dict VALUES (x'4d01', x'4d01'); ANALYZE");
        assert_eq!(found(&sql), FileKind::Vault(Format::PYTHON));
        let sql =
            format!("CREATE TABLE t (x INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE t; {CREATE}");
        assert_eq!(found(&sql), FileKind::Vault(Format::PYTHON));
        assert_eq!(
            found("CREATE TABLE t (x); ANALYZE; DROP TABLE t"),
            FileKind::Empty
        );
    }

    #[test]
    fn an_error_names_foreign_objects_and_how_to_remove_them() {
        let sql = format!(
            "{CREATE}; CREATE TABLE _litestream_seq (id); CREATE TABLE \"a\"\"b\" (x); \
             CREATE INDEX i ON dict (value)"
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
