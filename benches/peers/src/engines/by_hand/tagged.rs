//! The vault's bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use rusqlite::{Row, Statement};

use crate::data::{Key, Value};
use crate::error::Result;

/// The tag that the vault writes, and named MessagePack.
pub fn encode<T: Serialize>(item: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(b'M');
    rmp_serde::encode::write_named(&mut bytes, item)?;
    Ok(bytes)
}

fn decode<T: DeserializeOwned>(blob: &[u8]) -> Result<T> {
    let (_tag, payload) = blob.split_first().ok_or("an empty blob")?;
    Ok(rmp_serde::from_slice(payload)?)
}

/// The value that a statement selects by its key.
pub fn find<V: Value>(select: &mut Statement<'_>, key: &[u8]) -> Result<Option<V>> {
    let mut rows = select.query([key])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    decode(row.get_ref(0)?.as_blob()?).map(Some)
}

/// The entry of a row.
pub fn entry<K: Key, V: Value>(row: &Row<'_>) -> Result<(K, V)> {
    let key = decode(row.get_ref(0)?.as_blob()?)?;
    Ok((key, decode(row.get_ref(1)?.as_blob()?)?))
}
