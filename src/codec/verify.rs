//! Whether a value comes back as the same one.

use std::hash::RandomState;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::buffer::Buffer;

use super::digest::{Digest, DigestSerializer};
use super::faithful::Faithful;
use super::{Codec, EncodeError, Refusal, decode, readable, write, write_with};

/// What became of a value that was written and read.
pub(super) enum ReadBack<T> {
    /// It is written as the same bytes again.
    Same,
    /// It is written as other bytes.
    Other(T),
}

/// Reads what was `written`, and writes it again.
pub(super) fn read_back<T>(codec: Codec, written: &[u8]) -> Result<ReadBack<T>, EncodeError>
where
    T: Serialize + DeserializeOwned,
{
    let value: T = readable(codec, written)?;
    let mut again = Buffer::new();
    again.reserve(written.len());
    write(&value, codec, &mut again).map_err(|refusal| refusal.of(codec))?;
    Ok(if written == &**again {
        ReadBack::Same
    } else {
        ReadBack::Other(value)
    })
}

/// Writes `value` so that it reads as a `T` that is written as the same bytes, or as bytes that differ from them in
/// the order of the entries of maps and of the elements of sequences alone.
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
    match read_back::<T>(codec, out).map_err(Refusal::Final)? {
        ReadBack::Same => Ok(()),
        ReadBack::Other(back) => write_unordered(value, back, codec, out),
    }
}

/// Writes `value` as [`write()`] does, and digests it.
pub(super) fn write_digested<Q>(
    value: &Q,
    codec: Codec,
    keys: &RandomState,
    out: &mut Vec<u8>,
) -> Result<Digest, Refusal>
where
    Q: Serialize + ?Sized,
{
    write_with(codec, out, |watch, out| {
        let serializer = Faithful::new(DigestSerializer::new(codec, keys, out), watch);
        Ok(value.serialize(serializer)?)
    })
}

/// How often a value is read anew to see its entries in another order. A map of two has each of its orders every
/// second time.
const MOST_ORDERS: usize = 32;

/// The rest of [`write_verified`] for a value that came `back` as one that is written as other bytes.
///
/// A `HashMap` or `HashSet` iterates in another order each time it is built. With flattened fields the order may also tell
/// whose an entry was: a field that was read out of the entries of a flattened map comes where the field is. That
/// happens each time in the same way.
fn write_unordered<T, Q>(
    value: &Q,
    mut back: T,
    codec: Codec,
    out: &mut Vec<u8>,
) -> Result<(), Refusal>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let keys = RandomState::new();
    let mut again = Buffer::new();
    let first = write_digested(value, codec, &keys, &mut again)?;
    if **again != *out {
        // Another thread has changed the value since.
        std::mem::swap(&mut *again, out);
        back = readable(codec, out).map_err(Refusal::Final)?;
    }
    let mut digest = |value: &T| {
        write_digested(value, codec, &keys, &mut again).map_err(|refusal| refusal.of(codec))
    };
    let second = digest(&back).map_err(Refusal::Final)?;
    if first.strict == second.strict {
        return Ok(());
    }
    // The order of an undeclared map differs. It says nothing if the value is not in the same order each time it is read.
    let mut varies = || {
        let other = decode::<T>(out).ok().and_then(|other| digest(&other).ok());
        other.is_some_and(|other| other.strict != second.strict)
    };
    if first.loose == second.loose && (0..MOST_ORDERS).any(|_| varies()) {
        return Ok(());
    }
    Err(Refusal::Final(EncodeError::Altered { codec }))
}
