//! The write transaction: the writer's connection, from `BEGIN IMMEDIATE` to the commit.

use std::marker::PhantomData;

use super::Store;
use super::raw::Header;
use super::session::Session;
use super::trace;
use crate::error::Result;

/// Exclusive access to the vault for as long as it lives, across threads and processes.
///
/// It rolls back when it is dropped, so that an early return and a panic leave the state
/// before it. It stays on its thread, which is how a second request of that thread is known.
pub(crate) struct WriteTransaction<'store> {
    store: &'store Store,
    /// `None` only while it is being dropped.
    session: Option<Session>,
    /// The state of the file at the beginning, where that can be known.
    began_at: Option<Header>,
    /// Entries added less entries removed.
    growth: i64,
    span: trace::Span,
    not_send: PhantomData<*const ()>,
}

impl<'store> WriteTransaction<'store> {
    /// Takes over a session in which a write transaction has just begun.
    pub(super) fn new(store: &'store Store, session: Session) -> Self {
        Self {
            began_at: store.header(),
            store,
            session: Some(session),
            growth: 0,
            span: trace::transaction(store.name()),
            not_send: PhantomData,
        }
    }

    /// The connection, to read with. It sees what this transaction has written.
    pub(crate) fn session(&mut self) -> Result<&mut Session> {
        self.session.as_mut().ok_or_else(|| self.store.closed())
    }

    /// Writes an entry; an entry that is there keeps its place.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if self.session()?.put(key, value)? {
            self.growth += 1;
        }
        Ok(())
    }

    /// Replaces the value of a row that a scan has shown.
    pub(crate) fn update(&mut self, rowid: i64, value: &[u8]) -> Result<()> {
        self.session()?.update(rowid, value)
    }

    /// Removes an entry; true if it was there.
    pub(crate) fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let removed = self.session()?.delete(key)?;
        self.growth -= i64::from(removed);
        Ok(removed)
    }

    /// Removes a row that a scan has shown.
    pub(crate) fn delete_row(&mut self, rowid: i64) -> Result<()> {
        let removed = self.session()?.delete_row(rowid)?;
        self.growth -= i64::from(removed);
        Ok(())
    }

    /// Removes every entry.
    pub(crate) fn clear(&mut self) -> Result<()> {
        let removed = self.session()?.clear()?;
        self.growth -= i64::try_from(removed).unwrap_or(i64::MAX);
        Ok(())
    }

    /// Makes all of it visible and, at `Durability::Full`, durable. An error rolls it back.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.session()?.commit()?;
        trace::ended(&self.span, "commit");
        if let Some(began_at) = self.began_at {
            self.store.length_changed(began_at, self.growth);
        }
        Ok(())
    }
}

impl Drop for WriteTransaction<'_> {
    fn drop(&mut self) {
        if let Some(mut session) = self.session.take() {
            // After a commit there is nothing to roll back. A failure has nobody to be told
            // to: a transaction that stays open is met by the next one.
            if matches!(session.rollback(), Ok(true)) {
                trace::ended(&self.span, "rollback");
            }
            self.store.release_writer(session);
        }
    }
}
