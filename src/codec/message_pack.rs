//! Encoding and decoding of values as MessagePack, with named struct fields.

use std::io::Cursor;

use rmp_serde::decode::Error as ReadError;
use rmp_serde::{Deserializer, Serializer};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::checked_serializer::CheckedSerializer;
use super::decode_budget::DecodeBudget;
use super::error::{DecodeError, Foreign};
use super::format::Format;
use super::limited_deserializer::LimitedDeserializer;
use super::serialize_state::SerializeState;

/// Appends `value` to `out`, and records its defects in `state`.
#[inline]
pub(super) fn write<Q>(value: &Q, state: &SerializeState, out: &mut Vec<u8>) -> Result<(), Foreign>
where
    Q: Serialize + ?Sized,
{
    let mut serializer = Serializer::new(out).with_struct_map();
    value.serialize(CheckedSerializer::new(&mut serializer, state))?;
    Ok(())
}

/// Decodes `payload` within `budget`.
#[inline]
pub(super) fn read<T>(payload: &[u8], budget: &DecodeBudget) -> Result<T, DecodeError>
where
    T: DeserializeOwned,
{
    let mut data = Deserializer::from_read_ref(payload);
    let value = match T::deserialize(LimitedDeserializer::new(&mut data, budget)) {
        Ok(value) => value,
        Err(error) => return Err(DecodeError::malformed(Format::MessagePack, error)),
    };
    // The deserializer does not tell its position. Reading one more value shows whether it is at the end.
    match bool::deserialize(&mut data) {
        Err(ReadError::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(DecodeError::TrailingBytes(trailing(payload))),
    }
}

/// Returns the number of bytes after the first value in `payload`, at least one.
#[cold]
fn trailing(payload: &[u8]) -> usize {
    // A deserializer over a reader copies what it reads, but its reader has a position.
    let mut data = Deserializer::new(Cursor::new(payload));
    let budget = DecodeBudget::new(payload);
    let skipped = IgnoredAny::deserialize(LimitedDeserializer::new(&mut data, &budget));
    let end = match skipped {
        Ok(IgnoredAny) => usize::try_from(data.position()).unwrap_or(0),
        Err(_) => 0,
    };
    payload.len().saturating_sub(end).max(1)
}
