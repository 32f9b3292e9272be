//! The extent of a write: a transaction of its own, or a part of one that continues.

use std::thread;

use crate::backend::{Backend, Writer};
use crate::encoding::key_order::KeyComparison;
use crate::engine::{
    Cursor, Direction, End, KeyRange, MapId, Position, RawEntry, Read as _, Write as _, WriteOp,
};
use crate::error::{Error, Result};

/// A write transaction on one map. It rolls back when it is dropped.
pub(crate) struct WriteTransaction {
    writer: Writer,
    map: MapId,
    /// How keys compare, if each write checks it.
    comparison: Option<KeyComparison>,
    /// The error of a destructor inside the transaction, which can then not be committed.
    failure: Option<Error>,
}

impl WriteTransaction {
    /// Begins a transaction. Blocks for at most the busy timeout.
    pub(crate) fn begin(
        backend: &Backend,
        map: MapId,
        comparison: Option<KeyComparison>,
    ) -> Result<Self> {
        Ok(Self {
            writer: backend.begin_write()?,
            map,
            comparison,
            failure: None,
        })
    }

    /// Returns what reads, and the map that it is about.
    pub(crate) const fn parts(&mut self) -> (&mut Writer, MapId) {
        (&mut self.writer, self.map)
    }

    // ---- reading ------------------------------------------------------------------

    #[inline]
    pub(crate) fn find<R>(
        &mut self,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        self.writer.find(self.map, key, f)
    }

    pub(crate) fn contains(&mut self, key: &[u8]) -> Result<bool> {
        self.writer.contains(self.map, key)
    }

    pub(crate) fn len(&mut self) -> Result<u64> {
        self.writer.len(self.map)
    }

    pub(crate) fn known_len(&mut self) -> Option<u64> {
        self.writer.known_len(self.map)
    }

    pub(crate) fn is_empty(&mut self) -> Result<bool> {
        self.writer.is_empty(self.map)
    }

    pub(crate) fn at_end(&mut self, end: End) -> Result<Option<RawEntry>> {
        self.writer.at_end(self.map, end)
    }

    /// Reads the next batch of a cursor, if it needs one.
    pub(crate) fn prefetch(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        cursor.prefetch(&mut self.writer, self.map, direction)
    }

    // ---- writing ------------------------------------------------------------------

    /// Returns an error if a new key does not compare with its neighbours as its bytes do.
    #[inline]
    fn check_key_order(&mut self, key: &[u8]) -> Result<()> {
        match self.comparison {
            Some(comparison) => comparison.check_neighbours(&mut self.writer, self.map, key),
            None => Ok(()),
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.check_key_order(key)?;
        self.writer.put(self.map, key, value)
    }

    /// Writes an entry that was looked up in this transaction, and found at `position` if it is present.
    pub(crate) fn put_at(
        &mut self,
        position: Option<Position>,
        key: &[u8],
        value: &[u8],
    ) -> Result<()> {
        if position.is_none() {
            self.check_key_order(key)?;
        }
        self.writer.put_at(self.map, position, key, value)
    }

    pub(crate) fn update(&mut self, position: Position, key: &[u8], value: &[u8]) -> Result<()> {
        self.writer.update(self.map, position, key, value)
    }

    pub(crate) fn set_key(
        &mut self,
        position: Position,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.writer.set_key(self.map, position, keys, value)
    }

    pub(crate) fn insert_at(
        &mut self,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        self.writer.insert_at(self.map, position, key, value)
    }

    pub(crate) fn delete(&mut self, key: &[u8]) -> Result<bool> {
        self.writer.delete(self.map, key)
    }

    pub(crate) fn delete_at(&mut self, position: Position, key: &[u8]) -> Result<()> {
        self.writer.delete_at(self.map, position, key)
    }

    pub(crate) fn clear(&mut self) -> Result<()> {
        self.writer.clear(self.map)
    }

    /// Removes the entries of a map in key order whose keys are in `range`, and returns their number.
    pub(crate) fn delete_range(&mut self, range: &KeyRange) -> Result<u64> {
        self.writer.delete_range(self.map, range)
    }

    pub(crate) fn apply(&mut self, op: &WriteOp) -> Result<()> {
        self.check_order_of(op)?;
        self.writer.apply(self.map, op)
    }

    pub(crate) fn swap<R>(
        &mut self,
        op: &WriteOp,
        decode: impl FnOnce(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        self.check_order_of(op)?;
        self.writer.swap(self.map, op, decode)
    }

    fn check_order_of(&mut self, op: &WriteOp) -> Result<()> {
        match op {
            WriteOp::Put { key, .. } => self.check_key_order(key),
            WriteOp::Delete { .. } => Ok(()),
        }
    }

    // ---- ending -------------------------------------------------------------------

    /// Keeps the error of a destructor for the commit to return.
    fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// Returns the error of a destructor, once.
    fn take_failure(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn commit(&mut self) -> Result<()> {
        self.take_failure()?;
        self.writer.commit()
    }

    /// Runs `finish` and commits in a destructor, which cannot return an error.
    fn commit_in_drop(mut self, finish: impl FnOnce(&mut Self) -> Result<()>) {
        // The error is kept before the next thread acquires the write lock.
        if let Err(error) = finish(&mut self).and_then(|()| self.commit()) {
            self.writer.defer_error(error);
        }
    }
}

/// A part of a transaction that can be rolled back by itself, and is when it is dropped.
pub(crate) struct Savepoint<'a> {
    transaction: &'a mut WriteTransaction,
    /// An earlier failure of the transaction, which this part does not return.
    failure_before: Option<Error>,
    is_open: bool,
}

impl<'a> Savepoint<'a> {
    pub(crate) fn begin(transaction: &'a mut WriteTransaction) -> Result<Self> {
        transaction.writer.savepoint()?;
        Ok(Self {
            failure_before: transaction.failure.take(),
            transaction,
            is_open: true,
        })
    }

    /// Keeps what was written as a part of the transaction. An error rolls it back.
    fn release(&mut self) -> Result<()> {
        self.transaction.take_failure()?;
        self.transaction.writer.release()?;
        self.is_open = false;
        Ok(())
    }

    /// Runs `finish` and [releases](Self::release) in a destructor. After an error, the transaction cannot be
    /// committed.
    fn release_in_drop(mut self, finish: impl FnOnce(&mut WriteTransaction) -> Result<()>) {
        if let Err(error) = finish(self.transaction).and_then(|()| self.release()) {
            self.failure_before.get_or_insert(error);
        }
    }

    /// Rolls back what was written since it began.
    fn rollback(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.is_open, false) {
            return Ok(());
        }
        self.transaction.writer.rollback_to()
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.rollback() {
            self.failure_before.get_or_insert(error);
        }
        // The failures of a part that was rolled back are rolled back with it.
        self.transaction.failure = self.failure_before.take();
    }
}

/// The right to write, and what ends with it. It rolls back when it is dropped.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and the large one is the common one"
)]
pub(crate) enum WriteScope<'a> {
    /// A transaction of its own, which is committed with the write.
    Own(WriteTransaction),
    /// One statement of a transaction that continues. It takes effect as a whole by itself.
    Statement(&'a mut WriteTransaction),
    /// Several statements of a transaction that continues.
    Savepoint(Savepoint<'a>),
}

impl WriteScope<'_> {
    pub(crate) const fn transaction(&mut self) -> &mut WriteTransaction {
        match self {
            Self::Own(transaction) => transaction,
            Self::Statement(transaction) => transaction,
            Self::Savepoint(savepoint) => savepoint.transaction,
        }
    }

    /// Keeps what was written.
    pub(crate) fn commit(self) -> Result<()> {
        match self {
            Self::Own(mut transaction) => transaction.commit(),
            Self::Statement(_) => Ok(()),
            Self::Savepoint(mut savepoint) => savepoint.release(),
        }
    }

    /// Undoes what was written, except for a statement, which has taken effect.
    pub(crate) fn rollback(self) -> Result<()> {
        match self {
            Self::Own(mut transaction) => transaction.writer.rollback(),
            Self::Statement(_) => Ok(()),
            Self::Savepoint(mut savepoint) => savepoint.rollback(),
        }
    }

    /// Runs `f` and keeps what it writes. An error undoes it.
    pub(crate) fn run<R, E: From<Error>>(
        mut self,
        f: impl FnOnce(&mut WriteTransaction) -> Result<R, E>,
    ) -> Result<R, E> {
        let result = f(self.transaction())?;
        self.commit()?;
        Ok(result)
    }

    /// Runs `finish` and keeps everything in a destructor.
    ///
    /// An error is returned by the next write or, inside a transaction, by its commit. While unwinding from
    /// a panic, everything is undone.
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
