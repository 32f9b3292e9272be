//! The stored format, and whether values read back as they were written.

mod checksums;
mod golden;
mod paper;
mod round_trips;
mod rowids;
mod shapes;
