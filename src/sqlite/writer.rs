//! The write transaction of a handle: it holds the write lock of the store until it is dropped.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::engine::{
    Deadline, End, KeyRange, MapId, MapInfo, Position, RawEntry, RawRow, Read, RowOrder, Scan,
    Write,
};
use crate::error::{Error, Result};
use crate::sqlite::connection::session::Session;
use crate::sqlite::store::Store;
use crate::sqlite::write::transaction::WriteTransaction;

/// Exclusive access to the file, across threads and processes, for as long as it lives.
pub(crate) struct Writer {
    store: Arc<Store>,
    /// `None` only while it is being dropped.
    transaction: Option<WriteTransaction>,
    not_send: PhantomData<*const ()>,
}

impl Writer {
    /// Begins a transaction on the connection that writes.
    pub(in crate::sqlite) fn begin(
        store: &Arc<Store>,
        session: Session,
        deadline: &mut Deadline,
    ) -> Result<Self> {
        Ok(Self {
            transaction: Some(store.begin(session, deadline)?),
            store: Arc::clone(store),
            not_send: PhantomData,
        })
    }

    pub(in crate::sqlite) fn store(&self) -> &Store {
        &self.store
    }

    /// Notes that several calls share the commit.
    pub(in crate::sqlite) fn note_shared(&mut self, calls: usize) {
        if let Some(transaction) = &mut self.transaction {
            transaction.note_shared(calls);
        }
    }

    #[inline]
    fn transaction(&mut self) -> Result<&mut WriteTransaction> {
        match &mut self.transaction {
            Some(transaction) => Ok(transaction),
            None => Err(self.store.ended()),
        }
    }

    #[inline]
    pub(in crate::sqlite) fn session(&mut self) -> Result<&mut Session> {
        self.transaction()?.session()
    }
}

impl Read for Writer {
    #[inline]
    fn find<R>(
        &mut self,
        map: MapId,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        self.session()?.rows(map).find(key, f)
    }

    fn contains(&mut self, map: MapId, key: &[u8]) -> Result<bool> {
        self.session()?.rows(map).contains(key)
    }

    fn is_empty(&mut self, map: MapId) -> Result<bool> {
        self.session()?.rows(map).is_empty()
    }

    fn len(&mut self, map: MapId) -> Result<u64> {
        // The store may know the number without counting.
        self.known_len(map);
        self.transaction()?.len(map)
    }

    fn known_len(&mut self, map: MapId) -> Option<u64> {
        let transaction = self.transaction.as_mut()?;
        if let Some(length) = transaction.known_len(map) {
            return Some(length);
        }
        let before = transaction.header_before()?;
        let length = self.store.known_length(map, Some(before))?;
        transaction.set_length_before(map, length);
        transaction.known_len(map)
    }

    fn at_end(&mut self, map: MapId, end: End) -> Result<Option<RawEntry>> {
        self.session()?.rows(map).at_end(end)
    }

    fn find_map(&mut self, name: &str) -> Result<Option<MapInfo>> {
        self.session()?.find_map(name)
    }

    fn maps(&mut self) -> Result<Vec<MapInfo>> {
        self.session()?.maps()
    }

    fn scan(
        &mut self,
        map: MapId,
        scan: Scan<'_>,
        f: impl FnMut(RawRow<'_>) -> bool,
    ) -> Result<()> {
        self.session()?.rows(map).scan(scan, f)
    }
}

impl Write for Writer {
    #[inline]
    fn put(&mut self, map: MapId, key: &[u8], value: &[u8]) -> Result<()> {
        self.transaction()?.put(map, key, value)
    }

    fn update(&mut self, map: MapId, position: Position, key: &[u8], value: &[u8]) -> Result<()> {
        self.transaction()?.update(map, position, key, value)
    }

    fn set_key(
        &mut self,
        map: MapId,
        position: Position,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.transaction()?.set_key(map, position, keys, value)
    }

    fn insert_at(
        &mut self,
        map: MapId,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        self.transaction()?.insert_at(map, position, key, value)
    }

    fn delete(&mut self, map: MapId, key: &[u8]) -> Result<bool> {
        self.transaction()?.delete(map, key)
    }

    fn delete_at(&mut self, map: MapId, position: Position, key: &[u8]) -> Result<()> {
        self.transaction()?.delete_at(map, position, key)
    }

    fn clear(&mut self, map: MapId) -> Result<()> {
        self.transaction()?.clear(map)
    }

    fn delete_range(&mut self, map: MapId, range: &KeyRange) -> Result<u64> {
        self.transaction()?.delete_range(map, range)
    }

    fn create_map(&mut self, name: &str, order: RowOrder, checksums: bool) -> Result<MapId> {
        self.transaction()?.create_map(name, order, checksums)
    }

    fn remove_map(&mut self, map: MapId) -> Result<()> {
        self.transaction()?.remove_map(map)
    }

    fn rename_map(&mut self, map: MapId, name: &str) -> Result<()> {
        self.transaction()?.rename_map(map, name)
    }

    fn savepoint(&mut self) -> Result<()> {
        self.transaction()?.savepoint()
    }

    fn release(&mut self) -> Result<()> {
        self.transaction()?.release()
    }

    fn rollback_to(&mut self) -> Result<()> {
        self.transaction()?.rollback_to()
    }

    fn commit(&mut self) -> Result<()> {
        match &mut self.transaction {
            Some(transaction) => self.store.commit(transaction),
            None => Ok(()),
        }
    }

    fn rollback(&mut self) -> Result<()> {
        self.transaction()?.rollback()
    }

    fn defer_error(&self, error: Error) {
        self.store.defer_error(error);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            self.store.end(transaction);
        }
    }
}
