//! Tests of the codec through its own functions.

mod bytes;
mod digests;
mod hostile;
mod refusals;
mod stack;
