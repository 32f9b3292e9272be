//! Waiting for a lock that another process holds.

use std::thread;
use std::time::{Duration, Instant};

/// The pauses between two tries grow from the first to the second of these: a lock held for
/// a microsecond is had soon, one held for long costs little to wait for.
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(4);

/// A time limit, and how much of it was spent.
///
/// SQLite has no queue across processes: a lock is waited for by trying again. SQLite's own
/// timeout does so too, but its pauses grow to 100 ms, and a limit that is shared with the wait
/// for another thread is beyond it.
#[derive(Debug)]
pub(in crate::sqlite) struct Patience {
    start: Instant,
    limit: Duration,
    pause: Duration,
}

impl Patience {
    pub(in crate::sqlite) fn new(limit: Duration) -> Self {
        Self {
            start: Instant::now(),
            limit,
            pause: SHORTEST_PAUSE,
        }
    }

    pub(in crate::sqlite) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// What is left of the limit.
    pub(in crate::sqlite) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.elapsed())
    }

    /// Pauses before the next try; `false`, at once, if the limit is reached.
    pub(in crate::sqlite) fn pause(&mut self) -> bool {
        let left = self.left();
        if left.is_zero() {
            return false;
        }
        thread::sleep(self.pause.min(left));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}
