//! What is stored, and that it is read back.

mod checksums;
mod golden;
mod round_trips;
mod rowids;
mod shapes;
