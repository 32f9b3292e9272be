//! A read is never stale. It returns a state that was the last commit at some moment during the
//! read, whichever process and handle committed it, and whatever happened to the file and its log.
//!
//! - [`register`]: the versions acknowledged before a read and begun after it bound its result,
//!   for threads and, in [`processes`], for processes.
//! - [`writes`]: after each method that writes, and after each that was undone, every handle
//!   and another process read every key. They had read every key before.
//! - [`events`]: the same for checkpoints, other programs, and processes that are killed.
//!
//! `VAULTS_TEST_ROUNDS` multiplies the rounds.

mod actor;
mod events;
mod model;
#[cfg(unix)]
mod processes;
mod register;
mod sorted_table;
mod undone_table;
mod write_table;
mod writes;

use std::time::Duration;

use vaults::{Durability, OpenOptions};

/// Calls never time out, and nothing needs to survive a power cut.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .durability(Durability::Off)
        .busy_timeout(Duration::from_secs(3600));
    options
}

/// Writes the log back to the file as another program can, as far as other connections allow it.
fn checkpoint(path: &std::path::Path, mode: &str) {
    // Another connection may prevent its completion. This does not matter here.
    crate::support::checkpoint(path, mode).ok();
}
