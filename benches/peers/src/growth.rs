//! Time by number of entries.

use std::path::Path;

use crate::compete;
use crate::contest::Rounds;
use crate::data::Record;
use crate::engine::Engine;
use crate::error::Result;
use crate::fleet::Fleet;
use crate::map::Durability;
use crate::plan::Plan;
use crate::row::{Point, Row, Unit};
use crate::sizes::Sizes;
use crate::workloads::turn::Workload;
use crate::workloads::{reads, writes};

pub const SECTION: &str = "Growth";

/// Above this one pass of an iteration is a measurement by itself.
const LARGE: u64 = 100_000;

/// Engines that know their length. The others walk the whole map.
const COUNTING: &[Engine] = &[
    Engine::Vaults,
    Engine::ByHand,
    Engine::Redb,
    Engine::Heed,
    Engine::HashMap,
];

/// The largest map of sled: filling and opening a larger one takes longer than all others together.
const MOST_OF_SLED: u64 = 1_000_000;

const ITERATE: &str = "iterate, per entry";

type Maps = Fleet<String, Record>;
type Works = Vec<Workload<String, Record>>;

fn reading() -> Works {
    vec![
        Workload::new("get", Engine::READING, reads::get_uniform),
        Workload::new(ITERATE, Engine::PLAIN, reads::iterate),
        Workload::new("len", COUNTING, reads::len),
    ]
}

fn writing() -> Works {
    vec![
        Workload::new("put, no sync", Engine::PLAIN, writes::put),
        Workload::new("entry increment, no sync", Engine::PLAIN, writes::increment),
    ]
}

/// Grows one map in every engine through the sizes, and measures at each. The files stay for
/// those who want large ones.
pub fn measure(plan: &Plan, root: &Path) -> Result<Vec<Point>> {
    let mut maps = Maps::new(root).sharing();
    let mut points = Vec::new();
    for &entries in &plan.sizes.growth {
        eprintln!("growing to {entries} entries");
        let engines = growing_to(Engine::PLAIN, entries);
        maps.open(&engines, Durability::Full)?;
        maps.fill(entries)?;
        // Filling leaves work to some engines, which they do when they are opened again.
        maps.open(&growing_to(Engine::READING, entries), Durability::Full)?;
        points.extend(measure_at(plan, &maps, reading())?);
        maps.open_loosely(&engines)?;
        points.extend(measure_at(plan, &maps, writing())?);
        maps.close();
    }
    Ok(points)
}

fn growing_to(engines: &[Engine], entries: u64) -> Vec<Engine> {
    let grows = |engine: &Engine| *engine != Engine::Sled || entries <= MOST_OF_SLED;
    engines.iter().copied().filter(grows).collect()
}

fn measure_at(plan: &Plan, maps: &Maps, works: Works) -> Result<Vec<Point>> {
    let sizes = Sizes {
        gets: plan.sizes.gets.min(10_000),
        ..plan.sizes.clone()
    };
    let points = works.into_iter().map(|work| {
        let entries = maps.entries;
        let row = Row::new(
            SECTION,
            format!("{}, {entries} entries", work.name),
            Unit::Nanos,
        );
        let rounds = rounds(plan, &work.name, entries);
        let row = compete::one(row, &work, maps, &sizes, rounds)?;
        Ok(Point {
            work: work.name,
            entries,
            row,
        })
    });
    points.collect()
}

fn rounds(plan: &Plan, work: &str, entries: u64) -> Rounds {
    if work == ITERATE && entries > LARGE {
        return Rounds {
            warm_up: 0,
            counted: 1,
        };
    }
    Rounds::warm(plan.few_rounds())
}
