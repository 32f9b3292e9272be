//! A time limit that several waits share.

use std::thread;
use std::time::{Duration, Instant};

/// The pauses between two tries grow from the first to the second of these. A lock that is held for a
/// microsecond is acquired soon, and a long wait costs little.
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(4);

/// A time limit that begins now.
///
/// A lock of another process has no queue, so the way to wait for it is to try again.
#[derive(Debug)]
pub(crate) struct Deadline {
    start: Instant,
    limit: Duration,
    pause: Duration,
}

impl Deadline {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            start: Instant::now(),
            limit,
            pause: SHORTEST_PAUSE,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns the time until the limit.
    pub(crate) fn remaining(&self) -> Duration {
        self.limit.saturating_sub(self.elapsed())
    }

    /// Sleeps before the next try, and returns `false` at once if the limit is reached.
    pub(crate) fn sleep(&mut self) -> bool {
        let remaining = self.remaining();
        if remaining.is_zero() {
            return false;
        }
        thread::sleep(self.pause.min(remaining));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}
