//! Values to bytes and back: one tag byte, then the value in the format that the tag names.
//!
//! What is written is what can be read. Each way in which a format would lose something is either worked around by taking the
//! other format, or is an error before anything is stored.

mod binary;
mod bounded;
pub(crate) mod checksum;
mod error;
mod faithful;
mod limits;
mod message_pack;
mod tally;
mod watch;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::buffer::Buffer;

use self::bounded::{Breach, Guard};
pub(crate) use self::error::{DecodeError, EncodeError};
use self::watch::{Maps, Verdict, Watch};

const MESSAGE_PACK_TAG: u8 = b'M';
const BINCODE_TAG: u8 = b'B';
const PICKLE_TAG: u8 = b'P';

/// The format that values are written in.
///
/// It is a preference for what is written from now on. Each stored value names its own format, so a vault may hold both, and changing
/// the preference leaves everything readable. Keys are always written as if by `MessagePack`.
///
/// # Which types
///
/// Any type with serde's `Serialize` and `DeserializeOwned`. A value is stored only if it can be read back: what the preferred format
/// cannot hold is written in the other one, and what neither can hold is an error at the time of writing. Two cases are
/// common enough to know:
///
/// - MessagePack cannot tell `Some(None)` or `Some(())` from `None`. A value that contains one is written as bincode.
/// - bincode cannot read types that ask the data what they are: `serde_json::Value`, untagged, internally tagged and adjacently tagged
///   enums, `flatten`, `skip_serializing_if`. With `Bincode` preferred, they are written as MessagePack.
///
/// One kind of type can escape this: a struct that flattens an `Option` of a struct and a map as well, and holds a `HashMap`. An entry
/// of the flattened map that could be a field of the flattened struct is read as one, and the only trace is another order of the
/// entries, which a `HashMap` has too.
///
/// # Changing a type
///
/// A stored value is read as what the type is *now*. In MessagePack, struct fields and enum variants go by name:
///
/// | Change | MessagePack | bincode |
/// |---|---|---|
/// | add a field that is `#[serde(default)]` or an `Option` | reads | no |
/// | remove a field, reorder fields, reorder variants | reads | no |
/// | add a variant | reads | reads at the end only |
/// | widen an integer, integer to float, `T` to `Option<T>` | reads | no |
/// | rename a field or a variant | with `#[serde(alias)]` | reads |
///
/// A stored value keeps the shape in which it was written until it is written again. [`Vault::rewrite`](crate::Vault::rewrite) writes all
/// of them in the shape of now, in one transaction; `alias` and `default` have then done their work and can go:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use vaults::Vault;
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("users.db");
/// #[derive(Serialize, Deserialize)]
/// struct User {
///     #[serde(alias = "name")] // as it was called before
///     full_name: String,
///     #[serde(default)] // was not there before
///     visits: u32,
/// }
/// let users: Vault<u32, User> = Vault::open(&path)?;
/// println!("{} users were in an older shape", users.rewrite()?);
/// # Ok(())
/// # }
/// ```
///
/// A type that cannot read the old one is reached with [`Vault::map_values`](crate::Vault::map_values), or
/// [`Vault::try_map_entries`](crate::Vault::try_map_entries) if keys change too or it can fail. Each is one transaction, so that a program
/// that was killed in the middle starts again from the old type:
///
/// ```
/// # use vaults::{Error, Vault};
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("prices.db");
/// # Vault::<String, f64>::open(&path)?.insert("tea".into(), 2.5)?;
/// // Prices were floats, and are texts now.
/// let prices = match Vault::<String, String>::open(&path) {
///     Err(Error::TypeMismatch { .. }) => {
///         Vault::<String, f64>::open(&path)?.map_values(|_, price| format!("{price:.2}"))?
///     }
///     opened => opened?,
/// };
/// assert_eq!(prices.get("tea")?.as_deref(), Some("2.50"));
/// # Ok(())
/// # }
/// ```
///
/// If a vault holds several types, open it with an enum of them that is `#[serde(untagged)]`, the newest first, and map that. While
/// other processes still run a program with the old type, wait with either: they could not read what is written.
///
/// "No" means an error at best. bincode has no names or types to compare, so that a changed struct may also read as a wrong value. This
/// holds for the values that MessagePack preferred writes as bincode too.
///
/// # Limits
///
/// Values nest at most 128 deep in sequences, tuples, maps, structs and enum variants, and 256 deep in `Some`s and newtype structs. Deeper
/// ones are an error in both directions, so that no stored bytes can exhaust a thread's stack.
///
/// # Cost
///
/// For a struct of eight fields bincode takes about half the space and three quarters of the time. A value written as bincode is always decoded and
/// encoded once more before it is stored.
///
/// Bytes are special: serde sees `Vec<u8>` and `[u8]` as lists of integers, which are some 170 times slower than byte strings. Use
/// [`serde_bytes`](https://docs.rs/serde_bytes) for more than a few of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// MessagePack with named struct fields: types may change, and other languages can read it. The default.
    #[default]
    MessagePack,
    /// bincode 2 in its standard configuration: smaller and faster, for types that never change.
    Bincode,
}

/// Who wrote a blob, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    MessagePack,
    Bincode,
    Pickle,
}

impl Tag {
    pub(crate) fn of(blob: &[u8]) -> Option<Self> {
        match *blob.first()? {
            MESSAGE_PACK_TAG => Some(Self::MessagePack),
            BINCODE_TAG => Some(Self::Bincode),
            PICKLE_TAG => Some(Self::Pickle),
            _ => None,
        }
    }
}

impl Codec {
    const fn tag(self) -> u8 {
        match self {
            Self::MessagePack => MESSAGE_PACK_TAG,
            Self::Bincode => BINCODE_TAG,
        }
    }
}

/// The format's name.
impl fmt::Display for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MessagePack => "MessagePack",
            Self::Bincode => "bincode",
        })
    }
}

/// Writes `value` to `out`, in `codec` if that can hold it, so that it reads back as a `T`.
///
/// `out` is cleared first, and is empty after an error. With `verify`, MessagePack is decoded, encoded again and compared before it
/// is accepted; bincode always is. Decoding alone would let pass what reads back as something else: an untagged enum whose `Float(f64)`
/// comes before its `Int(i64)`.
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
    emptied_on_error(outcome, out)
}

/// Writes `key` to `out`: the bytes of [`encode_lookup`], and an error where they do not read back as an equal `K`.
///
/// With `verify`, this also refuses a `Q` that does not serialize as the `K` it stands for.
pub(crate) fn encode_key<K, Q>(key: &Q, verify: bool, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    K: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let outcome = write_key(key, out).and_then(|codec| {
        if verify || codec == Codec::Bincode {
            reproducible::<K>(codec, out, |written, again| written == again)
        } else {
            Ok(())
        }
    });
    emptied_on_error(outcome, out)
}

/// Writes the bytes that `key` is stored under, whether or not they are. They depend on the key alone.
pub(crate) fn encode_lookup<Q>(key: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    Q: Serialize + ?Sized,
{
    let outcome = write_key(key, out).map(|_| ());
    emptied_on_error(outcome, out)
}

/// Reads a value out of a whole blob.
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

fn prefer_message_pack<T, Q>(value: &Q, verify: bool, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    match write(value, Codec::MessagePack, out) {
        Ok(_) if verify => reproducible::<T>(Codec::MessagePack, out, equal_but_for_order),
        Ok(_) => Ok(()),
        Err(Refusal::NilUnderSome) => {
            write_reproducible_bincode::<T, Q>(value, out).map_err(nil_under_some)
        }
        Err(Refusal::Final(error)) => Err(error),
    }
}

fn prefer_bincode<T, Q>(value: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let first = match write_reproducible_bincode::<T, Q>(value, out) {
        Err(error) if !error.holds_for_every_codec() => error,
        settled => return settled,
    };
    match write(value, Codec::MessagePack, out) {
        Ok(_) => reproducible::<T>(Codec::MessagePack, out, equal_but_for_order),
        Err(Refusal::NilUnderSome) => Err(nil_under_some(first)),
        Err(Refusal::Final(error)) => Err(error),
    }
}

fn write_reproducible_bincode<T, Q>(value: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    write_bincode(value, out)?;
    reproducible::<T>(Codec::Bincode, out, equal_but_for_order)
}

fn write_key<Q>(key: &Q, out: &mut Vec<u8>) -> Result<Codec, EncodeError>
where
    Q: Serialize + ?Sized,
{
    match write(key, Codec::MessagePack, out) {
        Ok(_) => Ok(Codec::MessagePack),
        Err(Refusal::NilUnderSome) => match write_bincode(key, out) {
            Ok(()) => Ok(Codec::Bincode),
            Err(error) => Err(nil_under_some(error)),
        },
        Err(Refusal::Final(error)) => Err(error),
    }
}

/// Why `write` wrote nothing.
enum Refusal {
    /// bincode might hold it.
    NilUnderSome,
    /// It is not to be stored.
    Final(EncodeError),
}

#[inline]
fn write<Q>(value: &Q, codec: Codec, out: &mut Vec<u8>) -> Result<Maps, Refusal>
where
    Q: Serialize + ?Sized,
{
    out.clear();
    out.push(codec.tag());
    let watch = Watch::new(codec);
    let outcome = match codec {
        Codec::MessagePack => message_pack::write(value, &watch, out),
        Codec::Bincode => binary::write(value, &watch, out),
    };
    // The verdict comes first: the value may have hidden it in an error of its own, or in none.
    match (watch.verdict(), outcome) {
        (None, Ok(())) => Ok(watch.maps()),
        (None, Err(source)) => Err(Refusal::Final(EncodeError::Serialize { codec, source })),
        (Some(Verdict::NilUnderSome), _) => Err(Refusal::NilUnderSome),
        (Some(Verdict::WrongLength), _) => Err(Refusal::Final(EncodeError::WrongLength)),
        (Some(Verdict::TooLong), _) => Err(Refusal::Final(EncodeError::TooLong)),
        (Some(Verdict::TooDeep), _) => Err(Refusal::Final(EncodeError::TooDeep)),
    }
}

fn read<T>(codec: Codec, payload: &[u8]) -> Result<T, DecodeError>
where
    T: DeserializeOwned,
{
    let guard = Guard::new(payload);
    let outcome = match codec {
        Codec::MessagePack => message_pack::read(payload, &guard),
        Codec::Bincode => binary::read(payload, &guard),
    };
    match guard.breach() {
        None => outcome,
        Some(Breach::TooDeep) => Err(DecodeError::TooDeep),
        Some(Breach::TooManyElements) => Err(DecodeError::TooManyElements),
    }
}

fn write_bincode<Q>(value: &Q, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    Q: Serialize + ?Sized,
{
    match write(value, Codec::Bincode, out) {
        Ok(_) => Ok(()),
        Err(Refusal::Final(error)) => Err(error),
        Err(Refusal::NilUnderSome) => Err(EncodeError::Altered {
            codec: Codec::Bincode,
        }),
    }
}

fn readable<T>(codec: Codec, written: &[u8]) -> Result<T, EncodeError>
where
    T: DeserializeOwned,
{
    decode(written).map_err(|source| EncodeError::Unreadable { codec, source })
}

/// Requires that `written` reads as a `T` that is written as the `same` bytes again.
fn reproducible<T>(
    codec: Codec,
    written: &[u8],
    same: fn(&[u8], &[u8]) -> bool,
) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned,
{
    let value: T = readable(codec, written)?;
    let mut again = Buffer::new();
    again.reserve(written.len());
    match write(&value, codec, &mut again) {
        Ok(maps)
            if same(written, &again)
                && (maps == Maps::Declared || has_no_order::<T>(codec, written, &again)) =>
        {
            Ok(())
        }
        Ok(_) | Err(Refusal::NilUnderSome) => Err(EncodeError::Altered { codec }),
        Err(Refusal::Final(error)) => Err(error),
    }
}

/// How often a value is made anew to see its entries in another order. A map of two has each of its orders every
/// second time.
const MOST_ORDERS: usize = 32;

/// Whether `again` is in another order than `written` by chance, as a hash map is, or is not in another.
///
/// With flattened fields the order may also tell whose an entry was: a field that was read out of the entries of a
/// flattened map comes where the field is. That happens each time in the same way.
fn has_no_order<T>(codec: Codec, written: &[u8], again: &[u8]) -> bool
where
    T: Serialize + DeserializeOwned,
{
    let mut other = Buffer::new();
    written == again
        || (0..MOST_ORDERS).any(|_| {
            let value = decode::<T>(written).ok();
            value.is_some_and(|value| write(&value, codec, &mut other).is_ok() && *other != again)
        })
}

/// Whether two encodings of one value may be the same value.
///
/// A `HashMap` or `HashSet` iterates in another order each time it is built, so its second encoding holds the first one's bytes in other
/// places. Requiring the same places would refuse every such value of two entries.
fn equal_but_for_order(one: &[u8], other: &[u8]) -> bool {
    one == other || (one.len() == other.len() && histogram(one) == histogram(other))
}

fn histogram(bytes: &[u8]) -> [usize; 256] {
    let mut counts = [0_usize; 256];
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    counts
}

fn nil_under_some(bincode: EncodeError) -> EncodeError {
    if bincode.holds_for_every_codec() {
        return bincode;
    }
    EncodeError::NilUnderSome {
        source: Box::new(bincode),
    }
}

fn emptied_on_error<T, E>(outcome: Result<T, E>, out: &mut Vec<u8>) -> Result<T, E> {
    if outcome.is_err() {
        out.clear();
    }
    outcome
}
