//! What the module promises, through its own interface.

mod bytes;
mod hostile;
mod refusals;
mod stack;
