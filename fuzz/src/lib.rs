//! The functions that the fuzz targets run.

#[path = "../bodies/mod.rs"]
mod bodies;

mod allocations;
mod coverage;

use std::cell::RefCell;

use bodies::{decode, open, sorted};

/// More than any input needs: 65,536 elements of the largest shape, and SQLite's memory for the
/// rows.
const SPARE_BYTES: usize = 64 << 20;

/// Stores the input as bytes of a row and reads it as every shape.
pub fn decode(input: &[u8]) {
    thread_local! {
        static BENCH: RefCell<decode::Bench> = RefCell::new(decode::Bench::new());
    }
    allocations::bounded(SPARE_BYTES + 1024 * input.len(), || {
        BENCH.with_borrow_mut(|bench| bench.run(input));
    });
}

/// Opens the input as a vault and runs every operation on it.
pub fn open(input: &[u8]) {
    thread_local! {
        static BENCH: open::Bench = open::Bench::new();
    }
    allocations::bounded(SPARE_BYTES + 1024 * input.len(), || {
        BENCH.with(|bench| bench.run(input));
    });
}

/// Stores the input as keys of a sorted vault and reads them as several types.
pub fn sorted(input: &[u8]) {
    thread_local! {
        static BENCH: RefCell<sorted::Bench> = RefCell::new(sorted::Bench::new());
    }
    allocations::bounded(SPARE_BYTES + 1024 * input.len(), || {
        BENCH.with_borrow_mut(|bench| bench.run(input));
    });
}
