//! The extent of a write: a transaction of its own, or a part of one that continues.

use std::cell::RefMut;
use std::rc::Rc;
use std::thread;

use crate::backend::{Backend, Writer};
use crate::encoding::key_order::KeyComparison;
use crate::engine::{
    Cursor, Direction, End, KeyRange, MapId, Position, RawEntry, Read as _, Write as _, WriteOp,
};
use crate::entry::map_locks::SharedUse;
use crate::entry::shared_transaction::{Savepoint, SharedTransaction};
use crate::error::{Error, Location, Result};

/// A view of one map in a write transaction. The transaction rolls back when its last view is dropped.
pub(crate) struct WriteTransaction {
    shared: Rc<SharedTransaction>,
    map: MapId,
    /// How keys compare, if each write checks it.
    comparison: Option<KeyComparison>,
    /// Whether a scope of this view has the map, so that other views must not write to it.
    has_map: bool,
    /// Where the map is, if that is another file than that of the transaction. Then each call returns an error.
    elsewhere: Option<Location>,
}

impl WriteTransaction {
    /// Begins a transaction with one view. Blocks for at most the busy timeout.
    pub(crate) fn begin(
        backend: &Backend,
        map: MapId,
        comparison: Option<KeyComparison>,
    ) -> Result<Self> {
        let shared = SharedTransaction::begin(backend)?;
        Ok(Self::of(shared, map, comparison))
    }

    /// Returns a view of a map.
    pub(crate) const fn of(
        shared: Rc<SharedTransaction>,
        map: MapId,
        comparison: Option<KeyComparison>,
    ) -> Self {
        Self {
            shared,
            map,
            comparison,
            has_map: false,
            elsewhere: None,
        }
    }

    /// Returns a view of a map that is not in the file of the transaction. Each call returns an error.
    pub(crate) fn of_other_file(
        shared: Rc<SharedTransaction>,
        map: MapId,
        location: Location,
    ) -> Self {
        Self {
            elsewhere: Some(location),
            ..Self::of(shared, map, None)
        }
    }

    /// Borrows what reads and writes, for one call of the engine.
    #[inline]
    pub(crate) fn writer(&self) -> Result<RefMut<'_, Writer>> {
        if let Some(elsewhere) = &self.elsewhere {
            return Err(self.other_file(elsewhere));
        }
        self.shared.writer()
    }

    #[cold]
    fn other_file(&self, elsewhere: &Location) -> Error {
        Error::OtherFile {
            location: self.shared.backend().location(),
            other: elsewhere.clone(),
        }
    }

    /// Which map it is a view of.
    pub(crate) const fn map(&self) -> MapId {
        self.map
    }

    // ---- sharing the map with other views -----------------------------------------

    /// Returns an error if another view has the map or iterates over it.
    #[inline]
    fn check_free(&self) -> Result<()> {
        if self.has_map {
            return Ok(());
        }
        self.shared.check_unlocked(self.map)
    }

    /// Keeps other views from writing to the map. Returns `false` if it does so already.
    fn take_map(&mut self) -> Result<bool> {
        if self.has_map {
            return Ok(false);
        }
        if !self.shared.locks.take(self.map) {
            return Err(self.shared.reentrant());
        }
        self.has_map = true;
        Ok(true)
    }

    fn give_back_map(&mut self) {
        self.has_map = false;
        self.shared.locks.give_back(self.map);
    }

    /// Notes an iterator over the map, which lives as long as the result.
    pub(crate) fn share_map(&self) -> Result<Option<SharedUse>> {
        if self.has_map {
            return Ok(None);
        }
        match self.shared.locks.share(self.map) {
            Some(shared) => Ok(Some(shared)),
            None => Err(self.shared.reentrant()),
        }
    }

    // ---- reading ------------------------------------------------------------------

    #[inline]
    pub(crate) fn find<R>(
        &mut self,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        self.writer()?.find(self.map, key, f)
    }

    pub(crate) fn contains(&mut self, key: &[u8]) -> Result<bool> {
        self.writer()?.contains(self.map, key)
    }

    pub(crate) fn len(&mut self) -> Result<u64> {
        self.writer()?.len(self.map)
    }

    pub(crate) fn known_len(&mut self) -> Option<u64> {
        self.writer().ok()?.known_len(self.map)
    }

    pub(crate) fn is_empty(&mut self) -> Result<bool> {
        self.writer()?.is_empty(self.map)
    }

    pub(crate) fn at_end(&mut self, end: End) -> Result<Option<RawEntry>> {
        self.writer()?.at_end(self.map, end)
    }

    /// Reads the next batch of a cursor, if it needs one.
    pub(crate) fn prefetch(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        cursor.prefetch(&mut *self.writer()?, self.map, direction)
    }

    // ---- writing ------------------------------------------------------------------

    /// Returns an error if a new key does not compare with its neighbours as its bytes do.
    #[inline]
    fn check_key_order(&mut self, key: &[u8]) -> Result<()> {
        match self.comparison {
            Some(comparison) => comparison.check_neighbours(&mut *self.writer()?, self.map, key),
            None => Ok(()),
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.check_key_order(key)?;
        self.writer()?.put(self.map, key, value)
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
        self.writer()?.put_at(self.map, position, key, value)
    }

    pub(crate) fn update(&mut self, position: Position, key: &[u8], value: &[u8]) -> Result<()> {
        self.writer()?.update(self.map, position, key, value)
    }

    pub(crate) fn set_key(
        &mut self,
        position: Position,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.writer()?.set_key(self.map, position, keys, value)
    }

    pub(crate) fn insert_at(
        &mut self,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        self.writer()?.insert_at(self.map, position, key, value)
    }

    pub(crate) fn delete(&mut self, key: &[u8]) -> Result<bool> {
        self.writer()?.delete(self.map, key)
    }

    pub(crate) fn delete_at(&mut self, position: Position, key: &[u8]) -> Result<()> {
        self.writer()?.delete_at(self.map, position, key)
    }

    pub(crate) fn clear(&mut self) -> Result<()> {
        self.writer()?.clear(self.map)
    }

    /// Removes the entries of a map in key order whose keys are in `range`, and returns their number.
    pub(crate) fn delete_range(&mut self, range: &KeyRange) -> Result<u64> {
        self.writer()?.delete_range(self.map, range)
    }

    pub(crate) fn apply(&mut self, op: &WriteOp) -> Result<()> {
        self.check_free()?;
        self.check_order_of(op)?;
        self.writer()?.apply(self.map, op)
    }

    pub(crate) fn swap<R>(
        &mut self,
        op: &WriteOp,
        decode: impl FnOnce(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        self.check_free()?;
        self.check_order_of(op)?;
        self.writer()?.swap(self.map, op, decode)
    }

    fn check_order_of(&mut self, op: &WriteOp) -> Result<()> {
        match op {
            WriteOp::Put { key, .. } => self.check_key_order(key),
            WriteOp::Delete { .. } => Ok(()),
        }
    }
}

/// A scope of a view, which has the map until it is dropped.
pub(crate) struct Part<'a> {
    transaction: &'a mut WriteTransaction,
    /// Whether this scope has taken the map, and not one around it.
    has_taken: bool,
}

impl<'a> Part<'a> {
    fn begin(transaction: &'a mut WriteTransaction) -> Result<Self> {
        Ok(Self {
            has_taken: transaction.take_map()?,
            transaction,
        })
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if self.has_taken {
            self.transaction.give_back_map();
        }
    }
}

/// What the writes of one call belong to. It rolls back what is its own when it is dropped.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and the large one is the common one"
)]
pub(crate) enum WriteScope<'a> {
    /// A transaction of its own, or a view of one that another value ends.
    Own(WriteTransaction),
    /// One statement of a transaction, which is atomic anyway.
    Statement(Part<'a>),
    /// Several statements of a transaction.
    Savepoint(Savepoint, Part<'a>),
}

impl<'a> WriteScope<'a> {
    /// Begins one statement of a transaction.
    pub(crate) fn statement(transaction: &'a mut WriteTransaction) -> Result<Self> {
        Part::begin(transaction).map(Self::Statement)
    }

    /// Begins several statements of a transaction, which take effect together or not at all.
    pub(crate) fn savepoint(transaction: &'a mut WriteTransaction) -> Result<Self> {
        // A map of another file is refused before a savepoint of this one begins.
        drop(transaction.writer()?);
        let part = Part::begin(transaction)?;
        let savepoint = Savepoint::begin(&part.transaction.shared)?;
        Ok(Self::Savepoint(savepoint, part))
    }
}

impl WriteScope<'_> {
    /// The transaction, to read and to write with.
    #[inline]
    pub(crate) const fn transaction(&mut self) -> &mut WriteTransaction {
        match self {
            Self::Own(transaction) => transaction,
            Self::Statement(part) | Self::Savepoint(_, part) => part.transaction,
        }
    }

    /// Commits what is its own.
    pub(crate) fn commit(self) -> Result<()> {
        match self {
            Self::Own(transaction) => transaction.shared.commit(),
            Self::Statement(_) => Ok(()),
            Self::Savepoint(mut savepoint, _part) => savepoint.release(),
        }
    }

    /// Undoes what is its own.
    pub(crate) fn rollback(self) -> Result<()> {
        match self {
            Self::Own(transaction) => transaction.shared.rollback(),
            Self::Statement(_) => Ok(()),
            Self::Savepoint(mut savepoint, _part) => savepoint.rollback(),
        }
    }

    /// Runs `f` and commits. An error rolls back what is its own.
    pub(crate) fn run<R, E: From<Error>>(
        mut self,
        f: impl FnOnce(&mut WriteTransaction) -> Result<R, E>,
    ) -> Result<R, E> {
        let result = f(self.transaction())?;
        self.commit()?;
        Ok(result)
    }

    /// Does the same in a destructor, which cannot return an error. The error is kept for the commit of the transaction
    /// around it or, if there is none, for the next write. Rolls back during unwinding.
    pub(crate) fn commit_in_drop(
        mut self,
        finish: impl FnOnce(&mut WriteTransaction) -> Result<()>,
    ) {
        if thread::panicking() {
            return;
        }
        let finished = finish(self.transaction());
        match self {
            Self::Own(transaction) => {
                let shared = &transaction.shared;
                if let Err(error) = finished.and_then(|()| shared.commit()) {
                    shared.defer_error(error);
                }
            }
            Self::Statement(part) => {
                if let Err(error) = finished {
                    part.transaction.shared.fail(error);
                }
            }
            Self::Savepoint(mut savepoint, part) => {
                if let Err(error) = finished.and_then(|()| savepoint.release()) {
                    // What it has written is undone, before the error is kept for the part around it.
                    drop(savepoint);
                    part.transaction.shared.fail(error);
                }
            }
        }
    }
}
