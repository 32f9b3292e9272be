//! The format of a vault, by the number in its header.

use crate::engine::{MapId, RowOrder};

/// How a vault stores its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// The order of its rows, which decides on its tables.
    pub(crate) order: RowOrder,
    /// Whether every value has a checksum.
    pub(crate) checksums: bool,
}

impl Format {
    /// The newest format that this version of the crate reads.
    pub(in crate::sqlite) const NEWEST: i32 = 4;

    /// The format of a vault of the Python package, which has no number.
    pub(in crate::sqlite) const PYTHON: Self = Self {
        order: RowOrder::Insertion,
        checksums: false,
    };

    /// Returns the format with this `user_version`.
    pub(in crate::sqlite) const fn from_number(number: i32) -> Option<Self> {
        let (order, checksums) = match number {
            1 => (RowOrder::Insertion, false),
            2 => (RowOrder::Insertion, true),
            3 => (RowOrder::Key, false),
            4 => (RowOrder::Key, true),
            _ => return None,
        };
        Some(Self { order, checksums })
    }

    /// Returns the `user_version` of the format.
    pub(in crate::sqlite) const fn number(self) -> i32 {
        match (self.order, self.checksums) {
            (RowOrder::Insertion, false) => 1,
            (RowOrder::Insertion, true) => 2,
            (RowOrder::Key, false) => 3,
            (RowOrder::Key, true) => 4,
        }
    }

    /// The map of the file.
    pub(in crate::sqlite) const fn map(self) -> MapId {
        MapId::only(self.order)
    }
}
