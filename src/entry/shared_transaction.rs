//! One write transaction of a file, which views of several maps share.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use crate::backend::{Backend, Writer};
use crate::engine::{MapId, Write as _};
use crate::entry::map_locks::MapLocks;
use crate::error::{Error, Result};

/// A write transaction. It rolls back when its last clone is dropped.
///
/// The writer is borrowed for one call of the engine at a time. So the views of several maps can be used in turns, and
/// code of the user that runs within such a call and comes back gets [`Error::Reentrant`].
pub(crate) struct SharedTransaction {
    backend: Backend,
    writer: RefCell<Writer>,
    /// The transaction itself, and its open savepoints from the outermost to the innermost.
    levels: RefCell<Vec<Level>>,
    pub(crate) locks: MapLocks,
}

/// A part of a transaction that ends by itself.
#[derive(Debug, Default)]
struct Level {
    /// The first error of a destructor in this part, which can then not be kept.
    failure: Option<Error>,
    /// Whether it was released while an inner one was open. Then it ends with the inner one.
    is_released: bool,
}

impl SharedTransaction {
    /// Begins a transaction. Blocks for at most the busy timeout.
    pub(crate) fn begin(backend: &Backend) -> Result<Rc<Self>> {
        Ok(Rc::new(Self {
            writer: RefCell::new(backend.begin_write()?),
            backend: backend.clone(),
            levels: RefCell::new(Vec::new()),
            locks: MapLocks::default(),
        }))
    }

    /// Returns the open file that it is of.
    pub(crate) const fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Borrows the writer for one call of the engine.
    #[inline]
    pub(crate) fn writer(&self) -> Result<RefMut<'_, Writer>> {
        match self.writer.try_borrow_mut() {
            Ok(writer) => Ok(writer),
            Err(_) => Err(self.reentrant()),
        }
    }

    #[cold]
    pub(crate) fn reentrant(&self) -> Error {
        Error::Reentrant {
            location: self.backend.location(),
        }
    }

    /// Returns an error if a scope of another view has the map, or another view iterates over it.
    #[inline]
    pub(crate) fn check_unlocked(&self, map: MapId) -> Result<()> {
        if self.locks.is_free(map) {
            return Ok(());
        }
        Err(self.reentrant())
    }

    // ---- errors of destructors ----------------------------------------------------

    /// Keeps the first error of a destructor in the innermost part.
    pub(crate) fn fail(&self, error: Error) {
        let mut levels = self.levels.borrow_mut();
        if levels.is_empty() {
            levels.push(Level::default());
        }
        if let Some(level) = levels.last_mut() {
            level.failure.get_or_insert(error);
        }
    }

    /// Returns the error of a destructor in a part, once.
    fn take_failure(&self, level: usize) -> Result<()> {
        let mut levels = self.levels.borrow_mut();
        let failure = levels.get_mut(level).and_then(|level| level.failure.take());
        failure.map_or(Ok(()), Err)
    }

    // ---- ending -------------------------------------------------------------------

    /// Commits, unless a destructor has failed.
    pub(crate) fn commit(&self) -> Result<()> {
        self.take_failure(0)?;
        self.writer()?.commit()
    }

    pub(crate) fn rollback(&self) -> Result<()> {
        self.writer()?.rollback()
    }

    /// Keeps an error of a destructor for the next write of any handle, before the write lock is released.
    pub(crate) fn defer_error(&self, error: Error) {
        if let Ok(writer) = self.writer() {
            writer.defer_error(error);
        }
    }

    // ---- savepoints ---------------------------------------------------------------

    /// Begins a savepoint inside the innermost one, and returns its level.
    fn begin_savepoint(&self) -> Result<usize> {
        self.writer()?.savepoint()?;
        let mut levels = self.levels.borrow_mut();
        if levels.is_empty() {
            levels.push(Level::default());
        }
        levels.push(Level::default());
        Ok(levels.len() - 1)
    }

    /// Keeps what was written since a savepoint. If an inner one is open, it ends with that.
    fn release(&self, level: usize) -> Result<()> {
        self.take_failure(level)?;
        if !self.is_innermost(level) {
            if let Some(level) = self.levels.borrow_mut().get_mut(level) {
                level.is_released = true;
            }
            return Ok(());
        }
        self.writer()?.release()?;
        self.end_level()
    }

    /// Undoes what was written since a savepoint. If an inner one is open, this cannot be undone alone, and the whole
    /// transaction is rolled back.
    fn rollback_to(&self, level: usize) -> Result<()> {
        if !self.is_innermost(level) {
            return self.rollback();
        }
        let undone = self.writer()?.rollback_to();
        undone.and(self.end_level())
    }

    fn is_innermost(&self, level: usize) -> bool {
        self.levels.borrow().len() == level + 1
    }

    /// Removes the innermost savepoint, and releases those around it that wait for that.
    fn end_level(&self) -> Result<()> {
        self.levels.borrow_mut().pop();
        while self
            .levels
            .borrow()
            .last()
            .is_some_and(|level| level.is_released)
        {
            let ended = self.levels.borrow_mut().pop();
            self.writer()?.release()?;
            if let Some(failure) = ended.and_then(|level| level.failure) {
                self.fail(failure);
            }
        }
        Ok(())
    }
}

/// A part of a transaction that can be rolled back by itself. It rolls back when it is dropped.
pub(crate) struct Savepoint {
    transaction: Rc<SharedTransaction>,
    level: usize,
    is_open: bool,
}

impl Savepoint {
    pub(crate) fn begin(transaction: &Rc<SharedTransaction>) -> Result<Self> {
        Ok(Self {
            level: transaction.begin_savepoint()?,
            transaction: Rc::clone(transaction),
            is_open: true,
        })
    }

    pub(crate) const fn transaction(&self) -> &Rc<SharedTransaction> {
        &self.transaction
    }

    /// Keeps what was written, unless a destructor has failed.
    pub(crate) fn release(&mut self) -> Result<()> {
        self.transaction.release(self.level)?;
        self.is_open = false;
        Ok(())
    }

    /// Undoes what was written since it began.
    pub(crate) fn rollback(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.is_open, false) {
            return Ok(());
        }
        self.transaction.rollback_to(self.level)
    }
}

impl Drop for Savepoint {
    fn drop(&mut self) {
        if let Err(error) = self.rollback() {
            self.transaction.fail(error);
        }
    }
}
