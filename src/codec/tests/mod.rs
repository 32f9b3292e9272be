//! What the module promises, through its own interface.

mod bytes;
mod digests;
mod hostile;
mod refusals;
mod stack;
