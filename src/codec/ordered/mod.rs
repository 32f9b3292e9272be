//! Keys as bytes that sort as the keys do.
//!
//! If `a < b` by `Ord`, the bytes of `a` are less than those of `b`, for types whose `Ord` is derived or of std. Each value has
//! one form only. In one type, no value's bytes are the beginning of another value's bytes, so the fields of a tuple can stand one
//! after another. The bytes do not say of what type they are.
//!
//! A key is the tag `O`, which is `4F`, and then:
//!
//! | Rust | Bytes | Why they sort |
//! |---|---|---|
//! | `bool` | `00` or `01` | |
//! | `u8` | the byte | |
//! | `i8` | the byte with its highest bit flipped | |
//! | `u16` to `u128`, `i16` to `i128` | see [below](#integers) | a greater number has a greater first byte, or as many bytes |
//! | `f32`, `f64` | 4 or 8 bytes, big-endian, with the sign bit flipped, or with all bits flipped if negative | IEEE 754 sorts by magnitude |
//! | `char` | its UTF-8 | UTF-8 sorts by code point |
//! | `str`, byte strings | the bytes with `00` as `01 01` and `01` as `01 02`, then `00` | the end is less than every byte |
//! | `None`, `Some(x)` | `00`, `01` and `x` | |
//! | `()`, unit struct | nothing | |
//! | newtype struct `N(x)` | `x` | |
//! | tuple, array, struct | the fields one after another | |
//! | sequence, set | for each element `01` and the element, then `00` | the end is less than every element |
//! | sequence of `u8`, also in newtypes | the bytes as those of a byte string | |
//! | map | for each entry `01`, the key and the value, then `00` | as a sequence of pairs |
//! | enum | the index of the variant, then its fields one after another | the index is one byte if it is less than 255, otherwise `FF` and 4 bytes, big-endian |
//!
//! - `-0.0` is written as `0.0`. Every NaN is written as `7FC00000` or `7FF8000000000000`, which sorts last.
//! - The keys of a map must ascend. A hash map is therefore an error.
//! - A field that serde skips while it serializes is an error, because what follows would stand in its place.
//! - Types that ask the data what it is are errors: enums that are untagged, internally or adjacently tagged, `flatten`, and
//!   `serde_json::Value`.
//! - Types that ask whether the format is human-readable are told that it is not. This must never change.
//! - The limits of nesting are those of the other formats.
//!
//! # Integers
//!
//! All integers but `u8` and `i8` have one code, so the bytes stay the same when a type becomes wider. It has as few bytes as the number
//! needs:
//!
//! | Number | Bytes |
//! |---|---|
//! | 0 | `80` |
//! | n > 0 | `80` plus the number of bytes, and n, big-endian: 1 is `81 01`, 256 is `82 01 00` |
//! | n < 0 | each byte of the code of −n − 1, complemented: −1 is `7F`, −2 is `7E FE`, −257 is `7D FE FF` |
//!
//! # What no encoder can see
//!
//! Some types serialize as something that does not sort as their `Ord`:
//!
//! - `std::cmp::Reverse`, which serializes as what it holds.
//! - enums with explicit discriminants that do not ascend, because `Ord` compares discriminants and serde writes indices.
//! - `PathBuf`, which is compared by its components, and on Windows `OsString`.
//! - times and dates as text, such as those of chrono and jiff, and times with an offset.
//! - decimals, versions and big integers as text or with the least digit first.
//!
//! A hand-written `Ord` or `Serialize` may disagree, too. [`encode_key`] detects a key that is read back as another one, and no more.
//! The map must compare neighbours.

mod deserializer;
mod error;
mod escape;
mod float;
mod index;
mod integer;
pub(crate) mod prefix;
mod reader;
mod serializer;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::deserializer::OrderedDeserializer;
use self::prefix::PrefixOf;
use self::reader::KeyReader;
use self::serializer::{KeyWriter, OrderedSerializer};
use super::checked_serializer::CheckedSerializer;
use super::error::{DecodeError, EncodeError};
use super::format::{Format, ORDERED_TAG};
use super::limited_deserializer::LimitedDeserializer;
use super::read::read_within;
use super::write::{clear_on_error, write_with};

/// Writes the bytes of [`encode_lookup`] to `out`.
///
/// With `verify`, this returns an error unless they decode as a `K` that is the same as `key`, by `is_same`, and encodes to the same
/// bytes. It detects fields that are not serialized, and a `Q` that does not serialize as the `K` that it borrows from.
pub(crate) fn encode_key<K, Q>(
    key: &Q,
    verify: bool,
    is_same: impl FnOnce(&Q, &Q) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError>
where
    K: Serialize + DeserializeOwned + Borrow<Q>,
    Q: Serialize + ?Sized,
{
    let outcome = write(key, out).and_then(|()| {
        if verify {
            verify_round_trip(out, |decoded: &K| is_same(decoded.borrow(), key))
        } else {
            Ok(())
        }
    });
    clear_on_error(outcome, out)
}

/// Writes the bytes under which `key` is stored. `out` is cleared first, and is empty after an error.
pub(crate) fn encode_lookup<Q>(key: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    Q: Serialize + ?Sized,
{
    let outcome = write(key, out);
    clear_on_error(outcome, out)
}

/// Writes the bytes that the keys which begin with `prefix` begin with.
///
/// They are all keys from these bytes up to their [`successor`], without it.
pub(crate) fn encode_prefix<K, P>(prefix: &P, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    K: ?Sized,
    P: PrefixOf<K> + ?Sized,
{
    let outcome = write_open(prefix, out, P::OPEN_ENDED).and_then(|has_end| {
        if has_end {
            Ok(())
        } else {
            Err(EncodeError::NoOpenEnd)
        }
    });
    clear_on_error(outcome, out)
}

/// Makes `bytes` the least string of bytes that is greater than all that begin with it.
///
/// Returns `false` if there is none, because `bytes` is empty or all its bytes are `FF`. `bytes` is then empty.
pub(crate) fn successor(bytes: &mut Vec<u8>) -> bool {
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return true;
        }
    }
    false
}

/// Decodes the bytes of a key, tag included.
///
/// Any other form of a value is an error, as far as this format tells. A type may accept several forms itself: a `BTreeSet` is also read
/// from elements in another order. Only encoding the key again shows that.
pub(crate) fn decode<K>(bytes: &[u8]) -> Result<K, DecodeError>
where
    K: DeserializeOwned,
{
    match bytes.split_first() {
        Some((&ORDERED_TAG, payload)) => read(payload),
        Some((&tag, _)) => Err(DecodeError::NotOrdered(tag)),
        None => Err(DecodeError::Empty),
    }
}

fn read<K>(payload: &[u8]) -> Result<K, DecodeError>
where
    K: DeserializeOwned,
{
    read_within(payload, |budget| {
        let mut reader = KeyReader::new(payload);
        let data = LimitedDeserializer::new(OrderedDeserializer::new(&mut reader), budget);
        let key =
            K::deserialize(data).map_err(|error| DecodeError::malformed(Format::Ordered, error))?;
        match reader.rest().len() {
            0 => Ok(key),
            trailing => Err(DecodeError::TrailingBytes(trailing)),
        }
    })
}

fn write<Q>(key: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    Q: Serialize + ?Sized,
{
    write_open(key, out, false).map(|_| ())
}

/// Writes the bytes of `key`, without the last end if `is_open`. Returns `false` if there is no end to leave out.
fn write_open<Q>(key: &Q, out: &mut Vec<u8>, is_open: bool) -> Result<bool, EncodeError>
where
    Q: Serialize + ?Sized,
{
    let outcome = write_with(Format::Ordered, out, |state, out| {
        let mut writer = KeyWriter::new(state, out);
        let serializer = OrderedSerializer::new(&mut writer);
        key.serialize(CheckedSerializer::new(serializer, state))?;
        Ok(!is_open || writer.remove_end())
    });
    outcome.map_err(|refusal| refusal.into_error(Format::Ordered))
}

/// Returns an error unless `written` decodes as an `is_same` key that encodes to the same bytes.
fn verify_round_trip<K>(written: &[u8], is_same: impl FnOnce(&K) -> bool) -> Result<(), EncodeError>
where
    K: Serialize + DeserializeOwned,
{
    let format = Format::Ordered;
    let decoded: K =
        decode(written).map_err(|source| EncodeError::Unreadable { format, source })?;
    let mut again = Vec::with_capacity(written.len());
    write(&decoded, &mut again)?;
    if again == written && is_same(&decoded) {
        return Ok(());
    }
    Err(EncodeError::Altered { format })
}
