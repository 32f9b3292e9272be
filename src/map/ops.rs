//! What can be done with entries, once for whatever gives access to them.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::{self, EncodedKey};
use crate::encoding::entry_codec::EntryCodec;
use crate::error::{Error, Result};
use crate::map::access::ReadAccess;
use crate::sqlite::{Change, End, Load, Lookup, RawEntry, Session, WriteTransaction};

// ---- reading ----------------------------------------------------------------------

pub(crate) fn get<V, Q>(source: &impl ReadAccess, key: &Q) -> Result<Option<V>>
where
    V: DeserializeOwned,
    Q: Serialize + ?Sized,
{
    get_encoded(source, &EncodedKey::lookup(key)?)
}

fn get_encoded<V: DeserializeOwned>(
    source: &impl ReadAccess,
    key: &EncodedKey,
) -> Result<Option<V>> {
    let (key, format) = (key.as_bytes(), source.format());
    source
        .point_read(key, |bytes| format.decode(key, bytes))?
        .transpose()
}

pub(crate) fn get_key_value<K, V, Q>(source: &impl ReadAccess, key: &Q) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let key = EncodedKey::lookup(key)?;
    let value = get_encoded(source, &key)?;
    // Equal keys have equal bytes, so the stored key is what these bytes decode to.
    value
        .map(|value| Ok((encoded_key::decode(key.as_bytes())?, value)))
        .transpose()
}

pub(crate) fn contains_key<Q>(source: &impl ReadAccess, key: &Q) -> Result<bool>
where
    Q: Serialize + ?Sized,
{
    source.contains(EncodedKey::lookup(key)?.as_bytes())
}

/// The bytes of several keys. They are made before the connection is taken: the iterator may
/// itself read from it.
pub(crate) fn encode_keys<'q, Q>(keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<EncodedKey>>
where
    Q: Serialize + ?Sized + 'q,
{
    keys.into_iter().map(EncodedKey::lookup).collect()
}

pub(crate) fn get_many<V>(
    session: &mut Session,
    keys: &[EncodedKey],
    format: EntryCodec,
) -> Result<Vec<Option<V>>>
where
    V: DeserializeOwned,
{
    keys.iter()
        .map(|key| get_in(session, key, format))
        .collect()
}

fn get_in<V: DeserializeOwned>(
    session: &mut Session,
    key: &EncodedKey,
    format: EntryCodec,
) -> Result<Option<V>> {
    let key = key.as_bytes();
    session
        .get(key, |bytes| format.decode(key, bytes))?
        .transpose()
}

pub(crate) fn contains_keys(session: &mut Session, keys: &[EncodedKey]) -> Result<bool> {
    for key in keys {
        if !session.contains(key.as_bytes())? {
            return Ok(false);
        }
    }
    Ok(true)
}

// ---- writing ----------------------------------------------------------------------

/// An entry that is ready to be written, encoded before the writer is asked for.
#[derive(Default)]
pub(crate) struct Record {
    key: EncodedKey,
    value: Vec<u8>,
}

impl Record {
    pub(crate) fn new<K, Q, V>(key: &Q, value: &V, format: EntryCodec) -> Result<Self>
    where
        K: Serialize + DeserializeOwned,
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        let mut record = Self::default();
        record.set::<K, Q, V>(key, value, format)?;
        Ok(record)
    }

    /// Becomes another entry, in the memory it has.
    fn set<K, Q, V>(&mut self, key: &Q, value: &V, format: EntryCodec) -> Result<()>
    where
        K: Serialize + DeserializeOwned,
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        self.key.set_stored::<K, Q>(key, format.verify)?;
        format.encode_to(self.key.as_bytes(), value, &mut self.value)
    }

    /// The change that writes it.
    pub(crate) fn into_change(self) -> Change {
        Change {
            key: self.key.into_bytes(),
            new: Some(self.value),
        }
    }
}

/// The change that removes the entry of a key.
pub(crate) fn removal<Q>(key: &Q) -> Result<Change>
where
    Q: Serialize + ?Sized,
{
    Ok(Change {
        key: EncodedKey::lookup(key)?.into_bytes(),
        new: None,
    })
}

fn put(tx: &mut WriteTransaction, record: &Record) -> Result<()> {
    tx.put(record.key.as_bytes(), &record.value)
}

fn remove<V>(tx: &mut WriteTransaction, key: &EncodedKey, format: EntryCodec) -> Result<Option<V>>
where
    V: DeserializeOwned,
{
    let old = get_in(tx.session()?, key, format)?;
    if old.is_some() {
        tx.delete(key.as_bytes())?;
    }
    Ok(old)
}

pub(crate) fn remove_many<V>(
    tx: &mut WriteTransaction,
    keys: &[EncodedKey],
    format: EntryCodec,
) -> Result<Vec<Option<V>>>
where
    V: DeserializeOwned,
{
    keys.iter().map(|key| remove(tx, key, format)).collect()
}

/// The value of a key, for a caller who has just found that it is not there: somebody else may
/// have inserted it before the writer was had.
pub(crate) fn get_or_insert<K, V, E>(
    tx: &mut WriteTransaction,
    key: &K,
    f: impl FnOnce() -> Result<V, E>,
    format: EntryCodec,
) -> Result<V, E>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    E: From<Error>,
{
    if let Some(value) = get_in(tx.session()?, &EncodedKey::lookup(key)?, format)? {
        return Ok(value);
    }
    let value = f()?;
    put(tx, &Record::new::<K, K, V>(key, &value, format)?)?;
    Ok(value)
}

pub(crate) fn pop<K, V>(
    tx: &mut WriteTransaction,
    end: End,
    format: EntryCodec,
) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
{
    let Some(RawEntry { key, value, rowid }) = tx.session()?.at_end(end)? else {
        return Ok(None);
    };
    let entry = format.decode_entry(&key, &value)?;
    tx.delete_row(rowid, &key)?;
    Ok(Some(entry))
}

pub(crate) fn clear(tx: &mut WriteTransaction) -> Result<()> {
    tx.clear()
}

/// Stores entries as they come, owned or borrowed. The first `Err` among them ends it.
pub(crate) fn extend<K, Q, V, Key, Value, E>(
    tx: &mut WriteTransaction,
    entries: impl IntoIterator<Item = Result<(Key, Value), E>>,
    format: EntryCodec,
) -> Result<(), E>
where
    K: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
    V: Serialize + DeserializeOwned,
    Key: Borrow<Q>,
    Value: Borrow<V>,
    E: From<Error>,
{
    let mut load = Load::new(tx);
    let mut record = Record::default();
    for entry in entries {
        let (key, value) = entry?;
        record.set::<K, Q, V>(key.borrow(), value.borrow(), format)?;
        load.put(record.key.as_bytes(), &record.value)?;
    }
    Ok(())
}
