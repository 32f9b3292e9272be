//! The integration tests: one binary, with one folder for each subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::option_option
)]

#[macro_use]
mod support;

mod api;
mod concurrency;
mod corruption;
mod crash;
mod docs;
mod entries;
mod files;
mod format;
mod layers;
mod several;
mod sorted;
