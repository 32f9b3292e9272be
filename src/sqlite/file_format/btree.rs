//! Table b-trees and their rows: <https://www.sqlite.org/fileformat2.html#b_tree_pages>.

use crate::sqlite::file_format::{FILE_HEADER_BYTES, MAGIC, number, varint};

const INTERIOR_TABLE: u8 = 0x05;
const LEAF_TABLE: u8 = 0x0D;

/// What a page holds, or why it cannot be read.
pub(in crate::sqlite) type Parsed<T> = Result<T, &'static str>;

/// The sizes of the pages of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct PageSize {
    /// Bytes in a page.
    pub(in crate::sqlite) bytes: usize,
    /// Bytes of a page that hold content: some programs reserve the rest.
    pub(in crate::sqlite) usable: usize,
}

impl PageSize {
    /// The sizes of a new SQLite file, assumed where nothing says them.
    pub(in crate::sqlite) const DEFAULT: Self = Self::whole(4096);

    /// The sizes of a file that reserves nothing in a page of this many bytes.
    pub(in crate::sqlite) const fn whole(bytes: usize) -> Self {
        Self {
            bytes,
            usable: bytes,
        }
    }

    /// Every size that a page can have.
    pub(in crate::sqlite) fn all() -> impl Iterator<Item = Self> {
        (9..=16).map(|bits| Self::whole(1 << bits))
    }

    /// The sizes that a header declares.
    pub(in crate::sqlite) fn declared(header: &[u8; FILE_HEADER_BYTES]) -> Option<Self> {
        let (size, &reserved) = (number(header, 16, 2)?, header.get(20)?);
        let bytes = if size == 1 { 65536 } else { size as usize };
        let is_sound = header.starts_with(MAGIC)
            && bytes.is_power_of_two()
            && (512..=65536).contains(&bytes)
            && bytes - usize::from(reserved) >= 480;
        is_sound.then(|| Self {
            bytes,
            usable: bytes - usize::from(reserved),
        })
    }

    /// How much of a payload lies in the leaf itself: "B-tree pages" of the format's description.
    const fn local_bytes(self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let local = least + (length - least) % (self.usable - 4);
        if local <= most { local } else { least }
    }
}

/// The pages of a file.
pub(in crate::sqlite) trait Pages {
    /// The content of a page.
    fn page(&mut self, number: u32) -> Parsed<Vec<u8>>;

    fn size(&self) -> PageSize;

    /// No row is believed to be longer than this.
    fn max_payload(&self) -> u64;
}

/// A page of a table.
pub(in crate::sqlite) enum TablePage {
    /// The numbers of its children, in the order of their rows.
    Interior(Vec<u32>),
    /// Where its rows begin.
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

/// Where the cells of a page begin.
fn cells(page: &[u8], header: usize, header_bytes: usize) -> Parsed<Vec<usize>> {
    let count = number(page, header + 3, 2).ok_or("it ends too soon")? as usize;
    (0..count)
        .map(|n| number(page, header + header_bytes + 2 * n, 2).map(|at| at as usize))
        .collect::<Option<_>>()
        .ok_or("it claims more rows than it can hold")
}

/// The rowid and the record of the row at `cell` of a leaf.
pub(in crate::sqlite) fn row(
    pages: &mut impl Pages,
    page: &[u8],
    cell: usize,
) -> Parsed<(i64, Vec<u8>)> {
    let (length, at) = varint(page, cell).ok_or("a row lies outside the page")?;
    let (rowid, at) = varint(page, at).ok_or("a row lies outside the page")?;
    Ok((rowid.cast_signed(), payload(pages, page, at, length)?))
}

/// A row's bytes: those in the page, and those in the chain of pages that it goes on in.
fn payload(pages: &mut impl Pages, page: &[u8], at: usize, length: u64) -> Parsed<Vec<u8>> {
    let (most, size) = (pages.max_payload(), pages.size());
    let length = usize::try_from(length)
        .ok()
        .filter(|_| length <= most)
        .ok_or("a row is longer than the file")?;
    let local = size.local_bytes(length);
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
            .map_err(|_| "a row goes on in a page that cannot be read")?;
        next = number(&more, 0, 4).ok_or("a row goes on in no page")?;
        let take = (size.usable - 4).min(length - payload.len());
        payload.extend_from_slice(more.get(4..4 + take).ok_or("a row goes on in no page")?);
    }
    Ok(payload)
}

/// The columns of a record: each one's serial type and bytes.
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

/// A row of the table: two BLOBs.
pub(in crate::sqlite) fn record(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_blob = |serial: u64| serial >= 12 && serial.is_multiple_of(2);
    match columns(payload)?.as_slice() {
        &[(first, key), (second, value)] if is_blob(first) && is_blob(second) => Some((key, value)),
        _ => None,
    }
}

/// The root page, if it is the row of the schema that describes the table.
pub(in crate::sqlite) fn root_of_dict(payload: &[u8]) -> Option<u32> {
    match columns(payload)?.as_slice() {
        &[(_, b"table"), (_, b"dict"), _, root, _] => page_number(root),
        _ => None,
    }
}

/// The number of a page that a column holds.
pub(in crate::sqlite) fn page_number((serial, bytes): (u64, &[u8])) -> Option<u32> {
    match serial {
        9 => Some(1),
        1..=4 => number(bytes, 0, bytes.len()),
        _ => None,
    }
}
