//! `std::collections::HashMap` behind a lock: what the same work costs with no file at all.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::data::{Key, Value};
use crate::error::{Result, Unsupported};
use crate::map::{Map, Mode, Order, Role};
use crate::sums::{sum_entries, sum_found};

/// A map in memory. Gets clone, as the others give owned values.
pub struct InMemory<K, V>(RwLock<HashMap<K, V>>);

pub fn open<K, V>(mode: Mode) -> Result<InMemory<K, V>> {
    if mode.role != Role::Alone || mode.order != Order::Any {
        return Err(Unsupported.into());
    }
    Ok(InMemory(RwLock::default()))
}

impl<K, V> InMemory<K, V> {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<K, V>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<K, V>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key, V: Value> Map<K, V> for InMemory<K, V> {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        sum_found(keys, |key| Ok(self.read().get(key).cloned()))
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        let map = self.read();
        Ok(keys.iter().map(|key| map.get(key).cloned()).collect())
    }

    fn iterate(&self) -> Result<u64> {
        let map = self.read();
        sum_entries(
            map.iter()
                .map(|(key, value)| Ok((key.clone(), value.clone()))),
        )
    }

    fn len(&self) -> Result<u64> {
        Ok(self.read().len() as u64)
    }

    fn put_each(&self, entries: &[(K, V)]) -> Result<()> {
        for (key, value) in entries {
            self.write().insert(key.clone(), value.clone());
        }
        Ok(())
    }

    fn insert_each(&self, entries: Vec<(K, V)>) -> Result<u64> {
        sum_found(entries, |(key, value)| Ok(self.write().insert(key, value)))
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        sum_found(keys, |key| Ok(self.write().remove(key)))
    }

    fn increment_each(&self, keys: &[K]) -> Result<()> {
        for key in keys {
            let mut map = self.write();
            map.entry(key.clone()).or_insert_with(|| V::of(0)).bump();
        }
        Ok(())
    }

    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()> {
        self.write().extend(entries);
        Ok(())
    }

    fn put_together(&self, entries: &[(K, V)]) -> Result<()> {
        self.write().extend(entries.iter().cloned());
        Ok(())
    }
}
