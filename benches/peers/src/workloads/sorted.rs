//! Maps in the order of their keys.

use super::turn::{Turn, Workload};
use super::{reads, writes};
use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::error::Result;
use crate::measure::{Timed, time_sum};

/// Entries of one range.
const RANGE: usize = 100;

/// The rows of a large map.
pub fn large<K: Key, V: Value>(value: &str) -> Vec<Workload<K, V>> {
    let row = |name: &str, run| Workload::new(format!("{name}, {value}"), Engine::SORTED, run);
    vec![
        row("iterate in order", reads::iterate),
        row("range of 100 in a snapshot", ranges),
    ]
}

/// The rows of every type of value.
pub fn of_type<K: Key, V: Value>(value: &str) -> Vec<Workload<K, V>> {
    let row = |name: &str, run| Workload::new(format!("{name}, {value}"), Engine::SORTED, run);
    vec![
        row("sorted: get", reads::get_uniform),
        row("sorted: put, Full", writes::put_durably),
    ]
}

fn ranges<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let map = turn.map()?;
    let count = (turn.sizes.gets / RANGE as u64).max(1);
    let starts = turn.keys(80, count);
    time_sum(count, || map.ranges(&starts, RANGE))
}
