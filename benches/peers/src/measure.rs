//! The clock.

use std::time::Instant;

use crate::error::Result;

/// What one run of a workload took.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    nanos: f64,
    operations: u64,
    digest: Option<u64>,
}

impl Timed {
    /// Of a time that was taken elsewhere.
    pub fn new(nanos: f64, operations: u64) -> Self {
        Self {
            nanos,
            operations,
            digest: None,
        }
    }

    /// All of the time.
    pub fn nanos(&self) -> f64 {
        self.nanos
    }

    /// The time of one operation.
    pub fn nanos_each(&self) -> f64 {
        self.nanos / self.operations as f64
    }

    /// The sum of what was read, which is equal on all engines.
    pub fn digest(&self) -> Option<u64> {
        self.digest
    }

    /// With the sum of what was read.
    pub fn with_digest(mut self, digest: u64) -> Self {
        self.digest = Some(digest);
        self
    }
}

/// Times `f`, and gives what it returned.
pub fn time<R>(operations: u64, f: impl FnOnce() -> Result<R>) -> Result<(Timed, R)> {
    let start = Instant::now();
    let result = f()?;
    let nanos = start.elapsed().as_secs_f64() * 1e9;
    Ok((Timed::new(nanos, operations), result))
}

/// Times `f`, whose result is the sum of what it has read.
pub fn time_sum(operations: u64, f: impl FnOnce() -> Result<u64>) -> Result<Timed> {
    let (timed, sum) = time(operations, f)?;
    Ok(timed.with_digest(sum))
}
