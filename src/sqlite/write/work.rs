//! A write that another thread can make.

use crate::engine::{MapId, WriteOp};

/// What a write must find if another thread makes it.
#[derive(Debug)]
pub(in crate::sqlite) enum Expected {
    Anything,
    /// These bytes, or `None` if the key must not be present.
    Old(Option<Vec<u8>>),
}

/// A write in line, which another thread can make.
#[derive(Debug)]
pub(in crate::sqlite) struct Work {
    pub(in crate::sqlite) map: MapId,
    pub(in crate::sqlite) op: WriteOp,
    pub(in crate::sqlite) expected: Expected,
}
