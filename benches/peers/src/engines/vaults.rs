//! `vaults`, as its README has it.

use std::path::Path;

use vaults::{OpenOptions, SortedVault, Vault};

use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::error::Result;
use crate::map::{Durability, Map};
use crate::sums::{sum_all, sum_entries, sum_found, sum_in_order};

/// Opens a vault in the order of insertion.
pub fn open<K: Key, V: Value>(
    engine: Engine,
    folder: &Path,
    durability: Durability,
) -> Result<Vault<K, V>> {
    Ok(options(engine, durability).open(folder.join("vault.db"))?)
}

/// Opens a vault in the order of its keys.
pub fn open_sorted<K: Key, V: Value>(
    folder: &Path,
    durability: Durability,
) -> Result<SortedVault<K, V>> {
    Ok(options(Engine::Vaults, durability).open_sorted(folder.join("vault.db"))?)
}

fn options(engine: Engine, durability: Durability) -> OpenOptions {
    let mut options = OpenOptions::new();
    if engine == Engine::VaultsUncached {
        options.cache_capacity(0);
    }
    options
        .durability(match durability {
            Durability::Full => vaults::Durability::Full,
            Durability::Normal => vaults::Durability::Normal,
            Durability::Off => vaults::Durability::Off,
        })
        .verify_writes(engine != Engine::VaultsUnverified);
    options
}

impl<K: Key, V: Value> Map<K, V> for Vault<K, V> {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        sum_found(keys, |key| Ok(self.get(key)?))
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        Ok(Self::get_many(self, keys)?)
    }

    fn get_in_snapshot(&self, keys: &[K]) -> Result<u64> {
        let snapshot = self.snapshot()?;
        sum_found(keys, |key| Ok(snapshot.get(key)?))
    }

    fn iterate(&self) -> Result<u64> {
        sum_entries(self.iter().map(|entry| Ok(entry?)))
    }

    fn len(&self) -> Result<u64> {
        Ok(Self::len(self)? as u64)
    }

    fn put_each(&self, entries: &[(K, V)]) -> Result<()> {
        for (key, value) in entries {
            self.put(key, value)?;
        }
        Ok(())
    }

    fn insert_each(&self, entries: Vec<(K, V)>) -> Result<u64> {
        sum_found(entries, |(key, value)| Ok(self.insert(key, value)?))
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        sum_found(keys, |key| Ok(self.remove(key)?))
    }

    fn increment_each(&self, keys: &[K]) -> Result<()> {
        for key in keys {
            self.entry(key.clone()).or_insert_with(|| V::of(0))?.bump();
        }
        Ok(())
    }

    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()> {
        Ok(self.try_extend(entries)?)
    }

    fn put_together(&self, entries: &[(K, V)]) -> Result<()> {
        self.try_transaction(|tx| {
            for (key, value) in entries {
                tx.put(key, value)?;
            }
            Ok(())
        })
    }
}

impl<K: Key, V: Value> Map<K, V> for SortedVault<K, V> {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        sum_found(keys, |key| Ok(self.get(key)?))
    }

    fn iterate(&self) -> Result<u64> {
        sum_entries(self.iter().map(|entry| Ok(entry?)))
    }

    fn ranges(&self, starts: &[K], count: usize) -> Result<u64> {
        let snapshot = self.snapshot()?;
        sum_all(starts, |start| {
            sum_in_order(snapshot.range(start..).take(count).map(|entry| Ok(entry?)))
        })
    }

    fn put_each(&self, entries: &[(K, V)]) -> Result<()> {
        for (key, value) in entries {
            self.put(key, value)?;
        }
        Ok(())
    }

    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()> {
        Ok(self.try_extend(entries)?)
    }
}
