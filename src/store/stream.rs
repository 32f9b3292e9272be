//! Walking the table a row at a time, where it is read, in a transaction that serves nothing else.

use std::sync::Arc;

use super::Store;
use super::scan::{Direction, Met, ReadTransaction, Rows, Unread};
use super::session::RawRow;
use super::statements::Columns;
use crate::error::Result;

/// A walk over the rows of one state, in the order of insertion, from both ends.
pub(crate) struct Stream {
    transaction: ReadTransaction,
    columns: Columns,
    /// `None` when the ends have met.
    unread: Option<Unread>,
    /// The scans from the front and from the back, once they run.
    front: bool,
    back: bool,
}

impl Stream {
    /// A walk over the state of now.
    pub(crate) fn begin(store: &Arc<Store>, columns: Columns) -> Result<Self> {
        Ok(Self {
            transaction: ReadTransaction::begin_now(store)?,
            columns,
            unread: Some(Unread::ALL),
            front: false,
            back: false,
        })
    }
}

impl Rows for Stream {
    fn next(&mut self, direction: Direction) -> Result<Option<RawRow<'_>>> {
        let Some(unread) = self.unread.take() else {
            return Ok(None);
        };
        let (sql, first) = unread.scan(direction, self.columns);
        let session = self.transaction.session()?;
        let is_running = match direction {
            Direction::Forward => &mut self.front,
            Direction::Backward => &mut self.back,
        };
        if !*is_running {
            session.start_scan(sql, first)?;
            *is_running = true;
        }
        let left = &mut self.unread;
        session.step_scan(sql, |rowid| {
            let met = unread.meet(direction, rowid)?;
            if let Met::Next(behind) = met {
                *left = behind;
            }
            Ok(matches!(met, Met::Next(_)))
        })
    }
}
