//! Values to bytes and back: one tag byte, then the value in the format that the tag names.
//!
//! What is written is what can be read. Each way in which a format would lose something is either worked around by taking the
//! other format, or is an error before anything is stored.

mod binary;
mod bounded;
pub(crate) mod checksum;
mod digest;
mod error;
mod faithful;
mod limits;
mod message_pack;
mod tally;
mod verify;
mod watch;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::bounded::{Breach, Guard};
use self::error::Foreign;
pub(crate) use self::error::{DecodeError, EncodeError};
use self::verify::{ReadBack, read_back, write_verified};
use self::watch::{Verdict, Watch};

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
/// [`verify_writes`](crate::OpenOptions::verify_writes) says how a value is compared with what comes back, and what that cannot notice.
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
/// A value whose bytes come back in another order, as those of a `HashMap` or `HashSet` do, is encoded twice more to compare it.
///
/// serde sees `Vec<u8>` and `[u8]` as lists of integers. Use [`serde_bytes`](https://docs.rs/serde_bytes) for more than a few bytes: it
/// writes a byte string, which the codec alone encodes and decodes up to some 170 times as fast. Through a vault, where SQLite and the
/// disk take their time too, that makes a call 1 to 50 times as fast: the larger the value, the more.
///
/// # What Python reads
///
/// Python's `msgpack` reads what `MessagePack` writes, with these differences:
///
/// - `i128` and `u128` are `bytes` of length 16 to Python, most significant byte first. Use `i64` or `u64` for a number that Python is to read.
/// - A struct is a `dict` whose keys are the names of its fields. A map whose keys are neither strings nor bytes, such as a `HashMap<u32, u32>`, does not
///   unpack with the defaults of Python's `msgpack` (`strict_map_key`), so that one such value breaks the Python package's `items()` and
///   `values()`. Use strings as the keys of maps that Python is to read.
/// - Values that MessagePack cannot hold are written as bincode, which Python does not read.
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
        if !verify && codec == Codec::MessagePack {
            return Ok(());
        }
        // A key is found by its bytes, so that not even the order of entries may change.
        match read_back::<K>(codec, out)? {
            ReadBack::Same => Ok(()),
            ReadBack::Other(_) => Err(EncodeError::Altered { codec }),
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
    write_verified::<T, Q>(value, Codec::Bincode, out).map_err(|refusal| refusal.of(Codec::Bincode))
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

/// Why `write` wrote nothing.
enum Refusal {
    /// bincode might hold it.
    NilUnderSome,
    /// It is not to be stored.
    Final(EncodeError),
}

impl Refusal {
    /// The error of a value that only `codec` was left for.
    fn of(self, codec: Codec) -> EncodeError {
        match self {
            Self::NilUnderSome => EncodeError::Altered { codec },
            Self::Final(error) => error,
        }
    }
}

#[inline]
fn write<Q>(value: &Q, codec: Codec, out: &mut Vec<u8>) -> Result<(), Refusal>
where
    Q: Serialize + ?Sized,
{
    write_with(codec, out, |watch, out| match codec {
        Codec::MessagePack => message_pack::write(value, watch, out),
        Codec::Bincode => binary::write(value, watch, out),
    })
}

#[inline]
fn write_with<R>(
    codec: Codec,
    out: &mut Vec<u8>,
    write: impl FnOnce(&Watch, &mut Vec<u8>) -> Result<R, Foreign>,
) -> Result<R, Refusal> {
    out.clear();
    out.push(codec.tag());
    let watch = Watch::new(codec);
    let outcome = write(&watch, out);
    // The verdict comes first: the value may have hidden it in an error of its own, or in none.
    match (watch.verdict(), outcome) {
        (None, Ok(written)) => Ok(written),
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
    write(value, Codec::Bincode, out).map_err(|refusal| refusal.of(Codec::Bincode))
}

fn readable<T>(codec: Codec, written: &[u8]) -> Result<T, EncodeError>
where
    T: DeserializeOwned,
{
    decode(written).map_err(|source| EncodeError::Unreadable { codec, source })
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
