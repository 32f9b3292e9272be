//! Programs as the documentation shows them.

mod examples;
mod programs;
