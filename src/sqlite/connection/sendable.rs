//! Lets a connection move to another thread together with the statements that borrow it.
//!
//! The unsafe code here is one `unsafe impl Send`.
#![allow(unsafe_code)]

/// A value that is `Send` because it owns a SQLite connection together with all its statements. It is not
/// `Sync`.
pub(in crate::sqlite) struct Sendable<T>(T);

// SAFETY: `statements::Bound` is a `rusqlite::Connection`, which is `Send`, together with all statements
// that borrow it. A statement is not `Send` by itself, because its connection could stay on the other
// thread. Here they move together. SQLite allows any thread to use a connection and its statements, one
// thread at a time (<https://www.sqlite.org/threadsafe.html>, "multi-thread"), and this type is not `Sync`.
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
