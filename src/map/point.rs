//! Operations on one entry, the same for every handle.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::{EncodedKey, IsSame};
use crate::encoding::entry_codec::EntryCodec;
use crate::engine::{End, RawEntry, WriteOp};
use crate::entry::guard::{FoundValue, RefMut};
use crate::entry::scope::WriteTransaction;
use crate::entry::try_entry::TryEntry;
use crate::error::{Error, Result};
use crate::map::access::{ReadAccess, WriteAccess};
use crate::map::read_transaction::Lookup;

// ---- reading ----------------------------------------------------------------------

pub(crate) fn get<V, Q>(handle: &impl ReadAccess, key: &Q) -> Result<Option<V>>
where
    V: DeserializeOwned,
    Q: Serialize + ?Sized,
{
    get_encoded(handle, &handle.entry_codec().lookup(key)?)
}

fn get_encoded<V: DeserializeOwned>(
    handle: &impl ReadAccess,
    key: &EncodedKey,
) -> Result<Option<V>> {
    let (key, entry_codec) = (key.as_bytes(), handle.entry_codec());
    handle
        .point_read(key, |bytes| entry_codec.decode(key, bytes))?
        .transpose()
}

pub(crate) fn get_key_value<K, V, Q>(handle: &impl ReadAccess, key: &Q) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let entry_codec = handle.entry_codec();
    let key = entry_codec.lookup(key)?;
    let value = get_encoded(handle, &key)?;
    // Equal keys have equal bytes, so the stored key is what these bytes decode to.
    value
        .map(|value| Ok((entry_codec.keys.decode(key.as_bytes())?, value)))
        .transpose()
}

pub(crate) fn contains_key<Q>(handle: &impl ReadAccess, key: &Q) -> Result<bool>
where
    Q: Serialize + ?Sized,
{
    handle.contains(handle.entry_codec().lookup(key)?.as_bytes())
}

/// Returns the first or the last entry, without removing it.
pub(crate) fn peek<K, V>(handle: &impl ReadAccess, end: End) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    let found = handle.read_snapshot(|source| source.at_end(end))?;
    found
        .map(|row| entry_codec.decode_entry(&row.key, &row.value))
        .transpose()
}

/// Returns the value for `key` in the state that `source` shows.
pub(crate) fn get_in<V: DeserializeOwned>(
    source: &mut impl Lookup,
    key: &EncodedKey,
    entry_codec: EntryCodec,
) -> Result<Option<V>> {
    let key = key.as_bytes();
    source
        .get(key, |bytes| entry_codec.decode(key, bytes))?
        .transpose()
}

// ---- writing ----------------------------------------------------------------------

/// A key and a value as bytes, encoded before the write lock is acquired.
#[derive(Default)]
pub(crate) struct EncodedEntry {
    key: EncodedKey,
    value: Vec<u8>,
}

impl EncodedEntry {
    fn new<K, Q, V>(key: &Q, value: &V, entry_codec: EntryCodec, is_same: IsSame<Q>) -> Result<Self>
    where
        K: Serialize + DeserializeOwned + Borrow<Q>,
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        let mut entry = Self::default();
        entry.set::<K, Q, V>(key, value, entry_codec, is_same)?;
        Ok(entry)
    }

    /// Encodes another entry, in the memory of this one.
    pub(crate) fn set<K, Q, V>(
        &mut self,
        key: &Q,
        value: &V,
        entry_codec: EntryCodec,
        is_same: IsSame<Q>,
    ) -> Result<()>
    where
        K: Serialize + DeserializeOwned + Borrow<Q>,
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        entry_codec.encode_key_to::<K, Q>(key, is_same, &mut self.key)?;
        entry_codec.encode_to(self.key.as_bytes(), value, &mut self.value)
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    /// The write that stores it.
    fn into_op(self) -> WriteOp {
        WriteOp::Put {
            key: self.key.into_bytes(),
            value: self.value,
        }
    }
}

/// The write that removes the entry for `key`.
fn removal<Q>(key: &Q, entry_codec: EntryCodec) -> Result<WriteOp>
where
    Q: Serialize + ?Sized,
{
    Ok(WriteOp::Delete {
        key: entry_codec.lookup(key)?.into_bytes(),
    })
}

pub(crate) fn insert<'a, K, V>(
    handle: impl WriteAccess<'a>,
    key: &K,
    value: &V,
    is_same: IsSame<K>,
) -> Result<Option<V>>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    let entry = EncodedEntry::new::<K, K, V>(key, value, entry_codec, is_same)?;
    handle.swap(entry.into_op(), |key, old| entry_codec.decode(key, old))
}

pub(crate) fn put<'a, K, Q, V>(handle: impl WriteAccess<'a>, key: &Q, value: &V) -> Result<()>
where
    K: Serialize + DeserializeOwned + Borrow<Q>,
    Q: Serialize + Eq + ?Sized,
    V: Serialize + DeserializeOwned,
{
    let entry = EncodedEntry::new::<K, Q, V>(key, value, handle.entry_codec(), Q::eq)?;
    handle.apply(entry.into_op())
}

pub(crate) fn remove<'a, V, Q>(handle: impl WriteAccess<'a>, key: &Q) -> Result<Option<V>>
where
    V: DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let entry_codec = handle.entry_codec();
    handle.swap(removal(key, entry_codec)?, |key, old| {
        entry_codec.decode(key, old)
    })
}

pub(crate) fn remove_entry<'a, K, V, Q>(
    handle: impl WriteAccess<'a>,
    key: &Q,
) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let entry_codec = handle.entry_codec();
    handle.swap(removal(key, entry_codec)?, |key, old| {
        entry_codec.decode_entry(key, old)
    })
}

pub(crate) fn discard<'a, Q>(handle: impl WriteAccess<'a>, key: &Q) -> Result<bool>
where
    Q: Serialize + ?Sized,
{
    let key = handle.entry_codec().lookup(key)?;
    handle.write_one()?.run(|tx| tx.delete(key.as_bytes()))
}

pub(crate) fn pop<'a, K, V>(handle: impl WriteAccess<'a>, end: End) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
{
    pop_if(handle, end, |_, _| true)
}

pub(crate) fn pop_if<'a, K, V>(
    handle: impl WriteAccess<'a>,
    end: End,
    predicate: impl FnOnce(&K, &V) -> bool,
) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    handle.write_one()?.run(|tx| {
        let Some(RawEntry {
            position,
            key,
            value,
        }) = tx.at_end(end)?
        else {
            return Ok(None);
        };
        let entry = entry_codec.decode_entry(&key, &value)?;
        if !predicate(&entry.0, &entry.1) {
            return Ok(None);
        }
        tx.delete_at(position, &key)?;
        Ok(Some(entry))
    })
}

/// Returns the value for `key`, which the caller has just found absent. Another thread or process may
/// have inserted it before this call acquires the write lock.
pub(crate) fn get_or_insert<'a, K, V, E>(
    handle: impl WriteAccess<'a>,
    key: &K,
    is_same: IsSame<K>,
    f: impl FnOnce() -> Result<V, E>,
) -> Result<V, E>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    E: From<Error>,
{
    let entry_codec = handle.entry_codec();
    handle.write_one()?.run(|tx: &mut WriteTransaction| {
        if let Some(value) = get_in(tx, &entry_codec.lookup(key)?, entry_codec)? {
            return Ok(value);
        }
        let value = f()?;
        let entry = EncodedEntry::new::<K, K, V>(key, &value, entry_codec, is_same)?;
        tx.put(entry.key(), entry.value())?;
        Ok(value)
    })
}

// ---- entries ----------------------------------------------------------------------

/// Looks up the entry for `key`, whose encoding may have failed. `encode_key` makes the bytes to store
/// it under, if it is vacant.
pub(crate) fn entry<'a, K, V>(
    handle: impl WriteAccess<'a>,
    encoded: Result<EncodedKey>,
    key: K,
    encode_key: fn(&K, EntryCodec) -> Result<EncodedKey>,
) -> TryEntry<'a, K, V>
where
    V: Serialize + DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    TryEntry::new(key, encoded, || handle.write_one(), entry_codec, encode_key)
}

pub(crate) fn get_mut<'a, K, V>(
    handle: impl WriteAccess<'a>,
    key: EncodedKey,
) -> Result<Option<RefMut<'a, K, V>>>
where
    V: Serialize + DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    let mut scope = handle.write_one()?;
    let found = FoundValue::find(&mut scope, &key, entry_codec)?;
    Ok(found.map(|found| RefMut::of_found(scope, key, found, entry_codec)))
}
