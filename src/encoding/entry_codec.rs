//! Encoding of values and decoding of entries, as the settings of a vault say.

use std::any::type_name;
use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, Codec, checksum};
use crate::encoding::encoded_key::{EncodedKey, IsSame, KeyFormat, cannot_decode};
use crate::encoding::key_order::KeyComparison;
use crate::engine::{Columns, Position, RawRow};
use crate::error::{EntryPart, Error, Result, preview};

/// The settings by which a vault encodes and decodes its entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryCodec {
    pub(crate) keys: KeyFormat,
    /// How the keys compare, if the rows are in their order.
    pub(crate) comparison: Option<KeyComparison>,
    /// The preferred format of the values.
    pub(crate) codec: Codec,
    pub(crate) verify: bool,
    /// Whether every value has a checksum.
    pub(crate) checksums: bool,
}

impl EntryCodec {
    /// Encodes `key` to look it up.
    pub(crate) fn lookup<Q>(self, key: &Q) -> Result<EncodedKey>
    where
        Q: Serialize + ?Sized,
    {
        self.keys.lookup(key)
    }

    /// Encodes `key` to store an entry under it.
    pub(crate) fn encode_key<K, Q>(self, key: &Q, is_same: IsSame<Q>) -> Result<EncodedKey>
    where
        K: Serialize + DeserializeOwned + Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let mut out = EncodedKey::default();
        self.encode_key_to::<K, Q>(key, is_same, &mut out)?;
        Ok(out)
    }

    /// Replaces `out` by the encoding of `key`, to store an entry under it.
    pub(crate) fn encode_key_to<K, Q>(
        self,
        key: &Q,
        is_same: IsSame<Q>,
        out: &mut EncodedKey,
    ) -> Result<()>
    where
        K: Serialize + DeserializeOwned + Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.keys.encode_to::<K, Q>(key, self.verify, is_same, out)
    }

    /// Encodes `value` as the value of `key`.
    pub(crate) fn encode<V>(self, key: &[u8], value: &V) -> Result<Vec<u8>>
    where
        V: Serialize + DeserializeOwned,
    {
        let mut blob = Vec::new();
        self.encode_to(key, value, &mut blob)?;
        Ok(blob)
    }

    /// Replaces `blob` by the encoding of `value` as the value of `key`.
    pub(crate) fn encode_to<V>(self, key: &[u8], value: &V, blob: &mut Vec<u8>) -> Result<()>
    where
        V: Serialize + DeserializeOwned,
    {
        codec::encode::<V, V>(value, self.codec, self.verify, blob).map_err(|error| {
            Error::Encode {
                part: EntryPart::Value,
                type_name: type_name::<V>(),
                source: Box::new(error),
            }
        })?;
        if self.checksums {
            *blob = checksum::add_checksum(key, blob);
        }
        Ok(())
    }

    /// Encodes `value` if its bytes differ from the stored ones.
    pub(crate) fn encode_if_bytes_changed<V>(
        self,
        key: &[u8],
        value: &V,
        stored: &[u8],
    ) -> Result<Option<Vec<u8>>>
    where
        V: Serialize + DeserializeOwned,
    {
        let bytes = self.encode(key, value)?;
        Ok((bytes != stored).then_some(bytes))
    }

    /// Encodes `value` if it differs from the stored value.
    ///
    /// The stored value may have other bytes than an equal value has now: those of another codec, of another program or
    /// of an older type. A call that passes over every entry must not write all of those.
    pub(crate) fn encode_if_value_changed<V>(
        self,
        key: &[u8],
        value: &V,
        stored: &[u8],
    ) -> Result<Option<Vec<u8>>>
    where
        V: Serialize + DeserializeOwned,
    {
        let Some(bytes) = self.encode_if_bytes_changed(key, value, stored)? else {
            return Ok(None);
        };
        // `bytes` were verified, so the bytes that are compared with them need not be.
        let unverified = Self {
            verify: false,
            ..self
        };
        let before = self
            .decode::<V>(key, stored)
            .and_then(|value| unverified.encode(key, &value))
            .ok();
        Ok((before.as_ref() != Some(&bytes)).then_some(bytes))
    }

    /// Decodes the stored value of `key`.
    #[inline]
    pub(crate) fn decode<V: DeserializeOwned>(self, key: &[u8], stored: &[u8]) -> Result<V> {
        decode_verified(key, self.verify_checksum(key, stored)?)
    }

    /// Decodes a key and its value.
    #[inline]
    pub(crate) fn decode_entry<K, V>(self, key: &[u8], stored: &[u8]) -> Result<(K, V)>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        // The checksum comes first: damage is reported as damage, not as a key that does not decode.
        let blob = self.verify_checksum(key, stored)?;
        Ok((self.keys.decode(key)?, decode_verified(key, blob)?))
    }

    /// Decodes a row with both columns.
    #[inline]
    pub(crate) fn decode_row<K, V>(self, row: RawRow<'_>) -> Result<(K, V)>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let (key, stored) = row.bytes()?;
        self.decode_entry(key, stored)
    }

    /// Checks that an entry decodes as `(K, V)`, and that a look-up of its key finds it.
    pub(crate) fn check_entry<K, V>(self, key: &[u8], stored: &[u8]) -> Result<()>
    where
        K: Serialize + DeserializeOwned,
        V: DeserializeOwned,
    {
        let blob = self.verify_checksum(key, stored)?;
        self.keys.check_bytes::<K>(&self.keys.decode(key)?, key)?;
        decode_verified::<V>(key, blob).map(drop)
    }

    /// Returns the columns to read in order to decode `wanted`. Verifying a checksum takes both.
    pub(crate) const fn columns(self, wanted: Columns) -> Columns {
        if self.checksums {
            Columns::Both
        } else {
            wanted
        }
    }

    /// Decodes the key of a row that was read with the [`columns`](Self::columns) of the key.
    pub(crate) fn decode_key<K: DeserializeOwned>(self, row: RawRow<'_>) -> Result<K> {
        let (key, stored) = row.bytes()?;
        self.verify_checksum(key, stored)?;
        self.keys.decode(key)
    }

    /// Decodes the value of a row that was read with the [`columns`](Self::columns) of the value.
    pub(crate) fn decode_value<V: DeserializeOwned>(self, row: RawRow<'_>) -> Result<V> {
        let (key, stored) = row.bytes()?;
        let blob = self.verify_checksum(key, stored)?;
        codec::decode(blob).map_err(|error| {
            // A row of a sorted map has no position, and its key is read in any case.
            let place = match row.position {
                Position::NONE => preview(key),
                position => format!("in row {position}"),
            };
            cannot_decode::<V>(EntryPart::Value, place, error)
        })
    }

    /// Returns what the codec wrote, after verifying the checksum if there is one.
    #[inline]
    pub(crate) fn verify_checksum<'blob>(
        self,
        key: &[u8],
        stored: &'blob [u8],
    ) -> Result<&'blob [u8]> {
        if !self.checksums {
            return Ok(stored);
        }
        checksum::verify_checksum(key, stored).ok_or_else(|| Error::Checksum { key: preview(key) })
    }
}

/// Decodes what the codec wrote as the value of `key`.
#[inline]
fn decode_verified<V: DeserializeOwned>(key: &[u8], blob: &[u8]) -> Result<V> {
    // No `map_err`: it would copy the value once more.
    match codec::decode(blob) {
        Ok(value) => Ok(value),
        Err(error) => Err(cannot_decode::<V>(EntryPart::Value, preview(key), error)),
    }
}
