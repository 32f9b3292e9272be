//! The stored format, and whether values read back as they were written.

mod checksums;
mod fixtures;
mod golden;
mod paper;
mod python_reader;
mod round_trips;
mod rowids;
mod shapes;
