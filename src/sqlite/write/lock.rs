//! The lock around the writer: one owner, known by its thread, served in turn.
//!
//! Who waits in line wants the thing itself, or has left a request that whoever has it may carry
//! out meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

/// Why the lock was not given.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Refusal {
    /// The calling thread has it already.
    Reentrant,
    /// Others had it for the whole of the time allowed.
    TimedOut,
}

/// How a request ended that another thread has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Outcome {
    /// It was carried out.
    Done,
    /// It was not: who made it is to do it alone.
    Alone,
}

/// Work that waits in line, for its owner's turn or for somebody who does it before.
#[derive(Debug)]
pub(in crate::sqlite) struct Request<W> {
    work: W,
    outcome: OnceLock<Outcome>,
}

impl<W> Request<W> {
    pub(in crate::sqlite) const fn new(work: W) -> Self {
        Self {
            work,
            outcome: OnceLock::new(),
        }
    }

    pub(in crate::sqlite) const fn work(&self) -> &W {
        &self.work
    }

    fn has_ended(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// How it ended, for its owner to ask when the wait is over.
    pub(in crate::sqlite) fn outcome(&self) -> Outcome {
        self.outcome.get().copied().unwrap_or(Outcome::Alone)
    }
}

/// A request that was taken out of the line, whose owner waits to be told how it ended.
///
/// Dropping it, as an early return or a panic does, tells the owner to do it alone: nobody waits
/// for ever.
#[derive(Debug)]
pub(in crate::sqlite) struct Taken<W> {
    request: Arc<Request<W>>,
    owner: Thread,
}

impl<W> Taken<W> {
    pub(in crate::sqlite) fn work(&self) -> &W {
        &self.request.work
    }

    /// Tells the owner that it was carried out.
    pub(in crate::sqlite) fn done(self) {
        self.request.outcome.set(Outcome::Done).ok();
    }
}

impl<W> Drop for Taken<W> {
    fn drop(&mut self) {
        // What was said before stands.
        self.request.outcome.set(Outcome::Alone).ok();
        self.owner.unpark();
    }
}

/// A lock that hands over the thing it protects.
///
/// Beyond a `Mutex`: it knows its owner, so that a second request of the same thread is
/// refused at once instead of waiting for itself; waiting is bounded; those who wait
/// are served in the order in which they came; and the owner can serve the next in line itself,
/// where they have left a request.
#[derive(Debug)]
pub(in crate::sqlite) struct HandoverLock<T, W> {
    state: Mutex<State<T, W>>,
}

#[derive(Debug)]
struct State<T, W> {
    /// There while nobody owns it, and between being handed over and being picked up.
    item: Option<T>,
    owner: Option<ThreadId>,
    waiting: VecDeque<Waiter<W>>,
}

#[derive(Debug)]
struct Waiter<W> {
    thread: Thread,
    request: Option<Arc<Request<W>>>,
}

impl<T, W> State<T, W> {
    /// Gives the item to `thread`, if nobody has it.
    fn claim(&mut self, thread: ThreadId) -> Result<Option<T>, Refusal> {
        match self.owner {
            Some(owner) if owner == thread => Err(Refusal::Reentrant),
            Some(_) => Ok(None),
            None => {
                self.owner = Some(thread);
                Ok(self.item.take())
            }
        }
    }

    /// Takes `thread` out of the line; false if it is not in it.
    fn withdraw(&mut self, thread: ThreadId) -> bool {
        let place = |waiter: &Waiter<W>| waiter.thread.id() == thread;
        let place = self.waiting.iter().position(place);
        place.and_then(|place| self.waiting.remove(place)).is_some()
    }
}

impl<T, W> HandoverLock<T, W> {
    pub(in crate::sqlite) const fn new(item: T) -> Self {
        Self {
            state: Mutex::new(State {
                item: Some(item),
                owner: None,
                waiting: VecDeque::new(),
            }),
        }
    }

    /// Takes the item out, if nobody has it.
    pub(in crate::sqlite) fn try_acquire(&self) -> Result<Option<T>, Refusal> {
        self.state().claim(thread::current().id())
    }

    /// Takes the item out, waiting in line for at most `timeout`.
    pub(in crate::sqlite) fn acquire(&self, timeout: Duration) -> Result<T, Refusal> {
        self.queue(None, timeout)?.ok_or(Refusal::TimedOut)
    }

    /// Takes the item out, or lets somebody who has it deal with `request` (`None`; it
    /// then says how), whichever comes first, waiting in line for at most `timeout`.
    ///
    /// A request that was taken by then is waited for: who has it is at it.
    pub(in crate::sqlite) fn acquire_or_be_served(
        &self,
        request: &Arc<Request<W>>,
        timeout: Duration,
    ) -> Result<Option<T>, Refusal> {
        self.queue(Some(request), timeout)
    }

    fn queue(
        &self,
        request: Option<&Arc<Request<W>>>,
        timeout: Duration,
    ) -> Result<Option<T>, Refusal> {
        let me = thread::current();
        let mut state = self.state();
        if let Some(item) = state.claim(me.id())? {
            return Ok(Some(item));
        }
        state.waiting.push_back(Waiter {
            thread: me.clone(),
            request: request.map(Arc::clone),
        });
        drop(state);
        self.wait(&me, request, timeout)
    }

    fn wait(
        &self,
        me: &Thread,
        request: Option<&Arc<Request<W>>>,
        timeout: Duration,
    ) -> Result<Option<T>, Refusal> {
        let start = Instant::now();
        let mut is_taken = false;
        loop {
            if is_taken {
                thread::park();
            } else {
                thread::park_timeout(timeout.saturating_sub(start.elapsed()));
            }
            if request.is_some_and(|request| request.has_ended()) {
                return Ok(None);
            }
            let mut state = self.state();
            if state.owner == Some(me.id()) {
                return Ok(state.item.take());
            }
            if !is_taken && start.elapsed() >= timeout {
                if state.withdraw(me.id()) {
                    return Err(Refusal::TimedOut);
                }
                is_taken = true;
            }
        }
    }

    /// Takes the requests at the front of the line that `fit`, up to the first who wants the item
    /// itself. It is for who has the item.
    pub(in crate::sqlite) fn take_requests(
        &self,
        mut fits: impl FnMut(&W) -> bool,
    ) -> Vec<Taken<W>> {
        let mut state = self.state();
        let mut fits = |waiter: &mut Waiter<W>| {
            let request = waiter.request.as_ref();
            request.is_some_and(|request| fits(&request.work))
        };
        let mut taken = Vec::new();
        while let Some(waiter) = state.waiting.pop_front_if(&mut fits) {
            let owner = waiter.thread;
            taken.extend(waiter.request.map(|request| Taken { request, owner }));
        }
        taken
    }

    /// Gives the item back, to the next in line if there is one.
    pub(in crate::sqlite) fn release(&self, item: T) {
        let mut state = self.state();
        state.item = Some(item);
        let next = state.waiting.pop_front().map(|waiter| waiter.thread);
        state.owner = next.as_ref().map(Thread::id);
        drop(state);
        if let Some(next) = next {
            next.unpark();
        }
    }

    /// Takes the item out, when nobody can own the lock any more.
    pub(in crate::sqlite) fn take(&mut self) -> Option<T> {
        let state = self.state.get_mut();
        state.unwrap_or_else(PoisonError::into_inner).item.take()
    }

    /// How many wait in line.
    #[cfg(test)]
    pub(in crate::sqlite) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    fn state(&self) -> MutexGuard<'_, State<T, W>> {
        // Nothing panics while it is held; if it did, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    type Lock = HandoverLock<i32, i32>;

    fn until_waiting(lock: &Lock, count: usize) {
        while lock.waiting() < count {
            thread::yield_now();
        }
    }

    #[test]
    fn the_owner_is_refused_at_once_and_others_after_the_timeout() {
        let mut lock = Lock::new(7);
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
        assert_eq!(lock.take(), Some(9));
    }

    #[test]
    fn those_who_wait_are_served_in_order() {
        let mut lock = HandoverLock::<_, ()>::new(Vec::new());
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
        assert_eq!(lock.take(), Some((0..8).collect()));
    }

    #[test]
    fn one_that_gave_up_is_passed_over() {
        let lock = Lock::new(0);
        let held = lock.acquire(LONG).unwrap_or_default();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(lock.acquire(Duration::ZERO), Err(Refusal::TimedOut)));
        });
        lock.release(held + 1);
        assert_eq!(lock.acquire(Duration::ZERO), Ok(1));
    }

    #[test]
    fn requests_at_the_front_are_taken_and_their_owners_told() {
        let lock = Lock::new(0);
        let held = lock.acquire(LONG).unwrap();
        thread::scope(|scope| {
            let lock = &lock;
            let ask = |work| {
                let request = Arc::new(Request::new(work));
                let before = lock.waiting();
                let turn = scope.spawn(move || {
                    let turn = lock.acquire_or_be_served(&request, LONG).unwrap();
                    (turn, request.outcome())
                });
                until_waiting(lock, before + 1);
                turn
            };
            let [done, dropped, large] = [1, 2, 100].map(ask);
            let mut taken = lock.take_requests(|&work| work < 100);
            assert_eq!(
                taken.iter().map(|taken| *taken.work()).collect::<Vec<_>>(),
                [1, 2]
            );
            drop(taken.pop());
            taken.into_iter().for_each(Taken::done);
            assert_eq!(done.join().unwrap(), (None, Outcome::Done));
            assert_eq!(dropped.join().unwrap(), (None, Outcome::Alone));
            lock.release(held + 1);
            assert_eq!(large.join().unwrap(), (Some(1), Outcome::Alone));
        });
    }

    #[test]
    fn a_request_that_gave_up_is_not_taken() {
        let lock = Lock::new(0);
        let held = lock.acquire(LONG).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let request = Arc::new(Request::new(1));
                let turn = lock.acquire_or_be_served(&request, Duration::from_millis(1));
                assert_eq!(turn, Err(Refusal::TimedOut));
            });
        });
        assert!(lock.take_requests(|_| true).is_empty());
        lock.release(held);
    }

    #[test]
    fn who_has_taken_a_request_and_panics_leaves_nobody_waiting() {
        let lock = Lock::new(0);
        lock.acquire(LONG).unwrap();
        thread::scope(|scope| {
            let asker = scope.spawn(|| {
                let request = Arc::new(Request::new(1));
                let turn = lock.acquire_or_be_served(&request, LONG);
                (turn, request.outcome())
            });
            until_waiting(&lock, 1);
            let leader = scope.spawn(|| {
                let _taken = lock.take_requests(|_| true);
                panic!("on purpose");
            });
            assert!(leader.join().is_err());
            assert_eq!(asker.join().unwrap(), (Ok(None), Outcome::Alone));
        });
    }
}
