//! Several threads on one shared handle.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::Result;
use crate::args::Sizes;
use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::fleet::Fleet;
use crate::keys;
use crate::measure::Timed;
use crate::workloads::{Workload, read_back};

/// Threads that share a handle.
const THREADS: u64 = 8;

/// The rows, each with its twin of one thread.
pub fn workloads<K: Key, V: Value>() -> Vec<Workload<K, V>> {
    vec![
        Workload {
            name: "1 thread putting durably",
            engines: &Engine::PLAIN,
            run: |fleet, sizes, engine, round| puts(1, fleet, sizes, engine, round),
        },
        Workload {
            name: "8 threads putting durably",
            engines: &Engine::PLAIN,
            run: |fleet, sizes, engine, round| puts(THREADS, fleet, sizes, engine, round),
        },
        Workload {
            name: "1 thread reading hot keys",
            engines: &Engine::PLAIN,
            run: |fleet, sizes, engine, round| gets(1, fleet, sizes, engine, round),
        },
        Workload {
            name: "8 threads reading hot keys",
            engines: &Engine::PLAIN,
            run: |fleet, sizes, engine, round| gets(THREADS, fleet, sizes, engine, round),
        },
    ]
}

/// Each thread puts one entry after the other, as independent callers do.
fn puts<K: Key, V: Value>(
    threads: u64,
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let count = sizes.thread_puts * THREADS / threads;
    let work: Vec<Vec<(K, V)>> = (0..threads)
        .map(|thread| share(thread, threads, fleet.entries, count, round))
        .collect();
    let timed = in_parallel(&work, count, |entries| {
        entries
            .iter()
            .try_for_each(|entry| map.put_each(std::slice::from_ref(entry)))
    })?;
    let sums: Result<Vec<u64>> = work.iter().map(|entries| read_back(map, entries)).collect();
    Ok(timed.with_digest(sums?.into_iter().fold(0, u64::wrapping_add)))
}

/// Entries of which no other thread has the keys, so that the result is known.
fn share<K: Key, V: Value>(
    thread: u64,
    threads: u64,
    entries: u64,
    count: u64,
    round: u64,
) -> Vec<(K, V)> {
    let mut rng = keys::rng(20 + thread, round);
    let mut number = || rng.u64(0..entries / threads) * threads + thread;
    let numbers: Vec<u64> = (0..count).map(|_| number()).collect();
    numbers
        .into_iter()
        .map(|n| (K::of(n), V::of(rng.u64(..))))
        .collect()
}

fn gets<K: Key, V: Value>(
    threads: u64,
    fleet: &Fleet<K, V>,
    sizes: &Sizes,
    engine: Engine,
    round: u64,
) -> Result<Timed> {
    let map = fleet.map(engine)?;
    let count = (2 * sizes.gets / threads).min(sizes.gets);
    let work: Vec<Vec<K>> = (0..threads)
        .map(|thread| keys::hot(&mut keys::rng(40 + thread, round), sizes.hot, count))
        .collect();
    let count = work.first().map_or(0, Vec::len) as u64;
    in_parallel(&work, count, |keys| map.get_each(keys).map(drop))
}

/// Runs a piece of the work on each thread, from when the first begins to when the last is done.
/// The threads read the clock: one that has the cores may be done before another looks.
fn in_parallel<W: Sync>(
    work: &[W],
    operations_each: u64,
    f: impl Fn(&W) -> Result<()> + Sync,
) -> Result<Timed> {
    let barrier = Barrier::new(work.len());
    let run = |piece| {
        barrier.wait();
        let start = Instant::now();
        f(piece).map(|()| (start, Instant::now()))
    };
    let spans = thread::scope(|scope| {
        let threads: Vec<_> = work
            .iter()
            .map(|piece| scope.spawn(|| run(piece)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked")?)
            .collect::<Result<Vec<_>>>()
    })?;
    let start = spans.iter().map(|(start, _)| *start).min();
    let end = spans.iter().map(|(_, end)| *end).max();
    let span = start.zip(end).ok_or("no thread")?;
    let nanos = span.1.duration_since(span.0).as_secs_f64() * 1e9;
    Ok(Timed::new(nanos, operations_each * work.len() as u64))
}
