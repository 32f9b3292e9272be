//! What a change belongs to: a transaction of its own, or a part of one.

use std::thread;

use crate::error::{Error, Result};
use crate::sqlite::write::transaction::{Savepoint, WriteTransaction};

/// The right to write, and what ends with it.
///
/// It is undone when it is dropped, as far as it can be told from what was there before.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and the large one is the common one"
)]
pub(crate) enum Scope<'a> {
    /// A transaction of its own, committed with the change.
    Own(WriteTransaction),
    /// One statement of a transaction that goes on: it is whole or not at all by itself.
    Statement(&'a mut WriteTransaction),
    /// Several statements of a transaction that goes on.
    Savepoint(Savepoint<'a>),
}

impl Scope<'_> {
    pub(crate) const fn transaction(&mut self) -> &mut WriteTransaction {
        match self {
            Self::Own(transaction) => transaction,
            Self::Statement(transaction) => transaction,
            Self::Savepoint(savepoint) => savepoint.transaction(),
        }
    }

    /// Keeps the change.
    pub(crate) fn commit(self) -> Result<()> {
        match self {
            Self::Own(transaction) => transaction.commit(),
            Self::Statement(_) => Ok(()),
            Self::Savepoint(savepoint) => savepoint.release(),
        }
    }

    /// Undoes the change, as far as it is not one statement, which has been made.
    pub(crate) fn rollback(self) -> Result<()> {
        match self {
            Self::Own(transaction) => transaction.rollback(),
            Self::Statement(_) => Ok(()),
            Self::Savepoint(savepoint) => savepoint.rollback(),
        }
    }

    /// Makes a change and keeps it; an error undoes it.
    pub(crate) fn run<R, E: From<Error>>(
        mut self,
        f: impl FnOnce(&mut WriteTransaction) -> Result<R, E>,
    ) -> Result<R, E> {
        let result = f(self.transaction())?;
        self.commit()?;
        Ok(result)
    }

    /// Makes a last change and keeps all, in a destructor: an error goes to the next call that writes or,
    /// within a transaction, to its commit. While unwinding everything is undone.
    pub(crate) fn commit_in_drop(self, finish: impl FnOnce(&mut WriteTransaction) -> Result<()>) {
        if thread::panicking() {
            return;
        }
        match self {
            Self::Own(transaction) => transaction.commit_in_drop(finish),
            Self::Statement(transaction) => {
                if let Err(error) = finish(transaction) {
                    transaction.fail(error);
                }
            }
            Self::Savepoint(savepoint) => savepoint.release_in_drop(finish),
        }
    }
}
