//! The format of a file, by the number in its header.

use crate::engine::{MapId, RowOrder};

/// How a map stores its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapFormat {
    /// The order of its rows, which decides on its tables.
    pub(crate) order: RowOrder,
    /// Whether every value has a checksum.
    pub(crate) checksums: bool,
}

impl MapFormat {
    /// The only map of a file with this format.
    pub(in crate::sqlite) const fn only(self) -> MapId {
        MapId::only(self.order)
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One map without a name.
    One(MapFormat),
    /// Any number of maps, of which a catalogue has the names and the formats.
    Several,
}

impl Format {
    /// The newest format that this version of the crate reads.
    pub(in crate::sqlite) const NEWEST: i32 = 5;

    /// The format of a vault of the Python package, which has no number.
    pub(in crate::sqlite) const PYTHON: Self = Self::one(RowOrder::Insertion, false);

    pub(crate) const fn one(order: RowOrder, checksums: bool) -> Self {
        Self::One(MapFormat { order, checksums })
    }

    /// Returns the format with this `user_version`.
    pub(in crate::sqlite) const fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::one(RowOrder::Insertion, false),
            2 => Self::one(RowOrder::Insertion, true),
            3 => Self::one(RowOrder::Key, false),
            4 => Self::one(RowOrder::Key, true),
            5 => Self::Several,
            _ => return None,
        })
    }

    /// Returns the `user_version` of the format.
    pub(in crate::sqlite) const fn number(self) -> i32 {
        match self {
            Self::One(MapFormat { order, checksums }) => match (order, checksums) {
                (RowOrder::Insertion, false) => 1,
                (RowOrder::Insertion, true) => 2,
                (RowOrder::Key, false) => 3,
                (RowOrder::Key, true) => 4,
            },
            Self::Several => 5,
        }
    }

    /// Returns the format of the only map of the file, or `None` if it has several.
    pub(in crate::sqlite) const fn only_map(self) -> Option<MapFormat> {
        match self {
            Self::One(map) => Some(map),
            Self::Several => None,
        }
    }

    /// Returns the name of the type that opens a file of this format.
    pub(in crate::sqlite) const fn type_name(self) -> &'static str {
        match self {
            Self::One(map) => map.order.type_name(),
            Self::Several => "VaultFile",
        }
    }
}
