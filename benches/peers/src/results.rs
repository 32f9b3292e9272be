//! Everything that a run has measured.

use crate::growth::Point;
use crate::measure::Row;
use crate::memory::Footprint;

/// Rows in the order of the report, and what is not a row.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// Every workload but growth.
    pub rows: Vec<Row>,
    /// Time by number of entries.
    pub growth: Vec<Point>,
    /// Memory of large calls.
    pub footprints: Vec<Footprint>,
    /// Entries of the map that most workloads use.
    pub entries: u64,
    /// Rounds that count.
    pub rounds: usize,
}

impl Results {
    /// The row of a workload, if it was run.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The sections that have rows, in order.
    pub fn sections(&self) -> Vec<&'static str> {
        let mut sections: Vec<_> = self.rows.iter().map(|row| row.section).collect();
        sections.dedup();
        sections
    }
}
