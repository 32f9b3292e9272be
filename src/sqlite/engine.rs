//! What the store does for a map, by the engine's door.

use std::path::Path;
use std::sync::Arc;

use crate::engine::{Engine, MapId, RowOrder, WriteOp};
use crate::error::{Location, Result};
use crate::sqlite::Durability;
use crate::sqlite::reader::Reader;
use crate::sqlite::store::Store;
use crate::sqlite::writer::Writer;

impl Engine for Store {
    type Reader = Reader;
    type Writer = Writer;

    fn begin_read(self: &Arc<Self>) -> Result<Reader> {
        Reader::begin(self)
    }

    fn begin_read_now(self: &Arc<Self>) -> Result<Reader> {
        Reader::begin_now(self)
    }

    fn begin_write(self: &Arc<Self>) -> Result<Writer> {
        let mut deadline = self.start_waiting()?;
        let session = self.acquire_writer(&deadline)?;
        Writer::begin(self, session, &mut deadline)
    }

    #[inline]
    fn get<R>(&self, map: MapId, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.get_cached(map, key, f)
    }

    #[inline]
    fn contains(&self, map: MapId, key: &[u8]) -> Result<bool> {
        self.contains_cached(map, key)
    }

    #[inline]
    fn len(&self, map: MapId) -> Result<u64> {
        self.cached_count(map)
    }

    fn cached_len(&self, map: MapId) -> Option<u64> {
        self.known_length(map, self.header())
    }

    fn is_empty(&self, map: MapId) -> Result<bool> {
        self.read(|session| session.rows(map).is_empty())
    }

    #[inline]
    fn apply(self: &Arc<Self>, map: MapId, op: WriteOp) -> Result<()> {
        self.apply_grouped(map, op)
    }

    #[inline]
    fn swap<R>(
        self: &Arc<Self>,
        map: MapId,
        op: WriteOp,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        self.swap_grouped(map, op, decode)
    }

    fn flush(&self) -> Result<()> {
        self.take_deferred_error()?;
        if self.opener.config.is_read_only() {
            return Ok(());
        }
        if self.opener.config.durability != Durability::Full
            && let Some(coherence) = self.coherence()?
        {
            coherence
                .index
                .sync()
                .map_err(|error| self.opener.failed(error))?;
        }
        self.check_names()
    }

    fn close(&mut self) -> Result<()> {
        self.take_deferred_error()?;
        self.close_coherence();
        for session in self.take_readers() {
            session.close().map_err(|failed| failed.1)?;
        }
        let Some(mut session) = self.writer.take() else {
            return Ok(());
        };
        self.opener.prepare_close(&mut session);
        self.close_writer(session)
    }

    fn only_order(&self) -> Option<RowOrder> {
        self.format().only_map().map(|map| map.order)
    }

    fn path(&self) -> Option<&Path> {
        Some(self.file())
    }

    fn location(&self) -> Location {
        self.location_of_file()
    }
}
