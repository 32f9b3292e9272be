//! What writes one map on one thread, one entry at a time or a few.

use super::turn::{Turn, Workload, read_back};
use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::error::Result;
use crate::keys;
use crate::measure::{Timed, time, time_sum};

/// Puts of one transaction.
const BATCH: usize = 100;

/// The rows of what is synced.
pub fn durable<K: Key, V: Value>() -> Vec<Workload<K, V>> {
    let write = |name, run| Workload::new(name, Engine::WRITING, run);
    vec![
        write("put, Full", put_durably),
        write("insert, Full", insert),
        write("remove, Full", remove),
        write("entry increment, Full", increment_durably),
        write("transaction of 100 puts, Full", transactions),
    ]
}

/// The row of a map that was opened with less durability.
pub fn loose<K: Key, V: Value>(name: &'static str) -> Vec<Workload<K, V>> {
    vec![Workload::new(name, Engine::WRITING, put)]
}

/// Durable puts until a log is as long as it gets. While SQLite's still grows, each sync has to
/// record its new length too.
pub fn settle<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<()> {
    if turn.map().is_ok() {
        put_some(turn, 11, turn.sizes.settling)?;
    }
    Ok(())
}

/// Durable puts of existing keys.
pub fn put_durably<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    put_some(turn, 6, turn.sizes.durable)
}

/// Puts of existing keys, without a sync.
pub fn put<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    put_some(turn, 7, turn.sizes.writes)
}

fn put_some<K: Key, V: Value>(turn: &Turn<'_, K, V>, workload: u64, count: u64) -> Result<Timed> {
    let (map, entries) = (turn.map()?, turn.changes(workload, count));
    let (timed, ()) = time(count, || map.put_each(&entries))?;
    Ok(timed.with_digest(read_back(map, &entries)?))
}

fn insert<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let (map, entries) = (turn.map()?, turn.changes(8, turn.sizes.durable));
    time_sum(turn.sizes.durable, || map.insert_each(entries))
}

/// Removes keys, and puts them back when the clock has stopped.
fn remove<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let map = turn.map()?;
    let numbers = keys::distinct(&mut turn.rng(9), turn.maps.entries, turn.sizes.durable);
    let keys: Vec<K> = numbers.iter().map(|&n| K::of(n)).collect();
    let timed = time_sum(keys.len() as u64, || map.remove_each(&keys))?;
    let mut entries = numbers.iter().map(|&n| (K::of(n), V::of(n)));
    map.extend(&mut entries)?;
    Ok(timed)
}

fn increment_durably<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    increment_some(turn, turn.sizes.durable)
}

/// Increments of existing entries, without a sync.
pub fn increment<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    increment_some(turn, turn.sizes.writes)
}

fn increment_some<K: Key, V: Value>(turn: &Turn<'_, K, V>, count: u64) -> Result<Timed> {
    let (map, keys) = (turn.map()?, turn.keys(10, count));
    let (timed, ()) = time(count, || map.increment_each(&keys))?;
    Ok(timed.with_digest(map.get_each(&keys)?))
}

fn transactions<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let map = turn.map()?;
    let count = (turn.sizes.durable / 10).max(1) * BATCH as u64;
    let entries = turn.changes(11, count);
    let (timed, ()) = time(count, || {
        entries
            .chunks(BATCH)
            .try_for_each(|entries| map.put_together(entries))
    })?;
    Ok(timed.with_digest(read_back(map, &entries)?))
}
