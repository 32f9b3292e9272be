//! The pages of a file that SQLite may not be able to read, each with its last committed content.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};
use crate::sqlite::file_format::btree::{self, PageSize, Pages, Parsed, TablePage, root_of_table};
use crate::sqlite::file_format::index;
use crate::sqlite::file_format::{FILE_HEADER_BYTES, number, read_at};
use crate::sqlite::open::paths::{self, sibling};
use crate::sqlite::recovery::wal_reader::WalReader;

/// Offsets in the header: the first page of the free list, the format and the application id.
const FREE_LIST: usize = 32;
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

/// How often one task may read each byte of the file on average.
///
/// In a hostile file many rows share the same pages. Without a limit, the work would grow with the square of the size of
/// the file. An honest file needs at most some 160 reads, if its pages have 64 KiB and its large values are as small as
/// they can be, because each of them reads its page.
const READS_PER_BYTE: u64 = 256;

/// A table in the schema, and the error if it is not there.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite::recovery) struct Table {
    pub(in crate::sqlite::recovery) name: &'static [u8],
    pub(in crate::sqlite::recovery) missing: &'static str,
}

/// A file and its log, open for reading.
pub(in crate::sqlite::recovery) struct DamagedFile {
    file: File,
    log: Option<WalReader>,
    length: u64,
    size: PageSize,
    /// The number of pages in the file itself, without those that are only in the log.
    pages: u32,
    /// The bytes that the current task may still read.
    allowance: u64,
}

impl DamagedFile {
    /// Opens the file at `path` and its log. Both must be regular files. Also returns the page size that the
    /// header declares.
    pub(in crate::sqlite::recovery) fn open(path: &Path) -> Result<(Self, Option<PageSize>)> {
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
        let file = Self {
            file,
            log,
            length,
            size: PageSize::DEFAULT,
            pages: 0,
            allowance: 0,
        };
        Ok((file, PageSize::declared(&header)))
    }

    /// Sets the page size. A log with another one is ignored from now on.
    pub(in crate::sqlite::recovery) fn set_page_size(&mut self, size: PageSize) {
        self.pages = u32::try_from(self.length.div_ceil(size.bytes as u64)).unwrap_or(u32::MAX);
        self.size = size;
        let log = self.log.take();
        self.log = log.filter(|log| log.page_bytes() == size.bytes as u64);
    }

    /// Returns the page size of the log, if there is one.
    pub(in crate::sqlite::recovery) fn page_size_of_log(&self) -> Option<PageSize> {
        let bytes = self.log.as_ref().map(WalReader::page_bytes)?;
        usize::try_from(bytes).ok().map(PageSize::unreserved)
    }

    /// Begins a task, which may read [`READS_PER_BYTE`] times what the file has.
    pub(in crate::sqlite::recovery) fn begin_task(&mut self) {
        let bytes = self.max_payload().saturating_add(self.size.bytes as u64);
        self.allowance = bytes.saturating_mul(READS_PER_BYTE);
    }

    fn spend(&mut self, bytes: usize) -> Parsed<()> {
        let rest = self.allowance.checked_sub(bytes as u64);
        self.allowance = rest.unwrap_or(0);
        rest.map(drop).ok_or("too many rows share their pages")
    }

    /// Returns the application id and the format that the last committed header declares.
    pub(in crate::sqlite::recovery) fn format(&mut self) -> (u32, u32) {
        self.page(1).map_or((0, 0), |first| {
            let word = |at| number(&first, at, 4).unwrap_or(0);
            (word(APPLICATION_ID), word(USER_VERSION))
        })
    }

    /// Returns the root page of a table, from the schema on page 1, which suffices for a file of one map.
    pub(in crate::sqlite::recovery) fn root_of(&mut self, table: Table) -> Parsed<u32> {
        let page = self.page(1)?;
        let TablePage::Leaf(cells) = TablePage::parse(&page, 1)? else {
            return Err("the schema cannot be read");
        };
        for cell in cells {
            let row = self.table_row(&page, cell).ok();
            if let Some(root) = row.and_then(|(_, payload)| root_of_table(&payload, table.name)) {
                return Ok(root);
            }
        }
        Err(table.missing)
    }

    /// Reads the rowid and the record of a row of a table.
    pub(in crate::sqlite::recovery) fn table_row(
        &mut self,
        page: &[u8],
        cell: usize,
    ) -> Parsed<(i64, Vec<u8>)> {
        let (rowid, payload) = btree::row(self, page, cell)?;
        self.spend(payload.len())?;
        Ok((rowid, payload))
    }

    /// Reads the record of a row of an index.
    pub(in crate::sqlite::recovery) fn index_row(
        &mut self,
        page: &[u8],
        row: usize,
    ) -> Parsed<Vec<u8>> {
        let payload = index::row(self, page, row)?;
        self.spend(payload.len())?;
        Ok(payload)
    }

    /// Returns the numbers of all pages except the first, whatever number the headers of the file and the log
    /// claim.
    pub(in crate::sqlite::recovery) fn all_pages(&self) -> Vec<u32> {
        let in_log = self.log.as_ref().map(WalReader::pages).unwrap_or_default();
        let beyond = in_log.into_iter().filter(|&page| page > self.pages);
        (2..=self.pages).chain(beyond).collect()
    }

    /// Returns the numbers of the pages that are neither in `seen` nor on the free list.
    pub(in crate::sqlite::recovery) fn other_pages(&mut self, seen: &HashSet<u32>) -> Vec<u32> {
        let free = self.free_pages();
        let mut pages = self.all_pages();
        pages.retain(|page| !seen.contains(page) && !free.contains(page));
        pages
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

impl Pages for DamagedFile {
    /// Returns the last committed content of a page, from the log or else from the file.
    fn page(&mut self, page: u32) -> Parsed<Vec<u8>> {
        if page == 0 {
            return Err("it is outside the file");
        }
        self.spend(self.size.bytes)?;
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

    /// Returns the size of the file and the log in bytes, because no row can be longer.
    fn max_payload(&self) -> u64 {
        self.length + self.log.as_ref().map_or(0, WalReader::bytes)
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
