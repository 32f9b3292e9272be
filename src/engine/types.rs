//! Plain types of the engine's door.

use std::fmt;

/// The order of the rows of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowOrder {
    Insertion,
    /// That of the bytes of the keys.
    #[allow(dead_code, reason = "sorted maps are being built")]
    Key,
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

/// The place of a row in the order of insertion. Only the engine that made it knows what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position(pub(crate) i64);

impl Position {
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

/// Positions from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: Position,
    pub(crate) last: Position,
}

impl Span {
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

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// One of the two ends of the order of insertion.
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
pub(crate) struct Scan {
    pub(crate) columns: Columns,
    pub(crate) direction: Direction,
    pub(crate) span: Span,
}

impl Scan {
    /// Every row, with both columns, forward.
    pub(crate) const ALL: Self = Self {
        columns: Columns::Both,
        direction: Direction::Forward,
        span: Span::ALL,
    };
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
