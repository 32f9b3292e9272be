//! sled: its default tree, with serde values.

use std::path::Path;

use sled::{Batch, Db, IVec};

use crate::data::{self, Key, Value};
use crate::error::{Result, Unsupported};
use crate::map::{Durability, Map, Mode, Order, Role};
use crate::sums::{sum_entries, sum_found};

/// A database, of which the default tree is used.
pub struct Sled {
    database: Db,
    durability: Durability,
}

/// Opens the database in `folder`. One process has it.
///
/// A write that is not flushed does not survive a killed process, so it has no `Normal`. A flush
/// is not a sync of the disk, but it is what there is.
pub fn open(folder: &Path, mode: Mode) -> Result<Sled> {
    let durability = mode.durability;
    if mode.role != Role::Alone || mode.order != Order::Any || durability == Durability::Normal {
        return Err(Unsupported.into());
    }
    let database = sled::open(folder.join("sled"))?;
    Ok(Sled {
        database,
        durability,
    })
}

fn key_of<K: Key>(key: &K) -> IVec {
    IVec::from(key.bytes().as_ref())
}

fn value_of<V: Value>(value: &V) -> Result<IVec> {
    Ok(IVec::from(value.bytes()?.as_ref()))
}

fn decode<V: Value>(value: Option<IVec>) -> Result<Option<V>> {
    value.map(|value| V::from_bytes(&value)).transpose()
}

impl Sled {
    fn persist(&self) -> Result<()> {
        if self.durability == Durability::Full {
            self.database.flush()?;
        }
        Ok(())
    }

    fn increment<K: Key, V: Value>(&self, key: &K) -> Result<()> {
        let mut failure = None;
        self.database.update_and_fetch(key.bytes(), |old| {
            let new = old.map_or_else(|| Ok(V::of(0)), V::from_bytes);
            let new = new.and_then(|mut value| {
                value.bump();
                value_of(&value)
            });
            new.map_err(|error| failure = Some(error)).ok()
        })?;
        failure.map_or_else(|| self.persist(), Err)
    }
}

impl<K: Key, V: Value> Map<K, V> for Sled {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys, |key| decode(self.database.get(key.bytes())?))
    }

    fn iterate(&self) -> Result<u64> {
        sum_entries::<K, V>(self.database.iter().map(|entry| {
            let (key, value) = entry?;
            data::decode(&key, &value)
        }))
    }

    fn len(&self) -> Result<u64> {
        Ok(self.database.len() as u64)
    }

    fn put_each(&self, entries: &[(K, V)]) -> Result<()> {
        for (key, value) in entries {
            self.database.insert(key.bytes(), value_of(value)?)?;
            self.persist()?;
        }
        Ok(())
    }

    fn insert_each(&self, entries: Vec<(K, V)>) -> Result<u64> {
        sum_found::<_, V>(entries, |(key, value)| {
            let old = self.database.insert(key.bytes(), value_of(&value)?)?;
            self.persist()?;
            decode(old)
        })
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys, |key| {
            let old = self.database.remove(key.bytes())?;
            self.persist()?;
            decode(old)
        })
    }

    fn increment_each(&self, keys: &[K]) -> Result<()> {
        keys.iter().try_for_each(|key| self.increment::<K, V>(key))
    }

    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()> {
        let mut batch = Batch::default();
        for (key, value) in entries {
            batch.insert(key_of(&key), value_of(&value)?);
        }
        self.database.apply_batch(batch)?;
        self.persist()
    }

    fn put_together(&self, entries: &[(K, V)]) -> Result<()> {
        let mut batch = Batch::default();
        for (key, value) in entries {
            batch.insert(key_of(key), value_of(value)?);
        }
        self.database.apply_batch(batch)?;
        self.persist()
    }
}
