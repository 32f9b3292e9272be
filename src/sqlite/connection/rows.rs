//! What the rows of all maps have in common.

use crate::engine::{Position, RawRow};
use crate::error::{EntryPart, Result};
use crate::sqlite::connection::map_sql::MapSql;
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::statement::Column;
use crate::sqlite::connection::statements::Sql;

/// A row takes its pointer, its length, its rowid, its header and two tags in the table, and more in
/// the index.
pub(in crate::sqlite) const LEAST_ROW_BYTES: i64 = 8;

impl Session {
    /// Reads the header of the file, which damage to the rows and the index does not reach. In a
    /// transaction this fixes the state.
    pub(in crate::sqlite) fn read_header(&mut self) -> Result<()> {
        self.with(|statements| {
            let statement = statements.get(Sql::SchemaVersion)?;
            statement.query([], |rows| rows.next().map(drop))
        })
    }

    /// Returns the size of the pages of the file in bytes, including those that are only in the log.
    pub(in crate::sqlite) fn bytes(&mut self) -> Result<i64> {
        self.with(|statements| {
            statements
                .get(Sql::Bytes)?
                .query([], |rows| Ok(rows.next()?.map_or(0, |row| row.integer(0))))
        })
    }

    /// Returns the number of rows of a map that `sql` counts, which also returns how many the file has room for.
    pub(in crate::sqlite) fn count_rows(&mut self, map: u32, sql: impl MapSql) -> Result<u64> {
        let (count, most) = self.with(|statements| {
            let statement = statements.of_map(map)?.get(sql)?;
            statement.query([LEAST_ROW_BYTES.into()], |rows| {
                let row = rows.next()?;
                Ok(row.map_or((0, 0), |row| (row.integer(0), row.integer(1))))
            })
        })?;
        if count > most {
            return Err(self.corrupt("there are more rows than the file has room for"));
        }
        Ok(count.unsigned_abs())
    }

    /// Returns an error if a row that was read was not changed.
    pub(in crate::sqlite) fn expect_row(&self, changed: u64) -> Result<()> {
        if changed == 0 {
            return Err(self.corrupt("a row that was read is not there"));
        }
        Ok(())
    }
}

/// A row of these columns.
#[inline]
pub(in crate::sqlite) fn raw_row<'row>(
    rowid: i64,
    key: Column<'row>,
    value: Column<'row>,
) -> RawRow<'row> {
    let ((key, key_type), (value, value_type)) = (key.split(), value.split());
    let of_key = key_type.map(|found| (EntryPart::Key, found));
    let of_value = value_type.map(|found| (EntryPart::Value, found));
    RawRow::new(Position(rowid), key, value, of_key.or(of_value))
}
