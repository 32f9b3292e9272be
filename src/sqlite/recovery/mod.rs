//! Reading a damaged file and its log without SQLite.

pub(in crate::sqlite) mod log;
pub(in crate::sqlite) mod wreck;
