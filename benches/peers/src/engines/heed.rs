//! LMDB through heed: a database of bytes with serde values, a transaction for each operation.

use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, RoTxn, RwTxn};

use crate::Result;
use crate::data::{Key, Value, digest};
use crate::engine::{Durability, Map};

/// LMDB wants to know beforehand how large the file may become.
const MAP_BYTES: usize = 32 << 30;

/// An environment with one database.
pub struct Heed {
    env: Env,
    dict: Database<'static, Bytes, Bytes>,
}

/// Opens the environment in `folder`.
pub fn open(folder: &Path, durability: Durability) -> Result<Heed> {
    let env = open_env(folder, durability)?;
    // The unnamed database always exists.
    let opened = env.open_databases_and_commit(env.read_txn()?, |opener, txn| {
        let dict = opener.open_database::<Bytes, Bytes>(txn, None)?;
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(dict))
    })?;
    let dict = opened.commit().flatten().ok_or("no database")?;
    Ok(Heed { env, dict })
}

#[expect(unsafe_code, reason = "heed offers no other way to open a file")]
fn open_env(folder: &Path, durability: Durability) -> Result<Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES);
    let flags = match durability {
        Durability::Full => EnvFlags::empty(),
        Durability::Normal => EnvFlags::NO_META_SYNC,
        Durability::Off => EnvFlags::NO_SYNC,
    };
    // SAFETY: the file is in a temporary folder of this run, which nothing but LMDB touches, and its
    // folder is removed after the environment is closed. The flags give up safety of the data
    // in a power cut, not of memory.
    unsafe {
        options.flags(flags);
        Ok(options.open(folder)?)
    }
}

impl Heed {
    fn get<K: Key, V: Value>(&self, txn: &RoTxn<'_>, key: &K) -> Result<Option<V>> {
        let value = self.dict.get(txn, key.bytes().as_ref())?;
        value.map(V::from_bytes).transpose()
    }

    fn put<K: Key, V: Value>(&self, txn: &mut RwTxn<'_>, key: &K, value: &V) -> Result<()> {
        Ok(self
            .dict
            .put(txn, key.bytes().as_ref(), value.bytes()?.as_ref())?)
    }

    fn transaction<R>(&self, f: impl FnOnce(&mut RwTxn<'_>) -> Result<R>) -> Result<R> {
        let mut txn = self.env.write_txn()?;
        let result = f(&mut txn)?;
        txn.commit()?;
        Ok(result)
    }
}

impl<K: Key, V: Value> Map<K, V> for Heed {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        let mut sum = 0_u64;
        for key in keys {
            let txn = self.env.read_txn()?;
            sum = sum.wrapping_add(digest::<V>(self.get(&txn, key)?.as_ref()));
        }
        Ok(sum)
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        let txn = self.env.read_txn()?;
        keys.iter().map(|key| self.get(&txn, key)).collect()
    }

    fn get_in_snapshot(&self, keys: &[K]) -> Result<u64> {
        let txn = self.env.read_txn()?;
        let mut sum = 0_u64;
        for key in keys {
            sum = sum.wrapping_add(digest::<V>(self.get(&txn, key)?.as_ref()));
        }
        Ok(sum)
    }

    fn iterate(&self) -> Result<u64> {
        let txn = self.env.read_txn()?;
        let mut sum = 0_u64;
        for entry in self.dict.iter(&txn)? {
            let (key, value) = entry?;
            let (key, value) = (K::from_bytes(key)?, V::from_bytes(value)?);
            sum = sum.wrapping_add(key.digest() ^ value.digest());
        }
        Ok(sum)
    }

    fn len(&self) -> Result<u64> {
        let txn = self.env.read_txn()?;
        Ok(self.dict.len(&txn)?)
    }

    fn put_each(&self, entries: &[(K, V)]) -> Result<()> {
        for (key, value) in entries {
            self.transaction(|txn| self.put(txn, key, value))?;
        }
        Ok(())
    }

    fn insert_each(&self, entries: Vec<(K, V)>) -> Result<u64> {
        let mut sum = 0_u64;
        for (key, value) in entries {
            let old: Option<V> = self.transaction(|txn| {
                let old = self.get(txn, &key)?;
                self.put(txn, &key, &value)?;
                Ok(old)
            })?;
            sum = sum.wrapping_add(digest(old.as_ref()));
        }
        Ok(sum)
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        let mut sum = 0_u64;
        for key in keys {
            let old: Option<V> = self.transaction(|txn| {
                let old = self.get(txn, key)?;
                self.dict.delete(txn, key.bytes().as_ref())?;
                Ok(old)
            })?;
            sum = sum.wrapping_add(digest(old.as_ref()));
        }
        Ok(sum)
    }

    fn increment_each(&self, keys: &[K]) -> Result<()> {
        for key in keys {
            self.transaction(|txn| {
                let mut value: V = self.get(txn, key)?.unwrap_or_else(|| V::of(0));
                value.bump();
                self.put(txn, key, &value)
            })?;
        }
        Ok(())
    }

    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()> {
        self.transaction(|txn| {
            for (key, value) in entries {
                self.put(txn, &key, &value)?;
            }
            Ok(())
        })
    }

    fn put_together(&self, entries: &[(K, V)]) -> Result<()> {
        self.transaction(|txn| {
            for (key, value) in entries {
                self.put(txn, key, value)?;
            }
            Ok(())
        })
    }
}
