//! Reading every row that can be reached in a file that may be damaged.

use crate::engine::{Columns, Direction};
use crate::error::{Error, Result};
use crate::sqlite::connection::row::RawRow;
use crate::sqlite::connection::session::{LEAST_ROW_BYTES, Session};
use crate::sqlite::connection::statements::Sql;
use crate::sqlite::read::ReadTransaction;

/// What was in the way of reading every row.
#[derive(Debug, Default)]
pub(crate) struct Obstacles {
    /// What ended the walk from the first row on.
    pub(crate) error: Option<Error>,
    /// The rows that the index names and that could not be read.
    pub(crate) unreadable: u64,
}

impl ReadTransaction {
    /// Shows `f` every row that can be reached, each once.
    ///
    /// It walks the table from its first row. Where that ends at damage, it walks from the last row
    /// back, and then looks up each row between the two that the index names.
    pub(crate) fn reach_all(&mut self, mut f: impl FnMut(RawRow<'_>)) -> Result<Obstacles> {
        let session = self.session()?;
        let mut unread = Some((i64::MIN, i64::MAX));
        let Err(error) = walk(session, Direction::Forward, &mut unread, &mut f) else {
            return Ok(Obstacles::default());
        };
        let mut unreadable = 0;
        // An error of the disk has ended the transaction: other rows would be of another state.
        if session.is_in_transaction()
            && walk(session, Direction::Backward, &mut unread, &mut f).is_err()
        {
            unreadable = look_up(session, unread, &mut f);
        }
        Ok(Obstacles {
            error: Some(error),
            unreadable,
        })
    }
}

/// Shows `f` the unread rows in that direction, up to the first one that cannot be read.
fn walk(
    session: &mut Session,
    direction: Direction,
    unread: &mut Option<(i64, i64)>,
    f: &mut impl FnMut(RawRow<'_>),
) -> Result<()> {
    let Some((low, high)) = *unread else {
        return Ok(());
    };
    let (sql, first) = match direction {
        Direction::Forward => (Sql::ScanForward(Columns::Both), low),
        Direction::Backward => (Sql::ScanBackward(Columns::Both), high),
    };
    let mut in_order = true;
    session.scan(sql, first, |row| {
        let rowid = row.rowid;
        let Some((low, high)) = *unread else {
            return false;
        };
        if direction == Direction::Backward && rowid < low {
            return false;
        }
        // A damaged tree may lead to its own beginning.
        in_order = (low..=high).contains(&rowid);
        if !in_order {
            return false;
        }
        *unread = match direction {
            Direction::Forward => rowid.checked_add(1).map(|low| (low, high)),
            Direction::Backward => rowid.checked_sub(1).map(|high| (low, high)),
        };
        f(row);
        true
    })?;
    if in_order {
        return Ok(());
    }
    Err(session.corrupt("rows are not in their order"))
}

/// Shows `f` the unread rows that the index names; the number of those that cannot be read.
fn look_up(
    session: &mut Session,
    unread: Option<(i64, i64)>,
    f: &mut impl FnMut(RawRow<'_>),
) -> u64 {
    let Some((low, high)) = unread else {
        return 0;
    };
    // Eight bytes for each row in question: the index is in the order of the keys, and a damaged
    // one may name a row twice.
    let mut rowids = session.indexed_rowids(low, high);
    rowids.sort_unstable();
    rowids.dedup();
    let mut unreadable = 0;
    for rowid in rowids {
        let found = session.row(rowid, &mut *f);
        unreadable += u64::from(!matches!(found, Ok(true)));
    }
    unreadable
}

impl Session {
    /// The rowids of this range that the index names, as far as it can be read, in no order.
    fn indexed_rowids(&mut self, low: i64, high: i64) -> Vec<i64> {
        let most = self.bytes().unwrap_or(0) / LEAST_ROW_BYTES;
        let mut rowids = Vec::new();
        // An error ends the list, and what is in it is still worth a look.
        let _ = self.with(|statements| {
            statements
                .get(Sql::IndexedRowids)?
                .query([most.into()], |rows| {
                    while let Some(row) = rows.next()? {
                        // Not in SQL: the limit is on the rows that are looked at, for a damaged index
                        // may lead to its own beginning.
                        rowids.extend(
                            Some(row.integer(0)).filter(|rowid| (low..=high).contains(rowid)),
                        );
                    }
                    Ok(())
                })
        });
        rowids
    }

    /// Shows `f` the row at `rowid`; false if there is none.
    fn row(&mut self, rowid: i64, f: impl FnOnce(RawRow<'_>)) -> Result<bool> {
        self.with(|statements| {
            statements.get(Sql::Row)?.query([rowid.into()], |rows| {
                let Some(row) = rows.next()? else {
                    return Ok(false);
                };
                f(RawRow::new(rowid, row.column(0)?, row.column(1)?));
                Ok(true)
            })
        })
    }
}
