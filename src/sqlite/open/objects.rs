//! The objects of a schema: tables, indexes, views and triggers.

use rusqlite::Connection;

/// How many objects of the schema an error names.
const MAX_NAMES: usize = 20;

/// An object of the schema, such as a table or an index.
pub(in crate::sqlite) struct Object {
    pub(in crate::sqlite) kind: String,
    pub(in crate::sqlite) name: String,
    pub(in crate::sqlite) sql: String,
}

impl Object {
    /// Returns `true` if the object has the name of the table or of the index of its primary key.
    pub(in crate::sqlite) fn belongs_to(&self, table: &str) -> bool {
        match self.kind.as_str() {
            "table" => self.name == table,
            "index" => self.name == format!("sqlite_autoindex_{table}_1"),
            _ => false,
        }
    }

    /// Returns `true` if the object is a table with the columns and the key of a map in the order of insertion, and
    /// nothing that makes SQLite do more than store rows.
    pub(in crate::sqlite) fn is_dict(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let sql = self.sql.to_ascii_lowercase();
        // A virtual table must not be queried. Checks and conflict clauses are only in the statement, where their
        // keywords cannot be written in another way.
        if !sql.starts_with("create table") || sql.contains("check") || sql.contains("conflict") {
            return Ok(false);
        }
        let query = |sql: &str| -> rusqlite::Result<bool> {
            connection.query_one(sql, [&self.name], |row| row.get(0))
        };
        // These are the kind of table, its columns including hidden and generated ones, its only index, which is
        // over the bytes of the key, and its foreign keys.
        Ok(query(
            "SELECT count(*) = 1 AND max(type = 'table' AND ncol = 2 AND wr = 0) \
         FROM pragma_table_list(?1) WHERE schema = 'main'",
        )? && query(
            "SELECT count(*) = 2 AND sum(upper(type) = 'BLOB' AND dflt_value IS NULL AND hidden = 0 \
             AND (cid, name, pk) IN (VALUES (0, 'key', 1), (1, 'value', 0))) = 2 \
         FROM pragma_table_xinfo(?1)",
        )? && query(
            "SELECT count(*) = 1 AND sum(\"unique\" AND origin = 'pk' AND NOT partial \
             AND name = 'sqlite_autoindex_' || ?1 || '_1') = 1 \
         FROM pragma_index_list(?1)",
        )? && query(
            "SELECT count(*) = 1 AND sum(cid = 0 AND NOT \"desc\" AND coll = 'BINARY') = 1 \
         FROM pragma_index_xinfo('sqlite_autoindex_' || ?1 || '_1') WHERE key",
        )? && query("SELECT count(*) = 0 FROM pragma_foreign_key_list(?1)")?)
    }
}

/// Returns the reason to refuse a file that contains more than the tables of a vault.
pub(in crate::sqlite) fn foreign_beside(table: &str, foreign: &[Object]) -> String {
    format!(
        "beside the table {table:?} it contains {}; if nothing needs that, remove it with SQLite (`{}`)",
        list(foreign),
        drop_all(foreign)
    )
}

/// Returns the objects of a schema.
pub(in crate::sqlite) fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
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
pub(in crate::sqlite) fn list(objects: &[Object]) -> String {
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
