//! The read transaction of a handle: one state of the file for as long as it lives.

use std::sync::Arc;
use std::thread::ThreadId;

use crate::engine::{End, MapId, MapInfo, Position, RawEntry, RawRow, Read, Scan};
use crate::error::Result;
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::wal_index::WalIndexHeader;
use crate::sqlite::store::Store;

/// A connection in a read transaction.
pub(crate) struct Reader {
    store: Arc<Store>,
    /// `None` only while it is being dropped.
    session: Option<Session>,
    /// The thread that began it.
    thread: ThreadId,
    /// The header of the version of the file when it began, if that is known.
    began: Option<WalIndexHeader>,
}

impl Reader {
    /// Begins a transaction, whose state is that of the first read.
    pub(in crate::sqlite) fn begin(store: &Arc<Store>) -> Result<Self> {
        let mut session = store.take_reader()?;
        session.begin_read()?;
        Ok(Self {
            began: store.known_version(),
            store: Arc::clone(store),
            session: Some(session),
            thread: store.begin_reading(),
        })
    }

    /// Begins a transaction, whose state is the current one.
    pub(in crate::sqlite) fn begin_now(store: &Arc<Store>) -> Result<Self> {
        let mut reader = Self::begin(store)?;
        reader.session()?.read_header()?;
        Ok(reader)
    }

    /// The connection, to read with.
    #[inline]
    pub(in crate::sqlite) fn session(&mut self) -> Result<&mut Session> {
        self.store.check_fork()?;
        // After an I/O error SQLite has ended the transaction. A read now would see another state.
        match &mut self.session {
            Some(session) if session.is_in_transaction() => Ok(session),
            _ => Err(self.store.ended()),
        }
    }
}

impl Read for Reader {
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
        self.session()?.rows(map).count()
    }

    fn known_len(&mut self, map: MapId) -> Option<u64> {
        // If nothing was written until after the first read, that read saw the version at the beginning.
        let now = self.store.header();
        let is_of_begin = now.is_some() && now == self.began;
        is_of_begin
            .then(|| self.store.known_length(map, now))
            .flatten()
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

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        if self.store.process().is_parent() {
            return std::mem::forget(session);
        }
        self.store.end_reading(self.thread);
        if session.rollback().is_ok() {
            self.store.give_back_reader(session);
        }
    }
}
