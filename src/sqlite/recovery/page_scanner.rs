//! Reads the rows of a damaged file without SQLite.
//!
//! The file holds one map, in the order of insertion or of its keys. SQLite reads a table from its root, so it loses every row below a damaged page. The scanner can also
//! read each page by itself. The format is <https://www.sqlite.org/fileformat2.html>.

use std::path::Path;

use crate::engine::RowOrder;
use crate::error::Result;
use crate::sqlite::file_format::btree::{PageSize, Pages as _};
use crate::sqlite::open::format::Format;
use crate::sqlite::open::schema;
use crate::sqlite::recovery::catalogue::{self, FoundMap, FoundMaps};
use crate::sqlite::recovery::damaged_file::DamagedFile;
use crate::sqlite::recovery::dict_rows::{self, DICT};
use crate::sqlite::recovery::findings::{Findings, Recovered};
use crate::sqlite::recovery::large_values;
use crate::sqlite::recovery::several::{self, ReceiveOfMap};
use crate::sqlite::recovery::sorted_rows::{self, SORTED};

/// A reader of rows from the pages of a file that SQLite may not be able to read.
pub(crate) struct PageScanner {
    file: DamagedFile,
    format: (u32, u32),
    content: Content,
}

/// What the file holds.
enum Content {
    /// One map.
    One(RowOrder),
    /// Maps with names, and the pages of the schema and the catalogue that cannot be read.
    Several(FoundMaps, Vec<Recovered>),
}

impl PageScanner {
    /// Opens the file at `path` and its log for reading. Both must be regular files.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let (mut file, declared) = DamagedFile::open(path)?;
        let size = declared.unwrap_or_else(|| guess_page_size(&mut file));
        file.set_page_size(size);
        file.begin_task();
        let format = file.format();
        let content = detect_content(&mut file, format);
        Ok(Self {
            file,
            format,
            content,
        })
    }

    /// Returns the application id and the format that the header declares.
    pub(crate) const fn format(&self) -> (u32, u32) {
        self.format
    }

    /// Returns the order of the map that the file holds, or `None` if it holds several.
    pub(crate) const fn order(&self) -> Option<RowOrder> {
        match self.content {
            Content::One(order) => Some(order),
            Content::Several(..) => None,
        }
    }

    /// Returns the maps of a file of several.
    pub(crate) fn maps(&self) -> &[FoundMap] {
        match &self.content {
            Content::One(_) => &[],
            Content::Several(found, _) => &found.maps,
        }
    }

    /// Calls `f` with the index of a map and with each row of it that can be found, and with every page that cannot be
    /// read, until `f` returns `false`. The index is `None` for a page that belongs to no known map.
    pub(crate) fn scan_maps(&mut self, f: ReceiveOfMap<'_>) {
        let Content::Several(found, faults) = &mut self.content else {
            return;
        };
        self.file.begin_task();
        for fault in std::mem::take(faults) {
            if !f(None, fault) {
                return;
            }
        }
        several::scan(&mut self.file, found, f);
    }

    /// Calls `f` with every row that can be found and every page that cannot be read, until `f` returns
    /// `false`.
    ///
    /// The pages that the root leads to come first. If one of them cannot be read, all other pages follow.
    pub(crate) fn scan(&mut self, f: &mut dyn FnMut(Recovered) -> bool) {
        self.file.begin_task();
        let findings = &mut Findings::new(f);
        match self.content {
            Content::One(RowOrder::Insertion) => dict_rows::scan(&mut self.file, findings),
            Content::One(RowOrder::Key) => sorted_rows::scan(&mut self.file, findings),
            Content::Several(..) => {}
        }
    }
}

/// Returns the page size of a file whose header is lost. It is that of the log, or else the size at which
/// the most pages have rows of a map.
///
/// At half the page size, the rows of a page are outside it. At twice the page size, every other
/// page is inside one.
fn guess_page_size(file: &mut DamagedFile) -> PageSize {
    if let Some(size) = file.page_size_of_log() {
        return size;
    }
    let mut best = (0, PageSize::DEFAULT);
    for size in PageSize::all() {
        file.set_page_size(size);
        file.begin_task();
        let pages = file.all_pages().into_iter();
        let found = pages.filter(|&page| has_rows(file, page)).count();
        if found > best.0 {
            best = (found, size);
        }
    }
    best.1
}

/// Returns `true` if the page has rows and each can be read.
fn has_rows(file: &mut DamagedFile, number: u32) -> bool {
    file.page(number).is_ok_and(|page| {
        dict_rows::is_leaf(file, number, &page)
            || sorted_rows::is_page(file, &page)
            || large_values::is_leaf(file, number, &page)
    })
}

/// Returns what the file holds, by the schema, or else by the header, or else by the pages.
///
/// The schema comes first, because a name is less easily mistaken for another than a number.
fn detect_content(file: &mut DamagedFile, format: (u32, u32)) -> Content {
    if file.root_of(DICT).is_ok() {
        return Content::One(RowOrder::Insertion);
    }
    if file.root_of(SORTED).is_ok() {
        return Content::One(RowOrder::Key);
    }
    match (
        format.0.cast_signed(),
        Format::from_number(format.1.cast_signed()),
    ) {
        (schema::APPLICATION_ID, Some(Format::One(map))) => Content::One(map.order),
        (schema::APPLICATION_ID, Some(Format::Several)) => find_maps(file),
        _ => Content::One(order_of_pages(file)),
    }
}

fn find_maps(file: &mut DamagedFile) -> Content {
    let mut faults = Vec::new();
    let mut note = |fault| {
        faults.push(fault);
        true
    };
    let found = catalogue::find(file, &mut Findings::new(&mut note));
    Content::Several(found, faults)
}

/// Returns the order of the map to which more of the pages belong.
fn order_of_pages(file: &mut DamagedFile) -> RowOrder {
    file.begin_task();
    let (mut dict, mut sorted) = (0, 0);
    for number in file.all_pages() {
        if let Ok(page) = file.page(number) {
            dict += u32::from(dict_rows::is_leaf(file, number, &page));
            sorted += u32::from(sorted_rows::is_page(file, &page));
        }
    }
    if sorted > dict {
        RowOrder::Key
    } else {
        RowOrder::Insertion
    }
}

#[cfg(test)]
mod several_tests;
#[cfg(test)]
mod sorted_tests;
#[cfg(test)]
mod tests;
