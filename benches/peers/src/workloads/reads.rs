//! What reads one map on one thread.

use super::turn::{Turn, Workload};
use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::error::Result;
use crate::keys;
use crate::measure::{Timed, time, time_sum};
use crate::sums::sum_found;

/// Keys of one call of `get_many`.
const BATCH: usize = 100;

pub fn workloads<K: Key, V: Value>() -> Vec<Workload<K, V>> {
    let read = |name, run| Workload::new(name, Engine::READING, run);
    vec![
        read("get, hot keys", get_hot),
        read("get, uniform", get_uniform),
        read("get, absent keys", get_absent),
        read("get_many, 100 keys", get_many),
        read("get in a snapshot", get_in_snapshot),
        read("iterate", iterate),
        Workload::new("len", Engine::PLAIN, len),
    ]
}

fn get_hot<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let map = turn.map()?;
    let keys: Vec<K> = keys::hot(&mut turn.rng(1), turn.sizes.hot, turn.sizes.gets);
    time_sum(keys.len() as u64, || map.get_each(&keys))
}

/// Gets of random keys.
pub fn get_uniform<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let (map, keys) = (turn.map()?, turn.keys(2, turn.sizes.gets));
    time_sum(turn.sizes.gets, || map.get_each(&keys))
}

fn get_absent<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let map = turn.map()?;
    let keys: Vec<K> = keys::absent(&mut turn.rng(3), turn.maps.entries, turn.sizes.gets);
    time_sum(turn.sizes.gets, || map.get_each(&keys))
}

fn get_many<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let (map, keys) = (turn.map()?, turn.keys(4, turn.sizes.gets));
    time_sum(turn.sizes.gets, || {
        let mut sum = 0_u64;
        for keys in keys.chunks(BATCH) {
            sum = sum.wrapping_add(sum_found(map.get_many(keys)?, Ok)?);
        }
        Ok(sum)
    })
}

fn get_in_snapshot<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let (map, keys) = (turn.map()?, turn.keys(5, turn.sizes.gets));
    time_sum(turn.sizes.gets, || map.get_in_snapshot(&keys))
}

/// All entries, decoded. A small map is read several times.
pub fn iterate<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    let (map, entries) = (turn.map()?, turn.maps.entries);
    let passes = (2 * turn.sizes.gets / entries).max(1);
    time_sum(passes * entries, || {
        let mut sum = 0_u64;
        for _ in 0..passes {
            sum = sum.wrapping_add(map.iterate()?);
        }
        Ok(sum)
    })
}

/// The number of entries when nothing has changed since it was last asked for. The first call of
/// a round tells whether the engine counts.
pub fn len<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    const SLOW: f64 = 100_000.0;
    let map = turn.map()?;
    let (first, length) = time(1, || map.len())?;
    let calls = if first.nanos() > SLOW { 1 } else { 10_000 };
    let (timed, ()) = time(calls, || {
        for _ in 0..calls {
            std::hint::black_box(map.len()?);
        }
        Ok(())
    })?;
    Ok(timed.with_digest(length))
}
