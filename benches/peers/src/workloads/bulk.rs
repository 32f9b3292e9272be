//! Bulk writes into a fresh map.

use std::fs;

use super::turn::{Turn, Workload};
use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::engines;
use crate::error::Result;
use crate::keys;
use crate::map::{Map, Mode};
use crate::measure::{Timed, time};

/// What is written into what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bulk {
    /// Into an empty map, in the order of the keys.
    Sorted,
    /// Into an empty map, in no order.
    Random,
    /// New values for all keys of a map, in no order.
    Overwriting,
}

pub fn workloads<K: Key, V: Value>() -> Vec<Workload<K, V>> {
    let row = |name, run| Workload::new(name, Engine::WRITING, run);
    vec![
        row("extend, sorted keys", |turn| extend(turn, Bulk::Sorted)),
        row("extend, random order", extend_randomly),
        row("extend, overwriting", |turn| {
            extend(turn, Bulk::Overwriting)
        }),
    ]
}

/// Writes into an empty map, in no order.
pub fn extend_randomly<K: Key, V: Value>(turn: &Turn<'_, K, V>) -> Result<Timed> {
    extend(turn, Bulk::Random)
}

/// A new map, filled once or twice, and removed.
fn extend<K: Key, V: Value>(turn: &Turn<'_, K, V>, bulk: Bulk) -> Result<Timed> {
    let (count, round) = (turn.sizes.bulk, turn.round);
    let folder = turn.maps.folder(turn.engine).join("bulk");
    fs::create_dir_all(&folder)?;
    let map = engines::open(turn.engine, &folder, Mode::default())?;
    if bulk == Bulk::Overwriting {
        map.extend(&mut entries::<K, V>(bulk, count, round, 0).into_iter())?;
    }
    let entries = entries::<K, V>(bulk, count, round, 1 + round);
    let (timed, ()) = time(count, || map.extend(&mut entries.into_iter()))?;
    let timed = timed.with_digest(check(map.as_ref())?);
    drop(map);
    fs::remove_dir_all(&folder)?;
    Ok(timed)
}

fn entries<K: Key, V: Value>(bulk: Bulk, count: u64, round: u64, seed: u64) -> Vec<(K, V)> {
    let mut numbers: Vec<u64> = (0..count).collect();
    keys::rng(12, round).shuffle(&mut numbers);
    let entries = numbers
        .into_iter()
        .map(|n| (K::of(n), V::of(n ^ (seed << 32))));
    let mut entries: Vec<(K, V)> = entries.collect();
    if bulk == Bulk::Sorted {
        entries.sort_by_cached_key(|(key, _)| key.bytes().into_owned());
    }
    entries
}

fn check<K, V>(map: &dyn Map<K, V>) -> Result<u64> {
    Ok(map.iterate()? ^ map.len()?)
}
