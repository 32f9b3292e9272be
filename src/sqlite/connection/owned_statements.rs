//! A connection together with the prepared statements that borrow it, in one value that can move to another
//! thread.
//!
//! The unsafe code here is one `unsafe impl Send`.
#![allow(unsafe_code)]

use self_cell::self_cell;

use crate::sqlite::connection::hooked_connection::HookedConnection;
use crate::sqlite::connection::statements::Statements;

self_cell!(
    struct StatementsCell {
        owner: HookedConnection,
        #[not_covariant]
        dependent: Statements,
    }
);

/// A connection and its prepared statements. It is `Send`, but not `Sync`.
pub(in crate::sqlite) struct OwnedStatements(StatementsCell);

// SAFETY: the connection is `Send`, as is checked below. A statement is not `Send` by itself, because its
// connection could stay on the other thread. Here a connection and all statements that borrow it move
// together. SQLite allows any thread to use them, one thread at a time
// (<https://www.sqlite.org/threadsafe.html>, "multi-thread"), and this type is not `Sync`.
unsafe impl Send for OwnedStatements {}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<HookedConnection>();
};

impl OwnedStatements {
    pub(in crate::sqlite) fn new(connection: HookedConnection) -> Self {
        Self(StatementsCell::new(connection, |connection| {
            Statements::new(connection.get())
        }))
    }

    #[inline]
    pub(in crate::sqlite) fn connection(&self) -> &HookedConnection {
        self.0.borrow_owner()
    }

    /// Calls `f` with the statements.
    #[inline]
    pub(in crate::sqlite) fn with<R>(
        &mut self,
        f: impl for<'conn> FnOnce(&mut Statements<'conn>) -> R,
    ) -> R {
        self.0.with_dependent_mut(|_, statements| f(statements))
    }

    /// Finalizes the statements and returns the connection.
    pub(in crate::sqlite) fn into_connection(self) -> HookedConnection {
        self.0.into_owner()
    }
}
