//! Faults below the vault: power cuts that lose what was not synced, and operations that fail.
//!
//! A vault opens its files through SQLite's default file system layer. The tests here put a
//! [layer](vfs) of their own in its place, which records every change of a file in a watched
//! folder, or makes an operation on it fail, and is not there for all other files.
//!
//! - [`power_loss`]: a workload's changes are [recorded](trace); then, for many moments of it, the
//!   [disk] is built as a power cut could have left it, and [opened as a vault](replay).
//! - [`coherence`]: beside both, what is found by key.
//! - [`injection`]: each operation that a [workload](workloads) reaches fails, once and for good.

mod coherence;
mod disk;
mod injection;
mod model;
mod power_loss;
mod replay;
mod trace;
mod vfs;
mod victim;
mod workloads;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Multiplies the number of states, and of faults.
fn rounds() -> u32 {
    std::env::var("VAULTS_TEST_ROUNDS").map_or(1, |rounds| {
        rounds
            .parse()
            .expect("VAULTS_TEST_ROUNDS is to be a number")
    })
}

/// Numbers that look random, the same for the same seed: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own for each list of numbers.
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

    /// A number below the limit, which is not zero.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % limit
    }

    /// True so many times in a hundred.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A folder for files that come and go, in memory where the system has a place for that.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        Self(folder.unwrap())
    }

    /// The folder, with links resolved, as vaults name it.
    fn folder(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    /// Leaves the folder where it is, to be looked at.
    fn keep(self) -> PathBuf {
        self.0.keep()
    }
}
