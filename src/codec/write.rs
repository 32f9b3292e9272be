//! One encoding of a value in one format, without a look at what it decodes to.

use serde::Serialize;

use super::error::{EncodeError, Foreign};
use super::format::{Codec, Format};
use super::serialize_state::{Defect, SerializeState};
use super::{binary, message_pack};

/// The capacity of a new buffer. Most keys and small values fit in it.
const CAPACITY: usize = 128;

/// The reason why [`write()`] wrote nothing.
pub(super) enum Refusal {
    /// MessagePack cannot hold the value. bincode may.
    NilUnderSome,
    /// The value cannot be written in this format.
    Final(EncodeError),
}

impl Refusal {
    /// Returns the error for a value that no format but `format` is left for.
    pub(super) fn into_error(self, format: impl Into<Format>) -> EncodeError {
        match self {
            Self::NilUnderSome => EncodeError::Altered {
                format: format.into(),
            },
            Self::Final(error) => error,
        }
    }
}

/// Writes the tag of `codec` and `value` to `out`, which is cleared first.
#[inline]
pub(super) fn write<Q>(value: &Q, codec: Codec, out: &mut Vec<u8>) -> Result<(), Refusal>
where
    Q: Serialize + ?Sized,
{
    write_with(codec.into(), out, |state, out| match codec {
        Codec::MessagePack => message_pack::write(value, state, out),
        Codec::Bincode => binary::write(value, state, out),
    })
}

/// Writes the tag of `format` to `out`, which is cleared first, and calls `write` for the rest.
#[inline]
pub(super) fn write_with<R>(
    format: Format,
    out: &mut Vec<u8>,
    write: impl FnOnce(&SerializeState, &mut Vec<u8>) -> Result<R, Foreign>,
) -> Result<R, Refusal> {
    out.clear();
    // A buffer that has a capacity was given one that fits.
    if out.capacity() == 0 {
        out.reserve(CAPACITY);
    }
    out.push(format.tag());
    let state = SerializeState::new(format);
    let outcome = write(&state, out);
    // The defect comes first: the value may have ignored the serializer's error, or replaced it by its own.
    match (state.defect(), outcome) {
        (None, Ok(written)) => Ok(written),
        (None, Err(source)) => Err(Refusal::Final(EncodeError::Serialize { format, source })),
        (Some(Defect::NilUnderSome), _) => Err(Refusal::NilUnderSome),
        (Some(Defect::WrongLength), _) => Err(Refusal::Final(EncodeError::WrongLength)),
        (Some(Defect::TooLong), _) => Err(Refusal::Final(EncodeError::TooLong)),
        (Some(Defect::TooDeep), _) => Err(Refusal::Final(EncodeError::TooDeep)),
        (Some(Defect::SkippedField), _) => Err(Refusal::Final(EncodeError::SkippedField)),
        (Some(Defect::UnsortedMap), _) => Err(Refusal::Final(EncodeError::UnsortedMap)),
    }
}

/// Clears `out` if `outcome` is an error.
pub(super) fn clear_on_error<T, E>(outcome: Result<T, E>, out: &mut Vec<u8>) -> Result<T, E> {
    if outcome.is_err() {
        out.clear();
    }
    outcome
}
