//! The formats of values and keys, and the tag byte that names the format in each stored one.

use std::fmt;

pub(super) const MESSAGE_PACK_TAG: u8 = b'M';
pub(super) const BINCODE_TAG: u8 = b'B';
pub(super) const PICKLE_TAG: u8 = b'P';
pub(super) const ORDERED_TAG: u8 = b'O';

/// The preferred format of the values that a vault writes.
///
/// Each stored value names its own format. A vault may hold both formats, and every value stays readable when the
/// preference changes. Keys are always written with `MessagePack` preferred.
///
/// # Which types
///
/// Any type that implements serde's `Serialize` and `DeserializeOwned`. A value is stored only if it can be read back. A value
/// that the preferred format cannot hold is written in the other one. A value that neither can hold is an error when it is
/// written. Two cases are common:
///
/// - MessagePack cannot tell `Some(None)` or `Some(())` from `None`. A value that contains one is written as bincode.
/// - bincode cannot read types that are read by the shape of the data: `serde_json::Value`, untagged, internally tagged and adjacently
///   tagged enums, `flatten`, `skip_serializing_if`. With `Bincode` preferred, they are written as MessagePack.
///
/// [`verify_writes`](crate::OpenOptions::verify_writes) describes how a value is compared with what is read back, and what the
/// comparison cannot detect.
///
/// # Changing a type
///
/// A stored value is decoded as the type that the program has *now*. MessagePack stores struct fields and enum variants by name:
///
/// | Change | MessagePack | bincode |
/// |---|---|---|
/// | add a field that is `#[serde(default)]` or an `Option` | reads | no |
/// | remove a field, reorder fields, reorder variants | reads | no |
/// | add a variant | reads | reads at the end only |
/// | widen an integer, integer to float, `T` to `Option<T>` | reads | no |
/// | rename a field or a variant | with `#[serde(alias)]` | reads |
///
/// A stored value keeps the shape in which it was written until it is written again. [`Vault::rewrite`](crate::Vault::rewrite) writes
/// all values in the current shape, in one transaction. After that, `alias` and `default` are no longer needed:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use vaults::Vault;
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("users.db");
/// #[derive(Serialize, Deserialize)]
/// struct User {
///     #[serde(alias = "name")] // the former name
///     full_name: String,
///     #[serde(default)] // a new field
///     visits: u32,
/// }
/// let users: Vault<u32, User> = Vault::open(&path)?;
/// println!("{} users were in an older shape", users.rewrite()?);
/// # Ok(())
/// # }
/// ```
///
/// Convert to a type that cannot read the old one with [`Vault::map_values`](crate::Vault::map_values), or with
/// [`Vault::try_map_entries`](crate::Vault::try_map_entries) if keys change too or the conversion can fail. Each is one
/// transaction, so a program that is killed during it finds the old type again:
///
/// ```
/// # use vaults::{Error, Vault};
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("prices.db");
/// # Vault::<String, f64>::open(&path)?.insert("tea".into(), 2.5)?;
/// // Prices were floats. Now they are strings.
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
/// If a vault holds several types, open it with an enum of them that is `#[serde(untagged)]`, the newest first, and map that.
/// Convert only when no other process runs a program with the old type, because it could not read the new values.
///
/// "No" means an error at best. bincode writes neither names nor types, so a changed struct may also be read as a wrong value. This
/// is also true of the values that are written as bincode when `MessagePack` is preferred.
///
/// # Limits
///
/// Values nest at most 128 deep in sequences, tuples, maps, structs and enum variants, and 256 deep in `Some`s and newtype structs.
/// Writing or reading a deeper value is an error, so no stored bytes can exhaust a thread's stack.
///
/// # Cost
///
/// For a struct of eight fields, bincode takes about half the space and three quarters of the time of MessagePack. A value written
/// as bincode is always decoded and encoded once more before it is stored.
///
/// A value that is read back in another order, such as a `HashMap` or `HashSet`, is encoded twice more to compare it.
///
/// serde treats `Vec<u8>` and `[u8]` as lists of integers. Use [`serde_bytes`](https://docs.rs/serde_bytes) for more than a few
/// bytes. It writes a byte string, which the codec encodes and decodes up to 170 times as fast. A call of a vault, which includes
/// the time of SQLite and of the disk, becomes 1 to 50 times as fast. The gain grows with the size of the value.
///
/// # Python
///
/// Python's `msgpack` reads what `MessagePack` writes, with these differences:
///
/// - `i128` and `u128` are `bytes` of length 16 in Python, most significant byte first. Use `i64` or `u64` for numbers that Python reads.
/// - A struct is a `dict` whose keys are the names of its fields.
/// - A map whose keys are neither strings nor bytes, such as a `HashMap<u32, u32>`, does not unpack with the defaults of Python's
///   `msgpack` (`strict_map_key`). One such value makes the Python package's `items()` and `values()` fail. Use strings as keys
///   in maps that Python reads.
/// - Values that MessagePack cannot hold are written as bincode, which Python does not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// MessagePack with named struct fields. Types may change, and other languages can read it. This is the default.
    #[default]
    MessagePack,
    /// bincode 2 in its standard configuration. It is smaller and faster, for types that never change.
    Bincode,
}

/// The first byte of a stored value, which names its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    MessagePack,
    Bincode,
    Pickle,
}

impl Tag {
    /// Returns the tag of `blob`, or `None` if it is empty or its first byte is no tag.
    pub(crate) fn of(blob: &[u8]) -> Option<Self> {
        match *blob.first()? {
            MESSAGE_PACK_TAG => Some(Self::MessagePack),
            BINCODE_TAG => Some(Self::Bincode),
            PICKLE_TAG => Some(Self::Pickle),
            _ => None,
        }
    }
}

/// Writes the format's name.
impl fmt::Display for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Format::from(*self).fmt(formatter)
    }
}

/// A format that is written: one that a [`Codec`] prefers, or that of the keys of sorted maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    MessagePack,
    Bincode,
    /// The format whose bytes sort as the keys do.
    Ordered,
}

impl Format {
    /// Returns the first byte of what is written in this format.
    pub(super) const fn tag(self) -> u8 {
        match self {
            Self::MessagePack => MESSAGE_PACK_TAG,
            Self::Bincode => BINCODE_TAG,
            Self::Ordered => ORDERED_TAG,
        }
    }
}

impl From<Codec> for Format {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::MessagePack => Self::MessagePack,
            Codec::Bincode => Self::Bincode,
        }
    }
}

/// Writes the format's name, which is a noun without an article.
impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MessagePack => "MessagePack",
            Self::Bincode => "bincode",
            Self::Ordered => "ordered bytes",
        })
    }
}
