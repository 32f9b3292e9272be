//! Values to bytes and back: one tag byte, then the value in the format that the tag names.
//!
//! Every value that is stored can be read back. If one format would lose a part of a value, the value is written in the other
//! format. If both would, the value is refused with an error before anything is stored.

mod binary;
mod checked_serializer;
pub(crate) mod checksum;
mod decode_budget;
mod digest;
mod error;
mod format;
mod length_check;
mod limited_deserializer;
mod limits;
mod message_pack;
pub(crate) mod ordered;
mod read;
mod round_trip;
mod serialize_state;
mod write;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::error::{DecodeError, EncodeError};
pub use self::format::Codec;
pub(crate) use self::format::Tag;
pub use self::ordered::prefix::{PrefixOf, SerializesAs};
pub(crate) use self::read::decode;
use self::round_trip::{RoundTrip, round_trip, write_verified};
use self::write::{Refusal, clear_on_error, write};

/// Writes `value` to `out` so that it can be read back as a `T`, in `codec` if that can hold it.
///
/// `out` is cleared first, and is empty after an error. With `verify`, MessagePack is decoded, encoded again and compared
/// before it is accepted. bincode always is. Decoding alone is not enough: an untagged enum whose `Float(f64)` comes before
/// its `Int(i64)` decodes an integer as a float.
pub(crate) fn encode<T, Q>(
    value: &Q,
    codec: Codec,
    verify: bool,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let outcome = match codec {
        Codec::MessagePack => prefer_message_pack::<T, Q>(value, verify, out),
        Codec::Bincode => prefer_bincode::<T, Q>(value, out),
    };
    clear_on_error(outcome, out)
}

/// Writes the bytes of [`encode_lookup`] to `out`, and returns an error if they do not decode as an equal `K`.
///
/// With `verify`, this also refuses a `Q` that does not serialize as the `K` that it borrows from.
pub(crate) fn encode_key<K, Q>(key: &Q, verify: bool, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    K: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let outcome = write_key(key, out).and_then(|codec| {
        if !verify && codec == Codec::MessagePack {
            return Ok(());
        }
        // A key is found by its bytes, so even the order of its entries must be the same.
        match round_trip::<K>(codec, out)? {
            RoundTrip::Identical => Ok(()),
            RoundTrip::Different(_) => Err(EncodeError::Altered {
                format: codec.into(),
            }),
        }
    });
    clear_on_error(outcome, out)
}

/// Writes the bytes under which `key` is stored. They depend on the key alone, not on what the vault holds.
pub(crate) fn encode_lookup<Q>(key: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    Q: Serialize + ?Sized,
{
    let outcome = write_key(key, out).map(|_| ());
    clear_on_error(outcome, out)
}

fn prefer_message_pack<T, Q>(value: &Q, verify: bool, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let outcome = if verify {
        write_verified::<T, Q>(value, Codec::MessagePack, out)
    } else {
        write(value, Codec::MessagePack, out)
    };
    match outcome {
        Ok(()) => Ok(()),
        Err(Refusal::NilUnderSome) => {
            write_verified_bincode::<T, Q>(value, out).map_err(nil_under_some)
        }
        Err(Refusal::Final(error)) => Err(error),
    }
}

fn prefer_bincode<T, Q>(value: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let first = match write_verified_bincode::<T, Q>(value, out) {
        Err(error) if !error.holds_for_every_codec() => error,
        settled => return settled,
    };
    match write_verified::<T, Q>(value, Codec::MessagePack, out) {
        Ok(()) => Ok(()),
        Err(Refusal::NilUnderSome) => Err(nil_under_some(first)),
        Err(Refusal::Final(error)) => Err(error),
    }
}

fn write_verified_bincode<T, Q>(value: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    write_verified::<T, Q>(value, Codec::Bincode, out)
        .map_err(|refusal| refusal.into_error(Codec::Bincode))
}

fn write_key<Q>(key: &Q, out: &mut Vec<u8>) -> Result<Codec, EncodeError>
where
    Q: Serialize + ?Sized,
{
    match write(key, Codec::MessagePack, out) {
        Ok(()) => Ok(Codec::MessagePack),
        Err(Refusal::NilUnderSome) => match write_bincode(key, out) {
            Ok(()) => Ok(Codec::Bincode),
            Err(error) => Err(nil_under_some(error)),
        },
        Err(Refusal::Final(error)) => Err(error),
    }
}

fn write_bincode<Q>(value: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    Q: Serialize + ?Sized,
{
    write(value, Codec::Bincode, out).map_err(|refusal| refusal.into_error(Codec::Bincode))
}

fn nil_under_some(bincode: EncodeError) -> EncodeError {
    if bincode.holds_for_every_codec() {
        return bincode;
    }
    EncodeError::NilUnderSome {
        source: Box::new(bincode),
    }
}
