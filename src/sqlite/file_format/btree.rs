//! Reads table b-trees and their rows: <https://www.sqlite.org/fileformat2.html#b_tree_pages>.

use crate::sqlite::file_format::{FILE_HEADER_BYTES, MAGIC, number, varint};

const INTERIOR_TABLE: u8 = 0x05;
const LEAF_TABLE: u8 = 0x0D;

/// The content of a page, or the reason why it cannot be read.
pub(in crate::sqlite) type Parsed<T> = Result<T, &'static str>;

/// The page size of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct PageSize {
    /// The number of bytes of a page.
    pub(in crate::sqlite) bytes: usize,
    /// The number of bytes that can hold content. Some programs reserve the rest of each page.
    pub(in crate::sqlite) usable: usize,
}

impl PageSize {
    /// The page size of a new SQLite file, for a file that does not say its own.
    pub(in crate::sqlite) const DEFAULT: Self = Self::unreserved(4096);

    /// Returns the size of a page of `bytes` bytes without reserved ones.
    pub(in crate::sqlite) const fn unreserved(bytes: usize) -> Self {
        Self {
            bytes,
            usable: bytes,
        }
    }

    /// Returns every size that a page can have.
    pub(in crate::sqlite) fn all() -> impl Iterator<Item = Self> {
        (9..=16).map(|bits| Self::unreserved(1 << bits))
    }

    /// Reads the page size that a header declares. Returns `None` if it is not valid.
    pub(in crate::sqlite) fn declared(header: &[u8; FILE_HEADER_BYTES]) -> Option<Self> {
        let (size, &reserved) = (number(header, 16, 2)?, header.get(20)?);
        let bytes = if size == 1 { 65536 } else { size as usize };
        let is_valid = header.starts_with(MAGIC)
            && bytes.is_power_of_two()
            && (512..=65536).contains(&bytes)
            && bytes - usize::from(reserved) >= 480;
        is_valid.then(|| Self {
            bytes,
            usable: bytes - usize::from(reserved),
        })
    }

    /// Returns how many bytes of a payload are in the page itself, if its b-tree keeps `most` there. The formula is in
    /// the section "B-tree Pages" of the format's description.
    const fn local_bytes(self, length: usize, most: usize) -> usize {
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let local = least + (length - least) % (self.usable - 4);
        if local <= most { local } else { least }
    }
}

/// A file whose pages can be read.
pub(in crate::sqlite) trait Pages {
    /// Reads the content of a page.
    fn page(&mut self, number: u32) -> Parsed<Vec<u8>>;

    fn size(&self) -> PageSize;

    /// Returns the size in bytes above which a row is taken for damage.
    fn max_payload(&self) -> u64;
}

/// A page of a table's b-tree.
pub(in crate::sqlite) enum TablePage {
    /// The numbers of its children, in the order of their rows.
    Interior(Vec<u32>),
    /// The offsets of its rows in the page.
    Leaf(Vec<usize>),
}

impl TablePage {
    pub(in crate::sqlite) fn parse(page: &[u8], page_number: u32) -> Parsed<Self> {
        let at = if page_number == 1 {
            FILE_HEADER_BYTES
        } else {
            0
        };
        match page.get(at) {
            Some(&INTERIOR_TABLE) => {
                let mut children = Vec::new();
                for cell in cells(page, at, 12)? {
                    children.push(number(page, cell, 4).ok_or("a child lies outside the page")?);
                }
                children.push(number(page, at + 8, 4).ok_or("it ends too soon")?);
                Ok(Self::Interior(children))
            }
            Some(&LEAF_TABLE) => Ok(Self::Leaf(cells(page, at, 8)?)),
            _ => Err("it is not a page of a table"),
        }
    }
}

/// Returns the offsets of the cells of a page.
pub(in crate::sqlite) fn cells(
    page: &[u8],
    header: usize,
    header_bytes: usize,
) -> Parsed<Vec<usize>> {
    let count = number(page, header + 3, 2).ok_or("it ends too soon")? as usize;
    (0..count)
        .map(|n| number(page, header + header_bytes + 2 * n, 2).map(|at| at as usize))
        .collect::<Option<_>>()
        .ok_or("it claims more rows than it can hold")
}

/// Reads the rowid and the record of the row at the offset `cell` of a leaf.
pub(in crate::sqlite) fn row(
    pages: &mut impl Pages,
    page: &[u8],
    cell: usize,
) -> Parsed<(i64, Vec<u8>)> {
    let (length, at) = varint(page, cell).ok_or("a row lies outside the page")?;
    let (rowid, at) = varint(page, at).ok_or("a row lies outside the page")?;
    let most_local = pages.size().usable - 35;
    let payload = payload(pages, page, at, length, most_local)?;
    Ok((rowid.cast_signed(), payload))
}

/// Reads the payload of a row, from the offset `at` of its page and from its overflow pages.
pub(in crate::sqlite) fn payload(
    pages: &mut impl Pages,
    page: &[u8],
    at: usize,
    length: u64,
    most_local: usize,
) -> Parsed<Vec<u8>> {
    let (most, size) = (pages.max_payload(), pages.size());
    let length = usize::try_from(length)
        .ok()
        .filter(|_| length <= most)
        .ok_or("a row is longer than the file")?;
    let local = size.local_bytes(length, most_local);
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
        let more = pages
            .page(next)
            .map_err(|_| "a row continues in a page that cannot be read")?;
        next = number(&more, 0, 4).ok_or("a row is longer than its overflow pages")?;
        let take = (size.usable - 4).min(length - payload.len());
        payload.extend_from_slice(
            more.get(4..4 + take)
                .ok_or("a row is longer than its overflow pages")?,
        );
    }
    Ok(payload)
}

/// Splits a record into its columns: the serial type and the bytes of each.
pub(in crate::sqlite) fn columns(payload: &[u8]) -> Option<Vec<(u64, &[u8])>> {
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

/// Returns `true` if this is the serial type of a BLOB.
pub(in crate::sqlite) const fn is_blob(serial: u64) -> bool {
    serial >= 12 && serial.is_multiple_of(2)
}

/// Returns the key and the value of a record, if it consists of two BLOBs.
pub(in crate::sqlite) fn record(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    match columns(payload)?.as_slice() {
        &[(first, key), (second, value)] if is_blob(first) && is_blob(second) => Some((key, value)),
        _ => None,
    }
}

/// Returns the root page of a table, if the record is the table's row in the schema.
pub(in crate::sqlite) fn root_of_table(payload: &[u8], table: &[u8]) -> Option<u32> {
    match columns(payload)?.as_slice() {
        &[(_, b"table"), (_, name), _, root, _] if name == table => page_number(root),
        _ => None,
    }
}

/// Returns the page number in a column.
pub(in crate::sqlite) fn page_number((serial, bytes): (u64, &[u8])) -> Option<u32> {
    match serial {
        9 => Some(1),
        1..=4 => number(bytes, 0, bytes.len()),
        _ => None,
    }
}
