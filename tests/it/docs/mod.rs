//! The programs of the documentation.

mod examples;
mod programs;
