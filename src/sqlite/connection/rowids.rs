//! Rowids: a new one follows the last, and where that cannot be, rows are numbered anew.

use crate::engine::{Columns, End};
use crate::error::{Error, Result};
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::statements::Sql;

/// New rowids below this one follow the last. Where the last is the largest there is, SQLite
/// chooses at random between 1 and 2^62 (<https://www.sqlite.org/autoinc.html>): one in 2^30 of those is
/// below this.
pub(in crate::sqlite) const MANY_ROWIDS: i64 = 1 << 32;

/// How many rows are moved between two scans.
const BATCH_ROWS: usize = 512;

impl Session {
    /// Gives the rows consecutive rowids in their order, in a transaction of its own, if the last
    /// rowid is a large one. `false` if another process has the write lock.
    pub(in crate::sqlite) fn renumber(&mut self) -> Result<bool> {
        if self
            .rowid_at(End::Last)?
            .is_none_or(|last| last < MANY_ROWIDS)
        {
            return Ok(true);
        }
        if !self.try_begin_write()? {
            return Ok(false);
        }
        let renumbered = self.move_rows().and_then(|()| self.commit());
        if renumbered.is_err() {
            // A transaction that stays open is met by the next one.
            self.rollback().ok();
        }
        renumbered.map(|_| true)
    }

    /// No row moves up, so that in ascending order each finds its new place free.
    fn move_rows(&mut self) -> Result<()> {
        let mut next = self.rowid_at(End::First)?.unwrap_or(1).min(1);
        let mut from = Some(i64::MIN);
        while let Some(first) = from {
            let mut rowids = Vec::with_capacity(BATCH_ROWS);
            self.scan(Sql::ScanForward(Columns::Key), first, |row| {
                rowids.push(row.rowid);
                rowids.len() < BATCH_ROWS
            })?;
            // A damaged tree may lead to its own beginning.
            if !rowids.is_sorted() || rowids.first().is_some_and(|&rowid| rowid < first) {
                return Err(self.corrupt("rows are not in their order"));
            }
            from = rowids.last().and_then(|last| last.checked_add(1));
            for rowid in rowids {
                if rowid != next {
                    self.move_row(rowid, next)?;
                }
                next += 1;
            }
        }
        Ok(())
    }

    /// Makes sure that a row that was just inserted is the last one. If it is not, it is removed.
    #[cold]
    pub(in crate::sqlite) fn keep_at_end(&mut self, rowid: i64) -> Result<()> {
        if self.rowid_at(End::Last)? == Some(rowid) {
            return Ok(());
        }
        self.delete_row(rowid)?;
        Err(Error::OutOfRowids {
            path: self.path().to_path_buf(),
        })
    }

    /// The rowid of the first or the last row.
    fn rowid_at(&mut self, end: End) -> Result<Option<i64>> {
        let (sql, first) = match end {
            End::First => (Sql::ScanForward(Columns::Key), i64::MIN),
            End::Last => (Sql::ScanBackward(Columns::Key), i64::MAX),
        };
        let mut found = None;
        self.scan(sql, first, |row| {
            found = Some(row.rowid);
            false
        })?;
        Ok(found)
    }

    /// Moves a row to another rowid, at which there is none.
    fn move_row(&mut self, from: i64, to: i64) -> Result<()> {
        let moved = [from.into(), to.into()];
        self.with(|statements| statements.change(Sql::MoveRow, moved))
            .map(drop)
    }
}
