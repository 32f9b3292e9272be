//! The work: what one engine does in one round, and how long it took.
//!
//! Keys and values are made before the clock starts; what was written is read back after it has
//! stopped.

use crate::Result;
use crate::args::Sizes;
use crate::data::{Key, Value, digest};
use crate::engine::{Engine, Map};
use crate::fleet::Fleet;
use crate::keys;
use crate::measure::{Timed, time, time_sum};

/// One round of one engine.
pub type Run<K, V> = fn(&Fleet<K, V>, &Sizes, Engine, u64) -> Result<Timed>;

/// A workload of the tables.
pub struct Workload<K, V> {
    /// Its row.
    pub name: &'static str,
    /// Who takes part.
    pub engines: &'static [Engine],
    /// One round of one engine.
    pub run: Run<K, V>,
}

/// Keys of one call of `get_many`, and puts of one transaction.
const BATCH: usize = 100;

/// All but the variant that differs in writing only.
pub const READERS: &[Engine] = &Engine::READING;

/// All but the variant that differs in reading only.
pub const WRITERS: &[Engine] = &[
    Engine::Vaults,
    Engine::VaultsUnverified,
    Engine::ByHand,
    Engine::Redb,
    Engine::Heed,
    Engine::Fjall,
    Engine::Sled,
    Engine::HashMap,
];

/// What reads one map on one thread.
pub fn reads<K: Key, V: Value>() -> Vec<Workload<K, V>> {
    vec![
        read("get, hot keys", get_hot),
        read("get, uniform", get_uniform),
        read("get, absent keys", get_absent),
        read("get_many, 100 keys", get_many),
        read("get in a snapshot", get_in_snapshot),
        read("iterate", iterate),
        Workload {
            name: "len",
            engines: &Engine::PLAIN,
            run: len,
        },
    ]
}

const fn read<K, V>(name: &'static str, run: Run<K, V>) -> Workload<K, V> {
    Workload {
        name,
        engines: READERS,
        run,
    }
}

fn get_hot<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let keys: Vec<K> = keys::hot(&mut keys::rng(1, round), sizes.hot, sizes.gets);
    time_sum(keys.len() as u64, || map.get_each(&keys))
}

/// Gets of random keys, which the growth plots time, too.
pub fn get_uniform<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let keys: Vec<K> = keys::uniform(&mut keys::rng(2, round), fleet.entries, sizes.gets);
    time_sum(sizes.gets, || map.get_each(&keys))
}

fn get_absent<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let keys: Vec<K> = keys::absent(&mut keys::rng(3, round), fleet.entries, sizes.gets);
    time_sum(sizes.gets, || map.get_each(&keys))
}

fn get_many<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let keys: Vec<K> = keys::uniform(&mut keys::rng(4, round), fleet.entries, sizes.gets);
    time_sum(sizes.gets, || {
        let mut sum = 0_u64;
        for keys in keys.chunks(BATCH) {
            let values = map.get_many(keys)?;
            sum = values
                .iter()
                .fold(sum, |sum, value| sum.wrapping_add(digest(value.as_ref())));
        }
        Ok(sum)
    })
}

fn get_in_snapshot<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let keys: Vec<K> = keys::uniform(&mut keys::rng(5, round), fleet.entries, sizes.gets);
    time_sum(sizes.gets, || map.get_in_snapshot(&keys))
}

/// All entries, decoded; a small map several times.
pub fn iterate<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    _: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let passes = (2 * sizes.gets / fleet.entries).max(1);
    time_sum(passes * fleet.entries, || {
        let mut sum = 0_u64;
        for _ in 0..passes {
            sum = sum.wrapping_add(map.iterate()?);
        }
        Ok(sum)
    })
}

/// The number of entries when nothing has changed since it was last asked for.
pub fn len<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    _: &Sizes,
    engine: Engine,
    _: u64,
) -> Result<Timed> {
    const SLOW: f64 = 100_000.0;
    let map = fleet.map(engine)?;
    let (first, length) = time(1, || map.len())?;
    let calls = if first.nanos() > SLOW && time(1, || map.len())?.0.nanos() > SLOW {
        3
    } else {
        10_000
    };
    let (timed, ()) = time(calls, || {
        for _ in 0..calls {
            std::hint::black_box(map.len()?);
        }
        Ok(())
    })?;
    Ok(timed.with_digest(length))
}

/// What writes one entry at a time, durably.
pub fn durable_writes<K: Key, V: Value>() -> Vec<Workload<K, V>> {
    vec![
        write("put, Full", put_durably),
        write("insert, Full", insert),
        write("remove, Full", remove),
        write("entry increment, Full", increment_durably),
        write("transaction of 100 puts, Full", transactions),
    ]
}

const fn write<K, V>(name: &'static str, run: Run<K, V>) -> Workload<K, V> {
    Workload {
        name,
        engines: WRITERS,
        run,
    }
}

/// The puts that a map opened with less durability is timed with.
pub fn loose_writes<K: Key, V: Value>(name: &'static str) -> Vec<Workload<K, V>> {
    vec![write(name, put)]
}

/// Durable puts until a log is as long as it gets: while SQLite's still grows, each sync has to
/// record its new length, too.
pub fn settle<K: Key, V: Value>(fleet: &Fleet<K, V>, sizes: &Sizes, engine: Engine) -> Result<()> {
    if fleet.map(engine).is_ok() {
        put_some(fleet, sizes.settling, engine, 11, 0)?;
    }
    Ok(())
}

/// Durable puts of existing keys.
pub fn put_durably<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    put_some(fleet, sizes.durable, engine, 6, round)
}

/// Puts of existing keys, without a sync.
pub fn put<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    put_some(fleet, sizes.writes, engine, 7, round)
}

fn put_some<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    count: u64,
    engine: Engine,
    workload: u64,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let entries: Vec<(K, V)> = keys::changes(&mut keys::rng(workload, round), fleet.entries, count);
    let (timed, ()) = time(count, || map.put_each(&entries))?;
    Ok(timed.with_digest(read_back(map, &entries)?))
}

/// What is stored now under keys that were written.
pub fn read_back<K: Key, V: Value>(map: &dyn Map<K, V>, entries: &[(K, V)]) -> Result<u64> {
    let keys: Vec<K> = entries.iter().map(|(key, _)| key.clone()).collect();
    map.get_each(&keys)
}

fn insert<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let mut rng = keys::rng(8, round);
    let entries = keys::changes(&mut rng, fleet.entries, sizes.durable);
    time_sum(sizes.durable, || map.insert_each(entries))
}

/// Removes keys, and puts them back when the clock has stopped.
fn remove<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let numbers = keys::distinct(&mut keys::rng(9, round), fleet.entries, sizes.durable);
    let keys: Vec<K> = numbers.iter().map(|&n| K::of(n)).collect();
    let timed = time_sum(keys.len() as u64, || map.remove_each(&keys))?;
    let mut entries = numbers.iter().map(|&n| (K::of(n), V::of(n)));
    map.extend(&mut entries)?;
    Ok(timed)
}

fn increment_durably<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    increment_some(fleet, sizes.durable, engine, round)
}

/// Increments of existing entries.
pub fn increment<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    increment_some(fleet, sizes.writes, engine, round)
}

fn increment_some<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    count: u64,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let keys: Vec<K> = keys::uniform(&mut keys::rng(10, round), fleet.entries, count);
    let (timed, ()) = time(count, || map.increment_each(&keys))?;
    Ok(timed.with_digest(map.get_each(&keys)?))
}

fn transactions<K: Key, V: Value>(
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let count = (sizes.durable / 10).max(1) * BATCH as u64;
    let mut rng = keys::rng(11, round);
    let entries: Vec<(K, V)> = keys::changes(&mut rng, fleet.entries, count);
    let (timed, ()) = time(count, || {
        entries
            .chunks(BATCH)
            .try_for_each(|entries| map.put_together(entries))
    })?;
    Ok(timed.with_digest(read_back(map, &entries)?))
}
