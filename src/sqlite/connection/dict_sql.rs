//! The statements for the rows of a map in the order of insertion.

use crate::engine::{Columns, RowOrder};
use crate::sqlite::connection::map_sql::MapSql;

/// A statement for the rows of a map in the order of insertion.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) enum DictSql {
    Get,
    Contains,
    Count,
    CountTable,
    IndexedRowids,
    Row,
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
}

impl MapSql for DictSql {
    const ORDER: RowOrder = RowOrder::Insertion;

    fn slot(self) -> usize {
        match self {
            Self::Get => 0,
            Self::Contains => 1,
            Self::Count => 2,
            Self::CountTable => 3,
            Self::IndexedRowids => 4,
            Self::Row => 5,
            Self::Any => 6,
            Self::First => 7,
            Self::Last => 8,
            Self::Put => 9,
            Self::InsertAt => 10,
            Self::Update => 11,
            Self::SetKey => 12,
            Self::SetEntry => 13,
            Self::MoveRow => 14,
            Self::Delete => 15,
            Self::DeleteRow => 16,
            Self::Clear => 17,
            Self::ScanForward(columns) => 18 + columns as usize,
            Self::ScanBackward(columns) => 21 + columns as usize,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Get => "SELECT value, rowid FROM {rows} WHERE key = ?1",
            Self::Contains => "SELECT 1 FROM {rows} WHERE key = ?1",
            // It counts at most one row more than the file has room for, because damaged pages that share
            // their children could be counted for ever. `count(*)` alone could not be interrupted. The size
            // and the number are read by one statement, so that they are of one state.
            Self::Count => {
                "WITH room (rows) AS \
                 (SELECT page_count * page_size / ?1 FROM pragma_page_count, pragma_page_size) \
                 SELECT (SELECT count(*) FROM \
                 (SELECT 1 FROM {rows} LIMIT (SELECT rows + 1 FROM room))), rows FROM room"
            }
            Self::CountTable => {
                "WITH room (rows) AS \
                 (SELECT page_count * page_size / ?1 FROM pragma_page_count, pragma_page_size) \
                 SELECT (SELECT count(*) FROM \
                 (SELECT 1 FROM {rows} NOT INDEXED LIMIT (SELECT rows + 1 FROM room))), rows FROM room"
            }
            // It reads only the index, which has the rowids beside the keys.
            Self::IndexedRowids => {
                "SELECT rowid FROM {rows} INDEXED BY sqlite_autoindex_{rows}_1 LIMIT ?1"
            }
            Self::Row => "SELECT key, value FROM {rows} WHERE rowid = ?1",
            Self::Any => "SELECT 1 FROM {rows} NOT INDEXED LIMIT 1",
            Self::First => "SELECT key, value, rowid FROM {rows} ORDER BY rowid LIMIT 1",
            Self::Last => "SELECT key, value, rowid FROM {rows} ORDER BY rowid DESC LIMIT 1",
            // `INSERT OR REPLACE` would give the key a new rowid, and so a new place in the order.
            Self::Put => {
                "INSERT INTO {rows} (key, value) VALUES (?1, ?2) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            }
            Self::InsertAt => {
                "INSERT OR IGNORE INTO {rows} (rowid, key, value) VALUES (?1, ?2, ?3)"
            }
            Self::Update => "UPDATE {rows} SET value = ?2 WHERE rowid = ?1",
            Self::SetKey => "UPDATE OR IGNORE {rows} SET key = ?2 WHERE rowid = ?1",
            Self::SetEntry => "UPDATE OR IGNORE {rows} SET key = ?2, value = ?3 WHERE rowid = ?1",
            Self::MoveRow => "UPDATE {rows} SET rowid = ?2 WHERE rowid = ?1",
            Self::Delete => "DELETE FROM {rows} WHERE key = ?1",
            Self::DeleteRow => "DELETE FROM {rows} WHERE rowid = ?1",
            Self::Clear => "DELETE FROM {rows}",
            // The caller stops the scan, because a limit would make SQLite compare at each row.
            Self::ScanForward(Columns::Key) => {
                "SELECT rowid, key FROM {rows} WHERE rowid >= ?1 ORDER BY rowid"
            }
            Self::ScanForward(Columns::Value) => {
                "SELECT rowid, value FROM {rows} WHERE rowid >= ?1 ORDER BY rowid"
            }
            Self::ScanForward(Columns::Both) => {
                "SELECT rowid, key, value FROM {rows} WHERE rowid >= ?1 ORDER BY rowid"
            }
            Self::ScanBackward(Columns::Key) => {
                "SELECT rowid, key FROM {rows} WHERE rowid <= ?1 ORDER BY rowid DESC"
            }
            Self::ScanBackward(Columns::Value) => {
                "SELECT rowid, value FROM {rows} WHERE rowid <= ?1 ORDER BY rowid DESC"
            }
            Self::ScanBackward(Columns::Both) => {
                "SELECT rowid, key, value FROM {rows} WHERE rowid <= ?1 ORDER BY rowid DESC"
            }
        }
    }
}
