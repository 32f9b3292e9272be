//! What the statements for the rows of one map have in common.

use crate::engine::RowOrder;

/// A statement for the rows of one map.
pub(in crate::sqlite) trait MapSql: Copy {
    /// The order of the rows.
    const ORDER: RowOrder;

    /// The index of the statement among those of a map, which is less than [`SLOTS`].
    fn slot(self) -> usize;

    /// The statement, with `{rows}` and `{large}` in place of the [names](super::tables::Tables) of the tables.
    fn text(self) -> &'static str;
}

/// The number of statements for the rows of a map.
pub(in crate::sqlite) const SLOTS: usize = 31;
