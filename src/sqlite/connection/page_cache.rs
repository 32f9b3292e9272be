//! The page cache of the connection that writes, which may grow for a while.

use rusqlite::Connection;

/// How large the page cache of a load may become. Each doubling up to here took a sixth to a
/// third off a random load of 2,000,000 entries; memory for the time of the call is what it
/// costs.
const LOAD_CACHE_KIB: i64 = 32 * 1024;

/// The size of a connection's page cache, as far as it is not what it was when it was opened.
#[derive(Default)]
pub(in crate::sqlite) struct PageCache {
    /// In SQLite's terms: pages or, negative, KiB.
    before: Option<i64>,
}

impl PageCache {
    pub(in crate::sqlite) fn enlarge(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.before.is_none() {
            let before = cache_size(connection)?;
            set_cache_size(connection, -LOAD_CACHE_KIB)?;
            self.before = Some(before);
        }
        Ok(())
    }

    /// SQLite frees the pages that are too many; when the system gets their memory is the
    /// allocator's affair.
    pub(in crate::sqlite) fn restore(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.before
            .take()
            .map_or(Ok(()), |before| set_cache_size(connection, before))
    }
}

fn cache_size(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "cache_size", |row| row.get(0))
}

fn set_cache_size(connection: &Connection, size: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_once_and_becomes_what_it_was() {
        let connection = Connection::open_in_memory().unwrap();
        for before in [-2000, -777, 55] {
            set_cache_size(&connection, before).unwrap();
            let mut page_cache = PageCache::default();
            page_cache.restore(&connection).unwrap();
            assert_eq!(cache_size(&connection).unwrap(), before);
            for _ in 0..2 {
                page_cache.enlarge(&connection).unwrap();
                assert_eq!(cache_size(&connection).unwrap(), -LOAD_CACHE_KIB);
            }
            for _ in 0..2 {
                page_cache.restore(&connection).unwrap();
                assert_eq!(cache_size(&connection).unwrap(), before);
            }
        }
    }
}
