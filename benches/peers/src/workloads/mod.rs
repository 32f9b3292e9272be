//! The work: what one engine does in one round, and how long it took.
//!
//! Keys and values are made before the clock starts. What was written is read back after it has
//! stopped.

pub mod bulk;
pub mod processes;
pub mod reads;
pub mod sorted;
pub mod threads;
pub mod turn;
pub mod writes;
