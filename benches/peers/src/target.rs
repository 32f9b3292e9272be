//! What a target is, and whether a run has met it.

use std::fmt;

use crate::engine::Engine;
use crate::row::{Results, Row, ratio};

/// A figure that has to be on one side of a number.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The row, or the work of the section Growth.
    pub work: &'static str,
    /// What is computed from it.
    pub figure: Figure,
    /// Where that has to be.
    pub bound: Bound,
}

/// What is computed from a row, for one engine.
#[derive(Clone, Copy, Debug)]
pub enum Figure {
    /// Its time, divided by that of another engine.
    TimeOver(Engine),
    /// The time of `vaults` without its cache, divided by that of another engine.
    UncachedOver(Engine),
    /// Its time, divided by that of the fastest peer.
    TimeOverBestPeer,
    /// Its time, divided by its time in another row.
    TimeOverRow(&'static str),
    /// Its rate, divided by its rate in another row.
    RateOver(&'static str),
    /// Its time in milliseconds.
    Millis,
    /// Its time in microseconds, at the size where that is longest.
    SlowestMicros,
    /// Its time on the largest map, divided by that on the smallest and by the growth of log n.
    Growth,
    /// The same for `vaults` without its cache.
    UncachedGrowth,
    /// Its time on the largest map, divided by that on the first of at least so many entries.
    GrowthFrom(u64),
    /// Bytes in MiB.
    Mebibytes,
}

/// On which side of what number.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
    /// At least so many for each core, up to eight cores.
    AtLeastPerCore(f64),
}

impl Target {
    /// The figure of `vaults`, unless it was not measured.
    pub fn measured(&self, results: &Results) -> Option<f64> {
        let engine = match self.figure {
            Figure::UncachedOver(_) | Figure::UncachedGrowth => Engine::VaultsUncached,
            _ => Engine::Vaults,
        };
        self.figure_of(results, engine)
    }

    /// The same figure of SQLite by hand, unless it is a part of the figure.
    pub fn by_hand(&self, results: &Results) -> Option<f64> {
        match self.figure {
            Figure::TimeOver(Engine::ByHand) | Figure::UncachedOver(Engine::ByHand) => None,
            _ => self.figure_of(results, Engine::ByHand),
        }
    }

    fn figure_of(&self, results: &Results, engine: Engine) -> Option<f64> {
        let row = || results.row(self.work);
        match self.figure {
            Figure::TimeOver(other) | Figure::UncachedOver(other) => row()?.ratio(engine, other),
            Figure::TimeOverBestPeer => row()?.ratio(engine, row()?.best_peer()?),
            Figure::TimeOverRow(other) => {
                let other = results.row(other)?.cells.get(&engine)?;
                ratio(row()?.cells.get(&engine)?, other)
            }
            Figure::RateOver(one) => rate_over(row()?, results.row(one)?, engine),
            Figure::Millis => Some(row()?.median(engine)? / 1e6),
            Figure::SlowestMicros => self.slowest(results, engine),
            Figure::Growth | Figure::UncachedGrowth => self.growth_over_log(results, engine),
            Figure::GrowthFrom(from) => Some(self.growth(results, engine, from)?.1),
            Figure::Mebibytes => Some(row()?.median(engine)? / f64::from(1 << 20)),
        }
    }

    fn slowest(&self, results: &Results, engine: Engine) -> Option<f64> {
        let points = results.growth_of(self.work);
        points
            .filter_map(|point| Some(point.row.median(engine)? / 1e3))
            .reduce(f64::max)
    }

    fn growth_over_log(&self, results: &Results, engine: Engine) -> Option<f64> {
        let (entries, growth) = self.growth(results, engine, 0)?;
        Some(growth / (entries.1.ln() / entries.0.ln()))
    }

    /// The numbers of entries of the smaller and the larger map, and the ratio of their times.
    fn growth(&self, results: &Results, engine: Engine, from: u64) -> Option<((f64, f64), f64)> {
        let points = results.growth_of(self.work);
        let points: Vec<_> = points.filter(|point| point.entries >= from).collect();
        let (first, last) = (points.first()?, points.last()?);
        let growth = last.row.median(engine)? / first.row.median(engine)?;
        Some(((first.entries as f64, last.entries as f64), growth))
    }
}

fn rate_over(many: &Row, one: &Row, engine: Engine) -> Option<f64> {
    ratio(one.cells.get(&engine)?, many.cells.get(&engine)?)
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeOver(other) => write!(f, "time / {}", other.name()),
            Self::UncachedOver(other) => write!(f, "cache off: time / {}", other.name()),
            Self::TimeOverBestPeer => f.write_str("time / best durable peer"),
            Self::TimeOverRow(other) => write!(f, "time / {other}"),
            Self::RateOver(one) => write!(f, "rate / {one}"),
            Self::Millis => f.write_str("ms"),
            Self::SlowestMicros => f.write_str("µs at the slowest size"),
            Self::Growth => f.write_str("growth of time / of log n"),
            Self::UncachedGrowth => f.write_str("cache off: growth of time / of log n"),
            Self::GrowthFrom(from) => write!(f, "growth of time from {from} entries on"),
            Self::Mebibytes => f.write_str("MiB"),
        }
    }
}

impl Bound {
    /// True if a figure meets it.
    pub fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bound) => figure <= bound,
            Self::Below(bound) => figure < bound,
            Self::AtLeast(bound) => figure >= bound,
            Self::AtLeastPerCore(each) => figure >= each * cores(),
        }
    }
}

fn cores() -> f64 {
    let cores = std::thread::available_parallelism();
    cores.map_or(1.0, |cores| cores.get().min(8) as f64)
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound:.2}"),
            Self::Below(bound) => write!(f, "< {bound:.2}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound:.2}"),
            Self::AtLeastPerCore(each) => write!(f, "≥ {:.2}", each * cores()),
        }
    }
}
