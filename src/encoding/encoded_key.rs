//! Keys as bytes.
//!
//! A key is identified by its encoding, which depends on the key alone. Equal keys have equal bytes, whatever codec the
//! values use.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, DecodeError, EncodeError};
use crate::error::{EntryPart, Error, Result, preview};

/// The bytes under which an entry is stored.
#[derive(Debug, Default)]
pub(crate) struct EncodedKey(Vec<u8>);

impl EncodedKey {
    /// Encodes `key` to look it up.
    pub(crate) fn lookup<Q: Serialize + ?Sized>(key: &Q) -> Result<Self> {
        let mut bytes = Vec::new();
        codec::encode_lookup(key, &mut bytes).map_err(|error| cannot_encode::<Q>(error))?;
        Ok(Self(bytes))
    }

    /// Encodes `key` to store an entry under it.
    ///
    /// With `verify`, this returns an error unless the bytes decode as a `K` that encodes to the same bytes.
    pub(crate) fn stored<K, Q>(key: &Q, verify: bool) -> Result<Self>
    where
        K: Serialize + DeserializeOwned,
        Q: Serialize + ?Sized,
    {
        let mut stored = Self::default();
        stored.set_stored::<K, Q>(key, verify)?;
        Ok(stored)
    }

    /// Replaces these bytes by those of [`stored`](Self::stored), and reuses their memory.
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

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn cannot_encode<Q: ?Sized>(error: EncodeError) -> Error {
    Error::Encode {
        part: EntryPart::Key,
        type_name: type_name::<Q>(),
        source: Box::new(error),
    }
}

/// Decodes a stored key.
#[inline]
pub(crate) fn decode<K: DeserializeOwned>(bytes: &[u8]) -> Result<K> {
    match codec::decode(bytes) {
        Ok(key) => Ok(key),
        Err(error) => Err(cannot_decode::<K>(EntryPart::Key, preview(bytes), error)),
    }
}

/// Checks that a look-up of `key` finds the entry that is stored under `bytes`.
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

/// Returns the error for a part of the entry `key` that does not decode as a `T`.
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
