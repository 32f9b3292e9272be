//! Faults below the vault: power cuts that lose unsynced writes, and operations that fail.
//!
//! A vault opens its files through SQLite's default file system layer. These tests replace it by a
//! [layer](vfs) of their own. It records every change of a file in a watched folder, or makes an
//! operation on such a file fail. All other files are unaffected.
//!
//! - [`power_loss`]: the changes of a workload are [recorded](trace). For many moments, the
//!   [disk] is reconstructed as a power cut could have left it, and [opened as a
//!   vault](replay).
//! - [`coherence`]: reads by key after faults and power cuts.
//! - [`injection`]: each operation that a [workload](workloads) reaches fails, once or
//!   permanently.
//! - [`several_maps`]: power cuts during transactions over several maps of a file.
//! - [`failed_transaction`]: calls that fail in a transaction that goes on.

mod coherence;
mod disk;
mod failed_transaction;
mod faulty_vault;
mod injection;
mod model;
mod order;
mod power_loss;
mod replay;
mod several_maps;
mod trace;
mod vfs;
mod workloads;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Multiplies the number of states and faults.
fn rounds() -> u32 {
    std::env::var("VAULTS_TEST_ROUNDS").map_or(1, |rounds| {
        rounds.parse().expect("VAULTS_TEST_ROUNDS must be a number")
    })
}

/// A pseudo-random generator with a fixed seed: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a generator with a different sequence for each list of numbers.
    fn of(parts: &[u64]) -> Self {
        let mut random = Self(0);
        for part in parts {
            random.0 ^= part;
            random.0 = random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `limit`, which must not be zero.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % limit
    }

    /// Returns `true` with this probability in percent.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A temporary folder, in memory if the system supports it.
struct TempFolder(TempDir);

impl TempFolder {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        Self(folder.unwrap())
    }

    /// Returns the path of the folder, with links resolved, as vaults name it.
    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    /// Keeps the folder after the test, for inspection.
    fn keep(self) -> PathBuf {
        self.0.keep()
    }
}
