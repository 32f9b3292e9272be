//! One state of a file, which views of several maps share.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::backend::{Backend, Reader};
use crate::engine::{Cursor, Direction, MapId, Read as _, lock};
use crate::error::{Error, Location, Result};
use crate::map::read_transaction::{ReadTransaction, RowSource};

/// A read transaction of a file, which any thread can read from.
pub(crate) struct SharedState {
    backend: Backend,
    reader: Mutex<Reader>,
}

impl SharedState {
    /// Begins a transaction, whose state is the current one.
    pub(crate) fn begin_now(backend: &Backend) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            reader: Mutex::new(backend.begin_read_now()?),
            backend: backend.clone(),
        }))
    }

    /// Returns the open file that it is of.
    pub(crate) const fn backend(&self) -> &Backend {
        &self.backend
    }
}

/// A view of one map in a state.
pub(crate) struct SharedReader {
    state: Arc<SharedState>,
    map: MapId,
    /// Where the map is, if that is another file than that of the state. Then each call returns an error.
    elsewhere: Option<Location>,
}

impl SharedReader {
    pub(crate) const fn of(state: Arc<SharedState>, map: MapId) -> Self {
        Self {
            state,
            map,
            elsewhere: None,
        }
    }

    /// Returns a view of a map that is not in the file of the state. Each call returns an error.
    pub(crate) const fn of_other_file(
        state: Arc<SharedState>,
        map: MapId,
        location: Location,
    ) -> Self {
        Self {
            state,
            map,
            elsewhere: Some(location),
        }
    }

    /// Locks what reads, for one call. After a panic of another thread, it can still be read from.
    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, Reader>> {
        match &self.elsewhere {
            None => Ok(lock(&self.state.reader)),
            Some(elsewhere) => Err(Error::OtherFile {
                location: self.state.backend.location(),
                other: elsewhere.clone(),
            }),
        }
    }

    /// Runs `f` with a read transaction on the map.
    pub(crate) fn read<R>(
        &self,
        f: impl FnOnce(&mut ReadTransaction<&mut Reader>) -> Result<R>,
    ) -> Result<R> {
        let mut reader = self.lock()?;
        f(&mut ReadTransaction::of(&mut *reader, self.map))
    }
}

impl RowSource for &SharedReader {
    fn prefetch(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        let map = self.map;
        cursor.prefetch(&mut *self.lock()?, map, direction)
    }

    fn known_len(&mut self) -> Option<u64> {
        let map = self.map;
        self.lock().ok()?.known_len(map)
    }
}
