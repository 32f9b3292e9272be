//! The map: `Vault`, `Transaction` and `Snapshot`, and what reads and writes through them.

pub(crate) mod access;
pub(crate) mod bulk;
pub(crate) mod handles;
pub(crate) mod iter;
pub(crate) mod ops;
pub(crate) mod point;
pub(crate) mod removal;
pub(crate) mod rewrite;
pub(crate) mod snapshot;
pub(crate) mod sweep;
pub(crate) mod transaction;
pub(crate) mod vault;
