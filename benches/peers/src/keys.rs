//! Which entries a round touches: random, from a fixed seed, the same for every engine.

use fastrand::Rng;

use crate::data::{Key, Value};

const SEED: u64 = 0x5EED;

/// The random numbers of one round of one workload.
pub fn rng(workload: u64, round: u64) -> Rng {
    Rng::with_seed(SEED ^ (workload << 32) ^ round)
}

/// Keys of `0..entries`, each as likely as any other.
pub fn uniform<K: Key>(rng: &mut Rng, entries: u64, count: u64) -> Vec<K> {
    (0..count).map(|_| K::of(rng.u64(0..entries))).collect()
}

/// Keys that are not there.
pub fn absent<K: Key>(rng: &mut Rng, entries: u64, count: u64) -> Vec<K> {
    (0..count).map(|_| K::absent(rng.u64(0..entries))).collect()
}

/// Different keys of `0..entries`.
pub fn distinct(rng: &mut Rng, entries: u64, count: u64) -> Vec<u64> {
    let mut numbers = std::collections::BTreeSet::new();
    while (numbers.len() as u64) < count.min(entries) {
        numbers.insert(rng.u64(0..entries));
    }
    let mut numbers: Vec<u64> = numbers.into_iter().collect();
    rng.shuffle(&mut numbers);
    numbers
}

/// The first `hot` keys over and over, in a new order each time.
pub fn hot<K: Key>(rng: &mut Rng, hot: u64, count: u64) -> Vec<K> {
    let mut keys: Vec<K> = (0..hot).map(K::of).collect();
    let mut all = Vec::new();
    while (all.len() as u64) < count {
        rng.shuffle(&mut keys);
        all.extend(keys.iter().cloned());
    }
    all
}

/// New values for keys of `0..entries`. They differ from the old ones: SQLite does not write what is
/// there already.
pub fn changes<K: Key, V: Value>(rng: &mut Rng, entries: u64, count: u64) -> Vec<(K, V)> {
    (0..count)
        .map(|_| (K::of(rng.u64(0..entries)), V::of(rng.u64(..))))
        .collect()
}
