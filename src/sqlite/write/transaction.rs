//! A write transaction: the connection that writes, from `BEGIN IMMEDIATE` to the commit.

use crate::engine::{KeyRange, MapId, Position, ProcessId, RowOrder};
use crate::error::{Error, Location, Result};
use crate::sqlite::coherence::Began;
use crate::sqlite::coherence::cache::CacheKey;
use crate::sqlite::coherence::version_tracker::WriteSet;
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::wal_index::WalIndexHeader;
use crate::sqlite::trace;
use crate::sqlite::write::change::Changes;
use crate::sqlite::write::page_cache::PageCache;

/// SQLite's default size of a page.
const PAGE_BYTES: usize = 4096;

/// The result of a commit.
pub(in crate::sqlite) struct Outcome {
    /// The number of frames in the log after it, or zero if there was nothing to write.
    pub(in crate::sqlite) frames: u32,
    /// Its beginning, or `None` if nothing was read before it.
    pub(in crate::sqlite) began: Option<Began>,
    /// The keys that it wrote.
    pub(in crate::sqlite) write_set: WriteSet,
    /// How it changed the number of entries of each map.
    pub(in crate::sqlite) changes: Changes,
}

/// A connection in a write transaction.
pub(in crate::sqlite) struct WriteTransaction {
    session: Session,
    process: ProcessId,
    /// Its beginning, if something was read before it. `None` after the commit.
    began: Option<Began>,
    write_set: WriteSet,
    /// How the number of entries of each map has changed.
    changes: Changes,
    /// The changes at the beginning of each open savepoint.
    savepoints: Vec<Changes>,
    page_cache: PageCache,
    span: trace::Span,
}

impl WriteTransaction {
    /// Takes a session in which a write transaction has just begun.
    pub(in crate::sqlite) fn new(
        session: Session,
        process: ProcessId,
        began: Option<Began>,
        span: trace::Span,
    ) -> Self {
        Self {
            session,
            process,
            began,
            write_set: WriteSet::default(),
            changes: Changes::default(),
            savepoints: Vec::new(),
            page_cache: PageCache::default(),
            span,
        }
    }

    /// The connection, whether or not the transaction has ended.
    pub(in crate::sqlite) const fn connection(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The connection, to read with. It sees what this transaction has written.
    #[inline]
    pub(in crate::sqlite) fn session(&mut self) -> Result<&mut Session> {
        self.process.check(|| Location::file(self.session.path()))?;
        // After an I/O error SQLite has rolled back. A write now would be committed by itself.
        if !self.session.is_in_transaction() {
            return Err(ended(&self.session));
        }
        Ok(&mut self.session)
    }

    /// Notes that several calls share the commit.
    pub(in crate::sqlite) fn note_shared(&self, calls: usize) {
        trace::shared(&self.span, calls);
    }

    /// Returns the header of the version in which it began, if that is known.
    pub(in crate::sqlite) fn header_before(&self) -> Option<WalIndexHeader> {
        self.began?.header
    }

    /// Notes the number of entries that a map had when the transaction began.
    pub(in crate::sqlite) fn set_length_before(&mut self, map: MapId, length: u64) {
        self.changes.update(map.number, |change| {
            change.length_before.get_or_insert(length);
        });
    }

    /// Returns the number of entries, including its own changes. They are counted once, if the number is
    /// not known.
    pub(in crate::sqlite) fn len(&mut self, map: MapId) -> Result<u64> {
        if let Some(length) = self.known_len(map) {
            self.session()?;
            return Ok(length);
        }
        let length = self.session()?.rows(map).count()?;
        let growth = self.changes.of(map.number).growth;
        self.set_length_before(map, length.saturating_add_signed(-growth));
        Ok(length)
    }

    /// Returns the same, if it is known without counting.
    pub(in crate::sqlite) fn known_len(&self, map: MapId) -> Option<u64> {
        self.changes.of(map.number).length()
    }

    fn note_growth(&mut self, map: MapId, growth: i64) {
        self.changes
            .update(map.number, |change| change.growth += growth);
    }

    pub(in crate::sqlite) fn put(&mut self, map: MapId, key: &[u8], value: &[u8]) -> Result<()> {
        self.note_key(map, key);
        if self.session()?.rows(map).put(key, value)? {
            self.note_growth(map, 1);
        }
        let pages = 1 + (key.len() + value.len()) / PAGE_BYTES;
        self.page_cache.note_written(pages, &mut self.session)
    }

    pub(in crate::sqlite) fn insert_at(
        &mut self,
        map: MapId,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        self.note_key(map, key);
        let added = self.session()?.rows(map).insert_at(position, key, value)?;
        self.note_growth(map, i64::from(added));
        Ok(added)
    }

    pub(in crate::sqlite) fn update(
        &mut self,
        map: MapId,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<()> {
        self.note_key(map, key);
        self.session()?.rows(map).update(position, key, value)
    }

    pub(in crate::sqlite) fn delete(&mut self, map: MapId, key: &[u8]) -> Result<bool> {
        self.note_key(map, key);
        let removed = self.session()?.rows(map).delete(key)?;
        self.note_growth(map, -i64::from(removed));
        Ok(removed)
    }

    pub(in crate::sqlite) fn delete_at(
        &mut self,
        map: MapId,
        position: Position,
        key: &[u8],
    ) -> Result<()> {
        self.note_key(map, key);
        let removed = self.session()?.rows(map).delete_at(position, key)?;
        self.note_growth(map, -i64::from(removed));
        Ok(())
    }

    pub(in crate::sqlite) fn set_key(
        &mut self,
        map: MapId,
        position: Position,
        (old, new): (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.note_key(map, old);
        self.note_key(map, new);
        self.session()?
            .rows(map)
            .set_key(position, (old, new), value)
    }

    pub(in crate::sqlite) fn clear(&mut self, map: MapId) -> Result<()> {
        self.write_set.all();
        let removed = self.session()?.rows(map).clear()?;
        self.note_growth(map, -i64::try_from(removed).unwrap_or(i64::MAX));
        Ok(())
    }

    pub(in crate::sqlite) fn delete_range(&mut self, map: MapId, range: &KeyRange) -> Result<u64> {
        self.write_set.all();
        let removed = self.session()?.rows(map).delete_range(range)?;
        self.note_growth(map, -i64::try_from(removed).unwrap_or(i64::MAX));
        Ok(removed)
    }

    pub(in crate::sqlite) fn create_map(
        &mut self,
        name: &str,
        order: RowOrder,
        checksums: bool,
    ) -> Result<MapId> {
        let map = self.session()?.create_map(name, order, checksums)?;
        self.changes.update(map.number, |change| {
            // The number may be that of a map whose creation was undone.
            (change.length_before, change.growth) = (Some(0), 0);
        });
        Ok(map)
    }

    pub(in crate::sqlite) fn remove_map(&mut self, map: MapId) -> Result<()> {
        self.write_set.all();
        self.session()?.remove_map(map)?;
        self.changes
            .update(map.number, |change| change.is_removed = true);
        Ok(())
    }

    pub(in crate::sqlite) fn rename_map(&mut self, map: MapId, name: &str) -> Result<()> {
        self.session()?.rename_map(map, name)
    }

    /// Adds a key to the write set, before it is written.
    fn note_key(&mut self, map: MapId, key: &[u8]) {
        if self.began.is_some() {
            self.write_set.key(CacheKey::new(map, key).hash);
        }
    }

    pub(in crate::sqlite) fn savepoint(&mut self) -> Result<()> {
        self.session()?.savepoint()?;
        self.savepoints.push(self.changes.clone());
        Ok(())
    }

    pub(in crate::sqlite) fn release(&mut self) -> Result<()> {
        self.session()?.release()?;
        self.savepoints.pop();
        Ok(())
    }

    pub(in crate::sqlite) fn rollback_to(&mut self) -> Result<()> {
        if let Some(before) = self.savepoints.pop() {
            self.changes.undo_to(&before);
        }
        self.session()?.rollback_to()
    }

    /// Commits, and returns what the store needs to know of it. An error rolls it back.
    pub(in crate::sqlite) fn commit(&mut self) -> Result<Outcome> {
        let frames = self.session()?.commit()?;
        trace::ended(&self.span, "commit");
        Ok(Outcome {
            frames,
            began: self.began.take(),
            write_set: std::mem::take(&mut self.write_set),
            changes: std::mem::take(&mut self.changes),
        })
    }

    pub(in crate::sqlite) fn rollback(&mut self) -> Result<()> {
        if self.session.rollback()? {
            trace::ended(&self.span, "rollback");
        }
        Ok(())
    }

    /// Rolls back what was not committed. Returns `true` if the store was told of its beginning and not yet
    /// of its end.
    pub(in crate::sqlite) fn undo(&mut self) -> bool {
        // After a commit there is nothing to roll back. A failure cannot be returned: the next transaction
        // meets the one that stays open.
        self.rollback().ok();
        self.began.take().is_some()
    }

    /// Returns the connection, with the page cache that it had before.
    pub(in crate::sqlite) fn into_session(mut self) -> Session {
        // This can fail if there is no memory. The page cache then stays as large as it may be.
        self.page_cache.restore(&mut self.session).ok();
        self.session
    }
}

/// Returns the error of a transaction that an earlier error has ended.
#[cold]
pub(in crate::sqlite) fn ended(session: &Session) -> Error {
    Error::Ended {
        location: Location::file(session.path()),
    }
}
