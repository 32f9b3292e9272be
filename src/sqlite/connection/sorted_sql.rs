//! The statements for the rows of a sorted map.
//!
//! A value is in the row of its key, or, if it is large, in a table of its own: then the row has its id. SQLite sorts
//! every integer before every BLOB, so `value >= x''` is true for a value and false for an id. The statements that read
//! return either, and the caller reads the large value. Doing it in SQL would make each row slower.

use crate::engine::{Columns, RowOrder};
use crate::sqlite::connection::map_sql::MapSql;

/// A statement for the rows of a sorted map.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) enum SortedSql {
    Get,
    GetLarge,
    Contains,
    Count,
    Any,
    First,
    Last,
    Insert,
    UpdateSmall,
    Update,
    SetKey,
    DeleteSmall,
    Delete,
    DeleteFrom,
    DeleteBetween,
    Clear,
    InsertLarge,
    UpdateLarge,
    DeleteLarge,
    DeleteLargeFrom,
    DeleteLargeBetween,
    ClearLarge,
    /// From the largest key on, backward.
    ScanAllBackward(Columns),
    ScanForward(Columns),
    ScanBackward(Columns),
}

impl MapSql for SortedSql {
    const ORDER: RowOrder = RowOrder::Key;

    fn slot(self) -> usize {
        match self {
            Self::Get => 0,
            Self::GetLarge => 1,
            Self::Contains => 2,
            Self::Count => 3,
            Self::Any => 4,
            Self::First => 5,
            Self::Last => 6,
            Self::Insert => 7,
            Self::UpdateSmall => 8,
            Self::Update => 9,
            Self::SetKey => 10,
            Self::DeleteSmall => 11,
            Self::Delete => 12,
            Self::DeleteFrom => 13,
            Self::DeleteBetween => 14,
            Self::Clear => 15,
            Self::InsertLarge => 16,
            Self::UpdateLarge => 17,
            Self::DeleteLarge => 18,
            Self::DeleteLargeFrom => 19,
            Self::DeleteLargeBetween => 20,
            Self::ClearLarge => 21,
            Self::ScanAllBackward(columns) => 22 + columns as usize,
            Self::ScanForward(columns) => 25 + columns as usize,
            Self::ScanBackward(columns) => 28 + columns as usize,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Get => "SELECT value FROM {rows} WHERE key = ?1",
            Self::GetLarge => "SELECT value FROM {large} WHERE id = ?1",
            Self::Contains => "SELECT 1 FROM {rows} WHERE key = ?1",
            // It counts at most one row more than the file has room for: see `Sql::Count`.
            Self::Count => {
                "WITH room (rows) AS \
                 (SELECT page_count * page_size / ?1 FROM pragma_page_count, pragma_page_size) \
                 SELECT (SELECT count(*) FROM \
                 (SELECT 1 FROM {rows} LIMIT (SELECT rows + 1 FROM room))), rows FROM room"
            }
            Self::Any => "SELECT 1 FROM {rows} LIMIT 1",
            Self::First => "SELECT key, value FROM {rows} ORDER BY key LIMIT 1",
            Self::Last => "SELECT key, value FROM {rows} ORDER BY key DESC LIMIT 1",
            Self::Insert => {
                "INSERT INTO {rows} (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING"
            }
            Self::UpdateSmall => "UPDATE {rows} SET value = ?2 WHERE key = ?1 AND value >= x''",
            Self::Update => "UPDATE {rows} SET value = ?2 WHERE key = ?1",
            Self::SetKey => "UPDATE OR IGNORE {rows} SET key = ?2 WHERE key = ?1",
            Self::DeleteSmall => "DELETE FROM {rows} WHERE key = ?1 AND value >= x''",
            Self::Delete => "DELETE FROM {rows} WHERE key = ?1",
            Self::DeleteFrom => "DELETE FROM {rows} WHERE key >= ?1",
            Self::DeleteBetween => "DELETE FROM {rows} WHERE key >= ?1 AND key < ?2",
            Self::Clear => "DELETE FROM {rows}",
            Self::InsertLarge => "INSERT INTO {large} (value) VALUES (?1)",
            Self::UpdateLarge => "UPDATE {large} SET value = ?2 WHERE id = ?1",
            Self::DeleteLarge => "DELETE FROM {large} WHERE id = ?1",
            Self::DeleteLargeFrom => {
                "DELETE FROM {large} WHERE id IN \
                 (SELECT value FROM {rows} WHERE key >= ?1 AND value < x'')"
            }
            Self::DeleteLargeBetween => {
                "DELETE FROM {large} WHERE id IN \
                 (SELECT value FROM {rows} WHERE key >= ?1 AND key < ?2 AND value < x'')"
            }
            Self::ClearLarge => "DELETE FROM {large}",
            Self::ScanAllBackward(Columns::Key) => "SELECT key FROM {rows} ORDER BY key DESC",
            Self::ScanAllBackward(_) => "SELECT key, value FROM {rows} ORDER BY key DESC",
            // The caller stops the scan, because a limit would make SQLite compare at each row.
            Self::ScanForward(Columns::Key) => {
                "SELECT key FROM {rows} WHERE key >= ?1 ORDER BY key"
            }
            Self::ScanForward(_) => "SELECT key, value FROM {rows} WHERE key >= ?1 ORDER BY key",
            Self::ScanBackward(Columns::Key) => {
                "SELECT key FROM {rows} WHERE key < ?1 ORDER BY key DESC"
            }
            Self::ScanBackward(_) => {
                "SELECT key, value FROM {rows} WHERE key < ?1 ORDER BY key DESC"
            }
        }
    }
}
