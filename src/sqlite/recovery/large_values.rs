//! Finds the large values of a map in the order of its keys: the table `sorted_large`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::sqlite::file_format::btree::{Pages as _, Parsed, TablePage};
use crate::sqlite::file_format::sorted::{large_id, large_record};
use crate::sqlite::recovery::damaged_file::DamagedFile;
use crate::sqlite::recovery::findings::Findings;
use crate::sqlite::recovery::table_walk::{Leaf, read_leaves, read_other_leaves};

/// A file can have at most one large value in so many bytes, which bounds the memory of a scan. The values that
/// vaults keep apart from their keys are several times as long.
const LEAST_BYTES: u64 = 64;

/// The places of the large values in the file, by id. The values themselves are read one at a time.
pub(in crate::sqlite::recovery) struct LargeValues {
    places: BTreeMap<i64, Place>,
    /// The greatest number of places.
    limit: u64,
}

/// Where a large value is.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite::recovery) struct Place {
    pub(in crate::sqlite::recovery) page: u32,
    cell: u16,
    /// Whether the root leads to its page.
    is_reachable: bool,
    /// Whether a row has taken it. An id belongs to one row, so a second one must not get the value.
    is_taken: bool,
}

/// Why a row gets no value for its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite::recovery) enum NoValue {
    Missing,
    /// Another row has taken it.
    Taken,
}

impl LargeValues {
    /// Finds the values on the pages that the root leads to, and then, if one of these pages cannot be read, those
    /// on all other pages. The first one with an id counts.
    pub(in crate::sqlite::recovery) fn find(
        file: &mut DamagedFile,
        root: Option<u32>,
        findings: &mut Findings<'_>,
    ) -> Self {
        let mut seen = HashSet::new();
        let (mut values, is_complete) = Self::find_in_tree(file, root, &mut seen, findings);
        if !is_complete {
            values.find_elsewhere(file, &seen, findings);
        }
        values
    }

    /// Finds the values on the pages that the root leads to, and adds the pages to `seen`. Also returns whether each
    /// could be read.
    pub(in crate::sqlite::recovery) fn find_in_tree(
        file: &mut DamagedFile,
        root: Option<u32>,
        seen: &mut HashSet<u32>,
        findings: &mut Findings<'_>,
    ) -> (Self, bool) {
        let mut values = Self {
            places: BTreeMap::new(),
            limit: file.max_payload() / LEAST_BYTES,
        };
        let is_complete = root.is_some_and(|root| {
            read_leaves(file, root, seen, findings, &mut |_, leaf, _| {
                values.add(leaf, true)
            })
        });
        (values, is_complete)
    }

    /// Finds the values on the pages that were not seen.
    pub(in crate::sqlite::recovery) fn find_elsewhere(
        &mut self,
        file: &mut DamagedFile,
        seen: &HashSet<u32>,
        findings: &mut Findings<'_>,
    ) {
        let pages = file.other_pages(seen);
        read_other_leaves(file, &pages, findings, &mut |_, leaf, _| {
            self.add(leaf, false)
        });
    }

    /// Adds the values of a leaf.
    fn add(&mut self, leaf: &Leaf<'_>, is_reachable: bool) -> Parsed<()> {
        let mut fault = Ok(());
        for &cell in &leaf.cells {
            let id = large_id(leaf.page, cell).zip(u16::try_from(cell).ok());
            let Some((id, cell)) = id else {
                fault = Err("a row is not a large value");
                continue;
            };
            if self.places.len() as u64 >= self.limit {
                return Err("the file has more large values than it can hold");
            }
            self.places.entry(id).or_insert(Place {
                page: leaf.number,
                cell,
                is_reachable,
                is_taken: false,
            });
        }
        fault
    }

    /// Takes the value with this id for a row.
    pub(in crate::sqlite::recovery) fn take(&mut self, id: i64) -> Result<Place, NoValue> {
        let place = self.places.get_mut(&id).ok_or(NoValue::Missing)?;
        if place.is_taken {
            return Err(NoValue::Taken);
        }
        place.is_taken = true;
        Ok(*place)
    }

    /// Returns the pages with values that no row has taken. A page that the root does not lead to may be an old one,
    /// so it does not count.
    pub(in crate::sqlite::recovery) fn pages_with_untaken(&self) -> BTreeSet<u32> {
        let untaken = |place: &&Place| place.is_reachable && !place.is_taken;
        let places = self.places.values().filter(untaken);
        places.map(|place| place.page).collect()
    }
}

impl Place {
    /// Reads the value.
    pub(in crate::sqlite::recovery) fn read(self, file: &mut DamagedFile) -> Parsed<Vec<u8>> {
        let page = file.page(self.page)?;
        let (_, payload) = file.table_row(&page, usize::from(self.cell))?;
        let value = large_record(&payload).ok_or("a row is not a large value")?;
        Ok(value.to_vec())
    }
}

/// Returns `true` if the page has large values and each can be read.
pub(in crate::sqlite::recovery) fn is_leaf(
    file: &mut DamagedFile,
    number: u32,
    page: &[u8],
) -> bool {
    let Ok(TablePage::Leaf(cells)) = TablePage::parse(page, number) else {
        return false;
    };
    let mut is_value = |&cell: &usize| {
        file.table_row(page, cell)
            .is_ok_and(|(_, payload)| large_record(&payload).is_some())
    };
    !cells.is_empty() && cells.iter().all(&mut is_value)
}
