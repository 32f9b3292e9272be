//! A read transaction in memory: a clone of the state.

use std::sync::Arc;

use crate::engine::{End, MapId, Position, RawEntry, RawRow, Read, Scan};
use crate::error::Result;
use crate::memory::state::{State, Table};
use crate::memory::store::Store;

/// One state of a vault in memory.
pub(crate) struct Reader {
    store: Arc<Store>,
    state: State,
    /// Held to be counted.
    _token: Arc<()>,
}

impl Reader {
    pub(super) fn begin(store: &Arc<Store>) -> Result<Self> {
        store.check_fork()?;
        Ok(Self {
            state: store.snapshot(),
            _token: store.reader_token(),
            store: Arc::clone(store),
        })
    }

    fn state(&self) -> Result<&State> {
        self.store.check_fork()?;
        Ok(&self.state)
    }
}

impl Read for Reader {
    fn find<R>(
        &mut self,
        map: MapId,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        Ok(self.state()?.find(map, key, f))
    }

    fn contains(&mut self, map: MapId, key: &[u8]) -> Result<bool> {
        Ok(self
            .state()?
            .table(map)
            .is_some_and(|table| table.contains(key)))
    }

    fn is_empty(&mut self, map: MapId) -> Result<bool> {
        Ok(self.state()?.table(map).is_none_or(Table::is_empty))
    }

    fn len(&mut self, map: MapId) -> Result<u64> {
        Ok(self.state()?.table(map).map_or(0, Table::len))
    }

    fn known_len(&mut self, map: MapId) -> Option<u64> {
        self.len(map).ok()
    }

    fn at_end(&mut self, map: MapId, end: End) -> Result<Option<RawEntry>> {
        Ok(self.state()?.table(map).and_then(|table| table.at_end(end)))
    }

    fn scan(
        &mut self,
        map: MapId,
        scan: Scan<'_>,
        f: impl FnMut(RawRow<'_>) -> bool,
    ) -> Result<()> {
        if let Some(table) = self.state()?.table(map) {
            table.scan(scan, f);
        }
        Ok(())
    }
}
