//! The errors of encoding and decoding.

use super::format::Format;
use super::limits::{MAX_LAYERS, MAX_LEVELS};

/// An error of a format's library, or of a type's own `Serialize` or `Deserialize`.
pub(crate) type Foreign = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a value was not encoded. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// The `Serialize` implementation returned an error, or used a type that the format does not have.
    #[error("the value could not be serialized as {format}")]
    Serialize {
        /// The last format that was tried.
        format: Format,
        /// The error.
        #[source]
        source: Foreign,
    },

    /// A sequence, map or struct has a number of elements that differs from the declared one.
    #[error(
        "a sequence, map or struct in the value serializes a number of elements that differs from the declared one; \
         correct its `Serialize` implementation"
    )]
    WrongLength,

    /// A sequence, map or string is longer than MessagePack can write.
    #[error(
        "a sequence, map or string in the value is longer than 4,294,967,295; store it in parts"
    )]
    TooLong,

    /// The nesting exceeds a limit.
    #[error(
        "the value is nested deeper than {MAX_LEVELS} arrays and maps or {MAX_LAYERS} `Some`s and newtypes; \
         flatten it, or store its parts under separate keys"
    )]
    TooDeep,

    /// A field is left out of a key whose bytes must sort as the key does.
    #[error(
        "the key leaves out a field, so what follows it would sort in its place; remove `skip_serializing_if` from its type"
    )]
    SkippedField,

    /// A map in a key does not ascend, so that its order does not depend on its entries alone.
    #[error(
        "the keys of a map in the key are not serialized in ascending order; use a `BTreeMap` whose keys sort as their bytes do"
    )]
    UnsortedMap,

    /// A prefix is declared as one that goes on in the key, and ends with a value that does not.
    #[error(
        "the prefix does not end with a string, a sequence or a map, which could go on in the key; \
         set `OPEN_ENDED` of its type to `false`"
    )]
    NoOpenEnd,

    /// A nil directly inside a `Some`, which MessagePack cannot tell from `None`, in a type that bincode cannot hold.
    #[error(
        "the value holds a `None` or `()` directly inside a `Some`, which MessagePack cannot tell from `None`, and bincode \
         cannot hold its type; replace the nested `Option` with an enum"
    )]
    NilUnderSome {
        /// Why bincode cannot hold it.
        #[source]
        source: Box<EncodeError>,
    },

    /// The encoded value does not decode as its type.
    #[error("the value cannot be read back from {format} as its own type, so it was not stored")]
    Unreadable {
        /// The last format that was tried.
        format: Format,
        /// The error of decoding it.
        #[source]
        source: DecodeError,
    },

    /// The encoded value decodes as a value with another encoding.
    #[error("the value is read back from {format} as a different value, so it was not stored")]
    Altered {
        /// The last format that was tried.
        format: Format,
    },
}

impl EncodeError {
    /// Returns `true` if no other codec can hold the value either.
    pub(super) fn holds_for_every_codec(&self) -> bool {
        matches!(self, Self::WrongLength | Self::TooLong | Self::TooDeep)
    }
}

/// The reason why stored bytes were not decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    /// There are no bytes. The smallest stored value has one.
    #[error("the stored data is empty; the smallest value takes one byte")]
    Empty,

    /// The first byte names no known format.
    #[error(
        "the stored data is of an unknown format, tag {0:#04x}; a newer version of this library may have written it"
    )]
    UnknownTag(u8),

    /// The first byte is not that of a key whose bytes sort as the key does.
    #[error(
        "the stored key has the tag {0:#04x}, and the keys of a sorted map have the tag 0x4f; it is of another map, or damaged"
    )]
    NotOrdered(u8),

    /// The value is a pickle of the Python package. It is never read, because reading a pickle runs code.
    #[error(
        "the stored data is a Python pickle, which this library never reads; store it from Python as plain data"
    )]
    Pickle,

    /// The bytes do not decode as the type.
    #[error("the stored data cannot be read from {format} as the expected type")]
    Malformed {
        /// The format that the data names.
        format: Format,
        /// The error.
        #[source]
        source: Foreign,
    },

    /// There are bytes after the value.
    #[error(
        "the stored data has {0} bytes after the end of the value; it is damaged, or of another type"
    )]
    TrailingBytes(usize),

    /// The nesting exceeds a limit.
    #[error(
        "the stored data is nested deeper than {MAX_LEVELS} arrays and maps or {MAX_LAYERS} `Some`s and newtypes"
    )]
    TooDeep,

    /// Sequences or maps announce more elements than the data can hold.
    #[error(
        "the stored data announces more elements than it can hold; it is damaged, or of another type"
    )]
    TooManyElements,
}

impl DecodeError {
    /// Returns the error for data that a format's library or the type refused.
    #[cold]
    pub(super) fn malformed(format: Format, source: impl Into<Foreign>) -> Self {
        let source = source.into();
        Self::Malformed { format, source }
    }
}
