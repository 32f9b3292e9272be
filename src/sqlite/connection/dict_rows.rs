//! Reading and writing the rows of a map in the order of insertion, as bytes.

use crate::engine::{Columns, Direction, End, Position, PositionRange, RawEntry, RawRow};
use crate::error::{EntryPart, Error, Result, preview};
use crate::sqlite::connection::dict_sql::DictSql as Sql;
use crate::sqlite::connection::last_insert;
use crate::sqlite::connection::rows::raw_row;
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::statement::{Column, Row};
use crate::sqlite::connection::statements::MapStatements;

/// The rows of a map in the order of insertion, through a connection.
pub(in crate::sqlite) struct DictRows<'a> {
    pub(in crate::sqlite) session: &'a mut Session,
    /// The number of the map.
    map: u32,
}

impl Session {
    pub(in crate::sqlite) const fn dict(&mut self, map: u32) -> DictRows<'_> {
        DictRows { session: self, map }
    }
}

/// New rowids below this one follow the last. If the last is the largest possible, SQLite chooses a random
/// one between 1 and 2^62 (<https://www.sqlite.org/autoinc.html>), of which one in 2^30 is below this.
pub(in crate::sqlite) const MANY_ROWIDS: i64 = 1 << 32;

impl DictRows<'_> {
    /// Runs `f` on the statements of the map.
    #[inline]
    pub(in crate::sqlite) fn with<R>(
        &mut self,
        f: impl for<'c> FnOnce(&mut MapStatements<'c>) -> rusqlite::Result<R>,
    ) -> Result<R> {
        let map = self.map;
        self.session.with(|statements| f(statements.of_map(map)?))
    }

    fn count_by(&mut self, sql: Sql) -> Result<u64> {
        self.session.count_rows(self.map, sql)
    }

    // ---- reading ------------------------------------------------------------------

    /// Returns the number of rows, by reading all of the index.
    pub(in crate::sqlite) fn count(&mut self) -> Result<u64> {
        self.count_by(Sql::Count)
    }

    /// Returns the number of rows in the index or, if that is damaged, in the table; 0 if both are damaged.
    pub(in crate::sqlite) fn count_any(&mut self) -> Result<u64> {
        match self
            .count_by(Sql::Count)
            .or_else(|_| self.count_by(Sql::CountTable))
        {
            Ok(count) => Ok(count),
            Err(Error::Corrupt { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Checks that a scan of all rows ends, through the index and through the table.
    pub(in crate::sqlite) fn check_extent(&mut self) -> Result<()> {
        self.count_by(Sql::Count)?;
        self.count_by(Sql::CountTable).map(drop)
    }

    /// Passes the position and the value of `key` to `f`, without copying the value.
    #[inline]
    pub(in crate::sqlite) fn find<R>(
        &mut self,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        // Not in the closure's result: each layer around it copies what `f` returns.
        let mut not_a_blob = None;
        let found = self.with(|statements| {
            statements.get(Sql::Get)?.query([key.into()], |rows| {
                let Some(row) = rows.next()? else {
                    return Ok(None);
                };
                match row.column(0)? {
                    Column::Blob(value) => Ok(Some(f(Position(row.integer(1)), value))),
                    Column::Other(found) => {
                        not_a_blob = Some(found);
                        Ok(None)
                    }
                }
            })
        })?;
        match not_a_blob {
            None => Ok(found),
            Some(found) => Err(Error::NotABlob {
                part: EntryPart::Value,
                key: preview(key),
                found,
            }),
        }
    }

    /// Returns `true` if `key` is present. Does not read the value.
    pub(in crate::sqlite) fn contains(&mut self, key: &[u8]) -> Result<bool> {
        self.with(|statements| {
            let statement = statements.get(Sql::Contains)?;
            statement.query([key.into()], |rows| Ok(rows.next()?.is_some()))
        })
    }

    /// Returns `true` if there are no rows. Reads no column.
    pub(in crate::sqlite) fn is_empty(&mut self) -> Result<bool> {
        self.with(|statements| {
            let statement = statements.get(Sql::Any)?;
            statement.query([], |rows| Ok(rows.next()?.is_none()))
        })
    }

    /// Returns the first or the last row, or an error if a column of it is not a BLOB.
    pub(in crate::sqlite) fn at_end(&mut self, end: End) -> Result<Option<RawEntry>> {
        let sql = match end {
            End::First => Sql::First,
            End::Last => Sql::Last,
        };
        let found = self.with(|statements| {
            let entry = |row: Row<'_>| {
                let row = raw_row(row.integer(2), row.column(0)?, row.column(1)?);
                Ok(row.bytes().map(|(key, value)| RawEntry {
                    position: row.position,
                    key: key.to_vec(),
                    value: value.to_vec(),
                }))
            };
            let statement = statements.get(sql)?;
            statement.query([], |rows| rows.next()?.map(entry).transpose())
        })?;
        found.transpose()
    }

    /// Passes the rows of `range` to `f`, in the order of insertion, until `f` returns `false`.
    pub(in crate::sqlite) fn scan_positions(
        &mut self,
        columns: Columns,
        direction: Direction,
        range: PositionRange,
        mut f: impl FnMut(RawRow<'_>) -> bool,
    ) -> Result<()> {
        let (sql, start) = match direction {
            Direction::Forward => (Sql::ScanForward(columns), range.first),
            Direction::Backward => (Sql::ScanBackward(columns), range.last),
        };
        let mut unvisited = Some(range);
        let in_order = self.with(|statements| {
            statements.get(sql)?.query([start.0.into()], |rows| {
                while let Some(row) = rows.next()? {
                    let (key, value) = key_and_value(columns, &row)?;
                    let row = raw_row(row.integer(0), key, value);
                    if is_past_end(row.position, direction, range) {
                        break;
                    }
                    // A damaged tree may lead to its own beginning, and the scan would not end.
                    let Some(rest) = unvisited.filter(|rest| rest.contains(row.position)) else {
                        return Ok(false);
                    };
                    unvisited = rest.after(row.position, direction);
                    if !f(row) {
                        break;
                    }
                }
                Ok(true)
            })
        })?;
        if in_order {
            return Ok(());
        }
        Err(self.session.corrupt("rows are not in their order"))
    }

    // ---- writing ------------------------------------------------------------------

    /// Writes an entry. Returns `true` if the key is new.
    pub(in crate::sqlite) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        let inserted = self.with(|statements| {
            last_insert::reset(statements.connection);
            let statement = statements.get(Sql::Put)?;
            statement.execute([key.into(), value.into()])?;
            Ok(last_insert::rowid(statements.connection))
        })?;
        match inserted {
            Some(rowid) if rowid >= MANY_ROWIDS => self.keep_at_end(Position(rowid)).map(|()| true),
            inserted => Ok(inserted.is_some()),
        }
    }

    /// Gives a row that was read another key, and another value if there is one.
    pub(in crate::sqlite) fn set_key(
        &mut self,
        position: Position,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<()> {
        let changed = self.with(|statements| match value {
            Some(value) => {
                let entry = [position.0.into(), key.into(), value.into()];
                statements.change(Sql::SetEntry, entry)
            }
            None => statements.change(Sql::SetKey, [position.0.into(), key.into()]),
        })?;
        if changed > 0 {
            return Ok(());
        }
        if self.contains(key)? {
            return Err(Error::DuplicateKey { key: preview(key) });
        }
        Err(self.session.corrupt("a row that was read is not there"))
    }

    /// Writes an entry at a position. Returns `false` if the position or the key is taken.
    pub(in crate::sqlite) fn insert_at(
        &mut self,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        self.with(|statements| {
            let entry = [position.0.into(), key.into(), value.into()];
            Ok(statements.change(Sql::InsertAt, entry)? > 0)
        })
    }

    /// Replaces the value of a row that was read.
    pub(in crate::sqlite) fn update(&mut self, position: Position, value: &[u8]) -> Result<()> {
        let update = [position.0.into(), value.into()];
        let updated = self.with(|statements| statements.change(Sql::Update, update))?;
        self.session.expect_row(updated)
    }

    /// Removes an entry. Returns `false` if it is not present.
    pub(in crate::sqlite) fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let removed = self.with(|statements| statements.change(Sql::Delete, [key.into()]))?;
        Ok(removed > 0)
    }

    /// Removes a row. Returns `false` if there is none at the position.
    pub(in crate::sqlite) fn delete_at(&mut self, position: Position) -> Result<bool> {
        let row = [position.0.into()];
        let removed = self.with(|statements| statements.change(Sql::DeleteRow, row))?;
        Ok(removed > 0)
    }

    /// Removes all entries and returns the number of them.
    pub(in crate::sqlite) fn clear(&mut self) -> Result<u64> {
        self.with(|statements| statements.change(Sql::Clear, []))
    }
}

/// Returns `true` if a row is behind the end of a scan.
#[inline]
fn is_past_end(position: Position, direction: Direction, range: PositionRange) -> bool {
    match direction {
        Direction::Forward => position > range.last,
        Direction::Backward => position < range.first,
    }
}

/// The columns that a scan has read. One that it was not asked for is empty.
#[inline]
fn key_and_value<'row>(
    columns: Columns,
    row: &Row<'row>,
) -> rusqlite::Result<(Column<'row>, Column<'row>)> {
    let empty = Column::Blob(&[]);
    Ok(match columns {
        Columns::Key => (row.column(1)?, empty),
        Columns::Value => (empty, row.column(1)?),
        Columns::Both => (row.column(1)?, row.column(2)?),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use rusqlite::Connection;

    use super::*;
    use crate::engine::{MapId, RowOrder};
    use crate::sqlite::connection::tables;

    fn session() -> Session {
        let connection = Connection::open_in_memory().unwrap();
        let map = MapId::only(RowOrder::Insertion);
        connection.execute_batch(&tables::create(map)).unwrap();
        let path = Arc::from(Path::new(":memory:"));
        Session::writer(connection, path, Duration::ZERO, u64::MAX).unwrap()
    }

    fn get(session: &mut Session, key: &[u8]) -> Result<Option<Vec<u8>>> {
        session.dict(0).find(key, |_, value| value.to_vec())
    }

    #[test]
    fn a_session_works_on_another_thread_with_the_statements_it_had() {
        let mut session = session();
        assert!(session.dict(0).put(b"a", b"1").unwrap());
        let mut session = thread::spawn(move || {
            assert!(!session.dict(0).put(b"a", b"2").unwrap());
            session
        })
        .join()
        .unwrap();
        assert_eq!(get(&mut session, b"a").unwrap(), Some(b"2".to_vec()));
        assert!(session.close().is_ok());
    }

    #[test]
    fn a_row_that_is_gone_is_not_updated() {
        let mut session = session();
        session.dict(0).put(b"a", b"1").unwrap();
        let found = session
            .dict(0)
            .find(b"a", |position, value| (position, value.to_vec()));
        let (position, value) = found.unwrap().unwrap();
        assert_eq!(value, b"1");
        session.dict(0).update(position, b"2").unwrap();
        assert_eq!(get(&mut session, b"a").unwrap().unwrap(), b"2");
        session.dict(0).delete(b"a").unwrap();
        let error = session.dict(0).update(position, b"3").unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    }
}
