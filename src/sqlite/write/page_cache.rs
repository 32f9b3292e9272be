//! The page cache of the connection that writes, which is larger during a large transaction.
//!
//! Entries are written in the order of the caller, which their positions follow. Keys in random order meet
//! the pages of the index at random, and the cost of a load depends on how many of them SQLite finds in its
//! page cache. Sorting runs of entries by key was measured against that, with the positions given: pages of
//! the table then split in the middle, the file grows by 9%, and it is slower than a page cache of the same
//! size. A large page cache for every transaction would keep its memory for the life of a handle.

use rusqlite::Connection;

use crate::error::Result;
use crate::sqlite::connection::session::Session;

/// The number of pages that a transaction writes before the page cache grows: as many as SQLite's default
/// page cache has. A smaller transaction finds its pages in that.
const LARGE_TRANSACTION_PAGES: usize = 512;

/// The size that the page cache grows to. Each doubling up to here took a sixth to a third off a load of
/// 2,000,000 entries in random order.
const LARGE_CACHE_KIB: i64 = 32 * 1024;

/// How much a transaction has written, and the size of the page cache if it has grown.
#[derive(Default)]
pub(in crate::sqlite) struct PageCache {
    /// At most, as if each entry were on other pages than those before it.
    written_pages: usize,
    /// In SQLite's terms: pages or, negative, KiB.
    size_before: Option<i64>,
}

impl PageCache {
    /// Counts pages that a write of the transaction may change, and enlarges the page cache once there are
    /// many.
    #[inline]
    pub(in crate::sqlite) fn note_written(
        &mut self,
        pages: usize,
        session: &mut Session,
    ) -> Result<()> {
        self.written_pages += pages;
        if self.written_pages >= LARGE_TRANSACTION_PAGES && self.size_before.is_none() {
            let before = session.with_connection(enlarge)?;
            self.size_before = Some(before);
        }
        Ok(())
    }

    /// Gives the page cache the size that it had before. SQLite frees the pages that are too many.
    pub(in crate::sqlite) fn restore(&mut self, session: &mut Session) -> Result<()> {
        match self.size_before.take() {
            Some(before) => {
                session.with_connection(|connection| set_cache_size(connection, before))
            }
            None => Ok(()),
        }
    }
}

/// Returns the size before.
fn enlarge(connection: &Connection) -> rusqlite::Result<i64> {
    let before = cache_size(connection)?;
    set_cache_size(connection, -LARGE_CACHE_KIB)?;
    Ok(before)
}

fn cache_size(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "cache_size", |row| row.get(0))
}

fn set_cache_size(connection: &Connection, size: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", size)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_grows_in_a_large_transaction_and_shrinks_again() {
        let connection = Connection::open_in_memory().unwrap();
        let path = Arc::from(Path::new(""));
        let mut session = Session::reader(connection, path, Duration::ZERO);
        let size = |session: &mut Session| session.with_connection(cache_size).unwrap();
        for before in [-2000, -777, 55] {
            session
                .with_connection(|connection| set_cache_size(connection, before))
                .unwrap();
            let mut page_cache = PageCache::default();
            page_cache
                .note_written(LARGE_TRANSACTION_PAGES - 1, &mut session)
                .unwrap();
            page_cache.restore(&mut session).unwrap();
            assert_eq!(size(&mut session), before);
            for _ in 0..2 {
                page_cache.note_written(1, &mut session).unwrap();
                assert_eq!(size(&mut session), -LARGE_CACHE_KIB);
            }
            for _ in 0..2 {
                page_cache.restore(&mut session).unwrap();
                assert_eq!(size(&mut session), before);
            }
        }
    }
}
