//! Typed entries as bytes, and back.

pub(crate) mod encoded_key;
pub(crate) mod entry_codec;
pub(crate) mod key_order;
