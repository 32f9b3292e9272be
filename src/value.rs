//! Values as bytes.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, Codec};
use crate::error::{Error, Part, Result};
use crate::key;
use crate::store::RawRow;

/// How a vault's handle writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    pub(crate) codec: Codec,
    pub(crate) verify: bool,
}

impl Format {
    /// Encodes a value into `out`, which is cleared first.
    pub(crate) fn encode_into<V>(self, value: &V, out: &mut Vec<u8>) -> Result<()>
    where
        V: Serialize + DeserializeOwned,
    {
        codec::encode::<V, V>(value, self.codec, self.verify, out).map_err(|error| Error::Encode {
            part: Part::Value,
            type_name: type_name::<V>(),
            source: Box::new(error),
        })
    }

    pub(crate) fn encode<V>(self, value: &V) -> Result<Vec<u8>>
    where
        V: Serialize + DeserializeOwned,
    {
        let mut out = Vec::new();
        self.encode_into(value, &mut out)?;
        Ok(out)
    }

    /// The bytes to write for a value that was read from `stored` and then handed out for
    /// changes; `None` if it was not changed.
    pub(crate) fn encode_change<V>(self, value: &V, stored: &[u8]) -> Result<Option<Vec<u8>>>
    where
        V: Serialize + DeserializeOwned,
    {
        let now = self.encode(value)?;
        if now == stored {
            return Ok(None);
        }
        // What was stored may have other bytes for the same value: another codec's, another
        // program's, an older type's. That alone is no reason to write.
        let before = codec::decode::<V>(stored)
            .ok()
            .and_then(|value| self.encode(&value).ok());
        Ok((before.as_ref() != Some(&now)).then_some(now))
    }
}

/// Reads the stored value of the entry with the encoded key `key`.
#[inline]
pub(crate) fn decode<V: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<V> {
    codec::decode(bytes)
        .map_err(|error| key::cannot_decode::<V>(Part::Value, key::preview(key), error))
}

/// Reads a key and its value.
pub(crate) fn decode_entry<K, V>(key: &[u8], value: &[u8]) -> Result<(K, V)>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
{
    Ok((key::decode(key)?, decode(key, value)?))
}

/// Reads the value of a row whose key was not read.
pub(crate) fn decode_keyless<V: DeserializeOwned>(row: RawRow<'_>) -> Result<V> {
    codec::decode(row.value).map_err(|error| {
        key::cannot_decode::<V>(Part::Value, format!("in row {}", row.rowid), error)
    })
}
