//! A read transaction in memory: a clone of the state.

use std::sync::Arc;

use crate::engine::{End, MapId, MapInfo, Position, RawEntry, RawRow, Read, Scan};
use crate::error::Result;
use crate::memory::state::State;
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
