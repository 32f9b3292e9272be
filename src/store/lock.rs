//! The lock around the writer: one owner, known by its thread, served in turn.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

/// Why the lock was not given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The calling thread has it already.
    Reentrant,
    /// Others had it for the whole of the time allowed.
    TimedOut,
}

/// A lock that hands over the thing it protects.
///
/// Beyond a `Mutex`: it knows its owner, so that a second request of the same thread is
/// refused at once instead of waiting for itself; waiting is bounded; and those who wait
/// are served in the order in which they came.
#[derive(Debug)]
pub(super) struct HandoverLock<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// There while nobody owns it, and between being handed over and being picked up.
    item: Option<T>,
    owner: Option<ThreadId>,
    waiting: VecDeque<Thread>,
}

impl<T> HandoverLock<T> {
    pub(super) const fn new(item: T) -> Self {
        Self {
            state: Mutex::new(State {
                item: Some(item),
                owner: None,
                waiting: VecDeque::new(),
            }),
        }
    }

    /// Takes the item out, waiting in line for at most `timeout`.
    pub(super) fn acquire(&self, timeout: Duration) -> Result<T, Refusal> {
        let me = thread::current();
        let mut state = self.state();
        if state.owner == Some(me.id()) {
            return Err(Refusal::Reentrant);
        }
        if state.owner.is_none() {
            state.owner = Some(me.id());
            return state.item.take().ok_or(Refusal::TimedOut);
        }
        state.waiting.push_back(me.clone());
        drop(state);
        self.wait(&me, timeout)
    }

    fn wait(&self, me: &Thread, timeout: Duration) -> Result<T, Refusal> {
        let start = Instant::now();
        loop {
            thread::park_timeout(timeout.saturating_sub(start.elapsed()));
            let mut state = self.state();
            if state.owner == Some(me.id()) {
                return state.item.take().ok_or(Refusal::TimedOut);
            }
            if start.elapsed() >= timeout {
                state.waiting.retain(|waiter| waiter.id() != me.id());
                return Err(Refusal::TimedOut);
            }
        }
    }

    /// Gives the item back, to the next in line if there is one.
    pub(super) fn release(&self, item: T) {
        let mut state = self.state();
        state.item = Some(item);
        let next = state.waiting.pop_front();
        state.owner = next.as_ref().map(Thread::id);
        drop(state);
        if let Some(next) = next {
            next.unpark();
        }
    }

    /// The item, when nobody can own the lock any more.
    pub(super) fn into_inner(self) -> Option<T> {
        self.state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .item
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while it is held; if it did, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn the_owner_is_refused_at_once_and_others_after_the_timeout() {
        let lock = HandoverLock::new(7);
        assert_eq!(lock.acquire(LONG), Ok(7));
        assert_eq!(lock.acquire(LONG), Err(Refusal::Reentrant));
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(
                    lock.acquire(Duration::from_millis(5)),
                    Err(Refusal::TimedOut)
                );
            });
        });
        lock.release(8);
        assert_eq!(lock.acquire(Duration::ZERO), Ok(8));
        lock.release(9);
        assert_eq!(lock.into_inner(), Some(9));
    }

    #[test]
    fn those_who_wait_are_served_in_order() {
        let lock = HandoverLock::new(Vec::new());
        let held = lock.acquire(LONG).unwrap_or_default();
        thread::scope(|scope| {
            for turn in 0..8 {
                let lock = &lock;
                let (here, arrived) = mpsc::channel();
                scope.spawn(move || {
                    here.send(()).ok();
                    let mut turns = lock.acquire(LONG).unwrap_or_default();
                    turns.push(turn);
                    lock.release(turns);
                });
                arrived.recv().ok();
                // The order is that of the queue, so each must be in it before the next comes.
                while lock.state().waiting.len() <= turn {
                    thread::yield_now();
                }
            }
            lock.release(held);
        });
        assert_eq!(lock.into_inner(), Some((0..8).collect()));
    }

    #[test]
    fn one_that_gave_up_is_passed_over() {
        let lock = HandoverLock::new(0);
        let held = lock.acquire(LONG).unwrap_or_default();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(lock.acquire(Duration::ZERO), Err(Refusal::TimedOut)));
        });
        lock.release(held + 1);
        assert_eq!(lock.acquire(Duration::ZERO), Ok(1));
    }
}
