//! What can be done with entries, once for whatever gives access to them.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::key::{self, EncodedKey};
use crate::store::{End, RawEntry, Session, WriteTransaction};
use crate::value::{self, Format};

// ---- reading ----------------------------------------------------------------------

pub(crate) fn get<V, Q>(session: &mut Session, key: &Q) -> Result<Option<V>>
where
    V: DeserializeOwned,
    Q: Serialize + ?Sized,
{
    get_encoded(session, &EncodedKey::lookup(key)?)
}

fn get_encoded<V: DeserializeOwned>(session: &mut Session, key: &EncodedKey) -> Result<Option<V>> {
    let key = key.as_bytes();
    session
        .get(key, |bytes| value::decode(key, bytes))?
        .transpose()
}

pub(crate) fn get_key_value<K, V, Q>(session: &mut Session, key: &Q) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let key = EncodedKey::lookup(key)?;
    let value = get_encoded(session, &key)?;
    // Equal keys have equal bytes, so the stored key is what these bytes decode to.
    value
        .map(|value| Ok((key::decode(key.as_bytes())?, value)))
        .transpose()
}

pub(crate) fn contains_key<Q>(session: &mut Session, key: &Q) -> Result<bool>
where
    Q: Serialize + ?Sized,
{
    session.contains(EncodedKey::lookup(key)?.as_bytes())
}

pub(crate) fn get_many<'q, V, Q>(
    session: &mut Session,
    keys: impl IntoIterator<Item = &'q Q>,
) -> Result<Vec<Option<V>>>
where
    V: DeserializeOwned,
    Q: Serialize + ?Sized + 'q,
{
    keys.into_iter().map(|key| get(session, key)).collect()
}

pub(crate) fn contains_keys<'q, Q>(
    session: &mut Session,
    keys: impl IntoIterator<Item = &'q Q>,
) -> Result<bool>
where
    Q: Serialize + ?Sized + 'q,
{
    for key in keys {
        if !contains_key(session, key)? {
            return Ok(false);
        }
    }
    Ok(true)
}

// ---- writing ----------------------------------------------------------------------

/// An entry that is ready to be written, encoded before the writer is asked for.
pub(crate) struct Record {
    key: EncodedKey,
    value: Vec<u8>,
}

impl Record {
    pub(crate) fn new<K, Q, V>(key: &Q, value: &V, format: Format) -> Result<Self>
    where
        K: Serialize + DeserializeOwned,
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        Ok(Self {
            key: EncodedKey::stored::<K, Q>(key, format.verify)?,
            value: format.encode(value)?,
        })
    }
}

pub(crate) fn put(tx: &mut WriteTransaction<'_>, record: &Record) -> Result<()> {
    tx.put(record.key.as_bytes(), &record.value)
}

pub(crate) fn insert<V>(tx: &mut WriteTransaction<'_>, record: &Record) -> Result<Option<V>>
where
    V: DeserializeOwned,
{
    let old = get_encoded(tx.session()?, &record.key)?;
    put(tx, record)?;
    Ok(old)
}

pub(crate) fn remove<V>(tx: &mut WriteTransaction<'_>, key: &EncodedKey) -> Result<Option<V>>
where
    V: DeserializeOwned,
{
    let old = get_encoded(tx.session()?, key)?;
    if old.is_some() {
        tx.delete(key.as_bytes())?;
    }
    Ok(old)
}

pub(crate) fn remove_entry<K, V>(
    tx: &mut WriteTransaction<'_>,
    key: &EncodedKey,
) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
{
    remove(tx, key)?
        .map(|value| Ok((key::decode(key.as_bytes())?, value)))
        .transpose()
}

pub(crate) fn pop<K, V>(tx: &mut WriteTransaction<'_>, end: End) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
{
    let Some(RawEntry { key, value, rowid }) = tx.session()?.at_end(end)? else {
        return Ok(None);
    };
    let entry = value::decode_entry(&key, &value)?;
    tx.delete_row(rowid)?;
    Ok(Some(entry))
}

pub(crate) fn clear(tx: &mut WriteTransaction<'_>) -> Result<()> {
    tx.clear()
}

pub(crate) fn extend<K, V, Q, W>(
    tx: &mut WriteTransaction<'_>,
    entries: impl IntoIterator<Item = (Q, W)>,
    format: Format,
) -> Result<()>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    Q: Borrow<K>,
    W: Borrow<V>,
{
    for (key, value) in entries {
        let record = Record::new::<K, K, V>(key.borrow(), value.borrow(), format)?;
        put(tx, &record)?;
    }
    Ok(())
}
