//! Workloads on all engines of a fleet.

use crate::contest::{Rounds, contest};
use crate::data::{Key, Value};
use crate::error::Result;
use crate::fleet::Fleet;
use crate::row::{Row, Unit};
use crate::sizes::Sizes;
use crate::workloads::turn::{Turn, Workload};

/// Runs a workload on its engines and fills its row.
pub fn one<K: Key, V: Value>(
    row: Row,
    work: &Workload<K, V>,
    maps: &Fleet<K, V>,
    sizes: &Sizes,
    rounds: Rounds,
) -> Result<Row> {
    contest(row, work.engines, rounds, |engine, round| {
        (work.run)(&Turn {
            maps,
            sizes,
            engine,
            round,
        })
    })
}

/// Runs workloads one after the other. Each is a row of the section.
pub fn all<K: Key, V: Value>(
    section: &'static str,
    works: &[Workload<K, V>],
    maps: &Fleet<K, V>,
    sizes: &Sizes,
    rounds: usize,
) -> Result<Vec<Row>> {
    let row = |work: &Workload<K, V>| Row::new(section, work.name.as_str(), Unit::Nanos);
    works
        .iter()
        .map(|work| one(row(work), work, maps, sizes, Rounds::warm(rounds)))
        .collect()
}
