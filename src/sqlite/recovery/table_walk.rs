//! Finds the leaves of a table's b-tree.

use std::collections::HashSet;

use crate::sqlite::file_format::btree::{Pages as _, Parsed, TablePage};
use crate::sqlite::recovery::damaged_file::DamagedFile;
use crate::sqlite::recovery::findings::Findings;

/// A page that a second page leads to, so that another one is led to by none.
pub(in crate::sqlite::recovery) const LED_TO_TWICE: &str = "two pages lead to it";

/// A leaf of a table.
pub(in crate::sqlite::recovery) struct Leaf<'p> {
    pub(in crate::sqlite::recovery) number: u32,
    pub(in crate::sqlite::recovery) page: &'p [u8],
    /// The offsets of its rows in the page.
    pub(in crate::sqlite::recovery) cells: Vec<usize>,
}

/// A function that reads the rows of a leaf. It returns an error if it cannot read all.
pub(in crate::sqlite::recovery) type ReadLeaf<'r> =
    &'r mut dyn FnMut(&mut DamagedFile, &Leaf<'_>, &mut Findings<'_>) -> Parsed<()>;

/// Reads the leaves that the page `root` leads to, in order, and reports the pages that cannot be read. Adds all
/// these pages to `seen`. Returns `true` if each could be read.
pub(in crate::sqlite::recovery) fn read_leaves(
    file: &mut DamagedFile,
    root: u32,
    seen: &mut HashSet<u32>,
    findings: &mut Findings<'_>,
    read_leaf: ReadLeaf<'_>,
) -> bool {
    let mut is_complete = true;
    let mut remaining = vec![root];
    while !findings.is_over() {
        let Some(page) = remaining.pop() else { break };
        let read = if seen.insert(page) {
            read_page(file, page, findings, read_leaf)
        } else {
            Err(LED_TO_TWICE)
        };
        match read {
            // The leftmost child is taken next, so that rows come in order.
            Ok(children) => remaining.extend(children.into_iter().rev()),
            Err(reason) => {
                is_complete = false;
                findings.fault(page, reason);
            }
        }
    }
    is_complete
}

/// Returns the children of an interior page, or reads a leaf.
fn read_page(
    file: &mut DamagedFile,
    number: u32,
    findings: &mut Findings<'_>,
    read_leaf: ReadLeaf<'_>,
) -> Parsed<Vec<u32>> {
    let page = file.page(number)?;
    match TablePage::parse(&page, number)? {
        TablePage::Interior(children) => Ok(children),
        TablePage::Leaf(cells) => {
            let leaf = Leaf {
                number,
                page: &page,
                cells,
            };
            read_leaf(file, &leaf, findings)?;
            Ok(Vec::new())
        }
    }
}

/// Reads those of the pages that are leaves of a table. Other pages belong to another tree or to a large value, so
/// their errors mean nothing.
pub(in crate::sqlite::recovery) fn read_other_leaves(
    file: &mut DamagedFile,
    pages: &[u32],
    findings: &mut Findings<'_>,
    read_leaf: ReadLeaf<'_>,
) {
    for &page in pages {
        if findings.is_over() {
            return;
        }
        let _ = read_page(file, page, findings, read_leaf);
    }
}
