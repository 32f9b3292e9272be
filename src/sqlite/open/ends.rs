//! The first and the last entry of a file, by which opening checks the types of a vault.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use crate::engine::{Position, RawEntry, RowOrder};
use crate::error::Result;

/// A check of the types of a file, by its path, its first and last entry, and whether it has checksums.
pub(crate) type TypeCheck<'a> = &'a dyn Fn(&Path, &Ends, bool) -> Result<()>;

/// Accepts a file whatever the types of its entries.
pub(crate) const ANY_TYPES: TypeCheck<'_> = &|_, _, _| Ok(());

/// The first and the last entry of a file. An entry is `None` if it does not exist or cannot be read.
pub(crate) struct Ends {
    pub(crate) first: Option<RawEntry>,
    pub(crate) last: Option<RawEntry>,
}

impl Ends {
    pub(in crate::sqlite) fn read(
        connection: &Connection,
        order: RowOrder,
    ) -> rusqlite::Result<Self> {
        let rows = match order {
            RowOrder::Insertion => "SELECT rowid, key, value FROM dict ORDER BY rowid",
            // A large value is in the second table: see `connection::sorted_sql`.
            RowOrder::Key => {
                "SELECT 0, key, CASE WHEN value >= x'' THEN value ELSE \
                 (SELECT l.value FROM sorted_large AS l WHERE l.id = sorted.value) END \
                 FROM sorted ORDER BY key"
            }
        };
        let end = |direction| {
            let sql = format!("{rows} {direction} LIMIT 1");
            connection.query_one(&sql, [], |row| {
                Ok(RawEntry {
                    position: Position(row.get(0)?),
                    key: row.get(1)?,
                    value: row.get(2)?,
                })
            })
        };
        Ok(Self {
            first: ignore_damage(end("ASC"))?,
            last: ignore_damage(end("DESC"))?,
        })
    }
}

/// Returns `None` for a damaged row. A vault opens with one, and the call that reads the row reports it.
fn ignore_damage(entry: rusqlite::Result<RawEntry>) -> rusqlite::Result<Option<RawEntry>> {
    match entry {
        Ok(entry) => Ok(Some(entry)),
        Err(error) => match error.sqlite_error_code() {
            None | Some(ErrorCode::DatabaseCorrupt) => Ok(None),
            Some(_) => Err(error),
        },
    }
}
