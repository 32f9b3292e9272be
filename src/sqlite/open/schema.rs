//! The file format: the magic, the version and the one table.

use rusqlite::Connection;

use crate::sqlite::file_format::number;

/// "VALT": marks a file as a vault in SQLite's `application_id`.
pub(in crate::sqlite) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"VALT");

/// The formats that this version knows, in `user_version`.
pub(in crate::sqlite) const PLAIN: i32 = 1;
/// As `PLAIN`, and every value has a checksum: a value without one is damage.
pub(in crate::sqlite) const CHECKSUMS: i32 = 2;
/// The newest format that this version reads.
pub(in crate::sqlite) const NEWEST: i32 = CHECKSUMS;

/// The oldest SQLite without the write-ahead-log bug that loses committed data, and its name.
pub(in crate::sqlite) const OLDEST_SQLITE: (i32, &str) = (3_051_003, "3.51.3");

/// The table of a new vault.
///
/// Not `WITHOUT ROWID`: rowids keep the order of insertion, and values of a KiB are
/// several times slower to read in such a table.
pub(in crate::sqlite) const CREATE: &str =
    "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT";

/// The table of the Python package.
const PYTHON: &str = "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)";

/// How many foreign objects an error names.
const MOST_NAMES: usize = 20;

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum FileKind {
    /// No table and no magic: a new file.
    Empty,
    /// A vault that this version reads.
    Vault { checksums: bool },
    /// A vault of a newer format.
    Newer(i32),
    /// Something else, with what gave it away.
    Foreign(String),
}

/// What the head of a file says of its schema: it changes with the schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sqlite) struct Head {
    id: i32,
    format: i32,
    cookie: i32,
}

impl Head {
    /// Takes it from the header of a file.
    pub(in crate::sqlite) fn of(header: &[u8]) -> Option<Self> {
        let number = |at| number(header, at, 4).map(u32::cast_signed);
        Some(Self {
            id: number(68)?,
            format: number(60)?,
            cookie: number(40)?,
        })
    }

    /// Reads it without parsing the schema.
    pub(in crate::sqlite) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |pragma| connection.query_one(pragma, [], |row| row.get(0));
        Ok(Self {
            id: number("PRAGMA application_id")?,
            format: number("PRAGMA user_version")?,
            cookie: number("PRAGMA schema_version")?,
        })
    }

    const fn has_checksums(self) -> bool {
        self.id == APPLICATION_ID && self.format == CHECKSUMS
    }
}

/// True if the values have checksums, for a file with this head that contains nothing but a table
/// that was declared by `sql`. `None` if the words do not tell what it is.
pub(in crate::sqlite) fn recognize(head: Head, sql: &[u8]) -> Option<bool> {
    let is_vault = match head.id {
        APPLICATION_ID => (PLAIN..=NEWEST).contains(&head.format),
        id => id == 0,
    };
    let is_known = [CREATE, PYTHON].map(str::as_bytes).contains(&sql);
    (is_vault && is_known).then_some(head.has_checksums())
}

/// Looks at a file without changing it.
///
/// It may be a vault of this crate, or one of the Python package's: the same table,
/// perhaps not `STRICT`, and no magic.
pub(in crate::sqlite) fn detect_kind(
    connection: &Connection,
    head: Head,
) -> rusqlite::Result<FileKind> {
    let Head { id, format, .. } = head;
    if id != APPLICATION_ID && id != 0 {
        return Ok(FileKind::Foreign(format!(
            "its application id {id:#010x} is that of another program"
        )));
    }
    if id == APPLICATION_ID && format > NEWEST {
        return Ok(FileKind::Newer(format));
    }
    if id == APPLICATION_ID && format < PLAIN {
        return Ok(FileKind::Foreign(format!(
            "no vault has the format {format}"
        )));
    }
    let mut objects = objects(connection)?;
    // Statistics and the like, which SQLite makes by itself.
    objects.retain(|object| !(object.kind == "table" && object.name.starts_with("sqlite_")));
    let checksums = head.has_checksums();
    let (own, foreign): (Vec<Object>, Vec<Object>) =
        objects.into_iter().partition(Object::belongs_to_dict);
    let table = own.iter().find(|object| object.kind == "table");
    let problem = match (table, foreign.as_slice()) {
        (None, []) if own.is_empty() && id == 0 => return Ok(FileKind::Empty),
        (None, []) => Some("it has no table \"dict\"".to_owned()),
        (None, foreign) => Some(format!("it contains {}", list(foreign))),
        // Before anything is asked of the table: what else is there may answer.
        (Some(table), []) => {
            let is_dict = own.len() == 2 && (table.is_known() || is_dict(connection, table)?);
            (!is_dict).then(|| WRONG_TABLE.to_owned())
        }
        (Some(_), foreign) => Some(format!(
            "beside the table \"dict\" it contains {}; if nothing needs that, remove it with \
             SQLite (`{}`)",
            list(foreign),
            drop_all(foreign)
        )),
    };
    Ok(problem.map_or(FileKind::Vault { checksums }, FileKind::Foreign))
}

const WRONG_TABLE: &str = "its table \"dict\" is not `(key BLOB PRIMARY KEY NOT NULL, \
     value BLOB NOT NULL)`, with nothing else";

/// Something in the schema.
struct Object {
    kind: String,
    name: String,
    sql: String,
}

impl Object {
    /// True for the table and for the index of its primary key, as far as the names tell.
    fn belongs_to_dict(&self) -> bool {
        matches!(
            (self.kind.as_str(), self.name.as_str()),
            ("table", "dict") | ("index", "sqlite_autoindex_dict_1")
        )
    }

    /// True if it was declared in the very words of this crate or of the Python package: it
    /// parses to what they parse to.
    fn is_known(&self) -> bool {
        self.sql == CREATE || self.sql == PYTHON
    }
}

/// True for a table of the two columns and their key, and nothing that would make SQLite do more
/// than keep rows.
fn is_dict(connection: &Connection, table: &Object) -> rusqlite::Result<bool> {
    let sql = table.sql.to_ascii_lowercase();
    // A virtual table must not even be asked. Checks and conflict clauses are nowhere but in the text;
    // keywords cannot be written in another way.
    if !sql.starts_with("create table") || sql.contains("check") || sql.contains("conflict") {
        return Ok(false);
    }
    let ask =
        |sql: &str| -> rusqlite::Result<bool> { connection.query_one(sql, [], |row| row.get(0)) };
    // The kind of table; its columns, hidden and generated ones included; its one index, over
    // the bytes of the key; no references to others.
    Ok(ask(
        "SELECT count(*) = 1 AND max(type = 'table' AND ncol = 2 AND wr = 0) \
         FROM pragma_table_list('dict') WHERE schema = 'main'",
    )? && ask(
        "SELECT count(*) = 2 AND sum(upper(type) = 'BLOB' AND dflt_value IS NULL AND hidden = 0 \
             AND (cid, name, pk) IN (VALUES (0, 'key', 1), (1, 'value', 0))) = 2 \
         FROM pragma_table_xinfo('dict')",
    )? && ask(
        "SELECT count(*) = 1 AND sum(\"unique\" AND origin = 'pk' AND NOT partial \
             AND name = 'sqlite_autoindex_dict_1') = 1 \
         FROM pragma_index_list('dict')",
    )? && ask(
        "SELECT count(*) = 1 AND sum(cid = 0 AND NOT \"desc\" AND coll = 'BINARY') = 1 \
         FROM pragma_index_xinfo('sqlite_autoindex_dict_1') WHERE key",
    )? && ask("SELECT count(*) = 0 FROM pragma_foreign_key_list('dict')")?)
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

/// The names of all, up to a number that a person can read.
fn list(objects: &[Object]) -> String {
    let shown = objects.iter().take(MOST_NAMES);
    let names: Vec<String> = shown
        .map(|Object { kind, name, .. }| format!("the {kind} {name:?}"))
        .collect();
    let more = objects.len().saturating_sub(MOST_NAMES);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    names.join(", ") + &rest
}

/// The statements that remove them. An index or a trigger goes with its table, so tables come last.
fn drop_all(objects: &[Object]) -> String {
    let mut sorted: Vec<&Object> = objects.iter().take(MOST_NAMES).collect();
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
    fn the_own_format_and_that_of_python_are_vaults() {
        assert_eq!(found(""), FileKind::Empty);
        let plain = || FileKind::Vault { checksums: false };
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
        assert_eq!(of(PLAIN), FileKind::Vault { checksums: false });
        assert_eq!(of(CHECKSUMS), FileKind::Vault { checksums: true });
        assert_eq!(of(3), FileKind::Newer(3));
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
    fn other_words_for_the_same_table_are_vaults() {
        for sql in [
            "CREATE TABLE dict (\"key\" BLOB, value BLOB, PRIMARY KEY (key))",
            "CREATE TABLE IF NOT EXISTS dict (key BLOB CONSTRAINT k PRIMARY KEY, value BLOB)",
            "CREATE TABLE dict (key blob primary key -- as ever\n, value [BLOB] NULL)",
        ] {
            assert_eq!(found(sql), FileKind::Vault { checksums: false }, "{sql}");
        }
    }

    #[test]
    fn what_sqlite_adds_by_itself_does_no_harm() {
        let sql = format!("{CREATE}; INSERT INTO dict VALUES (x'4d01', x'4d01'); ANALYZE");
        assert_eq!(found(&sql), FileKind::Vault { checksums: false });
        let sql =
            format!("CREATE TABLE t (x INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE t; {CREATE}");
        assert_eq!(found(&sql), FileKind::Vault { checksums: false });
        assert_eq!(
            found("CREATE TABLE t (x); ANALYZE; DROP TABLE t"),
            FileKind::Empty
        );
    }

    #[test]
    fn everything_foreign_is_named_with_the_way_to_remove_it() {
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
    fn the_magic_is_four_letters() {
        assert_eq!(APPLICATION_ID, 0x5641_4C54);
    }
}
