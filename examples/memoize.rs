//! A persistent cache of a slow function. Each result is computed once, even if several threads and
//! processes ask for it at the same time, and later runs read it from the file.
//!
//! `cargo run --example memoize [FILE]`. Run it twice.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vaults::{Durability, OpenOptions, Vault};

const THREADS: u32 = 4;
const LIMITS: [u64; 3] = [10_000, 100_000, 1_000_000];

/// Maps a limit to the start below it that has the longest sequence, and to the number of its steps.
type Cache = Vault<u64, (u64, u32)>;

/// Returns the number of steps that the Collatz sequence from `start` takes to reach 1.
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

/// Returns the start below `limit` with the longest sequence, and the number of its steps. It is slow.
fn longest_below(limit: u64) -> (u64, u32) {
    (1..limit)
        .map(|start| (start, collatz_steps(start)))
        .max_by_key(|&(start, steps)| (steps, std::cmp::Reverse(start)))
        .unwrap_or((1, 0))
}

/// Asks for the same results from several threads. Returns how many had to be computed.
fn ask(cache: &Cache) -> vaults::Result<u32> {
    let computed = AtomicU32::new(0);
    let ask_all = || -> vaults::Result<()> {
        for limit in LIMITS {
            // Reads a stored result. If it is missing, the first of all threads and processes computes it.
            // The others wait for it.
            cache.get_or_insert_with(limit, || {
                computed.fetch_add(1, Ordering::Relaxed);
                longest_below(limit)
            })?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask_all)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(computed.into_inner())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join("vaults-memoize.db"),
        PathBuf::from,
    );
    let cache: Cache = OpenOptions::new()
        // A cache can be rebuilt, so commits need not wait for the disk.
        .durability(Durability::Normal)
        // The function runs while the write lock is held, so the others must wait longer than it takes.
        .busy_timeout(Duration::from_secs(60))
        .open(&path)?;
    println!("{} holds {} results", path.display(), cache.len()?);

    let start = Instant::now();
    let computed = ask(&cache)?;
    println!(
        "{} answers, of which {computed} were computed, in {:.1?}",
        THREADS as usize * LIMITS.len(),
        start.elapsed()
    );
    for entry in &cache {
        let (limit, (longest, steps)) = entry?;
        println!("below {limit:>9}: {longest:>7} takes {steps} steps");
    }
    cache.close()?;
    Ok(())
}
