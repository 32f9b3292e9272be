//! Entries and the guards that borrow a value for writing.

mod disk_full;
mod methods;
mod std_entries;
mod write_back;
