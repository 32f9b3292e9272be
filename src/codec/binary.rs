//! Encoding and decoding of values as bincode, which writes neither types nor field names.

use std::marker::PhantomData;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::Writer;
use bincode::error::EncodeError as WriteError;
use bincode::serde::{encode_into_writer, seed_decode_from_slice};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checked_serializer::CheckedValue;
use super::decode_budget::DecodeBudget;
use super::error::{DecodeError, Foreign};
use super::format::Format;
use super::limited_deserializer::LimitedDeserializer;
use super::serialize_state::SerializeState;

/// The limit that bincode applies to one value: the greatest size of an allocation.
///
/// A lower limit would refuse large values of small numbers, because bincode counts each integer at its full width. The
/// length that a string states does not allocate, because [`LimitedDeserializer`] requests borrowed strings.
const LIMIT: usize = isize::MAX as usize;

pub(super) type Config = Configuration<LittleEndian, Varint, Limit<LIMIT>>;

pub(super) const CONFIG: Config = bincode::config::standard().with_limit::<LIMIT>();

/// Appends `value` to `out`, and records its defects in `state`.
#[inline]
pub(super) fn write<Q>(value: &Q, state: &SerializeState, out: &mut Vec<u8>) -> Result<(), Foreign>
where
    Q: Serialize + ?Sized,
{
    encode_into_writer(CheckedValue::new(value, state), Append(out), CONFIG)?;
    Ok(())
}

/// Decodes `payload` within `budget`.
#[inline]
pub(super) fn read<T>(payload: &[u8], budget: &DecodeBudget) -> Result<T, DecodeError>
where
    T: DeserializeOwned,
{
    let seed = LimitedDeserializer::new(PhantomData::<T>, budget);
    let (value, read) = seed_decode_from_slice(seed, payload, CONFIG)
        .map_err(|error| DecodeError::malformed(Format::Bincode, error))?;
    match payload.len().saturating_sub(read) {
        0 => Ok(value),
        trailing => Err(DecodeError::TrailingBytes(trailing)),
    }
}

/// A bincode writer that appends to a `Vec`.
pub(super) struct Append<'a>(pub(super) &'a mut Vec<u8>);

impl Writer for Append<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}
