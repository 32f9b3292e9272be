//! Loading much in one call: the writer's page cache grows with it, and shrinks again.
//!
//! Entries are written in the caller's order, which their places follow. Keys in no order then
//! meet the pages of the index at random, and what a load costs is how many of them SQLite finds
//! in its page cache. Sorting runs of entries by key was measured against that, with
//! the places given: pages of the table then split in the middle, the file grows by 9%,
//! and it is slower than a page cache of the same size.

use crate::error::Result;
use crate::sqlite::write::transaction::WriteTransaction;

/// How many pages a load has to write before its page cache grows: as many as SQLite's default
/// page cache has. A smaller one finds its pages in that.
const MANY_PAGES: usize = 512;

/// SQLite's default size of a page.
const PAGE_BYTES: usize = 4096;

/// Writes many entries in one transaction.
pub(crate) struct Load<'tx> {
    transaction: &'tx mut WriteTransaction,
    /// At most, each entry being on other pages than the ones before it.
    pages: usize,
}

impl<'tx> Load<'tx> {
    pub(crate) const fn new(transaction: &'tx mut WriteTransaction) -> Self {
        Self {
            transaction,
            pages: 0,
        }
    }

    /// Writes an entry; an entry that is there keeps its place.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.transaction.put(key, value)?;
        if self.pages < MANY_PAGES {
            self.pages += 1 + (key.len() + value.len()) / PAGE_BYTES;
            if self.pages >= MANY_PAGES {
                self.transaction.enlarge_page_cache()?;
            }
        }
        Ok(())
    }
}
