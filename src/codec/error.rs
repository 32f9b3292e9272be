//! What goes wrong between values and bytes.

use super::Codec;
use super::limits::{MAX_LAYERS, MAX_LEVELS};

/// An error of a format, or of a type's own `Serialize` or `Deserialize`.
pub(crate) type Foreign = Box<dyn std::error::Error + Send + Sync>;

/// Why a value was not written. Nothing that fails here was stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// The `Serialize` implementation gave an error, or asked for something that the format does not have.
    #[error("the value could not be serialized as {codec}")]
    Serialize {
        /// The format that was tried last.
        codec: Codec,
        /// The error.
        #[source]
        source: Foreign,
    },

    /// A sequence, map or struct has another number of elements than it declared.
    #[error(
        "a sequence, map or struct in the value declares another number of elements than it serializes; \
         its `Serialize` implementation is wrong"
    )]
    WrongLength,

    /// A sequence, map or string is longer than MessagePack can state.
    #[error(
        "a sequence, map or string in the value is longer than 4,294,967,295; store it in parts"
    )]
    TooLong,

    /// Nested beyond the limits.
    #[error(
        "the value is nested deeper than {MAX_LEVELS} arrays and maps or {MAX_LAYERS} `Some`s and newtypes; \
         flatten it, or store its parts under keys of their own"
    )]
    TooDeep,

    /// `Some` of nothing, which MessagePack cannot tell from `None`, in a type that bincode cannot hold.
    #[error(
        "the value holds nothing directly inside a `Some`, which MessagePack cannot tell from `None`, and bincode \
         cannot hold its type; use an enum of your own in place of the nested `Option`"
    )]
    NilUnderSome {
        /// Why bincode cannot hold it.
        #[source]
        source: Box<EncodeError>,
    },

    /// It was written, but cannot be read as the type that it would be read as.
    #[error("the value cannot be read back from {codec} as its own type, so it was not stored")]
    Unreadable {
        /// The format that was tried last.
        codec: Codec,
        /// The error of reading it back.
        #[source]
        source: DecodeError,
    },

    /// It was written and read, but what was read is written differently.
    #[error("the value comes back from {codec} as another one, so it was not stored")]
    Altered {
        /// The format that was tried last.
        codec: Codec,
    },
}

impl EncodeError {
    /// Whether the value itself is at fault, so that no other codec need be tried.
    pub(super) fn holds_for_every_codec(&self) -> bool {
        matches!(self, Self::WrongLength | Self::TooLong | Self::TooDeep)
    }
}

/// Why stored bytes were not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    /// No bytes at all; what is stored has one at least.
    #[error("the stored data is empty; the smallest value takes one byte")]
    Empty,

    /// The first byte names no known format.
    #[error(
        "the stored data is of an unknown format, tag {0:#04x}; a newer version of this library may have written it"
    )]
    UnknownTag(u8),

    /// A pickle of the Python package. Reading one runs code, so it is never done.
    #[error(
        "the stored data is a Python pickle, which is never read here; store it from Python as plain data instead"
    )]
    Pickle,

    /// Bytes that do not read as the type.
    #[error("the stored {codec} data does not read as the expected type")]
    Malformed {
        /// The format that the data names.
        codec: Codec,
        /// The error.
        #[source]
        source: Foreign,
    },

    /// A whole value, and more after it.
    #[error(
        "the stored data goes on for {0} bytes after the value's end; it is damaged, or of another type"
    )]
    TrailingBytes(usize),

    /// Nested beyond the limits.
    #[error(
        "the stored data is nested deeper than {MAX_LEVELS} arrays and maps or {MAX_LAYERS} `Some`s and newtypes"
    )]
    TooDeep,

    /// Sequences or maps that claim more elements than there are bytes.
    #[error(
        "the stored data claims more elements than it can hold; it is damaged, or of another type"
    )]
    TooManyElements,
}

impl DecodeError {
    /// The error of a format, or of the type.
    #[cold]
    pub(super) fn malformed(codec: Codec, source: impl Into<Foreign>) -> Self {
        let source = source.into();
        Self::Malformed { codec, source }
    }
}
