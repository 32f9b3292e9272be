//! The integration tests: one binary, one module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::option_option
)]

#[macro_use]
mod support;

mod access;
mod api;
mod bad_files;
mod bad_input;
mod bad_rows;
mod coherence;
mod columns;
mod dir;
mod discarding;
mod docs;
mod errors;
mod faults;
mod golden;
mod iteration;
mod layers;
mod loads;
mod locked;
mod log_size;
mod model;
mod moved;
mod options;
mod processes;
mod programs;
mod readers;
mod refusals;
mod rewriting;
mod round_trips;
mod rowids;
mod shapes;
#[cfg(feature = "tracing")]
mod spans;
mod std_map;
mod threads;
mod writer;

mod contention;
mod deaths;
mod entries;
mod entry_writes;
mod handles_model;
mod reentrancy;
mod savepoints;
mod snapshots;
mod std_entries;
mod transactions;
mod writeback;

mod backup;
mod caching;
mod checksums;
mod damage;
mod damaged_trees;
mod endless;
mod examine;
mod hostile;
mod kills;
mod places;
mod salvage;
mod schemas;
mod seeds;
mod tools;
