//! Tests of keys as ordered bytes.

mod bytes;
mod hostile;
mod order;
mod prefixes;
mod refusals;
mod samples;
mod stack;
mod unseen;
