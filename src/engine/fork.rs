//! Tells a child process from the parent that opened a vault.
//!
//! This module is about nothing but `pthread_atfork`. Asking for the process id would be a system
//! call at each read.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Location, Result};

/// How often this process and its ancestors have forked since the first vault was opened.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The process that opened a vault, by the number of forks before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessId(u32);

impl ProcessId {
    /// Returns the process that calls this.
    pub(crate) fn current() -> Self {
        #[cfg(unix)]
        {
            static REGISTERED: std::sync::Once = std::sync::Once::new();
            REGISTERED.call_once(|| {
                // SAFETY: the function is the one that POSIX declares. The handler only changes an
                // atomic, which is allowed in the child of a process with several threads. The call
                // fails only if there is no memory, and then forks are not noticed.
                unsafe { pthread_atfork(None, None, Some(forked)) };
            });
        }
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Returns `true` in a child of the process.
    #[inline]
    pub(crate) fn is_parent(self) -> bool {
        FORKS.load(Ordering::Relaxed) != self.0
    }

    /// Returns [`Error::Forked`] in a child of the process, which shares its locks and its open files.
    #[inline]
    pub(crate) fn check(self, location: impl FnOnce() -> Location) -> Result<()> {
        if self.is_parent() {
            return Err(forked_error(location()));
        }
        Ok(())
    }
}

#[cold]
fn forked_error(location: Location) -> Error {
    Error::Forked { location }
}

#[cfg(unix)]
unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> std::ffi::c_int;
}

#[cfg(unix)]
unsafe extern "C" fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
