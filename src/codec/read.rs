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
    read_within(payload, |budget| match codec {
        Codec::MessagePack => message_pack::read(payload, budget),
        Codec::Bincode => binary::read(payload, budget),
    })
}

/// Calls `read` with the budget for `payload`, and returns an error if it exceeds a limit.
#[inline]
pub(super) fn read_within<T>(
    payload: &[u8],
    read: impl FnOnce(&DecodeBudget) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let budget = DecodeBudget::new(payload);
    let outcome = read(&budget);
    match budget.exceeded() {
        None => outcome,
        Some(LimitExceeded::TooDeep) => Err(DecodeError::TooDeep),
        Some(LimitExceeded::TooManyElements) => Err(DecodeError::TooManyElements),
    }
}
