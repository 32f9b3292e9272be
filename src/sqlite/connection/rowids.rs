//! Rowids: a new one follows the last. If that is impossible, the rows are numbered again.

use crate::engine::{Columns, Direction, End, Position, PositionRange};
use crate::error::{Error, Location, Result};
use crate::sqlite::connection::dict_rows::{DictRows, MANY_ROWIDS};
use crate::sqlite::connection::dict_sql::DictSql as Sql;

/// How many rows are moved between two scans.
const BATCH_ROWS: usize = 512;

impl DictRows<'_> {
    /// Gives the rows consecutive rowids in their order, in a transaction of its own, if the last
    /// rowid is a large one. `false` if another process has the write lock.
    pub(in crate::sqlite) fn renumber(&mut self) -> Result<bool> {
        let last = self.position_at(End::Last)?;
        if last.is_none_or(|last| last.0 < MANY_ROWIDS) {
            return Ok(true);
        }
        if !self.session.try_begin_write()? {
            return Ok(false);
        }
        let renumbered = self.move_rows().and_then(|()| self.session.commit());
        if renumbered.is_err() {
            // A transaction that stays open is met by the next one.
            self.session.rollback().ok();
        }
        renumbered.map(|_| true)
    }

    /// No row moves up, so each row finds its new place free if they are moved in ascending order.
    fn move_rows(&mut self) -> Result<()> {
        let first = self.position_at(End::First)?;
        let mut next = first.map_or(1, |first| first.0.min(1));
        let mut unread = Some(PositionRange::ALL);
        while let Some(span) = unread {
            let mut positions = Vec::with_capacity(BATCH_ROWS);
            self.scan_positions(Columns::Key, Direction::Forward, span, |row| {
                positions.push(row.position);
                positions.len() < BATCH_ROWS
            })?;
            unread = positions
                .last()
                .and_then(|&last| span.after(last, Direction::Forward));
            for position in positions {
                if position.0 != next {
                    self.move_row(position, Position(next))?;
                }
                next += 1;
            }
        }
        Ok(())
    }

    /// Checks that a row that was just inserted is the last one, and removes it if it is not.
    #[cold]
    pub(in crate::sqlite) fn keep_at_end(&mut self, inserted: Position) -> Result<()> {
        if self.position_at(End::Last)? == Some(inserted) {
            return Ok(());
        }
        self.delete_at(inserted)?;
        Err(Error::OutOfRowids {
            location: Location::file(self.session.path()),
        })
    }

    /// Returns the position of the first or the last row.
    fn position_at(&mut self, end: End) -> Result<Option<Position>> {
        let direction = match end {
            End::First => Direction::Forward,
            End::Last => Direction::Backward,
        };
        let mut found = None;
        self.scan_positions(Columns::Key, direction, PositionRange::ALL, |row| {
            found = Some(row.position);
            false
        })?;
        Ok(found)
    }

    /// Moves a row to a position at which there is none.
    fn move_row(&mut self, from: Position, to: Position) -> Result<()> {
        let moved = [from.0.into(), to.0.into()];
        self.with(|statements| statements.change(Sql::MoveRow, moved))
            .map(drop)
    }
}
