//! A read is never stale: it returns what was committed at some moment while it was being made,
//! whoever committed it, through whichever handle, and whatever happened to the file and its log.
//!
//! - [`register`]: what was acknowledged before a read and begun after it bounds what it may
//!   return, among threads and, in [`processes`], among processes.
//! - [`writes`]: after each method that writes, and after each that was undone, every handle and
//!   another process are asked for every key, all of which they had been asked for before.
//! - [`events`]: the same around checkpoints, other programs, and processes that are killed.
//!
//! `VAULTS_TEST_ROUNDS` multiplies the rounds.

mod actor;
mod events;
#[cfg(unix)]
mod processes;
mod register;
mod undone_table;
mod write_table;
mod writes;

use std::time::Duration;

use vaults::{Durability, OpenOptions};

/// Nobody is to give up, and nothing need survive a power cut.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .durability(Durability::Off)
        .busy_timeout(Duration::from_hours(1));
    options
}

/// Writes the log back to the file as another program can, as far as others let it.
fn checkpoint(path: &std::path::Path, mode: &str) {
    // Whoever reads or writes meanwhile may keep it from its end, which changes nothing here.
    crate::support::checkpoint(path, mode).ok();
}
