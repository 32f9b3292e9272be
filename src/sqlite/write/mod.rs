//! Writing: the write lock, transactions, group commit and checkpoints.

pub(in crate::sqlite) mod checkpoint;
pub(in crate::sqlite) mod group;
pub(in crate::sqlite) mod load;
pub(in crate::sqlite) mod scope;
pub(in crate::sqlite) mod transaction;
