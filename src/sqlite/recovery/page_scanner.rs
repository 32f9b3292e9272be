//! Reads rows out of the pages of a damaged file, without SQLite.
//!
//! SQLite reads a table from its root, and what hangs on a damaged page is lost to it. Here each
//! page is looked at by itself. The format is that of <https://www.sqlite.org/fileformat2.html>.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};
use crate::sqlite::file_format::btree::{
    self, PageSize, Pages, Parsed, TablePage, record, root_of_dict,
};
use crate::sqlite::file_format::{FILE_HEADER_BYTES, number, read_at};
use crate::sqlite::open::paths::{self, sibling};
use crate::sqlite::recovery::wal_reader::WalReader;

/// Where the header has the first page of the free list, the format and the application id.
const FREE_LIST: usize = 32;
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

/// A row that was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecoveredRow {
    pub(crate) rowid: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// A row, or what is in the way of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recovered {
    Row(RecoveredRow),
    Fault { page: u32, reason: &'static str },
}

/// A file that SQLite may not be able to read.
pub(crate) struct PageScanner {
    file: File,
    log: Option<WalReader>,
    size: PageSize,
    /// Pages in the file itself.
    pages: u32,
    /// Bytes in the file and the log: no row can be longer.
    max_payload: u64,
    format: (u32, u32),
}

impl PageScanner {
    /// Opens the file at `path` and the log beside it, for reading. Both have to be regular files.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let log_path = sibling(path, "-wal");
        let has_log = paths::is_there(&log_path).map_err(|error| Error::io(&log_path, error))?;
        let log = has_log
            .then(|| paths::open_to_read(&log_path))
            .transpose()?;
        let mut file = paths::open_to_read(path)?;
        let (length, header) = read_header(&mut file).map_err(|error| Error::io(path, error))?;
        let log = log
            .map(WalReader::read)
            .transpose()
            .map_err(|error| Error::io(&log_path, error))?
            .flatten();
        let mut wreck = Self {
            pages: 0,
            max_payload: length + log.as_ref().map_or(0, WalReader::bytes),
            file,
            log,
            size: PageSize::DEFAULT,
            format: (0, 0),
        };
        let size = match PageSize::declared(&header) {
            Some(size) => size,
            None => wreck.guess_page_size(length),
        };
        wreck.set_page_size(length, size);
        wreck.log = wreck
            .log
            .filter(|log| log.page_bytes() == size.bytes as u64);
        // The newest header may be in the log.
        if let Ok(first) = wreck.page(1) {
            let word = |at| number(&first, at, 4).unwrap_or(0);
            wreck.format = (word(APPLICATION_ID), word(USER_VERSION));
        }
        Ok(wreck)
    }

    fn set_page_size(&mut self, length: u64, size: PageSize) {
        self.pages = u32::try_from(length.div_ceil(size.bytes as u64)).unwrap_or(u32::MAX);
        self.size = size;
    }

    /// Returns the page size of a file whose header does not say it: the log's, or the size at which the most
    /// pages are leaves of a table.
    ///
    /// At half the size the rows of a page lie outside it. At twice the size every other page lies
    /// inside one.
    fn guess_page_size(&mut self, length: u64) -> PageSize {
        let in_log = self.log.as_ref().map(WalReader::page_bytes);
        if let Some(bytes) = in_log.and_then(|bytes| usize::try_from(bytes).ok()) {
            return PageSize::whole(bytes);
        }
        let mut best = (0, PageSize::DEFAULT);
        for size in PageSize::all() {
            self.set_page_size(length, size);
            let pages = 2..=self.pages;
            let found = pages.filter(|&page| self.is_leaf(page)).count();
            if found > best.0 {
                best = (found, size);
            }
        }
        best.1
    }

    /// Returns `true` if the page has rows and every one can be read.
    fn is_leaf(&mut self, page: u32) -> bool {
        let mut rows = 0;
        let looked = self.look(page, &mut Vec::new(), &mut |_| rows += 1);
        looked.is_ok() && rows > 0
    }

    /// The application id and the format that the header declares.
    pub(crate) const fn format(&self) -> (u32, u32) {
        self.format
    }

    /// Shows every row that can be found, and every page that cannot be read: first what hangs
    /// together, then, if not all of it does, what lies about.
    pub(crate) fn scan(&mut self, f: &mut dyn FnMut(Recovered) -> bool) {
        let mut seen = HashSet::new();
        let mut whole = true;
        let mut go_on = true;
        let mut left = match self.root() {
            Ok(root) => vec![root],
            Err(reason) => {
                whole = false;
                go_on = f(Recovered::Fault { page: 1, reason });
                Vec::new()
            }
        };
        while let Some(page) = left.pop().filter(|_| go_on) {
            if !seen.insert(page) {
                continue;
            }
            let mut children = Vec::new();
            let looked = self.look(page, &mut children, &mut |row| {
                go_on &= f(Recovered::Row(row));
            });
            if let Err(reason) = looked {
                whole = false;
                go_on &= f(Recovered::Fault { page, reason });
            }
            // The leftmost child is on top: rows come in their order.
            left.extend(children.into_iter().rev());
        }
        if !whole && go_on {
            self.scan_unreachable(&seen, f);
        }
    }

    /// Looks at the pages that no way from the root has led to and that are not known to be free.
    fn scan_unreachable(&mut self, seen: &HashSet<u32>, f: &mut dyn FnMut(Recovered) -> bool) {
        let free = self.free_pages();
        for page in self.all_pages() {
            if seen.contains(&page) || free.contains(&page) {
                continue;
            }
            let mut rows = Vec::new();
            // Most of them are something else: an index, or the rest of a large value.
            let _ = self.look(page, &mut Vec::new(), &mut |row| rows.push(row));
            for row in rows {
                if !f(Recovered::Row(row)) {
                    return;
                }
            }
        }
    }

    /// The pages that there are, however many the header of the file or of the log claims, but for
    /// the first.
    fn all_pages(&self) -> Vec<u32> {
        let in_log = self.log.as_ref().map(WalReader::pages).unwrap_or_default();
        let beyond = in_log.into_iter().filter(|&page| page > self.pages);
        (2..=self.pages).chain(beyond).collect()
    }

    /// The children of an interior page, or the rows of a leaf.
    fn look(
        &mut self,
        number_of_page: u32,
        children: &mut Vec<u32>,
        row: &mut dyn FnMut(RecoveredRow),
    ) -> Parsed<()> {
        let page = self.page(number_of_page)?;
        let mut fault = Ok(());
        match TablePage::parse(&page, number_of_page)? {
            TablePage::Interior(found) => *children = found,
            TablePage::Leaf(cells) => {
                for cell in cells {
                    match self.row(&page, cell) {
                        Ok(found) => row(found),
                        Err(reason) => fault = Err(reason),
                    }
                }
            }
        }
        fault
    }

    fn row(&mut self, page: &[u8], cell: usize) -> Parsed<RecoveredRow> {
        let (rowid, payload) = btree::row(self, page, cell)?;
        let (key, value) = record(&payload).ok_or("a row is not a key and a value")?;
        Ok(RecoveredRow {
            rowid,
            key: key.to_vec(),
            value: value.to_vec(),
        })
    }

    /// The root page of the table, from the schema on page 1.
    fn root(&mut self) -> Parsed<u32> {
        let page = self.page(1)?;
        let TablePage::Leaf(cells) = TablePage::parse(&page, 1)? else {
            return Err("the schema cannot be read");
        };
        for cell in cells {
            let row = btree::row(self, &page, cell).ok();
            if let Some(root) = row.and_then(|(_, payload)| root_of_dict(&payload)) {
                return Ok(root);
            }
        }
        Err("the schema has no table \"dict\"")
    }

    /// Pages on the free list, as far as it can be followed.
    fn free_pages(&mut self) -> HashSet<u32> {
        let mut free = HashSet::new();
        let first = self.page(1).ok();
        let mut trunk = first
            .and_then(|page| number(&page, FREE_LIST, 4))
            .unwrap_or(0);
        while trunk != 0 && free.insert(trunk) {
            let Ok(page) = self.page(trunk) else { break };
            let count = number(&page, 4, 4).unwrap_or(0) as usize;
            let leaves = (0..count).map_while(|n| number(&page, 8 + 4 * n, 4));
            free.extend(leaves);
            trunk = number(&page, 0, 4).unwrap_or(0);
        }
        free
    }
}

impl Pages for PageScanner {
    /// The newest content of a page: the log's, or the file's.
    fn page(&mut self, page: u32) -> Parsed<Vec<u8>> {
        if page == 0 {
            return Err("it is outside the file");
        }
        let mut bytes = vec![0; self.size.bytes];
        let offset = u64::from(page - 1) * self.size.bytes as u64;
        let read = match self.log.as_mut().and_then(|log| log.locate(page)) {
            Some((log, offset)) => read_at(log, offset, &mut bytes),
            None if page <= self.pages => read_at(&mut self.file, offset, &mut bytes),
            None => return Err("it is outside the file"),
        };
        read.map_err(|_| "it cannot be read from the disk")?;
        Ok(bytes)
    }

    fn size(&self) -> PageSize {
        self.size
    }

    fn max_payload(&self) -> u64 {
        self.max_payload
    }
}

/// The length of the file, and its header as far as there is one.
fn read_header(file: &mut File) -> io::Result<(u64, [u8; FILE_HEADER_BYTES])> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut header = [0; FILE_HEADER_BYTES];
    file.rewind()?;
    let _ = file.read(&mut header)?;
    Ok((length, header))
}

#[cfg(test)]
mod tests;
