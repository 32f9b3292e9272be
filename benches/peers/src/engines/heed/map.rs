//! LMDB through heed: a database of bytes with serde values, a transaction for each operation.

use std::ops::Bound;
use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, RoTxn, RwTxn};

use super::env;
use crate::data::{Key, Value, decode};
use crate::error::Result;
use crate::map::{Durability, Map};
use crate::sums::{sum_all, sum_entries, sum_found, sum_in_order};

/// An environment with one database.
pub struct Heed {
    env: Env,
    dict: Database<'static, Bytes, Bytes>,
}

/// Opens the environment in `folder`.
pub fn open(folder: &Path, durability: Durability) -> Result<Heed> {
    let env = env::open(folder, durability, 0)?;
    // The unnamed database always exists.
    let opened = env.open_databases_and_commit(env.read_txn()?, |opener, txn| {
        let dict = opener.open_database::<Bytes, Bytes>(txn, None)?;
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(dict))
    })?;
    let dict = opened.commit().flatten().ok_or("no database")?;
    Ok(Heed { env, dict })
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
        sum_found::<_, V>(keys, |key| {
            let txn = self.env.read_txn()?;
            self.get(&txn, key)
        })
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        let txn = self.env.read_txn()?;
        keys.iter().map(|key| self.get(&txn, key)).collect()
    }

    fn get_in_snapshot(&self, keys: &[K]) -> Result<u64> {
        let txn = self.env.read_txn()?;
        sum_found::<_, V>(keys, |key| self.get(&txn, key))
    }

    fn iterate(&self) -> Result<u64> {
        let txn = self.env.read_txn()?;
        sum_entries::<K, V>(self.dict.iter(&txn)?.map(|entry| {
            let (key, value) = entry?;
            decode(key, value)
        }))
    }

    fn ranges(&self, starts: &[K], count: usize) -> Result<u64> {
        let txn = self.env.read_txn()?;
        sum_all(starts, |key| {
            let key = key.bytes();
            let from = (Bound::Included(key.as_ref()), Bound::Unbounded);
            let entries = self.dict.range(&txn, &from)?.take(count);
            sum_in_order::<K, V>(entries.map(|entry| {
                let (key, value) = entry?;
                decode(key, value)
            }))
        })
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
        sum_found::<_, V>(entries, |(key, value)| {
            self.transaction(|txn| {
                let old = self.get(txn, &key)?;
                self.put(txn, &key, &value)?;
                Ok(old)
            })
        })
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys, |key| {
            self.transaction(|txn| {
                let old = self.get(txn, key)?;
                self.dict.delete(txn, key.bytes().as_ref())?;
                Ok(old)
            })
        })
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
