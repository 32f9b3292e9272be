//! A scan of all rows in one write transaction.

use crate::engine::{Columns, Cursor, Direction, KeyRange, RawRow};
use crate::entry::scope::{WriteScope, WriteTransaction};
use crate::error::{Error, Result};

/// A scan of every row that may change rows, in a transaction that ends with the scan.
pub(crate) struct WriteScan<'a> {
    cursor: Cursor,
    state: State<'a>,
}

#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and the large one is the common one"
)]
enum State<'a> {
    Open(WriteScope<'a>),
    /// The transaction could not begin: the first item is the error.
    Failed(Error),
    /// Committed, or rolled back after an error.
    Ended,
}

impl<'a> WriteScan<'a> {
    pub(crate) fn new(scope: Result<WriteScope<'a>>) -> Self {
        Self::with_cursor(scope, Cursor::new(Columns::Both))
    }

    /// Returns a scan of the rows whose keys are in `range`.
    pub(crate) fn in_range(scope: Result<WriteScope<'a>>, range: KeyRange) -> Self {
        Self::with_cursor(scope, Cursor::in_range(Columns::Both, range))
    }

    /// Returns a scan that could not begin: its first item is the error.
    pub(crate) fn failed(error: Error) -> Self {
        Self::with_cursor(Err(error), Cursor::new(Columns::Both))
    }

    fn with_cursor(scope: Result<WriteScope<'a>>, cursor: Cursor) -> Self {
        Self {
            cursor,
            state: scope.map_or_else(State::Failed, State::Open),
        }
    }

    /// Returns the next item that `f` makes of a row. An error ends the scan and rolls back all of it,
    /// so that no entry is lost with an item that was never returned.
    pub(crate) fn next<T, E: From<Error>>(
        &mut self,
        direction: Direction,
        mut f: impl FnMut(&mut WriteTransaction, RawRow<'_>) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let State::Open(scope) = &mut self.state else {
            self.end(|_| Ok(()))?;
            return Ok(None);
        };
        let transaction = scope.transaction();
        let mut step = || {
            loop {
                transaction.prefetch(&mut self.cursor, direction)?;
                let Some(row) = self.cursor.next(direction) else {
                    return Ok(None);
                };
                if let Some(item) = f(transaction, row)? {
                    return Ok(Some(item));
                }
            }
        };
        step().inspect_err(|_| self.state = State::Ended)
    }

    /// Calls `f` for each row in the order of the map, and commits.
    pub(crate) fn for_each_row<E: From<Error>>(
        mut self,
        mut f: impl FnMut(&mut WriteTransaction, RawRow<'_>) -> Result<(), E>,
        finish: impl FnOnce(&mut WriteTransaction) -> Result<()>,
    ) -> Result<(), E> {
        self.next(Direction::Forward, |transaction, row| {
            f(transaction, row).map(|()| None::<()>)
        })?;
        Ok(self.end(finish)?)
    }

    /// Runs `finish` and commits, if the scan has not ended.
    pub(crate) fn end(
        &mut self,
        finish: impl FnOnce(&mut WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Open(scope) => scope.run(finish),
            State::Failed(error) => Err(error),
            State::Ended => Ok(()),
        }
    }

    pub(crate) fn end_in_drop(&mut self, finish: impl FnOnce(&mut WriteTransaction) -> Result<()>) {
        if let State::Open(scope) = std::mem::replace(&mut self.state, State::Ended) {
            scope.commit_in_drop(finish);
        }
    }
}
