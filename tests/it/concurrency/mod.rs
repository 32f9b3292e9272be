//! Several threads, handles and processes on one vault.

mod coherence;
mod contention;
pub(crate) mod processes;
mod read_connections;
mod reentrancy;
mod threads;
mod write_lock;
