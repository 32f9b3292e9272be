//! Lets a connection together with all that borrows it move between threads.
//!
//! This module is about nothing but that one promise.
#![allow(unsafe_code)]

/// A value that owns a SQLite connection and every statement on it.
///
/// It is not `Sync`, so one thread at a time uses what is inside.
pub(super) struct Sendable<T>(T);

// SAFETY: the module wraps `session::Bound` and nothing else: a `rusqlite::Connection` (which
// is `Send`) together with all statements that borrow it. A statement is not `Send` by itself
// because its connection could stay behind on the other thread; here they move as one. SQLite
// allows a connection and its statements to be used by any thread, one at a time
// (<https://www.sqlite.org/threadsafe.html>, "multi-thread"), and this is not `Sync`.
unsafe impl Send for Sendable<super::session::Bound> {}

impl<T> Sendable<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(value)
    }

    #[inline]
    pub(super) const fn get(&self) -> &T {
        &self.0
    }

    #[inline]
    pub(super) const fn get_mut(&mut self) -> &mut T {
        &mut self.0
    }

    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use rusqlite::Connection;

    use super::super::schema;
    use super::super::session::Session;

    #[test]
    fn a_session_works_on_another_thread_with_the_statements_it_had() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema::CREATE).unwrap();
        let path = Arc::from(Path::new(":memory:"));
        let mut session = Session::new(connection, path, Duration::ZERO);
        assert!(session.put(b"a", b"1").unwrap());
        let mut session = thread::spawn(move || {
            assert!(!session.put(b"a", b"2").unwrap());
            session
        })
        .join()
        .unwrap();
        assert_eq!(
            session.get(b"a", <[u8]>::to_vec).unwrap(),
            Some(b"2".to_vec())
        );
        session.close().unwrap();
    }
}
