//! Reads the rows of a damaged file without SQLite.
//!
//! SQLite reads a table from its root, so it loses every row below a damaged page. The scanner can also
//! read each page by itself. The format is <https://www.sqlite.org/fileformat2.html>.

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

/// Offsets in the header: the first page of the free list, the format and the application id.
const FREE_LIST: usize = 32;
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

/// A row that was read from a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecoveredRow {
    pub(crate) rowid: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// One result of a scan: a row, or a page that could not be read completely.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recovered {
    Row(RecoveredRow),
    Fault { page: u32, reason: &'static str },
}

/// A reader of rows from the pages of a file that SQLite may not be able to read.
pub(crate) struct PageScanner {
    file: File,
    log: Option<WalReader>,
    size: PageSize,
    /// The number of pages in the file itself, without those that are only in the log.
    pages: u32,
    /// The size of the file and the log in bytes, because no row can be longer.
    max_payload: u64,
    format: (u32, u32),
}

impl PageScanner {
    /// Opens the file at `path` and its log for reading. Both must be regular files.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let log_path = sibling(path, "-wal");
        let has_log = paths::exists(&log_path).map_err(|error| Error::io(&log_path, error))?;
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
        let mut scanner = Self {
            pages: 0,
            max_payload: length + log.as_ref().map_or(0, WalReader::bytes),
            file,
            log,
            size: PageSize::DEFAULT,
            format: (0, 0),
        };
        let size = match PageSize::declared(&header) {
            Some(size) => size,
            None => scanner.guess_page_size(length),
        };
        scanner.set_page_size(length, size);
        scanner.log = scanner
            .log
            .filter(|log| log.page_bytes() == size.bytes as u64);
        // The last committed header may be in the log.
        if let Ok(first) = scanner.page(1) {
            let word = |at| number(&first, at, 4).unwrap_or(0);
            scanner.format = (word(APPLICATION_ID), word(USER_VERSION));
        }
        Ok(scanner)
    }

    fn set_page_size(&mut self, length: u64, size: PageSize) {
        self.pages = u32::try_from(length.div_ceil(size.bytes as u64)).unwrap_or(u32::MAX);
        self.size = size;
    }

    /// Returns the page size of a file whose header is lost. It is that of the log, or else the size at which
    /// the most pages are leaves of a table.
    ///
    /// At half the page size, the rows of a page are outside it. At twice the page size, every other
    /// page is inside one.
    fn guess_page_size(&mut self, length: u64) -> PageSize {
        let in_log = self.log.as_ref().map(WalReader::page_bytes);
        if let Some(bytes) = in_log.and_then(|bytes| usize::try_from(bytes).ok()) {
            return PageSize::unreserved(bytes);
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

    /// Returns `true` if the page has rows and each can be read.
    fn is_leaf(&mut self, page: u32) -> bool {
        let mut rows = 0;
        let read = self.read_page(page, &mut Vec::new(), &mut |_| rows += 1);
        read.is_ok() && rows > 0
    }

    /// Returns the application id and the format that the header declares.
    pub(crate) const fn format(&self) -> (u32, u32) {
        self.format
    }

    /// Calls `f` with every row that can be found and every page that cannot be read, until `f` returns
    /// `false`.
    ///
    /// The pages that the root leads to come first. If one of them cannot be read, all other pages follow.
    pub(crate) fn scan(&mut self, f: &mut dyn FnMut(Recovered) -> bool) {
        let mut seen = HashSet::new();
        let mut is_complete = true;
        let mut go_on = true;
        let mut remaining = match self.root() {
            Ok(root) => vec![root],
            Err(reason) => {
                is_complete = false;
                go_on = f(Recovered::Fault { page: 1, reason });
                Vec::new()
            }
        };
        while let Some(page) = remaining.pop().filter(|_| go_on) {
            if !seen.insert(page) {
                continue;
            }
            let mut children = Vec::new();
            let read = self.read_page(page, &mut children, &mut |row| {
                go_on &= f(Recovered::Row(row));
            });
            if let Err(reason) = read {
                is_complete = false;
                go_on &= f(Recovered::Fault { page, reason });
            }
            // The leftmost child is taken next, so that rows come in order.
            remaining.extend(children.into_iter().rev());
        }
        if !is_complete && go_on {
            self.scan_unreachable(&seen, f);
        }
    }

    /// Reads the pages that the root did not lead to, except those on the free list.
    fn scan_unreachable(&mut self, seen: &HashSet<u32>, f: &mut dyn FnMut(Recovered) -> bool) {
        let free = self.free_pages();
        for page in self.all_pages() {
            if seen.contains(&page) || free.contains(&page) {
                continue;
            }
            let mut rows = Vec::new();
            // Most of these pages belong to the index or to a large value, so their errors mean nothing.
            let _ = self.read_page(page, &mut Vec::new(), &mut |row| rows.push(row));
            for row in rows {
                if !f(Recovered::Row(row)) {
                    return;
                }
            }
        }
    }

    /// Returns the numbers of all pages except the first, whatever number the headers of the file and the log
    /// claim.
    fn all_pages(&self) -> Vec<u32> {
        let in_log = self.log.as_ref().map(WalReader::pages).unwrap_or_default();
        let beyond = in_log.into_iter().filter(|&page| page > self.pages);
        (2..=self.pages).chain(beyond).collect()
    }

    /// Reads the children of an interior page, or the rows of a leaf.
    fn read_page(
        &mut self,
        page_number: u32,
        children: &mut Vec<u32>,
        row: &mut dyn FnMut(RecoveredRow),
    ) -> Parsed<()> {
        let page = self.page(page_number)?;
        let mut fault = Ok(());
        match TablePage::parse(&page, page_number)? {
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

    /// Returns the root page of the table, from the schema on page 1.
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

    /// Returns the pages on the free list, as far as the list can be read.
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
    /// Returns the last committed content of a page, from the log or else from the file.
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

/// Returns the length of the file, and its header, which is zeros after the end of a short file.
fn read_header(file: &mut File) -> io::Result<(u64, [u8; FILE_HEADER_BYTES])> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut header = [0; FILE_HEADER_BYTES];
    file.rewind()?;
    let _ = file.read(&mut header)?;
    Ok((length, header))
}

#[cfg(test)]
mod tests;
