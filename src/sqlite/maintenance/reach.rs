//! Reading every row that can be reached in a file that may be damaged.

use crate::engine::{
    Columns, Direction, KeyRange, MapId, Obstacles, Position, PositionRange, RawRow, RowOrder,
};
use crate::error::{Error, Result};
use crate::sqlite::connection::dict_rows::DictRows;
use crate::sqlite::connection::dict_sql::DictSql as Sql;
use crate::sqlite::connection::rows::{LEAST_ROW_BYTES, raw_row};
use crate::sqlite::connection::session::Session;
use crate::sqlite::reader::Reader;

impl Reader {
    /// Passes every row that can be reached to `f`, each once.
    ///
    /// It scans the table from its first row. If that ends at damage, it scans backward from the last row,
    /// and then looks up each row in between that the index lists.
    ///
    /// A sorted map has no index beside its table.
    pub(crate) fn reach_all(
        &mut self,
        map: MapId,
        mut f: impl FnMut(RawRow<'_>),
    ) -> Result<Obstacles> {
        let session = self.session()?;
        if map.order == RowOrder::Key {
            return Ok(reach_sorted(session, map.number, &mut f));
        }
        let mut unread = Some(PositionRange::ALL);
        let rows = &mut session.dict(map.number);
        let Err(error) = scan_unread(rows, Direction::Forward, &mut unread, &mut f) else {
            return Ok(Obstacles::default());
        };
        let mut unreadable = 0;
        // An error of the disk has ended the transaction. Other rows would be of another state.
        if rows.session.is_in_transaction()
            && scan_unread(rows, Direction::Backward, &mut unread, &mut f).is_err()
        {
            unreadable = look_up(rows, unread, &mut f);
        }
        Ok(Obstacles {
            error: Some(error),
            unreadable,
        })
    }

    /// Returns the number of rows, or 0 if the index and the table are damaged.
    pub(crate) fn count_any(&mut self, map: MapId) -> Result<u64> {
        let session = self.session()?;
        match map.order {
            RowOrder::Insertion => session.dict(map.number).count_any(),
            RowOrder::Key => match session.sorted(map.number).count() {
                Err(Error::Corrupt { .. }) => Ok(0),
                count => count,
            },
        }
    }
}

/// Passes every row of a sorted map that can be reached from one of its ends to `f`, each once.
fn reach_sorted(session: &mut Session, map: u32, f: &mut impl FnMut(RawRow<'_>)) -> Obstacles {
    let mut unread = KeyRange::ALL;
    let mut scan = |session: &mut Session, direction| {
        let range = unread.clone();
        session
            .sorted(map)
            .scan(Columns::Both, direction, &range, |row| {
                unread = unread.after(row.key_or_empty(), direction);
                f(row);
                true
            })
    };
    let Err(error) = scan(session, Direction::Forward) else {
        return Obstacles::default();
    };
    // An error of the disk has ended the transaction. Other rows would be of another state.
    if session.is_in_transaction() {
        // The first error is the one that is returned.
        scan(session, Direction::Backward).ok();
    }
    Obstacles {
        error: Some(error),
        unreadable: 0,
    }
}

/// Passes the unread rows in that direction to `f`, up to the first one that cannot be read.
fn scan_unread(
    rows: &mut DictRows<'_>,
    direction: Direction,
    unread: &mut Option<PositionRange>,
    f: &mut impl FnMut(RawRow<'_>),
) -> Result<()> {
    let Some(span) = *unread else {
        return Ok(());
    };
    rows.scan_positions(Columns::Both, direction, span, |row| {
        *unread = unread.and_then(|span| span.after(row.position, direction));
        f(row);
        true
    })
}

/// Passes the unread rows that the index lists to `f`, and returns the number of those that cannot be read.
fn look_up(
    rows: &mut DictRows<'_>,
    unread: Option<PositionRange>,
    f: &mut impl FnMut(RawRow<'_>),
) -> u64 {
    let Some(span) = unread else {
        return 0;
    };
    // Eight bytes for each row: the index is in the order of the keys, and a damaged one may list a row
    // twice.
    let mut positions = rows.indexed_positions(span);
    positions.sort_unstable();
    positions.dedup();
    let mut unreadable = 0;
    for position in positions {
        let found = rows.row(position, &mut *f);
        unreadable += u64::from(!matches!(found, Ok(true)));
    }
    unreadable
}

impl DictRows<'_> {
    /// Returns the positions of this span that the index lists, as far as it can be read, in no order.
    fn indexed_positions(&mut self, span: PositionRange) -> Vec<Position> {
        let most = self.session.bytes().unwrap_or(0) / LEAST_ROW_BYTES;
        let mut positions = Vec::new();
        // An error ends the list, and the rows in it are still looked up.
        let _ = self.with(|statements| {
            statements
                .get(Sql::IndexedRowids)?
                .query([most.into()], |rows| {
                    while let Some(row) = rows.next()? {
                        // Not in SQL, because the limit is on the rows that are read: a damaged index may
                        // lead to its own beginning.
                        let position = Position(row.integer(0));
                        positions
                            .extend(Some(position).filter(|&position| span.contains(position)));
                    }
                    Ok(())
                })
        });
        positions
    }

    /// Passes the row at `position` to `f`. Returns `false` if there is none.
    fn row(&mut self, position: Position, f: impl FnOnce(RawRow<'_>)) -> Result<bool> {
        self.with(|statements| {
            statements
                .get(Sql::Row)?
                .query([position.0.into()], |rows| {
                    let Some(row) = rows.next()? else {
                        return Ok(false);
                    };
                    f(raw_row(position.0, row.column(0)?, row.column(1)?));
                    Ok(true)
                })
        })
    }
}
