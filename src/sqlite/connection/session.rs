//! One connection with its prepared statements, and what can be done with bytes on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use crate::engine::{Columns, End};
use crate::error::{EntryPart, Error, Result, preview};
use crate::sqlite::connection::failure;
use crate::sqlite::connection::raw;
use crate::sqlite::connection::row::{RawEntry, RawRow};
use crate::sqlite::connection::rowids::MANY_ROWIDS;
use crate::sqlite::connection::sendable::Sendable;
use crate::sqlite::connection::statement::{Column, Row};
use crate::sqlite::connection::statements::{Bound, Sql, Statements};
use crate::sqlite::names::NameTracker;
use crate::sqlite::write::checkpoint::Watched;

/// A row takes its pointer, its length, its rowid, its header and two tags in the table, and more in
/// the index.
pub(in crate::sqlite) const LEAST_ROW_BYTES: i64 = 8;

/// A connection with its statements. It belongs to one thread at a time.
pub(crate) struct Session {
    bound: Sendable<Bound>,
    pub(in crate::sqlite) path: Arc<Path>,
    /// How long SQLite itself waits for a lock on this connection before it gives up.
    busy_timeout: Duration,
    /// Held to be counted, by a reader.
    token: Option<Arc<()>>,
    /// The names of the files, to tell why a call failed. None in memory.
    pub(in crate::sqlite) names: Option<Arc<NameTracker>>,
}

/// Where entries are looked up by their keys.
pub(crate) trait Lookup {
    /// Hands the value of `key` to `f`, without copying it.
    fn get<R>(&mut self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;

    /// True if `key` is there. The value is not read from the file.
    fn contains(&mut self, key: &[u8]) -> Result<bool>;
}

impl Session {
    /// A session to read with.
    pub(in crate::sqlite) fn reader(
        connection: Connection,
        path: Arc<Path>,
        busy_timeout: Duration,
    ) -> Self {
        Self::new(Watched::reader(connection), path, busy_timeout)
    }

    /// A session to write with, which keeps the log below its size limit.
    pub(in crate::sqlite) fn writer(
        connection: Connection,
        path: Arc<Path>,
        busy_timeout: Duration,
        log_size_limit: u64,
    ) -> Result<Self> {
        let watched = Watched::writer(connection, log_size_limit)
            .map_err(|error| failure::from_sqlite(error, &path, busy_timeout))?;
        Ok(Self::new(watched, path, busy_timeout))
    }

    fn new(watched: Watched, path: Arc<Path>, busy_timeout: Duration) -> Self {
        Self {
            busy_timeout,
            token: None,
            names: None,
            bound: Sendable::new(Bound::new(watched, |watched| {
                Statements::new(watched.connection())
            })),
            path,
        }
    }

    /// The same session, holding `token` for as long as it is open.
    pub(in crate::sqlite) fn counted(mut self, token: Arc<()>) -> Self {
        self.token = Some(token);
        self
    }

    /// Runs `f` on the statements and gives its error the file's name.
    #[inline]
    pub(in crate::sqlite) fn with<R>(
        &mut self,
        f: impl for<'c> FnOnce(&mut Statements<'c>) -> rusqlite::Result<R>,
    ) -> Result<R> {
        self.bound
            .get_mut()
            .with_dependent_mut(|_, statements| f(statements))
            .map_err(|error| {
                self.explain(failure::from_sqlite(error, &self.path, self.busy_timeout))
            })
    }

    /// Runs `f` on the connection itself.
    pub(in crate::sqlite) fn with_connection<R>(
        &mut self,
        f: impl FnOnce(&Connection) -> rusqlite::Result<R>,
    ) -> Result<R> {
        self.with(|statements| f(statements.connection))
    }

    pub(in crate::sqlite) fn path(&self) -> &Path {
        &self.path
    }

    /// Finalises the statements and closes the connection.
    pub(in crate::sqlite) fn close(self) -> Result<()> {
        let watched = self.bound.into_inner().into_owner();
        watched
            .close()
            .map_err(|error| failure::from_sqlite(error, &self.path, self.busy_timeout))
    }

    // ---- transactions -------------------------------------------------------------

    pub(in crate::sqlite) fn begin_read(&mut self) -> Result<()> {
        self.with(|statements| statements.run(Sql::Begin))
    }

    /// Starts a write transaction, or says at once that another has one (`false`).
    pub(in crate::sqlite) fn try_begin_write(&mut self) -> Result<bool> {
        self.with(|statements| match statements.run(Sql::BeginImmediate) {
            Ok(()) => Ok(true),
            Err(error) if failure::is_busy(&error) => Ok(false),
            Err(error) => Err(error),
        })
    }

    /// Commits, and says how many frames the log has then: zero if there was nothing to write.
    pub(in crate::sqlite) fn commit(&mut self) -> Result<u32> {
        self.watched().forget_commit();
        self.with(|statements| statements.run(Sql::Commit))?;
        Ok(self.watched().committed_frames())
    }

    /// Rolls back what is open; `false` if nothing was, as after some errors.
    pub(in crate::sqlite) fn rollback(&mut self) -> Result<bool> {
        self.with(|statements| {
            let is_open = !statements.connection.is_autocommit();
            if is_open {
                statements.run(Sql::Rollback)?;
            }
            Ok(is_open)
        })
    }

    /// False outside a transaction, and after an error for which SQLite has rolled it back.
    pub(in crate::sqlite) fn is_in_transaction(&self) -> bool {
        !self.watched().connection().is_autocommit()
    }

    pub(in crate::sqlite) fn watched(&self) -> &Watched {
        self.bound.get().borrow_owner()
    }

    pub(in crate::sqlite) fn savepoint(&mut self) -> Result<()> {
        self.with(|statements| statements.run(Sql::Savepoint))
    }

    pub(in crate::sqlite) fn release(&mut self) -> Result<()> {
        self.with(|statements| statements.run(Sql::Release))
    }

    /// Undoes what was done since the savepoint, and ends it.
    pub(in crate::sqlite) fn rollback_to(&mut self) -> Result<()> {
        self.with(|statements| {
            statements.run(Sql::RollbackTo)?;
            statements.run(Sql::Release)
        })
    }

    // ---- reading ------------------------------------------------------------------

    /// Reads the header of the file, and nothing that damage of the rows or of the index reaches.
    /// In a transaction it fixes the state.
    pub(in crate::sqlite) fn read_header(&mut self) -> Result<()> {
        self.with(|statements| {
            let statement = statements.get(Sql::SchemaVersion)?;
            statement.query([], |rows| rows.next().map(drop))
        })
    }

    /// Counts the rows, by reading all of the index.
    pub(crate) fn count(&mut self) -> Result<u64> {
        self.count_by(Sql::Count)
    }

    /// The number of rows as the index has it or, where that is damaged, the table; 0 if both are.
    pub(crate) fn count_any(&mut self) -> Result<u64> {
        match self
            .count_by(Sql::Count)
            .or_else(|_| self.count_by(Sql::CountTable))
        {
            Ok(count) => Ok(count),
            Err(Error::Corrupt { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Makes sure that a walk over all rows comes to an end, through the index and through the
    /// table.
    pub(in crate::sqlite) fn check_extent(&mut self) -> Result<()> {
        self.count_by(Sql::Count)?;
        self.count_by(Sql::CountTable).map(drop)
    }

    fn count_by(&mut self, sql: Sql) -> Result<u64> {
        let (count, most) = self.with(|statements| {
            statements
                .get(sql)?
                .query([LEAST_ROW_BYTES.into()], |rows| {
                    let row = rows.next()?;
                    Ok(row.map_or((0, 0), |row| (row.integer(0), row.integer(1))))
                })
        })?;
        if count > most {
            return Err(self.corrupt("there are more rows than the file has room for"));
        }
        Ok(count.unsigned_abs())
    }

    /// Bytes in the pages of the file, those in the log included.
    pub(in crate::sqlite) fn bytes(&mut self) -> Result<i64> {
        self.with(|statements| {
            statements
                .get(Sql::Bytes)?
                .query([], |rows| Ok(rows.next()?.map_or(0, |row| row.integer(0))))
        })
    }

    /// Hands the value of `key`, and the rowid it is stored at, to `f`, without copying it.
    #[inline]
    pub(crate) fn find<R>(
        &mut self,
        key: &[u8],
        f: impl FnOnce(i64, &[u8]) -> R,
    ) -> Result<Option<R>> {
        // Not in the closure's result: each layer around it is a copy of what `f` returns.
        let mut not_a_blob = None;
        let found = self.with(|statements| {
            statements.get(Sql::Get)?.query([key.into()], |rows| {
                let Some(row) = rows.next()? else {
                    return Ok(None);
                };
                match row.column(0)? {
                    Column::Blob(value) => Ok(Some(f(row.integer(1), value))),
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

    /// True if there is no row. It reads no column.
    pub(crate) fn is_empty(&mut self) -> Result<bool> {
        self.with(|statements| {
            let statement = statements.get(Sql::Any)?;
            statement.query([], |rows| Ok(rows.next()?.is_none()))
        })
    }

    /// The first or the last row; an error if a column of it is not a BLOB.
    pub(crate) fn at_end(&mut self, end: End) -> Result<Option<RawEntry>> {
        let sql = match end {
            End::First => Sql::First,
            End::Last => Sql::Last,
        };
        let found = self.with(|statements| {
            let entry = |row: Row<'_>| {
                let row = RawRow::new(row.integer(2), row.column(0)?, row.column(1)?);
                Ok(row.bytes().map(|(key, value)| RawEntry {
                    key: key.to_vec(),
                    value: value.to_vec(),
                    rowid: row.rowid,
                }))
            };
            let statement = statements.get(sql)?;
            statement.query([], |rows| rows.next()?.map(entry).transpose())
        })?;
        found.transpose()
    }

    /// Shows `f` the rows from the rowid `first` on, in the given order, until it answers `false`.
    /// A column that was not asked for is shown as an empty BLOB.
    pub(in crate::sqlite) fn scan(
        &mut self,
        sql: Sql,
        first: i64,
        mut f: impl FnMut(RawRow<'_>) -> bool,
    ) -> Result<()> {
        self.with(|statements| {
            statements.get(sql)?.query([first.into()], |rows| {
                while let Some(row) = rows.next()? {
                    let (key, value) = key_and_value(sql, &row)?;
                    if !f(RawRow::new(row.integer(0), key, value)) {
                        break;
                    }
                }
                Ok(())
            })
        })
    }

    // ---- writing ------------------------------------------------------------------

    /// Writes an entry; true if the key is new.
    pub(in crate::sqlite) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        let inserted = self.with(|statements| {
            raw::forget_last_insert(statements.connection);
            let statement = statements.get(Sql::Put)?;
            statement.execute([key.into(), value.into()])?;
            Ok(raw::last_insert(statements.connection))
        })?;
        match inserted {
            Some(rowid) if rowid >= MANY_ROWIDS => self.keep_at_end(rowid).map(|()| true),
            inserted => Ok(inserted.is_some()),
        }
    }

    /// Gives a row that was read another key, and another value too if there is one. An error
    /// if another row has the key.
    pub(in crate::sqlite) fn set_key(
        &mut self,
        rowid: i64,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<()> {
        let changed = self.with(|statements| match value {
            Some(value) => {
                let entry = [rowid.into(), key.into(), value.into()];
                statements.change(Sql::SetEntry, entry)
            }
            None => statements.change(Sql::SetKey, [rowid.into(), key.into()]),
        })?;
        if changed > 0 {
            return Ok(());
        }
        if self.contains(key)? {
            return Err(Error::DuplicateKey { key: preview(key) });
        }
        Err(self.corrupt("a row that was read is not there"))
    }

    /// Writes an entry in its old place; false if the place or the key is taken.
    pub(in crate::sqlite) fn restore(
        &mut self,
        rowid: i64,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        self.with(|statements| {
            let restored = [rowid.into(), key.into(), value.into()];
            Ok(statements.change(Sql::Restore, restored)? > 0)
        })
    }

    /// Replaces the value of a row that was read.
    pub(in crate::sqlite) fn update(&mut self, rowid: i64, value: &[u8]) -> Result<()> {
        let update = [rowid.into(), value.into()];
        let updated = self.with(|statements| statements.change(Sql::Update, update))?;
        if updated == 0 {
            return Err(self.corrupt("a row that was read is not there"));
        }
        Ok(())
    }

    /// Removes an entry; true if it was there.
    pub(in crate::sqlite) fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let removed = self.with(|statements| statements.change(Sql::Delete, [key.into()]))?;
        Ok(removed > 0)
    }

    pub(in crate::sqlite) fn delete_row(&mut self, rowid: i64) -> Result<bool> {
        let removed = self.with(|statements| statements.change(Sql::DeleteRow, [rowid.into()]))?;
        Ok(removed > 0)
    }

    /// Removes all entries; the number of them.
    pub(in crate::sqlite) fn clear(&mut self) -> Result<u64> {
        self.with(|statements| statements.change(Sql::Clear, []))
    }
}

impl Lookup for Session {
    #[inline]
    fn get<R>(&mut self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.find(key, |_, value| f(value))
    }

    fn contains(&mut self, key: &[u8]) -> Result<bool> {
        self.with(|statements| {
            let statement = statements.get(Sql::Contains)?;
            statement.query([key.into()], |rows| Ok(rows.next()?.is_some()))
        })
    }
}

/// What a scan has asked for.
#[inline]
fn key_and_value<'row>(
    sql: Sql,
    row: &Row<'row>,
) -> rusqlite::Result<(Column<'row>, Column<'row>)> {
    let nothing = Column::Blob(&[]);
    Ok(match sql {
        Sql::ScanForward(Columns::Key) | Sql::ScanBackward(Columns::Key) => {
            (row.column(1)?, nothing)
        }
        Sql::ScanForward(Columns::Value) | Sql::ScanBackward(Columns::Value) => {
            (nothing, row.column(1)?)
        }
        _ => (row.column(1)?, row.column(2)?),
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::sqlite::open::schema;

    fn session() -> Session {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema::CREATE).unwrap();
        let path = Arc::from(Path::new(":memory:"));
        Session::writer(connection, path, Duration::ZERO, u64::MAX).unwrap()
    }

    #[test]
    fn a_session_works_on_another_thread_with_the_statements_it_had() {
        let mut session = session();
        assert!(session.put(b"a", b"1").unwrap());
        let mut session = thread::spawn(move || {
            assert!(!session.put(b"a", b"2").unwrap());
            session
        })
        .join()
        .unwrap();
        assert_eq!(
            session.get(b"a", <[u8]>::to_vec).unwrap(),
            Some(b"2".to_vec())
        );
        session.close().unwrap();
    }

    #[test]
    fn a_row_that_is_gone_is_not_updated() {
        let mut session = session();
        session.put(b"a", b"1").unwrap();
        let found = session.find(b"a", |rowid, value| (rowid, value.to_vec()));
        let (rowid, value) = found.unwrap().unwrap();
        assert_eq!(value, b"1");
        session.update(rowid, b"2").unwrap();
        assert_eq!(session.get(b"a", <[u8]>::to_vec).unwrap().unwrap(), b"2");
        session.delete(b"a").unwrap();
        let error = session.update(rowid, b"3").unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    }
}
