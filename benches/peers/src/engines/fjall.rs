//! fjall: its transactional keyspace, with serde values.

use std::path::Path;
use std::thread;
use std::time::Duration;

use fjall::{
    KeyspaceCreateOptions, PersistMode, Readable, SingleWriterTxDatabase, SingleWriterTxKeyspace,
    UserValue,
};

use crate::data::{Key, Value, decode};
use crate::error::{Result, Unsupported};
use crate::map::{Durability, Map, Mode, Order, Role};
use crate::sums::{sum_entries, sum_found};

/// How long background work is waited for: 30 seconds in all.
const WAIT: Duration = Duration::from_millis(10);
const MOST_WAITS: u32 = 3_000;

/// A database with one keyspace.
pub struct Fjall {
    database: SingleWriterTxDatabase,
    dict: SingleWriterTxKeyspace,
    durability: Durability,
}

/// Opens the database in `folder`. One process has it, and its least durable write is `Normal`.
pub fn open(folder: &Path, mode: Mode) -> Result<Fjall> {
    let durability = mode.durability;
    if mode.role != Role::Alone || mode.order != Order::Any || durability == Durability::Off {
        return Err(Unsupported.into());
    }
    let database = SingleWriterTxDatabase::builder(folder.join("fjall")).open()?;
    let dict = database.keyspace("dict", KeyspaceCreateOptions::default)?;
    Ok(Fjall {
        database,
        dict,
        durability,
    })
}

fn found<V: Value>(value: Option<UserValue>) -> Result<Option<V>> {
    value.map(|value| V::from_bytes(&value)).transpose()
}

impl Fjall {
    /// A plain write is handed to the operating system; `Full` asks for a sync after it.
    fn persist(&self) -> Result<()> {
        if self.durability == Durability::Full {
            self.database.persist(PersistMode::SyncAll)?;
        }
        Ok(())
    }

    fn mode(&self) -> PersistMode {
        match self.durability {
            Durability::Full => PersistMode::SyncAll,
            _ => PersistMode::Buffer,
        }
    }

    fn put<K: Key, V: Value>(&self, key: &K, value: &V) -> Result<()> {
        self.dict
            .insert(key.bytes().as_ref(), value.bytes()?.as_ref())?;
        self.persist()
    }

    fn insert<K: Key, V: Value>(&self, key: &K, value: &V) -> Result<Option<V>> {
        let mut tx = self.database.write_tx().durability(Some(self.mode()));
        let new = value.bytes()?;
        let old = tx.fetch_update(&self.dict, key.bytes().as_ref(), |_| {
            Some(new.as_ref().into())
        })?;
        tx.commit()?;
        found(old)
    }

    fn increment<K: Key, V: Value>(&self, key: &K) -> Result<()> {
        let mut failure = None;
        self.dict.update_fetch(key.bytes().as_ref(), |old| {
            let new = old.map_or_else(|| Ok(V::of(0)), |old| V::from_bytes(old));
            let new = new.and_then(|mut value| {
                value.bump();
                Ok(value.bytes()?.as_ref().into())
            });
            new.map_err(|error| failure = Some(error)).ok()
        })?;
        failure.map_or_else(|| self.persist(), Err)
    }
}

impl<K: Key, V: Value> Map<K, V> for Fjall {
    /// Flushes and compactions follow a bulk write for a while.
    fn settle(&self) {
        let database = self.database.inner();
        for _ in 0..MOST_WAITS {
            if database.outstanding_flushes() == 0 && database.active_compactions() == 0 {
                break;
            }
            thread::sleep(WAIT);
        }
    }

    fn get_each(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys, |key| found(self.dict.get(key.bytes())?))
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        let snapshot = self.database.read_tx();
        keys.iter()
            .map(|key| found(snapshot.get(&self.dict, key.bytes())?))
            .collect()
    }

    fn get_in_snapshot(&self, keys: &[K]) -> Result<u64> {
        let snapshot = self.database.read_tx();
        sum_found::<_, V>(keys, |key| found(snapshot.get(&self.dict, key.bytes())?))
    }

    fn iterate(&self) -> Result<u64> {
        let entries = self.database.read_tx().iter(&self.dict);
        sum_entries::<K, V>(entries.map(|entry| {
            let (key, value) = entry.into_inner()?;
            decode(&key, &value)
        }))
    }

    fn len(&self) -> Result<u64> {
        Ok(self.database.read_tx().len(&self.dict)? as u64)
    }

    fn put_each(&self, entries: &[(K, V)]) -> Result<()> {
        entries
            .iter()
            .try_for_each(|(key, value)| self.put(key, value))
    }

    fn insert_each(&self, entries: Vec<(K, V)>) -> Result<u64> {
        sum_found(entries, |(key, value)| self.insert(&key, &value))
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys, |key| {
            let old = self.dict.take(key.bytes().as_ref())?;
            self.persist()?;
            found(old)
        })
    }

    fn increment_each(&self, keys: &[K]) -> Result<()> {
        keys.iter().try_for_each(|key| self.increment::<K, V>(key))
    }

    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()> {
        let mut batch = self.database.inner().batch().durability(Some(self.mode()));
        for (key, value) in entries {
            batch.insert(
                self.dict.inner(),
                key.bytes().as_ref(),
                value.bytes()?.as_ref(),
            );
        }
        Ok(batch.commit()?)
    }

    fn put_together(&self, entries: &[(K, V)]) -> Result<()> {
        let mut tx = self.database.write_tx().durability(Some(self.mode()));
        for (key, value) in entries {
            tx.insert(&self.dict, key.bytes().as_ref(), value.bytes()?.as_ref());
        }
        Ok(tx.commit()?)
    }
}
