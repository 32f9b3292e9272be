//! Time by number of entries.

use std::path::Path;

use crate::Result;
use crate::args::{Plan, Sizes};
use crate::data::Record;
use crate::engine::{Durability, Engine};
use crate::fleet::Fleet;
use crate::measure::{Rounds, Row, Timed, Unit, contest};
use crate::workloads;

/// The part of the report.
pub const SECTION: &str = "Growth";

/// Above this one pass is a measurement by itself.
const LARGE: u64 = 100_000;

type Maps = Fleet<String, Record>;

/// What is timed at every size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A get of a random key.
    Get,
    /// A put of a random key, without a sync.
    Put,
    /// An increment of a random entry, without a sync.
    Entry,
    /// Iteration, an entry.
    Iterate,
    /// The number of entries.
    Len,
}

impl Work {
    /// All of it.
    pub const ALL: [Self; 5] = [Self::Get, Self::Put, Self::Entry, Self::Iterate, Self::Len];

    /// Its name in tables and plots.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put, no sync",
            Self::Entry => "entry increment, no sync",
            Self::Iterate => "iterate, per entry",
            Self::Len => "len",
        }
    }

    const fn engines(self) -> &'static [Engine] {
        match self {
            // The others walk the whole map.
            Self::Len => &[
                Engine::Vaults,
                Engine::ByHand,
                Engine::Redb,
                Engine::Heed,
                Engine::HashMap,
            ],
            Self::Get => &Engine::READING,
            _ => &Engine::PLAIN,
        }
    }

    const fn writes(self) -> bool {
        matches!(self, Self::Put | Self::Entry)
    }

    fn run(self, maps: &Maps, sizes: &Sizes, engine: Engine, round: u64) -> Result<Timed> {
        match self {
            Self::Get => workloads::get_uniform(maps, sizes, engine, round),
            Self::Put => workloads::put(maps, sizes, engine, round),
            Self::Entry => workloads::increment(maps, sizes, engine, round),
            Self::Iterate => workloads::iterate(maps, sizes, engine, round),
            Self::Len => workloads::len(maps, sizes, engine, round),
        }
    }

    fn rounds(self, plan: &Plan, entries: u64) -> Rounds {
        match self {
            Self::Iterate if entries > LARGE => Rounds {
                warm_up: 0,
                counted: 1,
            },
            _ => Rounds::warm(plan.rounds.min(3)),
        }
    }
}

/// One size of one plot.
#[derive(Clone, Debug)]
pub struct Point {
    /// The plot.
    pub work: Work,
    /// The size.
    pub entries: u64,
    /// The figures.
    pub row: Row,
}

/// Grows one map in every engine through the sizes, and measures at each. The files stay for
/// those who want large ones.
pub fn measure(plan: &Plan, root: &Path) -> Result<Vec<Point>> {
    let mut maps = Maps::new(root).sharing();
    let mut points = Vec::new();
    let sizes = Sizes {
        gets: plan.sizes.gets.min(10_000),
        writes: plan.sizes.writes.min(2_000),
        ..plan.sizes.clone()
    };
    for &entries in &plan.sizes.growth {
        maps.open(&Engine::PLAIN, Durability::Full)?;
        maps.fill(&Engine::PLAIN, entries)?;
        eprintln!("growth to {entries} entries");
        // Anew, for what filling has left.
        maps.open(&Engine::READING, Durability::Full)?;
        points.extend(measure_at(plan, &sizes, &maps, false)?);
        maps.open_loosely(&Engine::PLAIN)?;
        points.extend(measure_at(plan, &sizes, &maps, true)?);
        maps.close();
    }
    Ok(points)
}

fn measure_at(plan: &Plan, sizes: &Sizes, maps: &Maps, writes: bool) -> Result<Vec<Point>> {
    let works = Work::ALL.into_iter().filter(|work| work.writes() == writes);
    works
        .map(|work| {
            let entries = maps.entries;
            let row = Row::new(
                SECTION,
                format!("{}, {entries} entries", work.name()),
                Unit::Nanos,
            );
            let rounds = work.rounds(plan, entries);
            let row = contest(row, work.engines(), rounds, |engine, round| {
                work.run(maps, sizes, engine, round)
            })?;
            Ok(Point { work, entries, row })
        })
        .collect()
}

/// How many times as long an operation takes on the largest map as on that of `from` entries.
pub fn growth(points: &[Point], work: Work, engine: Engine, from: u64) -> Option<Growth> {
    let of = |point: &&Point| point.work == work && point.row.median(engine).is_some();
    let first = points
        .iter()
        .filter(of)
        .find(|point| point.entries >= from)?;
    let last = points.iter().rfind(of)?;
    let (first_time, last_time) = (first.row.median(engine)?, last.row.median(engine)?);
    Some(Growth {
        from: first.entries,
        to: last.entries,
        factor: last_time / first_time,
    })
}

/// From one size to another.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// The smaller map.
    pub from: u64,
    /// The larger one.
    pub to: u64,
    /// The ratio of their times an operation.
    pub factor: f64,
}

impl Growth {
    /// The ratio of a time that grows as the logarithm of the number of entries.
    pub fn logarithmic(&self) -> f64 {
        (self.to as f64).ln() / (self.from as f64).ln()
    }
}
