//! Reading and writing the rows of a sorted map, as bytes.
//!
//! A small value is in the row of its key, so that a scan reads one tree in its order. A large value is in a table of
//! its own, because in a table without rowids it would make each page hold few keys. A call that changes both tables
//! does so in a savepoint.

use std::ops::Bound;

use crate::engine::{Columns, Direction, End, KeyRange, Position, RawEntry, RawRow};
use crate::error::{EntryPart, Error, Result, preview};
use crate::sqlite::connection::rows::raw_row;
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::sorted_sql::SortedSql as Sql;
use crate::sqlite::connection::statement::{Column, Parameter, Row, Rows, Statement};
use crate::sqlite::connection::statements::MapStatements;

/// The size of the largest value in the row of its key. A row with such a value takes about a tenth of a page.
pub(in crate::sqlite) const MAX_SMALL_VALUE_BYTES: usize = 400;

/// The value of a row whose large value does not exist.
const MISSING: Column<'_> = Column::Other("NULL");

/// The rows of a sorted map, through a connection.
pub(in crate::sqlite) struct SortedRows<'a> {
    session: &'a mut Session,
    /// The number of the map.
    map: u32,
}

impl Session {
    pub(in crate::sqlite) const fn sorted(&mut self, map: u32) -> SortedRows<'_> {
        SortedRows { session: self, map }
    }
}

/// What the row of a key has.
enum Stored {
    Small,
    Large(i64),
}

impl SortedRows<'_> {
    /// Runs `f` on the statements of the map.
    #[inline]
    fn with<R>(
        &mut self,
        f: impl for<'c> FnOnce(&mut MapStatements<'c>) -> rusqlite::Result<R>,
    ) -> Result<R> {
        let map = self.map;
        self.session.with(|statements| f(statements.of_map(map)?))
    }

    /// Runs `f`, and undoes what it has written if it fails.
    fn in_savepoint<R>(&mut self, f: impl FnOnce(&mut SortedRows<'_>) -> Result<R>) -> Result<R> {
        let map = self.map;
        self.session
            .in_savepoint(|session| f(&mut session.sorted(map)))
    }

    // ---- reading ------------------------------------------------------------------

    /// Passes the value of `key` to `f`, without copying it.
    #[inline]
    pub(in crate::sqlite) fn find<R>(
        &mut self,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        let mut not_a_blob = None;
        let found = self.with(|statements| {
            let (get, large) = statements.get_two(Sql::Get, Sql::GetLarge)?;
            get.query([key.into()], |rows| {
                let Some(row) = rows.next()? else {
                    return Ok(None);
                };
                with_value(&row, 0, large, |value| match value {
                    Column::Blob(value) => Some(f(Position::NONE, value)),
                    Column::Other(found) => {
                        not_a_blob = Some(found);
                        None
                    }
                })
                .map(Some)
            })
        })?;
        match not_a_blob {
            None => Ok(found.flatten()),
            Some(found) => Err(Error::NotABlob {
                part: EntryPart::Value,
                key: preview(key),
                found,
            }),
        }
    }

    pub(in crate::sqlite) fn contains(&mut self, key: &[u8]) -> Result<bool> {
        self.with(|statements| {
            let statement = statements.get(Sql::Contains)?;
            statement.query([key.into()], |rows| Ok(rows.next()?.is_some()))
        })
    }

    pub(in crate::sqlite) fn is_empty(&mut self) -> Result<bool> {
        self.with(|statements| {
            let statement = statements.get(Sql::Any)?;
            statement.query([], |rows| Ok(rows.next()?.is_none()))
        })
    }

    /// Returns the number of rows, by reading all of them.
    pub(in crate::sqlite) fn count(&mut self) -> Result<u64> {
        self.session.count_rows(self.map, Sql::Count)
    }

    /// Returns the first or the last row.
    pub(in crate::sqlite) fn at_end(&mut self, end: End) -> Result<Option<RawEntry>> {
        let sql = match end {
            End::First => Sql::First,
            End::Last => Sql::Last,
        };
        let found = self.with(|statements| {
            let (get, large) = statements.get_two(sql, Sql::GetLarge)?;
            get.query([], |rows| {
                let Some(row) = rows.next()? else {
                    return Ok(None);
                };
                let key = row.column(0)?;
                with_value(&row, 1, large, |value| raw_entry(key, value)).map(Some)
            })
        })?;
        found.transpose()
    }

    /// Passes the rows of `range` to `f`, in the order of their keys, until `f` returns `false`.
    pub(in crate::sqlite) fn scan(
        &mut self,
        columns: Columns,
        direction: Direction,
        range: &KeyRange,
        mut f: impl FnMut(RawRow<'_>) -> bool,
    ) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let (sql, start) = scan_from(columns, direction, range);
        let mut previous: Option<Vec<u8>> = None;
        let mut visit = |key: Column<'_>, value: Column<'_>| {
            let row = raw_row(Position::NONE.0, key, value);
            let key = row.key_or_empty();
            if is_past_end(key, direction, range) {
                return Step::End;
            }
            // A damaged tree may lead to its own beginning, and the scan would not end.
            if !follows(previous.as_deref(), key, direction) {
                return Step::OutOfOrder;
            }
            replace(&mut previous, key);
            if f(row) { Step::Next } else { Step::End }
        };
        let in_order = self.with(|statements| {
            let (scan, large) = statements.get_two(sql, Sql::GetLarge)?;
            let mut run = |rows: &mut Rows<'_>| {
                while let Some(row) = rows.next()? {
                    let key = row.column(0)?;
                    let step = match columns {
                        Columns::Key => visit(key, Column::Blob(&[])),
                        Columns::Value | Columns::Both => {
                            with_value(&row, 1, large, |value| visit(key, value))?
                        }
                    };
                    match step {
                        Step::Next => {}
                        Step::End => return Ok(true),
                        Step::OutOfOrder => return Ok(false),
                    }
                }
                Ok(true)
            };
            match &start {
                Some(start) => scan.query([start.as_slice().into()], &mut run),
                None => scan.query([], &mut run),
            }
        })?;
        if in_order {
            return Ok(());
        }
        Err(self.session.corrupt("rows are not in their order"))
    }

    /// Returns what the row of `key` has.
    fn stored(&mut self, key: &[u8]) -> Result<Option<Stored>> {
        self.with(|statements| {
            statements.get(Sql::Get)?.query([key.into()], |rows| {
                let Some(row) = rows.next()? else {
                    return Ok(None);
                };
                Ok(Some(match row.column(0)? {
                    Column::Blob(_) => Stored::Small,
                    Column::Other(_) => Stored::Large(row.integer(0)),
                }))
            })
        })
    }

    // ---- writing ------------------------------------------------------------------

    fn change<const N: usize>(&mut self, sql: Sql, parameters: [Parameter<'_>; N]) -> Result<u64> {
        self.with(|statements| statements.change(sql, parameters))
    }

    /// Writes an entry. Returns `true` if the key is new.
    pub(in crate::sqlite) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        if value.len() > MAX_SMALL_VALUE_BYTES {
            return self.put_large(key, value);
        }
        let entry = [key.into(), value.into()];
        if self.change(Sql::Insert, entry)? > 0 {
            return Ok(true);
        }
        if self.change(Sql::UpdateSmall, entry)? == 0 {
            self.replace_large(key, value)?;
        }
        Ok(false)
    }

    fn put_large(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        let sql = match self.stored(key)? {
            Some(Stored::Large(id)) => {
                let changed = self.change(Sql::UpdateLarge, [id.into(), value.into()])?;
                return self.session.expect_row(changed).map(|()| false);
            }
            Some(Stored::Small) => Sql::Update,
            None => Sql::Insert,
        };
        self.in_savepoint(|rows| {
            let id = rows.insert_large(value)?;
            rows.change(sql, [key.into(), id.into()])
        })?;
        Ok(matches!(sql, Sql::Insert))
    }

    fn insert_large(&mut self, value: &[u8]) -> Result<i64> {
        self.with(|statements| {
            statements.change(Sql::InsertLarge, [value.into()])?;
            Ok(statements.connection.last_insert_rowid())
        })
    }

    /// Gives a key that has a large value a small one.
    fn replace_large(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let Some(Stored::Large(id)) = self.stored(key)? else {
            return Err(self.session.corrupt("a row that was read is not there"));
        };
        self.in_savepoint(|rows| {
            rows.change(Sql::DeleteLarge, [id.into()])?;
            rows.change(Sql::Update, [key.into(), value.into()])
        })?;
        Ok(())
    }

    /// Writes an entry. Returns `false` if the key is taken.
    pub(in crate::sqlite) fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        if self.stored(key)?.is_some() {
            return Ok(false);
        }
        self.put(key, value)
    }

    /// Gives the row of the first of `keys` the second, and another value if there is one.
    pub(in crate::sqlite) fn set_key(
        &mut self,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.in_savepoint(|rows| {
            rows.rename(keys)?;
            match value {
                Some(value) => rows.put(keys.1, value).map(drop),
                None => Ok(()),
            }
        })
    }

    fn rename(&mut self, (old, new): (&[u8], &[u8])) -> Result<()> {
        if self.change(Sql::SetKey, [old.into(), new.into()])? > 0 {
            return Ok(());
        }
        if self.stored(new)?.is_some() {
            return Err(Error::DuplicateKey { key: preview(new) });
        }
        Err(self.session.corrupt("a row that was read is not there"))
    }

    /// Removes an entry. Returns `false` if it is not present.
    pub(in crate::sqlite) fn delete(&mut self, key: &[u8]) -> Result<bool> {
        if self.change(Sql::DeleteSmall, [key.into()])? > 0 {
            return Ok(true);
        }
        let Some(stored) = self.stored(key)? else {
            return Ok(false);
        };
        self.in_savepoint(|rows| {
            if let Stored::Large(id) = stored {
                rows.change(Sql::DeleteLarge, [id.into()])?;
            }
            rows.change(Sql::Delete, [key.into()])
        })?;
        Ok(true)
    }

    /// Removes the entries whose keys are in `range`, and returns their number.
    pub(in crate::sqlite) fn delete_range(&mut self, range: &KeyRange) -> Result<u64> {
        if range.is_empty() {
            return Ok(0);
        }
        let start = first_key(&range.lower);
        let end = end_key(&range.upper);
        self.in_savepoint(|rows| {
            if let Some(end) = &end {
                let bounds = [start.as_slice().into(), end.as_slice().into()];
                rows.change(Sql::DeleteLargeBetween, bounds)?;
                rows.change(Sql::DeleteBetween, bounds)
            } else {
                let bound = [start.as_slice().into()];
                rows.change(Sql::DeleteLargeFrom, bound)?;
                rows.change(Sql::DeleteFrom, bound)
            }
        })
    }

    /// Removes all entries and returns the number of them.
    pub(in crate::sqlite) fn clear(&mut self) -> Result<u64> {
        self.in_savepoint(|rows| {
            rows.change(Sql::ClearLarge, [])?;
            rows.change(Sql::Clear, [])
        })
    }
}

/// Passes the value in a column to `f`: that of the row or, if the column has an id, the large value.
#[inline]
fn with_value<R>(
    row: &Row<'_>,
    column: u16,
    large: &mut Statement<'_>,
    f: impl FnOnce(Column<'_>) -> R,
) -> rusqlite::Result<R> {
    match row.column(column)? {
        Column::Other("INTEGER") => large.query([row.integer(column).into()], |rows| {
            Ok(match rows.next()? {
                Some(row) => f(row.column(0)?),
                None => f(MISSING),
            })
        }),
        value => Ok(f(value)),
    }
}

fn raw_entry(key: Column<'_>, value: Column<'_>) -> Result<RawEntry> {
    let row = raw_row(Position::NONE.0, key, value);
    row.bytes().map(|(key, value)| RawEntry {
        position: Position::NONE,
        key: key.to_vec(),
        value: value.to_vec(),
    })
}

/// What a scan does after a row.
enum Step {
    Next,
    End,
    OutOfOrder,
}

/// Returns the statement of a scan, and the key at which it starts.
fn scan_from(columns: Columns, direction: Direction, range: &KeyRange) -> (Sql, Option<Vec<u8>>) {
    match direction {
        Direction::Forward => (Sql::ScanForward(columns), Some(first_key(&range.lower))),
        Direction::Backward => match end_key(&range.upper) {
            Some(end) => (Sql::ScanBackward(columns), Some(end)),
            None => (Sql::ScanAllBackward(columns), None),
        },
    }
}

/// Returns the first key that a lower bound allows.
fn first_key(lower: &Bound<Vec<u8>>) -> Vec<u8> {
    match lower {
        Bound::Unbounded => Vec::new(),
        Bound::Included(key) => key.clone(),
        Bound::Excluded(key) => next_key(key),
    }
}

/// Returns the first key that an upper bound does not allow, or `None` if it allows every key.
fn end_key(upper: &Bound<Vec<u8>>) -> Option<Vec<u8>> {
    match upper {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(next_key(key)),
        Bound::Excluded(key) => Some(key.clone()),
    }
}

/// Returns the first byte string after `key`.
fn next_key(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// Returns `true` if a key is behind the end of a scan.
fn is_past_end(key: &[u8], direction: Direction, range: &KeyRange) -> bool {
    let (lower, upper) = range.bounds();
    match direction {
        Direction::Forward => match upper {
            Bound::Unbounded => false,
            Bound::Included(upper) => key > upper,
            Bound::Excluded(upper) => key >= upper,
        },
        Direction::Backward => match lower {
            Bound::Unbounded => false,
            Bound::Included(lower) => key < lower,
            Bound::Excluded(lower) => key <= lower,
        },
    }
}

/// Returns `true` if a row with `key` may come after the one with the key `previous`.
fn follows(previous: Option<&[u8]>, key: &[u8], direction: Direction) -> bool {
    previous.is_none_or(|previous| match direction {
        Direction::Forward => previous < key,
        Direction::Backward => previous > key,
    })
}

/// Replaces a key by another, in its memory.
fn replace(previous: &mut Option<Vec<u8>>, key: &[u8]) {
    let previous = previous.get_or_insert_default();
    previous.clear();
    previous.extend_from_slice(key);
}

#[cfg(test)]
mod tests;
