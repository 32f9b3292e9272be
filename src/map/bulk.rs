//! Operations on many entries, the same for every handle.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::{EncodedKey, IsSame};
use crate::encoding::entry_codec::EntryCodec;
use crate::error::{Error, Result};
use crate::map::access::{ReadAccess, WriteAccess};
use crate::map::point::{EncodedEntry, get_in};
use crate::map::read_transaction::Lookup as _;

/// Encodes several keys. This ends before the transaction begins, because the iterator may itself read from
/// the vault.
fn encode_keys<'q, Q>(
    keys: impl IntoIterator<Item = &'q Q>,
    entry_codec: EntryCodec,
) -> Result<Vec<EncodedKey>>
where
    Q: Serialize + ?Sized + 'q,
{
    keys.into_iter()
        .map(|key| entry_codec.lookup(key))
        .collect()
}

pub(crate) fn get_many<'q, V, Q>(
    handle: &impl ReadAccess,
    keys: impl IntoIterator<Item = &'q Q>,
) -> Result<Vec<Option<V>>>
where
    V: DeserializeOwned,
    Q: Serialize + ?Sized + 'q,
{
    let entry_codec = handle.entry_codec();
    let keys = encode_keys(keys, entry_codec)?;
    handle.read_snapshot(|source| {
        keys.iter()
            .map(|key| get_in(source, key, entry_codec))
            .collect()
    })
}

pub(crate) fn contains_all<'q, Q>(
    handle: &impl ReadAccess,
    keys: impl IntoIterator<Item = &'q Q>,
) -> Result<bool>
where
    Q: Serialize + ?Sized + 'q,
{
    let keys = encode_keys(keys, handle.entry_codec())?;
    handle.read_snapshot(|source| {
        for key in &keys {
            if !source.contains(key.as_bytes())? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

pub(crate) fn remove_many<'a, 'q, V, Q>(
    handle: impl WriteAccess<'a>,
    keys: impl IntoIterator<Item = &'q Q>,
) -> Result<Vec<Option<V>>>
where
    V: DeserializeOwned,
    Q: Serialize + ?Sized + 'q,
{
    let entry_codec = handle.entry_codec();
    let keys = encode_keys(keys, entry_codec)?;
    handle.write_many()?.run(|tx| {
        let mut values = Vec::with_capacity(keys.len());
        for key in &keys {
            let old = get_in(tx, key, entry_codec)?;
            if old.is_some() {
                tx.delete(key.as_bytes())?;
            }
            values.push(old);
        }
        Ok(values)
    })
}

/// Stores entries as they come, owned or borrowed. The first `Err` among them ends it.
pub(crate) fn extend<'a, K, Q, V, Key, Value, E>(
    handle: impl WriteAccess<'a>,
    entries: impl IntoIterator<Item = Result<(Key, Value), E>>,
    is_same: IsSame<Q>,
) -> Result<(), E>
where
    K: Serialize + DeserializeOwned + Borrow<Q>,
    Q: Serialize + ?Sized,
    V: Serialize + DeserializeOwned,
    Key: Borrow<Q>,
    Value: Borrow<V>,
    E: From<Error>,
{
    let entry_codec = handle.entry_codec();
    handle.write_many()?.run(|tx| {
        let mut encoded = EncodedEntry::default();
        for entry in entries {
            let (key, value) = entry?;
            encoded.set::<K, Q, V>(key.borrow(), value.borrow(), entry_codec, is_same)?;
            tx.put(encoded.key(), encoded.value())?;
        }
        Ok(())
    })
}
