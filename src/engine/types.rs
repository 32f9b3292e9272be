//! Plain types of the engine's door.

use std::fmt;
use std::ops::Bound;

/// The order of the rows of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowOrder {
    Insertion,
    /// That of the bytes of the keys.
    Key,
}

impl RowOrder {
    /// Returns the name of the type that opens a map in this order.
    pub(crate) const fn type_name(self) -> &'static str {
        match self {
            Self::Insertion => "Vault",
            Self::Key => "SortedVault",
        }
    }
}

/// Which map of a place for bytes a call is about, and the order of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MapId {
    pub(crate) number: u32,
    pub(crate) order: RowOrder,
}

impl MapId {
    /// The map of a file that has only one.
    pub(crate) const fn only(order: RowOrder) -> Self {
        Self { number: 0, order }
    }
}

/// The largest number of maps in one place. SQLite parses the declarations of all tables for each connection that it opens,
/// and the time of it grows with the square of their number: 4 to 9 ms at this one.
pub(crate) const MAX_MAPS: usize = 1000;

/// The size of the largest name of a map in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Returns `true` if a map can have this name.
pub(crate) fn is_valid_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains('\0')
}

/// What the catalogue says of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MapInfo {
    pub(crate) name: String,
    pub(crate) map: MapId,
    /// Whether every value has a checksum.
    pub(crate) checksums: bool,
}

/// The place of a row in the order of insertion. Only the engine that made it knows what it means.
///
/// The rows of a map in the order of its keys have [none](Self::NONE): their keys are their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position(pub(crate) i64);

impl Position {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const MIN: Self = Self(i64::MIN);
    /// That of the first row of an empty map.
    pub(crate) const FIRST: Self = Self(1);
    pub(crate) const MAX: Self = Self(i64::MAX);

    pub(crate) fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    pub(crate) fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The rows that a scan visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Rows in the order of insertion.
    Positions(PositionRange),
    /// Rows in the order of their keys.
    Keys(KeyRange),
}

impl Span {
    /// Every row of a map with this order.
    pub(crate) const fn all(order: RowOrder) -> Self {
        match order {
            RowOrder::Insertion => Self::Positions(PositionRange::ALL),
            RowOrder::Key => Self::Keys(KeyRange::ALL),
        }
    }

    /// Returns what a scan in `direction` has still to visit after a row.
    pub(crate) fn after(
        &self,
        position: Position,
        key: &[u8],
        direction: Direction,
    ) -> Option<Self> {
        match self {
            Self::Positions(range) => range.after(position, direction).map(Self::Positions),
            Self::Keys(range) => Some(Self::Keys(range.after(key, direction))),
        }
    }
}

/// Positions from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PositionRange {
    pub(crate) first: Position,
    pub(crate) last: Position,
}

impl PositionRange {
    /// Every position.
    pub(crate) const ALL: Self = Self {
        first: Position::MIN,
        last: Position::MAX,
    };

    pub(crate) fn contains(self, position: Position) -> bool {
        (self.first..=self.last).contains(&position)
    }

    /// Returns what a scan in `direction` has still to visit after `position`.
    pub(crate) fn after(self, position: Position, direction: Direction) -> Option<Self> {
        Some(match direction {
            Direction::Forward => Self {
                first: position.next()?,
                ..self
            },
            Direction::Backward => Self {
                last: position.previous()?,
                ..self
            },
        })
    }
}

/// The keys between two bounds, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) lower: Bound<Vec<u8>>,
    pub(crate) upper: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    pub(crate) const ALL: Self = Self {
        lower: Bound::Unbounded,
        upper: Bound::Unbounded,
    };

    /// Returns the bounds, borrowed.
    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (
            self.lower.as_ref().map(Vec::as_slice),
            self.upper.as_ref().map(Vec::as_slice),
        )
    }

    /// Returns `true` if no key can be in it, as between inverted bounds.
    pub(crate) fn is_empty(&self) -> bool {
        match self.bounds() {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (Bound::Included(lower) | Bound::Excluded(lower), Bound::Excluded(upper))
            | (Bound::Excluded(lower), Bound::Included(upper)) => lower >= upper,
        }
    }

    /// Returns what a scan in `direction` has still to visit after `key`.
    pub(crate) fn after(&self, key: &[u8], direction: Direction) -> Self {
        let bound = Bound::Excluded(key.to_vec());
        match direction {
            Direction::Forward => Self {
                lower: bound,
                upper: self.upper.clone(),
            },
            Direction::Backward => Self {
                lower: self.lower.clone(),
                upper: bound,
            },
        }
    }
}

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// One of the two ends of the order of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    First,
    Last,
}

/// The columns that a scan reads. The others are not read from the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    Key,
    Value,
    Both,
}

/// A scan of the rows of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan<'a> {
    pub(crate) columns: Columns,
    pub(crate) direction: Direction,
    pub(crate) span: &'a Span,
}

/// A write of one entry, which takes effect as a whole or not at all.
#[derive(Debug)]
pub(crate) enum WriteOp {
    Put { key: Vec<u8>, value: Vec<u8> },
    Delete { key: Vec<u8> },
}

impl WriteOp {
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }

    /// The size of the key and the value in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        match self {
            Self::Put { key, value } => key.len() + value.len(),
            Self::Delete { key } => key.len(),
        }
    }
}

/// Sizes and counts that an engine knows besides the number of entries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EngineStats {
    pub(crate) file_bytes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) page_bytes: u64,
    pub(crate) pages: u64,
    pub(crate) free_pages: u64,
    pub(crate) readers_open: usize,
    pub(crate) readers_idle: usize,
    pub(crate) cache_hits: u64,
    pub(crate) cache_misses: u64,
    pub(crate) cache_bytes: u64,
}
