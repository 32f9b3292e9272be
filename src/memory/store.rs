//! The current state of a vault in memory, and the lock of those who write.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use crate::engine::{
    Deadline, DeferredErrors, EngineStats, FairMutex, MapId, ProcessId, Refusal, RowOrder,
};
use crate::error::{Error, Location, Result};
use crate::memory::state::State;
use crate::memory::table::Table;

/// What the write lock protects: the right to replace the current state.
#[derive(Debug)]
struct Turn;

/// An open vault in memory.
pub(crate) struct Store {
    current: RwLock<State>,
    /// Locked by one thread at a time, for a write or a transaction. Writes are too short to be combined.
    writer: FairMutex<Turn, ()>,
    busy_timeout: Duration,
    deferred: DeferredErrors,
    process: ProcessId,
    /// Each reader holds a clone, so that they can be counted.
    reader_token: Arc<()>,
}

impl Store {
    /// Creates an empty map without a name.
    pub(crate) fn of_one_map(order: RowOrder, busy_timeout: Duration) -> Self {
        Self::new(State::of_one_map(order), busy_timeout)
    }

    /// Creates a place for maps with names.
    pub(crate) fn of_several(busy_timeout: Duration) -> Self {
        Self::new(State::of_several(), busy_timeout)
    }

    fn new(state: State, busy_timeout: Duration) -> Self {
        Self {
            current: RwLock::new(state),
            writer: FairMutex::new(Turn),
            busy_timeout,
            deferred: DeferredErrors::default(),
            process: ProcessId::current(),
            reader_token: Arc::new(()),
        }
    }

    pub(crate) fn stats(&self) -> EngineStats {
        EngineStats {
            file_bytes: self.memory(),
            readers_open: Arc::strong_count(&self.reader_token) - 1,
            ..EngineStats::default()
        }
    }

    /// Returns the approximate memory of all entries in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.current().memory()
    }

    /// Returns [`Error::Forked`] in a child of the process that opened the vault, which has a copy of it.
    #[inline]
    pub(super) fn check_fork(&self) -> Result<()> {
        self.process.check(|| Location::Memory)
    }

    pub(super) fn reader_token(&self) -> Arc<()> {
        Arc::clone(&self.reader_token)
    }

    /// Returns the current state, and keeps it from changing until the guard is dropped. No code of a user
    /// runs until then.
    pub(super) fn current(&self) -> RwLockReadGuard<'_, State> {
        // A change of the state does not panic half-way.
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a clone of the current state.
    pub(super) fn snapshot(&self) -> State {
        self.current().clone()
    }

    /// Replaces the current state. The caller has the write lock.
    pub(super) fn replace(&self, state: State) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, state);
        drop(current);
        // Freeing the entries of the old state may take long, so nobody waits for it.
        drop(old);
    }

    /// Changes the table of a map in place. The caller has the write lock.
    pub(super) fn change<R>(
        &self,
        map: MapId,
        f: impl FnOnce(&mut Table) -> Result<R>,
    ) -> Result<R> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        f(current.table_mut(map)?)
    }

    /// Acquires the write lock, which [`unlock_writer`](Self::unlock_writer) releases.
    pub(super) fn lock_writer(&self) -> Result<()> {
        self.take_deferred_error()?;
        let deadline = Deadline::new(self.busy_timeout);
        match self.writer.acquire(self.busy_timeout) {
            Ok(Turn) => Ok(()),
            Err(Refusal::Reentrant) => Err(Error::Reentrant {
                location: Location::Memory,
            }),
            Err(Refusal::TimedOut) => Err(Error::Busy {
                location: Location::Memory,
                waited: deadline.elapsed(),
            }),
        }
    }

    /// Releases the write lock. In a child of the process the lock is the parent's.
    pub(super) fn unlock_writer(&self) {
        if !self.process.is_parent() {
            self.writer.release(Turn);
        }
    }

    pub(super) fn defer_error(&self, error: Error) {
        self.deferred.push(error);
    }

    pub(super) fn take_deferred_error(&self) -> Result<()> {
        self.check_fork()?;
        self.deferred.take(|| Location::Memory)
    }

    pub(super) fn copy_value(&self, map: MapId, key: &[u8]) -> Result<Option<Arc<[u8]>>> {
        let current = self.current();
        let found = current.table(map)?.get(key);
        Ok(found.map(|(_, value)| Arc::clone(value)))
    }
}
