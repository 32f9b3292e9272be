//! Lets a connection together with all that borrows it move between threads.
//!
//! This module is about nothing but that one promise.
#![allow(unsafe_code)]

/// A value that owns a SQLite connection and every statement on it.
///
/// It is not `Sync`, so one thread at a time uses what is inside.
pub(in crate::sqlite) struct Sendable<T>(T);

// SAFETY: the module wraps `statements::Bound` and nothing else: a `rusqlite::Connection` (which
// is `Send`) together with all statements that borrow it. A statement is not `Send` by itself
// because its connection could stay behind on the other thread; here they move as one. SQLite
// allows a connection and its statements to be used by any thread, one at a time
// (<https://www.sqlite.org/threadsafe.html>, "multi-thread"), and this is not `Sync`.
unsafe impl Send for Sendable<crate::sqlite::connection::statements::Bound> {}

impl<T> Sendable<T> {
    pub(in crate::sqlite) const fn new(value: T) -> Self {
        Self(value)
    }

    #[inline]
    pub(in crate::sqlite) const fn get(&self) -> &T {
        &self.0
    }

    #[inline]
    pub(in crate::sqlite) const fn get_mut(&mut self) -> &mut T {
        &mut self.0
    }

    pub(in crate::sqlite) fn into_inner(self) -> T {
        self.0
    }
}
