//! A check, before a value is stored, that it is the same value after it is read back.

use std::hash::RandomState;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checked_serializer::CheckedSerializer;
use super::digest::{Digest, DigestSerializer};
use super::error::EncodeError;
use super::format::Codec;
use super::read::decode;
use super::write::{Refusal, write, write_with};

/// The result of decoding a value and encoding it again.
pub(super) enum RoundTrip<T> {
    /// The bytes are the same.
    Identical,
    /// The bytes differ. Holds the decoded value.
    Different(T),
}

/// Decodes `written` and encodes the result again.
pub(super) fn round_trip<T>(codec: Codec, written: &[u8]) -> Result<RoundTrip<T>, EncodeError>
where
    T: Serialize + DeserializeOwned,
{
    let value: T = decode_written(codec, written)?;
    let mut again = Vec::with_capacity(written.len());
    write(&value, codec, &mut again).map_err(|refusal| refusal.into_error(codec))?;
    Ok(if written == again {
        RoundTrip::Identical
    } else {
        RoundTrip::Different(value)
    })
}

/// Writes `value` to `out`, and verifies that the bytes decode as a `T` that encodes to the same bytes.
///
/// The entries of maps and the elements of sequences may come in another order.
pub(super) fn write_verified<T, Q>(
    value: &Q,
    codec: Codec,
    out: &mut Vec<u8>,
) -> Result<(), Refusal>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    write(value, codec, out)?;
    match round_trip::<T>(codec, out).map_err(Refusal::Final)? {
        RoundTrip::Identical => Ok(()),
        RoundTrip::Different(decoded) => verify_unordered(value, decoded, codec, out),
    }
}

/// Writes `value` as [`write()`] does, and returns its digest.
pub(super) fn write_digested<Q>(
    value: &Q,
    codec: Codec,
    keys: &RandomState,
    out: &mut Vec<u8>,
) -> Result<Digest, Refusal>
where
    Q: Serialize + ?Sized,
{
    write_with(codec.into(), out, |state, out| {
        let serializer = CheckedSerializer::new(DigestSerializer::new(codec, keys, out), state);
        Ok(value.serialize(serializer)?)
    })
}

fn decode_written<T>(codec: Codec, written: &[u8]) -> Result<T, EncodeError>
where
    T: DeserializeOwned,
{
    decode(written).map_err(|source| EncodeError::Unreadable {
        format: codec.into(),
        source,
    })
}

/// How often a value is decoded to see its entries in another order.
///
/// A map of two entries has each of its two orders every second time.
const MAX_DECODES: usize = 32;

/// Verifies `value`, whose encoding in `out` decoded as a value with other bytes, by its digest.
///
/// A `HashMap` or `HashSet` iterates in another order each time it is built. In a struct with flattened fields, the order may
/// also tell which field an entry belongs to: an entry of a flattened map that is read as a field moves to the place of
/// that field. It moves in the same way each time, and the order of a `HashMap` does not stay the same.
fn verify_unordered<T, Q>(
    value: &Q,
    mut decoded: T,
    codec: Codec,
    out: &mut Vec<u8>,
) -> Result<(), Refusal>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let keys = RandomState::new();
    let mut again = Vec::with_capacity(out.len());
    let first = write_digested(value, codec, &keys, &mut again)?;
    if again != *out {
        // Another thread has changed the value between the two encodings. The digest belongs to the second one.
        std::mem::swap(&mut again, out);
        decoded = decode_written(codec, out).map_err(Refusal::Final)?;
    }
    let mut digest = |value: &T| {
        write_digested(value, codec, &keys, &mut again).map_err(|refusal| refusal.into_error(codec))
    };
    let second = digest(&decoded).map_err(Refusal::Final)?;
    if first.strict == second.strict {
        return Ok(());
    }
    // The order of a map of undeclared length differs. It has no meaning if it differs between two decodings, too.
    let mut varies = || {
        let other = decode::<T>(out).ok().and_then(|other| digest(&other).ok());
        other.is_some_and(|other| other.strict != second.strict)
    };
    if first.loose == second.loose && (0..MAX_DECODES).any(|_| varies()) {
        return Ok(());
    }
    Err(Refusal::Final(EncodeError::Altered {
        format: codec.into(),
    }))
}
