//! Values as MessagePack, with named struct fields.

use std::io::Cursor;

use rmp_serde::decode::Error as ReadError;
use rmp_serde::{Deserializer, Serializer};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::Codec;
use super::bounded::{Bounded, Guard};
use super::error::{DecodeError, Foreign};
use super::faithful::Faithful;
use super::watch::Watch;

/// Appends `value` to `out`, reporting to `watch`.
#[inline]
pub(super) fn write<Q>(value: &Q, watch: &Watch, out: &mut Vec<u8>) -> Result<(), Foreign>
where
    Q: Serialize + ?Sized,
{
    let mut serializer = Serializer::new(out).with_struct_map();
    value.serialize(Faithful::new(&mut serializer, watch))?;
    Ok(())
}

/// Reads the value that `payload` is, reporting to `guard`.
#[inline]
pub(super) fn read<T>(payload: &[u8], guard: &Guard) -> Result<T, DecodeError>
where
    T: DeserializeOwned,
{
    let mut data = Deserializer::from_read_ref(payload);
    let value = match T::deserialize(Bounded::new(&mut data, guard)) {
        Ok(value) => value,
        Err(error) => return Err(DecodeError::malformed(Codec::MessagePack, error)),
    };
    // This deserializer does not tell where it stands. Asking it for one more value tells whether it is at the end.
    match bool::deserialize(&mut data) {
        Err(ReadError::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(DecodeError::TrailingBytes(trailing(payload))),
    }
}

/// How many bytes follow the first value in `payload`, of which it is known that there are some.
#[cold]
fn trailing(payload: &[u8]) -> usize {
    // A deserializer over a reader copies what it reads, but its reader can say how far it got.
    let mut data = Deserializer::new(Cursor::new(payload));
    let guard = Guard::new(payload);
    let skipped = IgnoredAny::deserialize(Bounded::new(&mut data, &guard));
    let end = match skipped {
        Ok(IgnoredAny) => usize::try_from(data.position()).unwrap_or(0),
        Err(_) => 0,
    };
    payload.len().saturating_sub(end).max(1)
}
