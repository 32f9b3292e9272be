//! Reads index b-trees, which hold the rows of a table `WITHOUT ROWID`. Their interior pages hold rows too:
//! <https://www.sqlite.org/fileformat2.html#b_tree_pages>.

use crate::sqlite::file_format::btree::{Pages, Parsed, cells, payload};
use crate::sqlite::file_format::{number, varint};

const INTERIOR_INDEX: u8 = 0x02;
const LEAF_INDEX: u8 = 0x0A;

/// A part of a page of an index b-tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Step {
    /// The number of the page with the rows between those before and after it.
    Child(u32),
    /// The offset of a row in the page.
    Row(usize),
}

/// Returns the rows and the children of a page, in the order of the keys.
pub(in crate::sqlite) fn steps(page: &[u8]) -> Parsed<Vec<Step>> {
    match page.first() {
        Some(&INTERIOR_INDEX) => {
            let mut steps = Vec::new();
            for cell in cells(page, 0, 12)? {
                let child = number(page, cell, 4).ok_or("a child lies outside the page")?;
                steps.extend([Step::Child(child), Step::Row(cell + 4)]);
            }
            let last = number(page, 8, 4).ok_or("it ends too soon")?;
            steps.push(Step::Child(last));
            Ok(steps)
        }
        Some(&LEAF_INDEX) => Ok(cells(page, 0, 8)?.into_iter().map(Step::Row).collect()),
        _ => Err("it is not a page of an index"),
    }
}

/// Reads the record of the row at the offset that a [`Step`] has.
pub(in crate::sqlite) fn row(pages: &mut impl Pages, page: &[u8], row: usize) -> Parsed<Vec<u8>> {
    let (length, at) = varint(page, row).ok_or("a row lies outside the page")?;
    let most_local = (pages.size().usable - 12) * 64 / 255 - 23;
    payload(pages, page, at, length, most_local)
}
