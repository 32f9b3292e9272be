//! Memory of this process, as Linux counts it.

use crate::error::Result;

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
