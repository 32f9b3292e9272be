//! The prepared statements of a connection.

use rusqlite::Connection;

use crate::engine::Columns;
use crate::sqlite::connection::sorted_sql::SortedSql;
use crate::sqlite::connection::statement::{Parameter, Statement};

/// A statement that a connection may run more than once.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) enum Sql {
    Begin,
    BeginImmediate,
    Commit,
    Rollback,
    Savepoint,
    Release,
    RollbackTo,
    Get,
    Contains,
    Count,
    CountTable,
    IndexedRowids,
    Row,
    SchemaVersion,
    Bytes,
    Any,
    First,
    Last,
    Put,
    InsertAt,
    Update,
    SetKey,
    SetEntry,
    MoveRow,
    Delete,
    DeleteRow,
    Clear,
    ScanForward(Columns),
    ScanBackward(Columns),
    Sorted(SortedSql),
}

/// The index of the first statement for sorted maps.
const OF_SORTED: usize = 33;

impl Sql {
    const COUNT: usize = OF_SORTED + SortedSql::COUNT;

    /// The index of the statement in [`Statements`].
    const fn slot(self) -> usize {
        match self {
            Self::Begin => 0,
            Self::BeginImmediate => 1,
            Self::Commit => 2,
            Self::Rollback => 3,
            Self::Savepoint => 4,
            Self::Release => 5,
            Self::RollbackTo => 6,
            Self::Get => 7,
            Self::Contains => 8,
            Self::Count => 9,
            Self::CountTable => 10,
            Self::Bytes => 11,
            Self::Any => 12,
            Self::First => 13,
            Self::Last => 14,
            Self::Put => 15,
            Self::InsertAt => 16,
            Self::Update => 17,
            Self::SetKey => 18,
            Self::SetEntry => 19,
            Self::MoveRow => 20,
            Self::Delete => 21,
            Self::DeleteRow => 22,
            Self::Clear => 23,
            Self::ScanForward(columns) => 24 + columns as usize,
            Self::ScanBackward(columns) => 27 + columns as usize,
            Self::IndexedRowids => 30,
            Self::Row => 31,
            Self::SchemaVersion => 32,
            Self::Sorted(sql) => OF_SORTED + sql.slot(),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Sorted(sql) => sql.text(),
            Self::Begin => "BEGIN",
            Self::BeginImmediate => "BEGIN IMMEDIATE",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
            // The name means the innermost savepoint, so nested ones can share it.
            Self::Savepoint => "SAVEPOINT part",
            Self::Release => "RELEASE part",
            Self::RollbackTo => "ROLLBACK TO part",
            Self::Get => "SELECT value, rowid FROM dict WHERE key = ?1",
            Self::Contains => "SELECT 1 FROM dict WHERE key = ?1",
            // It counts at most one row more than the file has room for, because damaged pages that share
            // their children could be counted for ever. `count(*)` alone could not be interrupted. The size
            // and the number are read by one statement, so that they are of one state.
            Self::Count => {
                "WITH room (rows) AS \
                 (SELECT page_count * page_size / ?1 FROM pragma_page_count, pragma_page_size) \
                 SELECT (SELECT count(*) FROM \
                 (SELECT 1 FROM dict LIMIT (SELECT rows + 1 FROM room))), rows FROM room"
            }
            Self::CountTable => {
                "WITH room (rows) AS \
                 (SELECT page_count * page_size / ?1 FROM pragma_page_count, pragma_page_size) \
                 SELECT (SELECT count(*) FROM \
                 (SELECT 1 FROM dict NOT INDEXED LIMIT (SELECT rows + 1 FROM room))), rows FROM room"
            }
            // It reads only the index, which has the rowids beside the keys.
            Self::IndexedRowids => {
                "SELECT rowid FROM dict INDEXED BY sqlite_autoindex_dict_1 LIMIT ?1"
            }
            Self::Row => "SELECT key, value FROM dict WHERE rowid = ?1",
            // It reads only the first page, so it works in spite of damage to other pages.
            Self::SchemaVersion => "PRAGMA schema_version",
            Self::Bytes => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            Self::Any => "SELECT 1 FROM dict NOT INDEXED LIMIT 1",
            Self::First => "SELECT key, value, rowid FROM dict ORDER BY rowid LIMIT 1",
            Self::Last => "SELECT key, value, rowid FROM dict ORDER BY rowid DESC LIMIT 1",
            // `INSERT OR REPLACE` would give the key a new rowid, and so a new place in the order.
            Self::Put => {
                "INSERT INTO dict (key, value) VALUES (?1, ?2) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            }
            Self::InsertAt => "INSERT OR IGNORE INTO dict (rowid, key, value) VALUES (?1, ?2, ?3)",
            Self::Update => "UPDATE dict SET value = ?2 WHERE rowid = ?1",
            Self::SetKey => "UPDATE OR IGNORE dict SET key = ?2 WHERE rowid = ?1",
            Self::SetEntry => "UPDATE OR IGNORE dict SET key = ?2, value = ?3 WHERE rowid = ?1",
            Self::MoveRow => "UPDATE dict SET rowid = ?2 WHERE rowid = ?1",
            Self::Delete => "DELETE FROM dict WHERE key = ?1",
            Self::DeleteRow => "DELETE FROM dict WHERE rowid = ?1",
            Self::Clear => "DELETE FROM dict",
            // The caller stops the scan, because a limit would make SQLite compare at each row.
            Self::ScanForward(Columns::Key) => {
                "SELECT rowid, key FROM dict WHERE rowid >= ?1 ORDER BY rowid"
            }
            Self::ScanForward(Columns::Value) => {
                "SELECT rowid, value FROM dict WHERE rowid >= ?1 ORDER BY rowid"
            }
            Self::ScanForward(Columns::Both) => {
                "SELECT rowid, key, value FROM dict WHERE rowid >= ?1 ORDER BY rowid"
            }
            Self::ScanBackward(Columns::Key) => {
                "SELECT rowid, key FROM dict WHERE rowid <= ?1 ORDER BY rowid DESC"
            }
            Self::ScanBackward(Columns::Value) => {
                "SELECT rowid, value FROM dict WHERE rowid <= ?1 ORDER BY rowid DESC"
            }
            Self::ScanBackward(Columns::Both) => {
                "SELECT rowid, key, value FROM dict WHERE rowid <= ?1 ORDER BY rowid DESC"
            }
        }
    }
}

/// The prepared statements of a connection. Each is prepared at its first use.
pub(in crate::sqlite) struct Statements<'conn> {
    pub(in crate::sqlite) connection: &'conn Connection,
    slots: [Option<Statement<'conn>>; Sql::COUNT],
}

impl<'conn> Statements<'conn> {
    pub(in crate::sqlite) fn new(connection: &'conn Connection) -> Self {
        Self {
            connection,
            slots: [const { None }; Sql::COUNT],
        }
    }

    #[inline]
    pub(in crate::sqlite) fn get(&mut self, sql: Sql) -> rusqlite::Result<&mut Statement<'conn>> {
        // `ok_or` would create and drop an error at each call.
        let Some(slot) = self.slots.get_mut(sql.slot()) else {
            return Err(rusqlite::Error::InvalidQuery);
        };
        match slot {
            Some(statement) => Ok(statement),
            None => Ok(slot.insert(Statement::prepare(self.connection, sql.text())?)),
        }
    }

    /// Returns two statements, to run the second for the rows of the first.
    pub(in crate::sqlite) fn get_two(
        &mut self,
        outer: Sql,
        inner: Sql,
    ) -> rusqlite::Result<(&mut Statement<'conn>, &mut Statement<'conn>)> {
        self.get(outer)?;
        self.get(inner)?;
        match self.slots.get_disjoint_mut([outer.slot(), inner.slot()]) {
            Ok([Some(outer), Some(inner)]) => Ok((outer, inner)),
            _ => Err(rusqlite::Error::InvalidQuery),
        }
    }

    /// Runs a statement that changes rows, and returns their number.
    pub(in crate::sqlite) fn change<const N: usize>(
        &mut self,
        sql: Sql,
        parameters: [Parameter<'_>; N],
    ) -> rusqlite::Result<u64> {
        self.get(sql)?.execute(parameters)?;
        Ok(self.connection.changes())
    }

    pub(in crate::sqlite) fn run(&mut self, sql: Sql) -> rusqlite::Result<()> {
        self.get(sql)?.execute([])
    }
}
