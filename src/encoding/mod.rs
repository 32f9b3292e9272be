//! Typed entries as bytes, and back.

pub(crate) mod key;
pub(crate) mod value;
