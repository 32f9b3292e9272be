//! Finds the rows of a map in the order of insertion: the table `dict`.

use std::collections::HashSet;

use crate::engine::Position;
use crate::sqlite::file_format::btree::{Parsed, TablePage, record};
use crate::sqlite::recovery::damaged_file::{DamagedFile, Table};
use crate::sqlite::recovery::findings::{Findings, RecoveredRow};
use crate::sqlite::recovery::table_walk::{Leaf, read_leaves, read_other_leaves};

pub(in crate::sqlite::recovery) const DICT: Table = Table {
    name: b"dict",
    missing: "the schema has no table \"dict\"",
};

/// Finds the rows on the pages that the root leads to, and then, if one of these pages cannot be read, those on
/// all other pages.
pub(in crate::sqlite::recovery) fn scan(file: &mut DamagedFile, findings: &mut Findings<'_>) {
    let mut seen = HashSet::new();
    let root = file.root_of(DICT);
    if !scan_tree(file, root, &mut seen, findings) {
        let pages = file.other_pages(&seen);
        scan_pages(file, &pages, findings);
    }
}

/// Finds the rows on the pages that the root leads to, and adds the pages to `seen`. Returns `true` if each could be
/// read.
pub(in crate::sqlite::recovery) fn scan_tree(
    file: &mut DamagedFile,
    root: Parsed<u32>,
    seen: &mut HashSet<u32>,
    findings: &mut Findings<'_>,
) -> bool {
    match root {
        Ok(root) => read_leaves(file, root, seen, findings, &mut read_leaf),
        Err(reason) => {
            findings.fault(1, reason);
            false
        }
    }
}

/// Finds the rows on those of the pages that have rows of a map.
pub(in crate::sqlite::recovery) fn scan_pages(
    file: &mut DamagedFile,
    pages: &[u32],
    findings: &mut Findings<'_>,
) {
    read_other_leaves(file, pages, findings, &mut read_leaf);
}

/// Reports the rows of a leaf.
fn read_leaf(file: &mut DamagedFile, leaf: &Leaf<'_>, findings: &mut Findings<'_>) -> Parsed<()> {
    let mut fault = Ok(());
    for &cell in &leaf.cells {
        if findings.is_over() {
            break;
        }
        match row(file, leaf.page, cell) {
            Ok(row) => findings.row(row),
            Err(reason) => fault = Err(reason),
        }
    }
    fault
}

fn row(file: &mut DamagedFile, page: &[u8], cell: usize) -> Parsed<RecoveredRow> {
    let (rowid, payload) = file.table_row(page, cell)?;
    let (key, value) = record(&payload).ok_or("a row is not a key and a value")?;
    Ok(RecoveredRow {
        position: Position(rowid),
        key: key.to_vec(),
        value: value.to_vec(),
    })
}

/// Returns `true` if the page has rows and each can be read.
pub(in crate::sqlite::recovery) fn is_leaf(
    file: &mut DamagedFile,
    number: u32,
    page: &[u8],
) -> bool {
    let Ok(TablePage::Leaf(cells)) = TablePage::parse(page, number) else {
        return false;
    };
    !cells.is_empty() && cells.iter().all(|&cell| row(file, page, cell).is_ok())
}
