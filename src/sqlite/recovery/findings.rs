//! What a scan of a damaged file finds.

use crate::engine::Position;

/// A row that was read from a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecoveredRow {
    /// The rowid, or [`Position::NONE`] in a map in the order of its keys.
    pub(crate) position: Position,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// One result of a scan: a row, or a page that could not be read completely.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recovered {
    Row(RecoveredRow),
    Fault { page: u32, reason: &'static str },
}

/// The receiver of the results of a scan, until it returns `false`.
pub(in crate::sqlite::recovery) struct Findings<'f> {
    receive: &'f mut dyn FnMut(Recovered) -> bool,
    is_over: bool,
}

impl<'f> Findings<'f> {
    pub(in crate::sqlite::recovery) fn new(receive: &'f mut dyn FnMut(Recovered) -> bool) -> Self {
        Self {
            receive,
            is_over: false,
        }
    }

    pub(in crate::sqlite::recovery) fn row(&mut self, row: RecoveredRow) {
        self.add(Recovered::Row(row));
    }

    pub(in crate::sqlite::recovery) fn fault(&mut self, page: u32, reason: &'static str) {
        self.add(Recovered::Fault { page, reason });
    }

    fn add(&mut self, found: Recovered) {
        // The receiver is not called again after it returned `false`, even for the rest of a page.
        self.is_over = self.is_over || !(self.receive)(found);
    }

    /// Returns `true` if the receiver wants no more results.
    pub(in crate::sqlite::recovery) const fn is_over(&self) -> bool {
        self.is_over
    }
}
