//! Writing: one transaction at a time, which several calls can share.

pub(in crate::sqlite) mod change;
pub(in crate::sqlite) mod group;
pub(in crate::sqlite) mod page_cache;
pub(in crate::sqlite) mod transaction;
pub(in crate::sqlite) mod work;
