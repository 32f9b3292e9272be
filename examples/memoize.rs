//! A persistent cache of a slow function: what was computed once is never computed again, by
//! this run or a later one.
//!
//! `cargo run --example memoize [FILE]`, twice.

use std::path::PathBuf;
use std::time::Instant;

use vaults::{Durability, OpenOptions, Vault};

/// The number of steps that the Collatz sequence from `start` takes to reach 1.
fn collatz_steps(start: u64) -> u32 {
    let mut steps = 0;
    let mut n = start;
    while n > 1 {
        n = if n.is_multiple_of(2) {
            n / 2
        } else {
            3 * n + 1
        };
        steps += 1;
    }
    steps
}

/// The start below `limit` with the longest sequence: slow on purpose.
fn longest_below(limit: u64) -> (u64, u32) {
    (1..limit)
        .map(|start| (start, collatz_steps(start)))
        .max_by_key(|&(start, steps)| (steps, std::cmp::Reverse(start)))
        .unwrap_or((1, 0))
}

fn memoized(cache: &Vault<u64, (u64, u32)>, limit: u64) -> vaults::Result<(u64, u32)> {
    if let Some(known) = cache.get(&limit)? {
        return Ok(known);
    }
    let found = longest_below(limit);
    cache.put(&limit, &found)?;
    Ok(found)
}

fn main() -> vaults::Result<()> {
    let path = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join("vaults-memoize.db"),
        PathBuf::from,
    );
    // A cache can be rebuilt, so it need not wait for the disk.
    let cache = OpenOptions::new()
        .durability(Durability::Normal)
        .open(&path)?;
    println!("{} holds {} results", path.display(), cache.len()?);
    for limit in [10_000, 100_000, 1_000_000] {
        let start = Instant::now();
        let (longest, steps) = memoized(&cache, limit)?;
        let elapsed = start.elapsed();
        println!("below {limit:>9}: {longest:>7} takes {steps} steps ({elapsed:.1?})");
    }
    cache.close()
}
