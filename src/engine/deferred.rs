//! Errors of destructors, kept until a call can return them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Location, Result};

/// A queue of errors that occurred in destructors.
///
/// Every write begins by taking one. A call that only reads does not, for another call's failure is
/// none of its own.
#[derive(Debug, Default)]
pub(crate) struct DeferredErrors {
    errors: Mutex<VecDeque<Error>>,
    has_errors: AtomicBool,
}

impl DeferredErrors {
    /// Keeps an error for the next write, `flush` or `close` to return.
    pub(crate) fn push(&self, error: Error) {
        let mut errors = self.errors();
        errors.push_back(error);
        self.has_errors.store(true, Ordering::Release);
    }

    /// Returns the oldest error, once, as [`Error::Deferred`].
    #[inline]
    pub(crate) fn take(&self, location: impl FnOnce() -> Location) -> Result<()> {
        if self.has_errors.load(Ordering::Acquire) {
            return self.take_first(location());
        }
        Ok(())
    }

    #[cold]
    fn take_first(&self, location: Location) -> Result<()> {
        let mut errors = self.errors();
        let first = errors.pop_front();
        self.has_errors.store(!errors.is_empty(), Ordering::Release);
        match first {
            None => Ok(()),
            Some(error) => Err(Error::Deferred {
                location,
                source: Box::new(error),
            }),
        }
    }

    fn errors(&self) -> MutexGuard<'_, VecDeque<Error>> {
        // No change of the queue can panic half-way.
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
