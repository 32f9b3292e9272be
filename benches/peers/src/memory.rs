//! Memory of a process, as Linux counts it, and what the large calls of `vaults` need.

use std::path::Path;

use crate::Result;
use crate::children::{self, Part};
use crate::engine::Engine;

/// Which of the two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peak {
    /// What is resident now.
    Now,
    /// The most that ever was.
    Highest,
}

/// Bytes of this process that are resident.
pub fn resident(peak: Peak) -> Result<u64> {
    let field = match peak {
        Peak::Now => "VmRSS:",
        Peak::Highest => "VmHWM:",
    };
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .ok_or("the system does not tell")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// What a call on a large vault took.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// The call.
    pub call: &'static str,
    /// Entries that it was about.
    pub entries: u64,
    /// Bytes that were resident before it.
    pub before: u64,
    /// The most that was resident while it ran.
    pub peak: u64,
}

impl Footprint {
    /// What the call added.
    pub fn added(&self) -> u64 {
        self.peak.saturating_sub(self.before)
    }
}

/// Iterates over a filled vault, fills another, and retains half of the first, each in a process
/// of its own, which has done nothing else.
pub fn footprints(filled: &Path, empty: &Path, entries: u64) -> Result<Vec<Footprint>> {
    std::fs::create_dir_all(empty)?;
    let calls = [
        ("iterate", Part::Iterate, filled),
        ("extend, random order", Part::Extend, empty),
        ("retain", Part::Retain, filled),
    ];
    calls
        .into_iter()
        .map(|(call, part, folder)| {
            let [before, peak] = children::ask(part, Engine::Vaults, folder, [entries, 0, 0])?;
            eprintln!("memory: {call} of {entries} entries");
            Ok(Footprint {
                call,
                entries,
                before,
                peak,
            })
        })
        .collect()
}
