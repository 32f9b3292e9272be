//! The map: `Vault`, `Transaction` and `Snapshot`, and what reads and writes through them.

// The order of these groups is the order of the methods on the pages of the documentation.
pub(crate) mod vault;

pub(crate) mod transaction;

pub(crate) mod shared_reader;
pub(crate) mod snapshot;

pub(crate) mod access;
pub(crate) mod bulk;
pub(crate) mod drain;
pub(crate) mod extend;
pub(crate) mod iter;
pub(crate) mod point;
pub(crate) mod range;
pub(crate) mod read_transaction;
pub(crate) mod readable;
pub(crate) mod retain;
pub(crate) mod rewrite;
pub(crate) mod scan;
pub(crate) mod sealed;
pub(crate) mod writable;
