//! Reads the rows of a damaged file without SQLite.
//!
//! SQLite reads a table from its root, so it loses every row below a damaged page. The scanner can also
//! read each page by itself. The format is <https://www.sqlite.org/fileformat2.html>.

use std::path::Path;

use crate::error::Result;
use crate::sqlite::file_format::btree::{PageSize, Pages as _};
use crate::sqlite::recovery::damaged_file::DamagedFile;
use crate::sqlite::recovery::dict_rows;
use crate::sqlite::recovery::findings::{Findings, Recovered};

/// A reader of rows from the pages of a file that SQLite may not be able to read.
pub(crate) struct PageScanner {
    file: DamagedFile,
    format: (u32, u32),
}

impl PageScanner {
    /// Opens the file at `path` and its log for reading. Both must be regular files.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let (mut file, declared) = DamagedFile::open(path)?;
        let size = declared.unwrap_or_else(|| guess_page_size(&mut file));
        file.set_page_size(size);
        file.begin_task();
        let format = file.format();
        Ok(Self { file, format })
    }

    /// Returns the application id and the format that the header declares.
    pub(crate) const fn format(&self) -> (u32, u32) {
        self.format
    }

    /// Calls `f` with every row that can be found and every page that cannot be read, until `f` returns
    /// `false`.
    ///
    /// The pages that the root leads to come first. If one of them cannot be read, all other pages follow.
    pub(crate) fn scan(&mut self, f: &mut dyn FnMut(Recovered) -> bool) {
        self.file.begin_task();
        dict_rows::scan(&mut self.file, &mut Findings::new(f));
    }
}

/// Returns the page size of a file whose header is lost. It is that of the log, or else the size at which
/// the most pages are leaves of a table.
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
    file.page(number)
        .is_ok_and(|page| dict_rows::is_leaf(file, number, &page))
}

#[cfg(test)]
mod tests;
