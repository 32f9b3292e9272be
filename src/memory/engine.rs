//! What a vault in memory does for a map, by the engine's door.

use std::path::Path;
use std::sync::Arc;

use crate::engine::{Engine, MapId, RowOrder, WriteOp};
use crate::error::{Location, Result};
use crate::memory::reader::Reader;
use crate::memory::store::Store;
use crate::memory::writer::Writer;

/// The write lock, until it is dropped.
struct WriteGuard<'a>(&'a Store);

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        self.0.unlock_writer();
    }
}

impl Store {
    /// Makes one write. The caller has the write lock.
    fn make(&self, map: MapId, op: &WriteOp) -> Result<()> {
        self.change(map, |table| match op {
            WriteOp::Put { key, value } => table.put(key, value),
            WriteOp::Delete { key } => {
                table.delete(key);
                Ok(())
            }
        })
    }
}

impl Engine for Store {
    type Reader = Reader;
    type Writer = Writer;

    fn begin_read(self: &Arc<Self>) -> Result<Reader> {
        Reader::begin(self)
    }

    fn begin_read_now(self: &Arc<Self>) -> Result<Reader> {
        Reader::begin(self)
    }

    fn begin_write(self: &Arc<Self>) -> Result<Writer> {
        Writer::begin(self)
    }

    #[inline]
    fn get<R>(&self, map: MapId, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.check_fork()?;
        Ok(self.copy_value(map, key)?.map(|value| f(&value)))
    }

    fn contains(&self, map: MapId, key: &[u8]) -> Result<bool> {
        self.check_fork()?;
        Ok(self.current().table(map)?.contains(key))
    }

    fn len(&self, map: MapId) -> Result<u64> {
        self.check_fork()?;
        Ok(self.current().table(map)?.len())
    }

    fn cached_len(&self, map: MapId) -> Option<u64> {
        self.len(map).ok()
    }

    fn is_empty(&self, map: MapId) -> Result<bool> {
        Ok(self.len(map)? == 0)
    }

    fn apply(self: &Arc<Self>, map: MapId, op: WriteOp) -> Result<()> {
        self.lock_writer()?;
        let _guard = WriteGuard(self);
        self.make(map, &op)
    }

    fn swap<R>(
        self: &Arc<Self>,
        map: MapId,
        op: WriteOp,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        self.lock_writer()?;
        let _guard = WriteGuard(self);
        let old = self.copy_value(map, op.key())?;
        let old = old.map(|old| decode(op.key(), &old)).transpose()?;
        self.make(map, &op)?;
        Ok(old)
    }

    fn flush(&self) -> Result<()> {
        self.take_deferred_error()
    }

    fn close(&mut self) -> Result<()> {
        self.take_deferred_error()
    }

    fn only_order(&self) -> Option<RowOrder> {
        self.current().only_order()
    }

    fn path(&self) -> Option<&Path> {
        None
    }

    fn location(&self) -> Location {
        Location::Memory
    }
}
