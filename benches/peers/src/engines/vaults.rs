//! `vaults`, as its README has it.

use std::path::Path;

use vaults::{OpenOptions, Vault};

use crate::Result;
use crate::data::{Key, Value, digest};
use crate::engine::{Durability, Engine, Map};

/// Opens the vault in `folder`.
pub fn open<K: Key, V: Value>(
    engine: Engine,
    folder: &Path,
    durability: Durability,
) -> Result<Vault<K, V>> {
    let cache = (engine == Engine::VaultsUncached).then_some(0);
    let mut options = options(cache);
    options
        .durability(match durability {
            Durability::Full => vaults::Durability::Full,
            Durability::Normal => vaults::Durability::Normal,
            Durability::Off => vaults::Durability::Off,
        })
        .verify_writes(engine != Engine::VaultsUnverified);
    Ok(options.open(folder.join("vault.db"))?)
}

/// The options for a cache of so many bytes; `None` is the default.
fn options(cache: Option<usize>) -> OpenOptions {
    let mut options = OpenOptions::new();
    if let Some(bytes) = cache {
        options.cache_capacity(bytes);
    }
    options
}

impl<K: Key, V: Value> Map<K, V> for Vault<K, V> {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        let mut sum = 0_u64;
        for key in keys {
            sum = sum.wrapping_add(digest(self.get(key)?.as_ref()));
        }
        Ok(sum)
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        Ok(Self::get_many(self, keys)?)
    }

    fn get_in_snapshot(&self, keys: &[K]) -> Result<u64> {
        let snapshot = self.snapshot()?;
        let mut sum = 0_u64;
        for key in keys {
            sum = sum.wrapping_add(digest(snapshot.get(key)?.as_ref()));
        }
        Ok(sum)
    }

    fn iterate(&self) -> Result<u64> {
        let mut sum = 0_u64;
        for entry in self {
            let (key, value) = entry?;
            sum = sum.wrapping_add(key.digest() ^ value.digest());
        }
        Ok(sum)
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
        let mut sum = 0_u64;
        for (key, value) in entries {
            sum = sum.wrapping_add(digest(self.insert(key, value)?.as_ref()));
        }
        Ok(sum)
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        let mut sum = 0_u64;
        for key in keys {
            sum = sum.wrapping_add(digest(self.remove(key)?.as_ref()));
        }
        Ok(sum)
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
