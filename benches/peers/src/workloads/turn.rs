//! One engine's part of a round.

use fastrand::Rng;

use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::error::Result;
use crate::fleet::Fleet;
use crate::keys;
use crate::map::Map;
use crate::measure::Timed;
use crate::sizes::Sizes;

/// What one engine is asked to do now.
pub struct Turn<'a, K, V> {
    /// The maps of all engines.
    pub maps: &'a Fleet<K, V>,
    /// How much there is to do.
    pub sizes: &'a Sizes,
    pub engine: Engine,
    /// The round, in which every engine does the same.
    pub round: u64,
}

impl<'a, K: Key, V: Value> Turn<'a, K, V> {
    /// The engine's open map.
    pub fn map(&self) -> Result<&'a dyn Map<K, V>> {
        self.maps.map(self.engine)
    }

    /// The random numbers of a workload in this round.
    pub fn rng(&self, workload: u64) -> Rng {
        keys::rng(workload, self.round)
    }

    /// Random keys of the map.
    pub fn keys(&self, workload: u64, count: u64) -> Vec<K> {
        keys::uniform(&mut self.rng(workload), self.maps.entries, count)
    }

    /// Random keys of the map, with new values.
    pub fn changes(&self, workload: u64, count: u64) -> Vec<(K, V)> {
        keys::changes(&mut self.rng(workload), self.maps.entries, count)
    }
}

/// A workload of the tables.
pub struct Workload<K, V> {
    /// Its row.
    pub name: String,
    /// The engines that take part.
    pub engines: &'static [Engine],
    /// One round of one engine.
    pub run: fn(&Turn<'_, K, V>) -> Result<Timed>,
}

impl<K, V> Workload<K, V> {
    pub fn new(
        name: impl Into<String>,
        engines: &'static [Engine],
        run: fn(&Turn<'_, K, V>) -> Result<Timed>,
    ) -> Self {
        Self {
            name: name.into(),
            engines,
            run,
        }
    }
}

/// What is stored now under keys that were written.
pub fn read_back<K: Key, V: Value>(map: &dyn Map<K, V>, entries: &[(K, V)]) -> Result<u64> {
    let keys: Vec<K> = entries.iter().map(|(key, _)| key.clone()).collect();
    map.get_each(&keys)
}
