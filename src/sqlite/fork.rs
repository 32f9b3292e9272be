//! Knows whether this process is a child of the one that opened a connection.
//!
//! This module is about nothing but `pthread_atfork`. Asking for the process id would be a system
//! call at each read.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// How often this process and its ancestors have forked since the first call. It differs
/// from an earlier answer only in a child.
#[inline]
pub(in crate::sqlite) fn count() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// As [`count`], after making sure that forks are counted.
pub(in crate::sqlite) fn watch() -> u32 {
    #[cfg(unix)]
    {
        static REGISTERED: std::sync::Once = std::sync::Once::new();
        REGISTERED.call_once(|| {
            // SAFETY: the function is the one that POSIX declares, and the handler does nothing but
            // change an atomic, which is allowed in the child of a process with several threads. It
            // fails only for want of memory: forks are not noticed then.
            unsafe { pthread_atfork(None, None, Some(forked)) };
        });
    }
    count()
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
