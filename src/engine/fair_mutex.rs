//! A fair lock that knows its owner, and whose owner can serve the requests of those that wait.
//!
//! A thread that waits in line wants the protected value itself, or has left a request that the
//! owner may carry out first: flat combining, as Hendler, Incze, Shavit and Tzafrir described it in
//! 2010.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

/// Why the lock was not acquired.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The calling thread already holds it.
    Reentrant,
    /// Other threads held it for the whole of the timeout.
    TimedOut,
}

/// How a request ended that another thread has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was carried out.
    Done,
    /// It was not carried out, and its owner must do it.
    Alone,
}

/// Work that waits in line until its owner's turn comes or another thread does it.
#[derive(Debug)]
pub(crate) struct Request<W> {
    work: W,
    outcome: OnceLock<Outcome>,
}

impl<W> Request<W> {
    pub(crate) const fn new(work: W) -> Self {
        Self {
            work,
            outcome: OnceLock::new(),
        }
    }

    pub(crate) const fn work(&self) -> &W {
        &self.work
    }

    fn has_ended(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// Returns how it ended. Its owner asks when the wait is over.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.get().copied().unwrap_or(Outcome::Alone)
    }
}

/// A request that was claimed, whose owner waits until it is told how the request ended.
///
/// Dropping it, as an early return or a panic does, tells the owner to do the work itself.
#[derive(Debug)]
pub(crate) struct Claimed<W> {
    request: Arc<Request<W>>,
    owner: Thread,
}

impl<W> Claimed<W> {
    pub(crate) fn work(&self) -> &W {
        &self.request.work
    }

    /// Tells the owner that the request was carried out.
    pub(crate) fn done(self) {
        self.request.outcome.set(Outcome::Done).ok();
    }
}

impl<W> Drop for Claimed<W> {
    fn drop(&mut self) {
        // An outcome that was set before stays.
        self.request.outcome.set(Outcome::Alone).ok();
        self.owner.unpark();
    }
}

/// A lock that moves the value it protects to its owner.
///
/// It differs from a `Mutex` in four ways. A second request of the owner's thread is refused at
/// once. Waiting is bounded. Threads are served in the order in which they came. The owner can carry
/// out the requests of the threads that are next in line.
#[derive(Debug)]
pub(crate) struct FairMutex<T, W> {
    state: Mutex<State<T, W>>,
}

#[derive(Debug)]
struct State<T, W> {
    /// `Some` while there is no owner, and until a new owner picks it up.
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
    /// Makes `thread` the owner and returns the item, if there is no owner.
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

    /// Removes `thread` from the line, and returns `false` if it is not there.
    fn cancel(&mut self, thread: ThreadId) -> bool {
        let place = |waiter: &Waiter<W>| waiter.thread.id() == thread;
        let place = self.waiting.iter().position(place);
        place.and_then(|place| self.waiting.remove(place)).is_some()
    }
}

impl<T, W> FairMutex<T, W> {
    pub(crate) const fn new(item: T) -> Self {
        Self {
            state: Mutex::new(State {
                item: Some(item),
                owner: None,
                waiting: VecDeque::new(),
            }),
        }
    }

    /// Acquires the item, if there is no owner.
    pub(crate) fn try_acquire(&self) -> Result<Option<T>, Refusal> {
        self.state().claim(thread::current().id())
    }

    /// Acquires the item. Blocks for at most `timeout`.
    pub(crate) fn acquire(&self, timeout: Duration) -> Result<T, Refusal> {
        self.queue(None, timeout)?.ok_or(Refusal::TimedOut)
    }

    /// Acquires the item, or returns `None` once an owner has dealt with `request`. Blocks for at most
    /// `timeout`, and longer only while an owner is carrying out `request`.
    pub(crate) fn acquire_or_be_served(
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
        let mut is_claimed = false;
        loop {
            if is_claimed {
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
            if !is_claimed && start.elapsed() >= timeout {
                if state.cancel(me.id()) {
                    return Err(Refusal::TimedOut);
                }
                is_claimed = true;
            }
        }
    }

    /// Claims the requests at the front of the line that `fit`, up to the first thread that wants the
    /// item itself. Only the owner calls it.
    pub(crate) fn claim_requests(&self, mut fits: impl FnMut(&W) -> bool) -> Vec<Claimed<W>> {
        let mut state = self.state();
        let mut fits = |waiter: &Waiter<W>| {
            let request = waiter.request.as_ref();
            request.is_some_and(|request| fits(&request.work))
        };
        let mut claimed = Vec::new();
        while state.waiting.front().is_some_and(&mut fits)
            && let Some(waiter) = state.waiting.pop_front()
        {
            let owner = waiter.thread;
            claimed.extend(waiter.request.map(|request| Claimed { request, owner }));
        }
        claimed
    }

    /// Gives the item to the next thread in line, or back if there is none.
    pub(crate) fn release(&self, item: T) {
        let mut state = self.state();
        state.item = Some(item);
        let next = state.waiting.pop_front().map(|waiter| waiter.thread);
        state.owner = next.as_ref().map(Thread::id);
        drop(state);
        if let Some(next) = next {
            next.unpark();
        }
    }

    /// Takes the item out of a lock that no other thread can reach.
    pub(crate) fn take(&mut self) -> Option<T> {
        let state = self.state.get_mut();
        state.unwrap_or_else(PoisonError::into_inner).item.take()
    }

    /// Returns how many threads wait in line.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    fn state(&self) -> MutexGuard<'_, State<T, W>> {
        // No change of the state can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    type Lock = FairMutex<i32, i32>;

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
    fn threads_are_served_in_order() {
        let mut lock = FairMutex::<_, ()>::new(Vec::new());
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
                // Each thread must be in the queue before the next one comes.
                while lock.state().waiting.len() <= turn {
                    thread::yield_now();
                }
            }
            lock.release(held);
        });
        assert_eq!(lock.take(), Some((0..8).collect()));
    }

    #[test]
    fn a_thread_that_timed_out_is_passed_over() {
        let lock = Lock::new(0);
        let held = lock.acquire(LONG).unwrap_or_default();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(lock.acquire(Duration::ZERO), Err(Refusal::TimedOut)));
        });
        lock.release(held + 1);
        assert_eq!(lock.acquire(Duration::ZERO), Ok(1));
    }

    #[test]
    fn requests_at_the_front_are_claimed_and_their_owners_woken() {
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
            let mut claimed = lock.claim_requests(|&work| work < 100);
            assert_eq!(
                claimed
                    .iter()
                    .map(|claimed| *claimed.work())
                    .collect::<Vec<_>>(),
                [1, 2]
            );
            drop(claimed.pop());
            claimed.into_iter().for_each(Claimed::done);
            assert_eq!(done.join().unwrap(), (None, Outcome::Done));
            assert_eq!(dropped.join().unwrap(), (None, Outcome::Alone));
            lock.release(held + 1);
            assert_eq!(large.join().unwrap(), (Some(1), Outcome::Alone));
        });
    }

    #[test]
    fn a_request_that_timed_out_is_not_claimed() {
        let lock = Lock::new(0);
        let held = lock.acquire(LONG).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let request = Arc::new(Request::new(1));
                let turn = lock.acquire_or_be_served(&request, Duration::from_millis(1));
                assert_eq!(turn, Err(Refusal::TimedOut));
            });
        });
        assert!(lock.claim_requests(|_| true).is_empty());
        lock.release(held);
    }

    #[test]
    fn a_panic_after_claiming_a_request_wakes_its_owner() {
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
                let _taken = lock.claim_requests(|_| true);
                panic!("on purpose");
            });
            assert!(leader.join().is_err());
            assert_eq!(asker.join().unwrap(), (Ok(None), Outcome::Alone));
        });
    }
}
