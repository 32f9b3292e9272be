//! A write transaction in memory: a clone of the state, which replaces it when it is committed.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::engine::{
    End, KeyRange, MAX_MAPS, MapId, MapInfo, Position, RawEntry, RawRow, Read, RowOrder, Scan,
    Write,
};
use crate::error::{Error, Location, Result};
use crate::memory::state::State;
use crate::memory::store::Store;

/// Exclusive access to a vault in memory for as long as it lives.
pub(crate) struct Writer {
    store: Arc<Store>,
    /// `None` after the commit or the rollback.
    state: Option<State>,
    /// The state at the beginning of each open savepoint.
    savepoints: Vec<State>,
    not_send: PhantomData<*const ()>,
}

impl Writer {
    pub(super) fn begin(store: &Arc<Store>) -> Result<Self> {
        store.lock_writer()?;
        Ok(Self {
            state: Some(store.snapshot()),
            store: Arc::clone(store),
            savepoints: Vec::new(),
            not_send: PhantomData,
        })
    }

    fn state(&mut self) -> Result<&mut State> {
        self.store.check_fork()?;
        self.state.as_mut().ok_or_else(|| Error::Ended {
            location: Location::Memory,
        })
    }
}

impl Read for Writer {
    fn find<R>(
        &mut self,
        map: MapId,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        self.state()?.find(map, key, f)
    }

    fn contains(&mut self, map: MapId, key: &[u8]) -> Result<bool> {
        Ok(self.state()?.table(map)?.contains(key))
    }

    fn is_empty(&mut self, map: MapId) -> Result<bool> {
        Ok(self.state()?.table(map)?.is_empty())
    }

    fn len(&mut self, map: MapId) -> Result<u64> {
        Ok(self.state()?.table(map)?.len())
    }

    fn known_len(&mut self, map: MapId) -> Option<u64> {
        self.len(map).ok()
    }

    fn at_end(&mut self, map: MapId, end: End) -> Result<Option<RawEntry>> {
        Ok(self.state()?.table(map)?.at_end(end))
    }

    fn find_map(&mut self, name: &str) -> Result<Option<MapInfo>> {
        Ok(self.state()?.find_map(name))
    }

    fn maps(&mut self) -> Result<Vec<MapInfo>> {
        Ok(self.state()?.maps())
    }

    fn scan(
        &mut self,
        map: MapId,
        scan: Scan<'_>,
        f: impl FnMut(RawRow<'_>) -> bool,
    ) -> Result<()> {
        self.state()?.table(map)?.scan(scan, f);
        Ok(())
    }
}

impl Write for Writer {
    fn put(&mut self, map: MapId, key: &[u8], value: &[u8]) -> Result<()> {
        self.state()?.table_mut(map)?.put(key, value)
    }

    fn update(&mut self, map: MapId, position: Position, key: &[u8], value: &[u8]) -> Result<()> {
        self.state()?.table_mut(map)?.update(position, key, value)
    }

    fn set_key(
        &mut self,
        map: MapId,
        position: Position,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.state()?.table_mut(map)?.set_key(position, keys, value)
    }

    fn insert_at(
        &mut self,
        map: MapId,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        self.state()?
            .table_mut(map)?
            .insert_at(position, key, value)
    }

    fn delete(&mut self, map: MapId, key: &[u8]) -> Result<bool> {
        Ok(self.state()?.table_mut(map)?.delete(key))
    }

    fn delete_at(&mut self, map: MapId, _: Position, key: &[u8]) -> Result<()> {
        self.state()?.table_mut(map)?.delete(key);
        Ok(())
    }

    fn clear(&mut self, map: MapId) -> Result<()> {
        self.state()?.table_mut(map)?.clear();
        Ok(())
    }

    fn delete_range(&mut self, map: MapId, range: &KeyRange) -> Result<u64> {
        Ok(self.state()?.table_mut(map)?.delete_range(range))
    }

    fn create_map(&mut self, name: &str, order: RowOrder, checksums: bool) -> Result<MapId> {
        let state = self.state()?;
        if state.maps().len() >= MAX_MAPS {
            return Err(Error::TooManyMaps {
                location: Location::Memory,
                limit: MAX_MAPS,
            });
        }
        Ok(state.create_map(name, order, checksums))
    }

    fn remove_map(&mut self, map: MapId) -> Result<()> {
        self.state()?.remove_map(map)
    }

    fn rename_map(&mut self, map: MapId, name: &str) -> Result<()> {
        self.state()?.rename_map(map, name)
    }

    fn savepoint(&mut self) -> Result<()> {
        let state = self.state()?.clone();
        self.savepoints.push(state);
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        self.state()?;
        self.savepoints.pop();
        Ok(())
    }

    fn rollback_to(&mut self) -> Result<()> {
        let before = self.savepoints.pop();
        let state = self.state()?;
        if let Some(before) = before {
            *state = before;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.state()?;
        if let Some(state) = self.state.take() {
            self.store.replace(state);
        }
        Ok(())
    }

    fn rollback(&mut self) -> Result<()> {
        self.state = None;
        Ok(())
    }

    fn defer_error(&self, error: Error) {
        self.store.defer_error(error);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.store.unlock_writer();
    }
}
