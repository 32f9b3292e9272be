//! Keys as bytes.
//!
//! A key's identity is its encoding. It is a pure function of the key, whatever codec the
//! values use: equal keys have equal bytes.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::buffer::Buffer;
use crate::codec::{self, DecodeError};
pub(crate) use crate::error::preview;
use crate::error::{EntryPart, Error, Result};

/// The bytes under which an entry is stored.
#[derive(Debug, Default)]
pub(crate) struct EncodedKey(Buffer);

impl EncodedKey {
    /// The bytes to look a key up with.
    pub(crate) fn lookup<Q: Serialize + ?Sized>(key: &Q) -> Result<Self> {
        let mut bytes = Buffer::new();
        codec::encode_lookup(key, &mut bytes).map_err(|error| cannot_encode::<Q>(error))?;
        Ok(Self(bytes))
    }

    /// The bytes to store a key under: with `verify`, they are known to read back as a `K`
    /// that has the same bytes.
    pub(crate) fn stored<K, Q>(key: &Q, verify: bool) -> Result<Self>
    where
        K: Serialize + DeserializeOwned,
        Q: Serialize + ?Sized,
    {
        let mut stored = Self::default();
        stored.set_stored::<K, Q>(key, verify)?;
        Ok(stored)
    }

    /// Becomes what [`stored`](Self::stored) makes, in the memory it has.
    pub(crate) fn set_stored<K, Q>(&mut self, key: &Q, verify: bool) -> Result<()>
    where
        K: Serialize + DeserializeOwned,
        Q: Serialize + ?Sized,
    {
        codec::encode_key::<K, Q>(key, verify, &mut self.0)
            .map_err(|error| cannot_encode::<Q>(error))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Buffer {
        self.0
    }
}

fn cannot_encode<Q: ?Sized>(error: codec::EncodeError) -> Error {
    Error::Encode {
        part: EntryPart::Key,
        type_name: type_name::<Q>(),
        source: Box::new(error),
    }
}

/// Reads a stored key.
#[inline]
pub(crate) fn decode<K: DeserializeOwned>(bytes: &[u8]) -> Result<K> {
    match codec::decode(bytes) {
        Ok(key) => Ok(key),
        Err(error) => Err(cannot_decode::<K>(EntryPart::Key, preview(bytes), error)),
    }
}

/// Checks that look-ups by `key` find the entry that is stored under `bytes`.
pub(crate) fn check_bytes<K: Serialize>(key: &K, bytes: &[u8]) -> Result<()> {
    let encoded = EncodedKey::lookup(key)?;
    if encoded.as_bytes() == bytes {
        return Ok(());
    }
    Err(Error::KeyEncoding {
        key: preview(bytes),
        encoded: preview(encoded.as_bytes()),
        type_name: type_name::<K>(),
    })
}

/// The crate's error for a stored blob of the entry `key` that does not decode.
#[cold]
pub(crate) fn cannot_decode<T>(part: EntryPart, key: String, error: DecodeError) -> Error {
    match error {
        DecodeError::Pickle => Error::Pickle { part, key },
        DecodeError::UnknownTag(tag) => Error::UnknownTag { part, key, tag },
        error => Error::Decode {
            part,
            key,
            type_name: type_name::<T>(),
            source: Box::new(error),
        },
    }
}
