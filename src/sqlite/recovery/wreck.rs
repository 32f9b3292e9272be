//! Reads rows out of the pages of a damaged file, without SQLite.
//!
//! SQLite reads a table from its root, and what hangs on a damaged page is lost to it. Here each
//! page is looked at by itself. The format is that of <https://www.sqlite.org/fileformat2.html>.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};
use crate::sqlite::open::place::{self, beside};
use crate::sqlite::recovery::bytes::{number, read_at, varint};
use crate::sqlite::recovery::log::Log;

/// The page size of a new SQLite file, assumed where the header does not say.
const DEFAULT_PAGE_BYTES: usize = 4096;
/// The header of the file, at the beginning of page 1.
const FILE_HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where the header has the first page of the free list, the format and the application id.
const FREE_LIST: usize = 32;
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

const INTERIOR_TABLE: u8 = 0x05;
const LEAF_TABLE: u8 = 0x0D;

/// A row that was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FoundRow {
    pub(crate) rowid: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// A row, or what is in the way of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Row(FoundRow),
    Fault { page: u32, reason: &'static str },
}

/// A file that SQLite may not be able to read.
pub(crate) struct Wreck {
    file: File,
    log: Option<Log>,
    page_bytes: usize,
    /// Bytes of a page that hold content: some programs reserve the rest.
    usable: usize,
    /// Pages in the file itself.
    pages: u32,
    /// Bytes in the file and the log: no row can be longer.
    held: u64,
    format: (u32, u32),
}

type Parsed<T> = std::result::Result<T, &'static str>;

impl Wreck {
    /// Opens the file at `path` and the log beside it, for reading. Both have to be regular files.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let log_path = beside(path, "-wal");
        let has_log = place::is_there(&log_path).map_err(|error| Error::io(&log_path, error))?;
        let log = has_log
            .then(|| place::open_to_read(&log_path))
            .transpose()?;
        let mut file = place::open_to_read(path)?;
        let (length, header) = read_header(&mut file).map_err(|error| Error::io(path, error))?;
        let (page_bytes, reserved) = page_size(&header);
        let log = log
            .map(|log| Log::read(log, page_bytes))
            .transpose()
            .map_err(|error| Error::io(&log_path, error))?
            .flatten();
        let mut wreck = Self {
            pages: u32::try_from(length.div_ceil(page_bytes as u64)).unwrap_or(u32::MAX),
            held: length + log.as_ref().map_or(0, Log::bytes),
            file,
            log,
            page_bytes,
            usable: page_bytes - reserved,
            format: (0, 0),
        };
        // The newest header may be in the log.
        if let Ok(first) = wreck.page(1) {
            let word = |at| number(&first, at, 4).unwrap_or(0);
            wreck.format = (word(APPLICATION_ID), word(USER_VERSION));
        }
        Ok(wreck)
    }

    /// The application id and the format that the header declares.
    pub(crate) const fn format(&self) -> (u32, u32) {
        self.format
    }

    /// Shows every row that can be found, and every page that cannot be read: first what hangs
    /// together, then, if not all of it does, what lies about.
    pub(crate) fn search(&mut self, f: &mut dyn FnMut(Finding) -> bool) {
        let mut seen = HashSet::new();
        let mut whole = true;
        let mut go_on = true;
        let mut left = match self.root() {
            Ok(root) => vec![root],
            Err(reason) => {
                whole = false;
                go_on = f(Finding::Fault { page: 1, reason });
                Vec::new()
            }
        };
        while let Some(page) = left.pop().filter(|_| go_on) {
            if !seen.insert(page) {
                continue;
            }
            let mut children = Vec::new();
            let looked = self.look(page, &mut children, &mut |row| {
                go_on &= f(Finding::Row(row));
            });
            if let Err(reason) = looked {
                whole = false;
                go_on &= f(Finding::Fault { page, reason });
            }
            // The leftmost child is on top: rows come in their order.
            left.extend(children.into_iter().rev());
        }
        if !whole && go_on {
            self.search_rest(&seen, f);
        }
    }

    /// Looks at the pages that no way from the root has led to and that are not known to be free.
    fn search_rest(&mut self, seen: &HashSet<u32>, f: &mut dyn FnMut(Finding) -> bool) {
        let free = self.free_pages();
        for page in self.all_pages() {
            if seen.contains(&page) || free.contains(&page) {
                continue;
            }
            let mut rows = Vec::new();
            // Most of them are something else: an index, or the rest of a large value.
            let _ = self.look(page, &mut Vec::new(), &mut |row| rows.push(row));
            for row in rows {
                if !f(Finding::Row(row)) {
                    return;
                }
            }
        }
    }

    /// The pages that there are, however many the header of the file or of the log claims, but for
    /// the first.
    fn all_pages(&self) -> Vec<u32> {
        let in_log = self.log.as_ref().map(Log::pages).unwrap_or_default();
        let beyond = in_log.into_iter().filter(|&page| page > self.pages);
        (2..=self.pages).chain(beyond).collect()
    }

    /// The children of an interior page, or the rows of a leaf.
    fn look(
        &mut self,
        number_of_page: u32,
        children: &mut Vec<u32>,
        row: &mut dyn FnMut(FoundRow),
    ) -> Parsed<()> {
        let page = self.page(number_of_page)?;
        let at = if number_of_page == 1 {
            FILE_HEADER_BYTES
        } else {
            0
        };
        let mut fault = Ok(());
        match page.get(at) {
            Some(&INTERIOR_TABLE) => {
                for cell in cells(&page, at, 12)? {
                    children.push(number(&page, cell, 4).ok_or("a child lies outside the page")?);
                }
                children.push(number(&page, at + 8, 4).ok_or("it ends too soon")?);
            }
            Some(&LEAF_TABLE) => {
                for cell in cells(&page, at, 8)? {
                    match self.row(&page, cell) {
                        Ok(found) => row(found),
                        Err(reason) => fault = Err(reason),
                    }
                }
            }
            _ => return Err("it is not a page of a table"),
        }
        fault
    }

    fn row(&mut self, page: &[u8], cell: usize) -> Parsed<FoundRow> {
        let (length, at) = varint(page, cell).ok_or("a row lies outside the page")?;
        let (rowid, at) = varint(page, at).ok_or("a row lies outside the page")?;
        let payload = self.payload(page, at, length)?;
        let (key, value) = record(&payload).ok_or("a row is not a key and a value")?;
        Ok(FoundRow {
            rowid: rowid.cast_signed(),
            key: key.to_vec(),
            value: value.to_vec(),
        })
    }

    /// A row's bytes: those in the page, and those in the chain of pages that it goes on in.
    fn payload(&mut self, page: &[u8], at: usize, length: u64) -> Parsed<Vec<u8>> {
        let most = self.held;
        let length = usize::try_from(length)
            .ok()
            .filter(|_| length <= most)
            .ok_or("a row is longer than the file")?;
        let local = self.local_bytes(length);
        let mut payload = page
            .get(at..at + local)
            .ok_or("a row lies outside the page")?
            .to_vec();
        let mut next = if local < length {
            number(page, at + local, 4).ok_or("a row lies outside the page")?
        } else {
            0
        };
        while payload.len() < length {
            let more = self
                .page(next)
                .map_err(|_| "a row goes on in a page that cannot be read")?;
            next = number(&more, 0, 4).ok_or("a row goes on in no page")?;
            let take = (self.usable - 4).min(length - payload.len());
            payload.extend_from_slice(more.get(4..4 + take).ok_or("a row goes on in no page")?);
        }
        Ok(payload)
    }

    /// How much of a payload lies in the leaf itself: "B-tree pages" of the format's description.
    const fn local_bytes(&self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let local = least + (length - least) % (self.usable - 4);
        if local <= most { local } else { least }
    }

    /// The root page of the table, from the schema on page 1.
    fn root(&mut self) -> Parsed<u32> {
        let page = self.page(1)?;
        if page.get(FILE_HEADER_BYTES) != Some(&LEAF_TABLE) {
            return Err("the schema cannot be read");
        }
        for cell in cells(&page, FILE_HEADER_BYTES, 8)? {
            let Some(root) = varint(&page, cell)
                .and_then(|(length, at)| Some((length, varint(&page, at)?.1)))
                .and_then(|(length, at)| self.payload(&page, at, length).ok())
                .and_then(|payload| root_of_dict(&payload))
            else {
                continue;
            };
            return Ok(root);
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

    /// The newest content of a page: the log's, or the file's.
    fn page(&mut self, page: u32) -> Parsed<Vec<u8>> {
        if page == 0 {
            return Err("it is outside the file");
        }
        let mut bytes = vec![0; self.page_bytes];
        let offset = u64::from(page - 1) * self.page_bytes as u64;
        let read = match self.log.as_mut().and_then(|log| log.locate(page)) {
            Some((log, offset)) => read_at(log, offset, &mut bytes),
            None if page <= self.pages => read_at(&mut self.file, offset, &mut bytes),
            None => return Err("it is outside the file"),
        };
        read.map_err(|_| "it cannot be read from the disk")?;
        Ok(bytes)
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

/// Bytes in a page, and how many of them are reserved.
fn page_size(header: &[u8; FILE_HEADER_BYTES]) -> (usize, usize) {
    let (Some(size), Some(&reserved)) = (number(header, 16, 2), header.get(20)) else {
        return (DEFAULT_PAGE_BYTES, 0);
    };
    let size = if size == 1 { 65536 } else { size as usize };
    let is_sound = header.starts_with(MAGIC)
        && size.is_power_of_two()
        && (512..=65536).contains(&size)
        && size - usize::from(reserved) >= 480;
    if is_sound {
        (size, usize::from(reserved))
    } else {
        (DEFAULT_PAGE_BYTES, 0)
    }
}

/// Where the cells of a page begin.
fn cells(page: &[u8], header: usize, header_bytes: usize) -> Parsed<Vec<usize>> {
    let count = number(page, header + 3, 2).ok_or("it ends too soon")? as usize;
    (0..count)
        .map(|n| number(page, header + header_bytes + 2 * n, 2).map(|at| at as usize))
        .collect::<Option<_>>()
        .ok_or("it claims more rows than it can hold")
}

/// The columns of a record: each one's serial type and bytes.
fn columns(payload: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let (header_bytes, mut at) = varint(payload, 0)?;
    let header_bytes = usize::try_from(header_bytes).ok()?;
    let mut body = header_bytes;
    let mut columns = Vec::new();
    while at < header_bytes {
        let (serial, next) = varint(payload, at)?;
        let length = match serial {
            0 | 8 | 9 => 0,
            1..=4 => serial,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => (serial - 12) / 2,
        };
        let end = body.checked_add(usize::try_from(length).ok()?)?;
        columns.push((serial, payload.get(body..end)?));
        (at, body) = (next, end);
    }
    (body == payload.len()).then_some(columns)
}

/// A row of the table: two BLOBs.
fn record(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_blob = |serial: u64| serial >= 12 && serial.is_multiple_of(2);
    match columns(payload)?.as_slice() {
        &[(first, key), (second, value)] if is_blob(first) && is_blob(second) => Some((key, value)),
        _ => None,
    }
}

/// The root page, if it is the row of the schema that describes the table.
fn root_of_dict(payload: &[u8]) -> Option<u32> {
    match columns(payload)?.as_slice() {
        &[(_, b"table"), (_, b"dict"), _, (serial, root), _] => match serial {
            9 => Some(1),
            1..=4 => number(root, 0, root.len()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
