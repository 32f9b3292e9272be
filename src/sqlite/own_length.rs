//! The number of entries of a vault that only the store that created it has written to.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::engine::MapId;
use crate::error::Result;
use crate::sqlite::connection::session::Session;

/// The sum of the growth of a store's own commits. It is the number of entries until another connection
/// commits, which SQLite tells by the data version
/// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
pub(in crate::sqlite) struct OwnLength {
    /// The only map of the file.
    pub(in crate::sqlite) map: MapId,
    data_version: i64,
    length: AtomicI64,
    /// Whether another connection has committed.
    is_stale: AtomicBool,
}

impl OwnLength {
    /// Returns that of a new vault, or `None` if another connection has already written to it.
    pub(in crate::sqlite) fn of_new(session: &mut Session, map: MapId) -> Option<Self> {
        // The rows are read after the data version, so that a commit before this read has changed it.
        let data_version = data_version(session).ok()?;
        let is_empty = session.rows(map).is_empty().ok()?;
        is_empty.then(|| Self {
            map,
            data_version,
            length: AtomicI64::new(0),
            is_stale: AtomicBool::new(false),
        })
    }

    /// Notes a commit of the store, which added this number of entries.
    #[inline]
    pub(in crate::sqlite) fn add(&self, growth: i64) {
        self.length.fetch_add(growth, Ordering::Relaxed);
    }

    /// Returns `true` if another connection is known to have committed.
    pub(in crate::sqlite) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }

    /// Returns the number of entries, unless another connection has committed. The caller has the connection
    /// that writes.
    pub(in crate::sqlite) fn get(&self, session: &mut Session) -> Option<u64> {
        if data_version(session).ok() != Some(self.data_version) {
            self.is_stale.store(true, Ordering::Relaxed);
            return None;
        }
        u64::try_from(self.length.load(Ordering::Relaxed)).ok()
    }
}

fn data_version(session: &mut Session) -> Result<i64> {
    session.with_connection(|connection| {
        connection.query_one("PRAGMA data_version", [], |row| row.get(0))
    })
}
