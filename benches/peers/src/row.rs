//! The figures of one workload, and what is computed from them.

use std::collections::BTreeMap;

use crate::engine::Engine;

/// What the figures of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds an operation.
    Nanos,
    Bytes,
}

impl Unit {
    /// Its name in the CSV file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanos => "ns/op",
            Self::Bytes => "bytes",
        }
    }
}

/// One workload on every engine that can do it: the figures of the rounds, in their order.
#[derive(Clone, Debug)]
pub struct Row {
    pub section: &'static str,
    pub name: String,
    pub unit: Unit,
    pub cells: BTreeMap<Engine, Vec<f64>>,
}

impl Row {
    pub fn new(section: &'static str, name: impl Into<String>, unit: Unit) -> Self {
        Self {
            section,
            name: name.into(),
            unit,
            cells: BTreeMap::new(),
        }
    }

    /// The median over the rounds.
    pub fn median(&self, engine: Engine) -> Option<f64> {
        self.cells.get(&engine).map(|cell| median(cell.clone()))
    }

    /// The least and the greatest of the rounds.
    pub fn spread(&self, engine: Engine) -> Option<(f64, f64)> {
        let cell = self.cells.get(&engine)?;
        let least = cell.iter().copied().reduce(f64::min)?;
        Some((least, cell.iter().copied().reduce(f64::max)?))
    }

    /// The median of the rounds' ratios: a change of the machine's pace meets both of a round.
    pub fn ratio(&self, engine: Engine, other: Engine) -> Option<f64> {
        ratio(self.cells.get(&engine)?, self.cells.get(&other)?)
    }

    /// The peer with the least median. Of durable writes, only those that sync count.
    pub fn best_peer(&self) -> Option<Engine> {
        let peers = Engine::PEERS.iter().copied();
        peers
            .filter(|peer| peer.syncs() || !self.is_durable())
            .filter_map(|peer| Some((self.median(peer)?, peer)))
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, peer)| peer)
    }

    /// True if its work is not done before it is synced.
    pub fn is_durable(&self) -> bool {
        self.name.contains("Full") || self.name.contains("durably")
    }
}

/// The median of the ratios of two series of rounds.
pub fn ratio(figures: &[f64], others: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = figures.iter().zip(others).map(|(a, b)| a / b).collect();
    (!ratios.is_empty()).then(|| median(ratios))
}

/// The middle one of an odd number, the mean of the middle two of an even.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match (figures.get(middle.wrapping_sub(1)), figures.get(middle)) {
        (Some(below), Some(at)) if figures.len().is_multiple_of(2) => f64::midpoint(*below, *at),
        (_, Some(at)) => *at,
        _ => f64::NAN,
    }
}

/// A row that was measured on maps of several sizes.
#[derive(Clone, Debug)]
pub struct Point {
    /// The workload, the same at each size.
    pub work: String,
    pub entries: u64,
    pub row: Row,
}

/// Everything that a run has measured, in the order of the report.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// Every workload but growth.
    pub rows: Vec<Row>,
    /// Time by number of entries.
    pub growth: Vec<Point>,
}

impl Results {
    /// The row of a workload, if it was run.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The sizes of a workload of the section Growth, the smallest first.
    pub fn growth_of(&self, work: &str) -> impl Iterator<Item = &Point> {
        self.growth.iter().filter(move |point| point.work == work)
    }

    pub fn all(&self) -> impl Iterator<Item = &Row> {
        let growth = self.growth.iter().map(|point| &point.row);
        self.rows.iter().chain(growth)
    }

    /// The sections that have rows, in order.
    pub fn sections(&self) -> Vec<&'static str> {
        let mut sections: Vec<_> = self.all().map(|row| row.section).collect();
        sections.dedup();
        sections
    }
}
