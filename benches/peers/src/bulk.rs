//! Bulk writes into a fresh map.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::args::Sizes;
use crate::data::{Key, Value};
use crate::engine::{Durability, Engine, Map, Role};
use crate::engines;
use crate::keys;
use crate::measure::{Timed, time};

/// What is written into what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bulk {
    /// Into an empty map, in the order of the keys.
    Sorted,
    /// Into an empty map, in no order.
    Random,
    /// New values for all keys of a map, in no order.
    Overwriting,
}

impl Bulk {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sorted, Self::Random, Self::Overwriting];

    /// The row.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sorted => "extend, sorted keys",
            Self::Random => "extend, random order",
            Self::Overwriting => "extend, overwriting",
        }
    }

    /// One round: a new map, filled once or twice, and removed.
    pub fn run<K: Key, V: Value>(
        self,
        root: &Path,
        count: u64,
        engine: Engine,
        round: u64,
    ) -> Result<Timed> {
        let folder = root.join(engine.tag());
        fs::create_dir_all(&folder)?;
        let map = engines::open(engine, &folder, Durability::Full, Role::Alone)?;
        if self == Self::Overwriting {
            map.extend(&mut self.entries::<K, V>(count, round, 0).into_iter())?;
        }
        let entries = self.entries::<K, V>(count, round, 1 + round);
        let (timed, ()) = time(count, || map.extend(&mut entries.into_iter()))?;
        let timed = timed.with_digest(check(map.as_ref())?);
        drop(map);
        fs::remove_dir_all(&folder)?;
        Ok(timed)
    }

    fn entries<K: Key, V: Value>(self, count: u64, round: u64, seed: u64) -> Vec<(K, V)> {
        let mut numbers: Vec<u64> = (0..count).collect();
        keys::rng(12, round).shuffle(&mut numbers);
        let entries = numbers
            .into_iter()
            .map(|n| (K::of(n), V::of(n ^ (seed << 32))));
        let mut entries: Vec<(K, V)> = entries.collect();
        if self == Self::Sorted {
            entries.sort_by_cached_key(|(key, _)| key.bytes().into_owned());
        }
        entries
    }
}

fn check<K, V>(map: &dyn Map<K, V>) -> Result<u64> {
    Ok(map.iterate()? ^ map.len()?)
}

/// Entries of values of some length, within the bytes that the sizes allow.
pub fn typed_entries(sizes: &Sizes, value_bytes: u64) -> u64 {
    (sizes.typed_bytes / (value_bytes + 32)).clamp(100, sizes.bulk)
}
