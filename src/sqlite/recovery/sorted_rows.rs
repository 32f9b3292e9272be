//! Finds the rows of a map in the order of its keys: the table `sorted`, with the large values of `sorted_large`.

use std::collections::HashSet;
use std::vec;

use crate::engine::Position;
use crate::sqlite::file_format::btree::{Pages as _, Parsed};
use crate::sqlite::file_format::index::{self, Step};
use crate::sqlite::file_format::sorted::{SortedValue, record};
use crate::sqlite::recovery::damaged_file::{DamagedFile, Table};
use crate::sqlite::recovery::findings::{Findings, RecoveredRow};
use crate::sqlite::recovery::large_values::{LargeValues, NoValue};
use crate::sqlite::recovery::table_walk::LED_TO_TWICE;

pub(in crate::sqlite::recovery) const SORTED: Table = Table {
    name: b"sorted",
    missing: "the schema has no table \"sorted\"",
};
const SORTED_LARGE: Table = Table {
    name: b"sorted_large",
    missing: "the schema has no table \"sorted_large\"",
};

/// The tag that all keys of a sorted map have, and no key of another map.
const TAG: u8 = b'O';

const MISSING: &str = "the large value of a row is missing";

/// The depth of the deepest tree that is followed, which is also SQLite's limit. It bounds the memory of a scan.
const MAX_DEPTH: usize = 20;

/// Finds the rows on the pages that the root leads to, and then, if one of these pages cannot be read, those on
/// all other pages. The last faults are the pages with large values that belong to none of these rows.
pub(in crate::sqlite::recovery) fn scan(file: &mut DamagedFile, findings: &mut Findings<'_>) {
    let (root, large_root) = (file.root_of(SORTED), file.root_of(SORTED_LARGE));
    if let Err(reason) = root.and(large_root) {
        findings.fault(1, reason);
    }
    let mut large = LargeValues::find(file, large_root.ok(), findings);
    let mut seen = HashSet::new();
    if !scan_tree(file, root, &mut large, &mut seen, findings) {
        let pages = file.other_pages(&seen);
        scan_pages(file, &pages, &mut large, findings);
    }
    report_untaken(&large, findings);
}

/// Finds the rows on the pages that the root leads to, and adds the pages to `seen`. Returns `true` if each could be
/// read.
pub(in crate::sqlite::recovery) fn scan_tree(
    file: &mut DamagedFile,
    root: Parsed<u32>,
    large: &mut LargeValues,
    seen: &mut HashSet<u32>,
    findings: &mut Findings<'_>,
) -> bool {
    let mut scan = SortedScan {
        file,
        findings,
        large,
    };
    root.is_ok_and(|root| scan.read_tree(root, seen))
}

/// Finds the rows on those of the pages that have rows of a sorted map.
pub(in crate::sqlite::recovery) fn scan_pages(
    file: &mut DamagedFile,
    pages: &[u32],
    large: &mut LargeValues,
    findings: &mut Findings<'_>,
) {
    let mut scan = SortedScan {
        file,
        findings,
        large,
    };
    scan.read_other_pages(pages);
}

/// Reports the pages with large values that no row has taken.
pub(in crate::sqlite::recovery) fn report_untaken(
    large: &LargeValues,
    findings: &mut Findings<'_>,
) {
    for page in large.pages_with_untaken() {
        findings.fault(page, "a large value belongs to no row");
    }
}

struct SortedScan<'s, 'f> {
    file: &'s mut DamagedFile,
    findings: &'s mut Findings<'f>,
    large: &'s mut LargeValues,
}

/// A page on the path from the root to the current row.
struct OpenPage {
    number: u32,
    bytes: Vec<u8>,
    remaining: vec::IntoIter<Step>,
    /// Why a row of the page is lost.
    fault: Option<&'static str>,
}

impl SortedScan<'_, '_> {
    /// Reports the rows below a page in order. Returns `true` if each page could be read.
    fn read_tree(&mut self, root: u32, seen: &mut HashSet<u32>) -> bool {
        let mut path = Vec::new();
        let mut is_complete = self.enter(root, seen, &mut path);
        while !self.findings.is_over() {
            let Some(page) = path.last_mut() else { break };
            match page.remaining.next() {
                Some(Step::Child(child)) => is_complete &= self.enter(child, seen, &mut path),
                Some(Step::Row(row)) => {
                    if let Err(reason) = self.read_row(page, row) {
                        page.fault = Some(reason);
                    }
                }
                None => is_complete &= self.leave(&mut path),
            }
        }
        is_complete
    }

    /// Adds a page to the path, or reports it. Returns `true` if it could be read.
    fn enter(&mut self, number: u32, seen: &mut HashSet<u32>, path: &mut Vec<OpenPage>) -> bool {
        match self.open_page(number, seen, path.len()) {
            Ok(page) => {
                path.push(page);
                true
            }
            Err(reason) => {
                self.findings.fault(number, reason);
                false
            }
        }
    }

    /// Removes the last page of the path, and reports it if a row of it is lost. Returns `true` if none is.
    fn leave(&mut self, path: &mut Vec<OpenPage>) -> bool {
        let left = path.pop();
        let lost = left.and_then(|page| page.fault.map(|reason| (page.number, reason)));
        if let Some((page, reason)) = lost {
            self.findings.fault(page, reason);
        }
        lost.is_none()
    }

    /// Opens a page at a depth of the tree.
    fn open_page(
        &mut self,
        number: u32,
        seen: &mut HashSet<u32>,
        depth: usize,
    ) -> Parsed<OpenPage> {
        if depth >= MAX_DEPTH {
            return Err("it is too deep in the tree");
        }
        if !seen.insert(number) {
            return Err(LED_TO_TWICE);
        }
        let bytes = self.file.page(number)?;
        let remaining = index::steps(&bytes)?.into_iter();
        Ok(OpenPage {
            number,
            bytes,
            remaining,
            fault: None,
        })
    }

    /// Reports a row of a page that the root leads to.
    fn read_row(&mut self, page: &OpenPage, row: usize) -> Parsed<()> {
        let payload = self.file.index_row(&page.bytes, row)?;
        let (key, value) = record(&payload).ok_or("a row is not a key and a value")?;
        self.report(key, value).map_err(|lost| match lost {
            NoValue::Missing => MISSING,
            NoValue::Taken => "two rows have the same large value",
        })
    }

    /// Reports the rows of the pages that the root did not lead to.
    fn read_other_pages(&mut self, pages: &[u32]) {
        for &number in pages {
            if self.findings.is_over() {
                return;
            }
            let Ok(page) = self.file.page(number) else {
                continue;
            };
            let mut has_lost = false;
            for row in rows(&page) {
                has_lost |= self.read_other_row(&page, row);
            }
            if has_lost {
                self.findings.fault(number, MISSING);
            }
        }
    }

    /// Reports a row of a page that the root did not lead to. Returns `true` if its large value is missing.
    fn read_other_row(&mut self, page: &[u8], row: usize) -> bool {
        // Most of these pages belong to another tree or to a large value, so their errors mean nothing. The tag tells
        // a row with a large value from one of the index of another map, which has a key and a rowid too.
        let payload = self.file.index_row(page, row).unwrap_or_default();
        let found = record(&payload)
            .filter(|(key, _)| key.first() == Some(&TAG) && !self.findings.is_over());
        // A row whose value another row has taken is an older one.
        found.is_some_and(|(key, value)| self.report(key, value) == Err(NoValue::Missing))
    }

    /// Reports a row, or the page of its large value if that cannot be read.
    fn report(&mut self, key: &[u8], value: SortedValue<'_>) -> Result<(), NoValue> {
        let value = match value {
            SortedValue::Inline(value) => Ok(value.to_vec()),
            SortedValue::Large(id) => {
                let place = self.large.take(id)?;
                place.read(self.file).map_err(|reason| (place.page, reason))
            }
        };
        match value {
            Ok(value) => self.findings.row(RecoveredRow {
                position: Position::NONE,
                key: key.to_vec(),
                value,
            }),
            Err((page, reason)) => self.findings.fault(page, reason),
        }
        Ok(())
    }
}

/// Returns the offsets of the rows of a page, if it is a page of an index.
fn rows(page: &[u8]) -> impl Iterator<Item = usize> {
    let steps = index::steps(page).unwrap_or_default();
    steps.into_iter().filter_map(|step| match step {
        Step::Row(row) => Some(row),
        Step::Child(_) => None,
    })
}

/// Returns `true` if the page has rows of a sorted map and each can be read.
pub(in crate::sqlite::recovery) fn is_page(file: &mut DamagedFile, page: &[u8]) -> bool {
    let mut rows = rows(page).peekable();
    let mut is_row = |row| {
        let payload = file.index_row(page, row).unwrap_or_default();
        record(&payload).is_some_and(|(key, _)| key.first() == Some(&TAG))
    };
    rows.peek().is_some() && rows.all(&mut is_row)
}
