//! Several threads on one shared handle.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use super::turn::{Turn, Workload, read_back};
use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::error::Result;
use crate::keys;
use crate::measure::Timed;

/// Threads that share a handle.
const THREADS: u64 = 8;

/// The rows, each with its twin of one thread.
pub fn workloads<K: Key, V: Value>() -> Vec<Workload<K, V>> {
    let row = |name, run| Workload::new(name, Engine::PLAIN, run);
    vec![
        row("1 thread putting durably", |turn| puts(turn, 1)),
        row("8 threads putting durably", |turn| puts(turn, THREADS)),
        row("1 thread reading hot keys", |turn| gets(turn, 1)),
        row("8 threads reading hot keys", |turn| gets(turn, THREADS)),
    ]
}

/// Each thread puts one entry after the other, as independent callers do.
fn puts<K: Key, V: Value>(turn: &Turn<'_, K, V>, threads: u64) -> Result<Timed> {
    let map = turn.map()?;
    let count = turn.sizes.thread_puts * THREADS / threads;
    let work: Vec<Vec<(K, V)>> = (0..threads)
        .map(|thread| share(turn, thread, threads, count))
        .collect();
    let timed = in_parallel(&work, count, |entries| {
        entries
            .iter()
            .try_for_each(|entry| map.put_each(std::slice::from_ref(entry)))
    })?;
    let sums: Result<Vec<u64>> = work.iter().map(|entries| read_back(map, entries)).collect();
    Ok(timed.with_digest(sums?.into_iter().fold(0, u64::wrapping_add)))
}

/// Entries with keys that no other thread has, so that the result is known.
fn share<K: Key, V: Value>(
    turn: &Turn<'_, K, V>,
    thread: u64,
    threads: u64,
    count: u64,
) -> Vec<(K, V)> {
    let mut rng = turn.rng(20 + thread);
    let mut number = || rng.u64(0..turn.maps.entries / threads) * threads + thread;
    let numbers: Vec<u64> = (0..count).map(|_| number()).collect();
    numbers
        .into_iter()
        .map(|n| (K::of(n), V::of(rng.u64(..))))
        .collect()
}

fn gets<K: Key, V: Value>(turn: &Turn<'_, K, V>, threads: u64) -> Result<Timed> {
    let (map, sizes) = (turn.map()?, turn.sizes);
    let count = (2 * sizes.gets / threads).min(sizes.gets);
    let work: Vec<Vec<K>> = (0..threads)
        .map(|thread| keys::hot(&mut turn.rng(40 + thread), sizes.hot, count))
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
    let (start, end) = start.zip(end).ok_or("no thread")?;
    let nanos = end.duration_since(start).as_secs_f64() * 1e9;
    Ok(Timed::new(nanos, operations_each * work.len() as u64))
}
