//! The write transaction: the writer's connection, from `BEGIN IMMEDIATE` to the commit.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::sqlite::Store;
use crate::sqlite::coherence::Began;
use crate::sqlite::coherence::cache;
use crate::sqlite::coherence::states::Touched;
use crate::sqlite::connection::page_cache::PageCache;
use crate::sqlite::connection::row::RawRow;
use crate::sqlite::connection::session::Session;
use crate::sqlite::trace;

/// Exclusive access to the vault for as long as it lives, across threads and processes.
///
/// It rolls back when it is dropped, so that an early return and a panic leave the state
/// before it. It stays on its thread, which is how a second request of that thread is known.
pub(crate) struct WriteTransaction {
    store: Arc<Store>,
    /// `None` only while it is being dropped.
    session: Option<Session>,
    /// The state of the file at the beginning, if anybody has asked for it; until the end.
    began: Option<Began>,
    /// The keys that were written.
    touched: Touched,
    /// The number of entries at the beginning, once it is known.
    length_before: Option<u64>,
    /// Entries added less entries removed.
    growth: i64,
    /// An error that met the destructor of a part of it: it can no longer be committed.
    failure: Option<Error>,
    page_cache: PageCache,
    span: trace::Span,
    not_send: PhantomData<*const ()>,
}

impl WriteTransaction {
    /// Takes over a session in which a write transaction has just begun.
    pub(in crate::sqlite) fn new(store: Arc<Store>, session: Session) -> Self {
        let began = store.began();
        Self {
            length_before: store.known_length(began.as_ref().and_then(|began| began.at)),
            began,
            touched: Touched::default(),
            span: trace::transaction(store.name()),
            store,
            session: Some(session),
            growth: 0,
            failure: None,
            page_cache: PageCache::default(),
            not_send: PhantomData,
        }
    }

    pub(in crate::sqlite) fn store(&self) -> &Store {
        &self.store
    }

    /// Tells that the commit was that of several calls.
    pub(in crate::sqlite) fn shared_by(&self, calls: usize) {
        trace::shared(&self.span, calls);
    }

    /// The connection, to read with. It sees what this transaction has written.
    pub(crate) fn session(&mut self) -> Result<&mut Session> {
        self.store.check_fork()?;
        // After an I/O error SQLite has rolled back: what came now would be committed by itself.
        self.session
            .as_mut()
            .filter(|session| session.is_in_transaction())
            .ok_or_else(|| self.store.ended())
    }

    /// Prepares the connection for many more writes.
    pub(in crate::sqlite) fn enlarge_page_cache(&mut self) -> Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        session.with_connection(|connection| self.page_cache.enlarge(connection))
    }

    /// The number of entries, its own changes included. It is counted once, if it is not known.
    pub(crate) fn len(&mut self) -> Result<u64> {
        let before = match self.length_before {
            Some(before) => before,
            None => self.session()?.count()?.saturating_add_signed(-self.growth),
        };
        self.length_before = Some(before);
        Ok(before.saturating_add_signed(self.growth))
    }

    /// Writes an entry; an entry that is there keeps its place.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.touch(key);
        if self.session()?.put(key, value)? {
            self.growth += 1;
        }
        Ok(())
    }

    /// Writes an entry in its old place; false if the place or the key is taken.
    pub(crate) fn restore(&mut self, rowid: i64, key: &[u8], value: &[u8]) -> Result<bool> {
        self.touch(key);
        let added = self.session()?.restore(rowid, key, value)?;
        self.growth += i64::from(added);
        Ok(added)
    }

    /// Writes an entry that was looked up in this transaction and found at `rowid`, if it was.
    ///
    /// It saves the way through the index to a row that is known.
    pub(crate) fn write(&mut self, rowid: Option<i64>, key: &[u8], value: &[u8]) -> Result<()> {
        match rowid {
            Some(rowid) => self.update(rowid, key, value),
            None => self.put(key, value),
        }
    }

    /// Replaces the value of a row that was read with this key.
    pub(crate) fn update(&mut self, rowid: i64, key: &[u8], value: &[u8]) -> Result<()> {
        self.touch(key);
        self.session()?.update(rowid, value)
    }

    /// Removes an entry; true if it was there.
    pub(crate) fn delete(&mut self, key: &[u8]) -> Result<bool> {
        self.touch(key);
        let removed = self.session()?.delete(key)?;
        self.growth -= i64::from(removed);
        Ok(removed)
    }

    /// Removes a row that a scan has shown with this key.
    pub(crate) fn delete_row(&mut self, rowid: i64, key: &[u8]) -> Result<()> {
        self.touch(key);
        let removed = self.session()?.delete_row(rowid)?;
        self.growth -= i64::from(removed);
        Ok(())
    }

    /// Removes a row that a scan has shown, whatever is in it.
    pub(crate) fn discard_row(&mut self, row: RawRow<'_>) -> Result<()> {
        self.delete_row(row.rowid, row.cached_key())
    }

    /// Gives a row that a scan has shown with the key `old` another key, and another value too if
    /// there is one. An error if another row has the key.
    pub(crate) fn set_key(
        &mut self,
        rowid: i64,
        (old, new): (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.touch(old);
        self.touch(new);
        self.session()?.set_key(rowid, new, value)
    }

    /// Removes every entry.
    pub(crate) fn clear(&mut self) -> Result<()> {
        self.touched.all();
        let removed = self.session()?.clear()?;
        self.growth -= i64::try_from(removed).unwrap_or(i64::MAX);
        Ok(())
    }

    /// Notes a key before it is written, for the cache to forget it.
    fn touch(&mut self, key: &[u8]) {
        if self.began.is_some() {
            self.touched.key(cache::hash(key));
        }
    }

    /// Keeps an error that met a destructor, for the commit to return.
    pub(in crate::sqlite) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// The error of a part, once.
    pub(in crate::sqlite) fn take_failure(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Makes all of it visible and, at `Durability::Full`, durable. An error rolls it back.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.try_commit()
    }

    pub(in crate::sqlite) fn try_commit(&mut self) -> Result<()> {
        self.take_failure()?;
        let frames = self.session()?.commit()?;
        trace::ended(&self.span, "commit");
        if let Some(began) = self.began.take() {
            self.store
                .committed(&began, frames, &self.touched, self.growth);
        }
        match &mut self.session {
            Some(session) => self.store.check_after(session, frames),
            None => Ok(()),
        }
    }

    /// Undoes all of it.
    pub(in crate::sqlite) fn rollback(mut self) -> Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        if session.rollback()? {
            trace::ended(&self.span, "rollback");
        }
        Ok(())
    }

    /// As [`commit`](Self::commit), where there is nobody to return the error to.
    pub(in crate::sqlite) fn commit_in_drop(
        mut self,
        finish: impl FnOnce(&mut Self) -> Result<()>,
    ) {
        // The error is there before the writer is given to the next.
        if let Err(error) = finish(&mut self).and_then(|()| self.try_commit()) {
            self.store.defer_error(error);
        }
    }
}

impl Drop for WriteTransaction {
    fn drop(&mut self) {
        if let Some(mut session) = self.session.take() {
            if self.store.is_forked() {
                // It is the parent's transaction.
                return std::mem::forget(session);
            }
            // After a commit there is nothing to roll back. A failure has nobody to be told
            // to: a transaction that stays open is met by the next one.
            if matches!(session.rollback(), Ok(true)) {
                trace::ended(&self.span, "rollback");
            }
            if self.began.take().is_some() {
                self.store.ended_write(None, &Touched::default());
            }
            // For want of memory it can fail. The page cache then stays as large as it may be.
            session
                .with_connection(|connection| self.page_cache.restore(connection))
                .ok();
            self.store.release_writer(session);
        }
    }
}

/// A part of a transaction that can be undone by itself, and is, when it is dropped.
pub(crate) struct Savepoint<'a> {
    transaction: &'a mut WriteTransaction,
    growth_before: i64,
    /// A failure of the transaction around it, which is not this part's to return.
    failure_before: Option<Error>,
    is_open: bool,
}

impl<'a> Savepoint<'a> {
    pub(crate) fn begin(transaction: &'a mut WriteTransaction) -> Result<Self> {
        transaction.session()?.savepoint()?;
        Ok(Self {
            growth_before: transaction.growth,
            failure_before: transaction.failure.take(),
            transaction,
            is_open: true,
        })
    }

    pub(in crate::sqlite) const fn transaction(&mut self) -> &mut WriteTransaction {
        self.transaction
    }

    /// Leaves what was done to the transaction around it. An error undoes it.
    pub(in crate::sqlite) fn release(mut self) -> Result<()> {
        self.try_release()
    }

    fn try_release(&mut self) -> Result<()> {
        self.transaction.take_failure()?;
        self.transaction.session()?.release()?;
        self.is_open = false;
        Ok(())
    }

    /// As [`release`](Self::release), where there is nobody to return the error to: the
    /// transaction around it can then not be committed.
    pub(in crate::sqlite) fn release_in_drop(
        mut self,
        finish: impl FnOnce(&mut WriteTransaction) -> Result<()>,
    ) {
        if let Err(error) = finish(self.transaction).and_then(|()| self.try_release()) {
            self.failure_before.get_or_insert(error);
        }
    }

    /// Undoes what was done since it began.
    pub(in crate::sqlite) fn rollback(mut self) -> Result<()> {
        self.undo()
    }

    fn undo(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.is_open, false) {
            return Ok(());
        }
        self.transaction.growth = self.growth_before;
        self.transaction.session()?.rollback_to()
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.undo() {
            self.failure_before.get_or_insert(error);
        }
        // A part that was undone takes its own failures with it.
        self.transaction.failure = self.failure_before.take();
    }
}
