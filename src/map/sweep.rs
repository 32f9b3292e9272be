//! A scan of all rows in one write transaction.

use crate::error::{Error, Result};
use crate::sqlite::{Columns, Cursor, Direction, RawRow, Scope, WriteTransaction};

/// A walk over every row with the right to change them, which ends with it.
pub(crate) struct Sweep<'a> {
    cursor: Cursor,
    state: State<'a>,
}

#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and the large one is the common one"
)]
enum State<'a> {
    Open(Scope<'a>),
    /// It could not begin: the first item says why.
    Failed(Error),
    /// Committed, or rolled back after an error.
    Ended,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(scope: Result<Scope<'a>>) -> Self {
        Self {
            cursor: Cursor::new(Columns::Both),
            state: scope.map_or_else(State::Failed, State::Open),
        }
    }

    /// The next row for which `f` has an item. An error ends the walk and rolls all of it
    /// back, so that no entry is lost with an item that never came out.
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
                self.cursor.fill(transaction.session()?, direction)?;
                let Some(row) = self.cursor.take(direction) else {
                    return Ok(None);
                };
                if let Some(item) = f(transaction, row)? {
                    return Ok(Some(item));
                }
            }
        };
        step().inspect_err(|_| self.state = State::Ended)
    }

    /// Commits with what `finish` still has to do, if it is open.
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
