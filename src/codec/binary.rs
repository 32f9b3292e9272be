//! Values as bincode, which states neither types nor field names.

use std::marker::PhantomData;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::Writer;
use bincode::error::EncodeError as WriteError;
use bincode::serde::{encode_into_writer, seed_decode_from_slice};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Codec;
use super::bounded::{Bounded, Guard};
use super::error::{DecodeError, Foreign};
use super::faithful::Watched;
use super::watch::Watch;

/// The most that one read may claim: what an allocation can hold.
///
/// No lower limit would be right. It is counted at each integer's full width and not at the bytes it takes, so that a lower one
/// refuses large values of small numbers. What keeps a claimed length from allocating is that `Bounded` asks for borrowed strings.
const LIMIT: usize = isize::MAX as usize;

pub(super) type Config = Configuration<LittleEndian, Varint, Limit<LIMIT>>;

pub(super) const CONFIG: Config = bincode::config::standard().with_limit::<LIMIT>();

/// Appends `value` to `out`, reporting to `watch`.
#[inline]
pub(super) fn write<Q>(value: &Q, watch: &Watch, out: &mut Vec<u8>) -> Result<(), Foreign>
where
    Q: Serialize + ?Sized,
{
    encode_into_writer(Watched::new(value, watch), Append(out), CONFIG)?;
    Ok(())
}

/// Reads the value that `payload` is, reporting to `guard`.
#[inline]
pub(super) fn read<T>(payload: &[u8], guard: &Guard) -> Result<T, DecodeError>
where
    T: DeserializeOwned,
{
    let seed = Bounded::new(PhantomData::<T>, guard);
    let (value, read) = seed_decode_from_slice(seed, payload, CONFIG)
        .map_err(|error| DecodeError::malformed(Codec::Bincode, error))?;
    match payload.len().saturating_sub(read) {
        0 => Ok(value),
        trailing => Err(DecodeError::TrailingBytes(trailing)),
    }
}

/// The end of a buffer, as this format's kind of writer.
pub(super) struct Append<'a>(pub(super) &'a mut Vec<u8>);

impl Writer for Append<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}
