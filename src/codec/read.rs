//! Decoding of a stored value in the format that its tag names.

use serde::de::DeserializeOwned;

use super::decode_budget::{DecodeBudget, LimitExceeded};
use super::error::DecodeError;
use super::format::{BINCODE_TAG, Codec, MESSAGE_PACK_TAG, PICKLE_TAG};
use super::{binary, message_pack};

/// Decodes a stored value, tag included.
#[inline]
pub(crate) fn decode<T>(blob: &[u8]) -> Result<T, DecodeError>
where
    T: DeserializeOwned,
{
    match blob.split_first() {
        Some((&MESSAGE_PACK_TAG, payload)) => read(Codec::MessagePack, payload),
        Some((&BINCODE_TAG, payload)) => read(Codec::Bincode, payload),
        Some((&PICKLE_TAG, _)) => Err(DecodeError::Pickle),
        Some((&tag, _)) => Err(DecodeError::UnknownTag(tag)),
        None => Err(DecodeError::Empty),
    }
}

fn read<T>(codec: Codec, payload: &[u8]) -> Result<T, DecodeError>
where
    T: DeserializeOwned,
{
    let budget = DecodeBudget::new(payload);
    let outcome = match codec {
        Codec::MessagePack => message_pack::read(payload, &budget),
        Codec::Bincode => binary::read(payload, &budget),
    };
    match budget.exceeded() {
        None => outcome,
        Some(LimitExceeded::TooDeep) => Err(DecodeError::TooDeep),
        Some(LimitExceeded::TooManyElements) => Err(DecodeError::TooManyElements),
    }
}
