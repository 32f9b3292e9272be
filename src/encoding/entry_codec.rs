//! Values as bytes.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::buffer::Buffer;
use crate::codec::{self, Codec, checksum};
use crate::encoding::encoded_key;
use crate::error::{EntryPart, Error, Result};
use crate::sqlite::{Columns, RawRow};

/// How a vault's values are written, and how they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryCodec {
    pub(crate) codec: Codec,
    pub(crate) verify: bool,
    /// True if every value of the file has a checksum.
    pub(crate) checksums: bool,
}

impl EntryCodec {
    /// The bytes of `value` as the value of `key`.
    pub(crate) fn encode<V>(self, key: &[u8], value: &V) -> Result<Buffer>
    where
        V: Serialize + DeserializeOwned,
    {
        let mut blob = Buffer::new();
        self.encode_to(key, value, &mut blob)?;
        Ok(blob)
    }

    /// Makes `blob` the bytes of `value` as the value of `key`.
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
            *blob = checksum::seal(key, blob);
        }
        Ok(())
    }

    /// The bytes to write for a value that was read from `stored` and then handed out for
    /// changes; `None` if it was not changed.
    pub(crate) fn encode_change<V>(
        self,
        key: &[u8],
        value: &V,
        stored: &[u8],
    ) -> Result<Option<Buffer>>
    where
        V: Serialize + DeserializeOwned,
    {
        let now = self.encode(key, value)?;
        if **now == *stored {
            return Ok(None);
        }
        // What was stored may have other bytes for the same value: another codec's, another
        // program's, an older type's. That alone is no reason to write. What it is compared with
        // was verified.
        let unverified = Self {
            verify: false,
            ..self
        };
        let before = self
            .decode::<V>(key, stored)
            .and_then(|value| unverified.encode(key, &value))
            .ok();
        Ok((before.as_ref() != Some(&now)).then_some(now))
    }

    /// Reads the stored value of the entry with the encoded key `key`.
    #[inline]
    pub(crate) fn decode<V: DeserializeOwned>(self, key: &[u8], stored: &[u8]) -> Result<V> {
        decode_opened(key, self.open(key, stored)?)
    }

    /// Reads a key and its value.
    #[inline]
    pub(crate) fn decode_entry<K, V>(self, key: &[u8], stored: &[u8]) -> Result<(K, V)>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        // What is damaged is told as damage first.
        let blob = self.open(key, stored)?;
        Ok((encoded_key::decode(key)?, decode_opened(key, blob)?))
    }

    /// Reads a row with both columns.
    #[inline]
    pub(crate) fn decode_row<K, V>(self, row: RawRow<'_>) -> Result<(K, V)>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let (key, stored) = row.bytes()?;
        self.decode_entry(key, stored)
    }

    /// Checks that an entry reads as `(K, V)`, and that look-ups find it.
    pub(crate) fn check_entry<K, V>(self, key: &[u8], stored: &[u8]) -> Result<()>
    where
        K: Serialize + DeserializeOwned,
        V: DeserializeOwned,
    {
        let blob = self.open(key, stored)?;
        encoded_key::check_bytes::<K>(&encoded_key::decode(key)?, key)?;
        decode_opened::<V>(key, blob).map(drop)
    }

    /// The columns that have to be read for one: a checksum needs both.
    pub(crate) const fn columns(self, wanted: Columns) -> Columns {
        if self.checksums {
            Columns::Both
        } else {
            wanted
        }
    }

    /// Reads the key of a row with [`columns`](Self::columns) of the key.
    pub(crate) fn decode_key<K: DeserializeOwned>(self, row: RawRow<'_>) -> Result<K> {
        let (key, stored) = row.bytes()?;
        self.open(key, stored)?;
        encoded_key::decode(key)
    }

    /// Reads the value of a row with [`columns`](Self::columns) of the value.
    pub(crate) fn decode_value<V: DeserializeOwned>(self, row: RawRow<'_>) -> Result<V> {
        let (key, stored) = row.bytes()?;
        let blob = self.open(key, stored)?;
        codec::decode(blob).map_err(|error| {
            encoded_key::cannot_decode::<V>(
                EntryPart::Value,
                format!("in row {}", row.rowid),
                error,
            )
        })
    }

    /// What the codec wrote, checked against its checksum where there is one.
    #[inline]
    pub(crate) fn open<'blob>(self, key: &[u8], stored: &'blob [u8]) -> Result<&'blob [u8]> {
        if !self.checksums {
            return Ok(stored);
        }
        checksum::open(key, stored).ok_or_else(|| Error::Checksum {
            key: encoded_key::preview(key),
        })
    }
}

/// Reads what the codec wrote for the entry with the encoded key `key`.
#[inline]
fn decode_opened<V: DeserializeOwned>(key: &[u8], blob: &[u8]) -> Result<V> {
    // Not `map_err`: each layer that a `Result` passes is a copy of the value.
    match codec::decode(blob) {
        Ok(value) => Ok(value),
        Err(error) => Err(encoded_key::cannot_decode::<V>(
            EntryPart::Value,
            encoded_key::preview(key),
            error,
        )),
    }
}
