//! Finds the rows of all maps of a file of several.

use std::collections::HashSet;

use crate::engine::RowOrder;
use crate::sqlite::file_format::btree::Pages as _;
use crate::sqlite::recovery::catalogue::{FoundMap, FoundMaps};
use crate::sqlite::recovery::damaged_file::DamagedFile;
use crate::sqlite::recovery::findings::{Findings, Recovered};
use crate::sqlite::recovery::large_values::{self, LargeValues};
use crate::sqlite::recovery::{dict_rows, sorted_rows};

/// What a scan calls with the index of a map, or `None` for what belongs to no known map, and what it has found. It
/// returns `false` to end the scan.
pub(crate) type ReceiveOfMap<'r> = &'r mut dyn FnMut(Option<usize>, Recovered) -> bool;

const UNKNOWN_MAP: &str = "its rows belong to a map that cannot be told";

/// The state of a scan.
struct Scan<'s, 'r> {
    file: &'s mut DamagedFile,
    receive: ReceiveOfMap<'r>,
    is_over: bool,
    /// The pages that the roots lead to.
    seen: HashSet<u32>,
    /// The maps whose rows, and whose large values, could not all be reached from their roots.
    lost_rows: Vec<usize>,
    lost_values: Vec<usize>,
}

/// Finds the rows that the roots of the maps lead to. If a page of exactly one map of a kind cannot be read, the pages of
/// that kind that no root leads to are its own.
pub(in crate::sqlite::recovery) fn scan(
    file: &mut DamagedFile,
    found: &FoundMaps,
    receive: ReceiveOfMap<'_>,
) {
    let mut scan = Scan {
        file,
        receive,
        is_over: false,
        seen: HashSet::new(),
        lost_rows: Vec::new(),
        lost_values: Vec::new(),
    };
    let mut large = scan.find_large_values(&found.maps, found.is_complete);
    for (index, (map, large)) in found.maps.iter().zip(&mut large).enumerate() {
        scan.read_tree(index, map, large);
    }
    let pages = scan.file.other_pages(&scan.seen);
    scan.read_other_pages(found, &pages, RowOrder::Insertion, &mut large);
    scan.read_other_pages(found, &pages, RowOrder::Key, &mut large);
    for (index, large) in large.iter().enumerate() {
        scan.with(Some(index), |_, _, findings| {
            sorted_rows::report_untaken(large, findings);
        });
    }
}

impl Scan<'_, '_> {
    /// Runs `f`, whose findings belong to a map.
    fn with<R>(
        &mut self,
        map: Option<usize>,
        f: impl FnOnce(&mut DamagedFile, &mut HashSet<u32>, &mut Findings<'_>) -> R,
    ) -> R {
        let (receive, is_over) = (&mut self.receive, &mut self.is_over);
        let mut receive = |found| {
            *is_over = *is_over || !receive(map, found);
            !*is_over
        };
        f(self.file, &mut self.seen, &mut Findings::new(&mut receive))
    }

    /// Finds the large values of each map.
    fn find_large_values(&mut self, maps: &[FoundMap], is_complete: bool) -> Vec<LargeValues> {
        let mut all = Vec::new();
        for (index, map) in maps.iter().enumerate() {
            let (large, is_whole) = self.with(Some(index), |file, seen, findings| {
                LargeValues::find_in_tree(file, map.large, seen, findings)
            });
            if map.order == RowOrder::Key && !is_whole {
                self.lost_values.push(index);
            }
            all.push(large);
        }
        // Ids are those of one map. Of two maps, a row of one could get a value of the other.
        if let (&[index], true) = (self.lost_values.as_slice(), is_complete)
            && let Some(large) = all.get_mut(index)
        {
            self.with(Some(index), |file, seen, findings| {
                large.find_elsewhere(file, seen, findings);
            });
        }
        all
    }

    /// Finds the rows that the root of a map leads to.
    fn read_tree(&mut self, index: usize, map: &FoundMap, large: &mut LargeValues) {
        let is_whole = self.with(Some(index), |file, seen, findings| match map.order {
            RowOrder::Insertion => dict_rows::scan_tree(file, map.rows, seen, findings),
            RowOrder::Key => {
                if let Err(reason) = map.rows {
                    findings.fault(1, reason);
                }
                sorted_rows::scan_tree(file, map.rows, large, seen, findings)
            }
        });
        if !is_whole {
            self.lost_rows.push(index);
        }
    }

    /// Finds the rows of maps of one kind on the pages that no root leads to.
    fn read_other_pages(
        &mut self,
        found: &FoundMaps,
        pages: &[u32],
        order: RowOrder,
        large: &mut [LargeValues],
    ) {
        let is_of_order = |index: &usize| {
            let map = found.maps.get(*index);
            map.is_some_and(|map| map.order == order)
        };
        let lost: Vec<usize> = self.lost_rows.iter().copied().filter(is_of_order).collect();
        match (lost.as_slice(), found.is_complete) {
            ([], true) => {}
            (&[index], true) => self.read_pages_of(index, pages, order, large),
            _ => self.report_unknown(pages, order),
        }
    }

    fn read_pages_of(
        &mut self,
        index: usize,
        pages: &[u32],
        order: RowOrder,
        large: &mut [LargeValues],
    ) {
        self.with(Some(index), |file, _, findings| match order {
            RowOrder::Insertion => dict_rows::scan_pages(file, pages, findings),
            RowOrder::Key => {
                if let Some(large) = large.get_mut(index) {
                    sorted_rows::scan_pages(file, pages, large, findings);
                }
            }
        });
    }

    /// Reports the pages whose rows could be of several maps.
    fn report_unknown(&mut self, pages: &[u32], order: RowOrder) {
        self.with(None, |file, _, findings| {
            for &number in pages {
                let Ok(page) = file.page(number) else {
                    continue;
                };
                let has_rows = match order {
                    RowOrder::Insertion => dict_rows::is_leaf(file, number, &page),
                    RowOrder::Key => {
                        sorted_rows::is_page(file, &page)
                            || large_values::is_leaf(file, number, &page)
                    }
                };
                if has_rows {
                    findings.fault(number, UNKNOWN_MAP);
                }
            }
        });
    }
}
