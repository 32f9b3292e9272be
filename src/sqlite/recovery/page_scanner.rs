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
use crate::sqlite::recovery::damaged_file::DamagedFile;
use crate::sqlite::recovery::dict_rows::{self, DICT};
use crate::sqlite::recovery::findings::{Findings, Recovered};
use crate::sqlite::recovery::large_values;
use crate::sqlite::recovery::sorted_rows::{self, SORTED};

/// A reader of rows from the pages of a file that SQLite may not be able to read.
pub(crate) struct PageScanner {
    file: DamagedFile,
    format: (u32, u32),
    order: RowOrder,
}

impl PageScanner {
    /// Opens the file at `path` and its log for reading. Both must be regular files.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let (mut file, declared) = DamagedFile::open(path)?;
        let size = declared.unwrap_or_else(|| guess_page_size(&mut file));
        file.set_page_size(size);
        file.begin_task();
        let format = file.format();
        let order = detect_order(&mut file, format);
        Ok(Self {
            file,
            format,
            order,
        })
    }

    /// Returns the application id and the format that the header declares.
    pub(crate) const fn format(&self) -> (u32, u32) {
        self.format
    }

    /// Returns the order of the map that the file holds.
    pub(crate) const fn order(&self) -> RowOrder {
        self.order
    }

    /// Calls `f` with every row that can be found and every page that cannot be read, until `f` returns
    /// `false`.
    ///
    /// The pages that the root leads to come first. If one of them cannot be read, all other pages follow.
    pub(crate) fn scan(&mut self, f: &mut dyn FnMut(Recovered) -> bool) {
        self.file.begin_task();
        let findings = &mut Findings::new(f);
        match self.order {
            RowOrder::Insertion => dict_rows::scan(&mut self.file, findings),
            RowOrder::Key => sorted_rows::scan(&mut self.file, findings),
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

/// Returns the order of the map, by the schema, or else by the header, or else by the pages.
///
/// The schema comes first, because a name is less easily mistaken for another than a number.
fn detect_order(file: &mut DamagedFile, format: (u32, u32)) -> RowOrder {
    if file.root_of(DICT).is_ok() {
        return RowOrder::Insertion;
    }
    if file.root_of(SORTED).is_ok() {
        return RowOrder::Key;
    }
    match (
        format.0.cast_signed(),
        Format::from_number(format.1.cast_signed()),
    ) {
        (schema::APPLICATION_ID, Some(format)) => format.order,
        _ => order_of_pages(file),
    }
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
mod sorted_tests;
#[cfg(test)]
mod tests;
