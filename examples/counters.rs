//! Several processes add to the same counters, and no addition is lost.
//!
//! `cargo run --example counters [FILE]`

use std::path::{Path, PathBuf};
use std::process::Command;

use vaults::{Durability, OpenOptions, Vault};

const PROCESSES: u64 = 4;
const ROUNDS: u64 = 250;
const NAMES: [&str; 3] = ["red", "green", "blue"];

/// The environment variable that makes a process a worker.
const WORKER: &str = "VAULTS_COUNTERS_WORKER";

fn open(path: &Path) -> vaults::Result<Vault<String, u64>> {
    // Counts survive a killed process. A power cut may lose the newest ones.
    OpenOptions::new().durability(Durability::Normal).open(path)
}

fn count(path: &Path) -> vaults::Result<()> {
    let counters = open(path)?;
    for _ in 0..ROUNDS {
        for name in NAMES {
            // One atomic step across all processes: read, add, write.
            *counters.entry_ref(name).or_insert(0)? += 1;
        }
    }
    counters.close()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join("vaults-counters.db"),
        PathBuf::from,
    );
    if std::env::var_os(WORKER).is_some() {
        return Ok(count(&path)?);
    }

    let counters = open(&path)?;
    let before = counters.get_many(NAMES)?;
    let workers = (0..PROCESSES)
        .map(|_| {
            Command::new(std::env::current_exe()?)
                .arg(&path)
                .env(WORKER, "1")
                .spawn()
        })
        .collect::<Result<Vec<_>, _>>()?;
    for mut worker in workers {
        if !worker.wait()?.success() {
            return Err("a worker failed".into());
        }
    }
    for (name, before) in NAMES.into_iter().zip(before) {
        let before = before.unwrap_or(0);
        let now = counters.get(name)?.unwrap_or(0);
        println!("{name:>5}: {before} + {PROCESSES} x {ROUNDS} = {now}");
        assert_eq!(now, before + PROCESSES * ROUNDS);
    }
    counters.close()?;
    Ok(())
}
