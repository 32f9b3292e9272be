//! Several maps of a `VaultFile`.

use std::ops::Range;
use std::path::Path;

use vaults::{Vault, VaultFile};

use crate::data::{Key, Value};
use crate::error::Result;
use crate::map::MapFile;
use crate::sums::sum_found;

/// Open maps of a file.
pub struct Several<K, V> {
    file: VaultFile,
    maps: Vec<Vault<K, V>>,
}

/// Opens these maps of the file in `folder`.
pub fn open<K: Key, V: Value>(folder: &Path, maps: Range<usize>) -> Result<Several<K, V>> {
    let file = VaultFile::open(folder.join("vaults.db"))?;
    let maps = maps
        .map(|map| Ok(file.vault(&format!("map{map}"))?))
        .collect::<Result<_>>()?;
    Ok(Several { file, maps })
}

impl<K: Key, V: Value> MapFile<K, V> for Several<K, V> {
    fn put_across(&self, entries: &[(K, V)]) -> Result<()> {
        self.file.try_transaction(|tx| {
            for ((key, value), map) in entries.iter().zip(self.maps.iter().cycle()) {
                tx.on(map).put(key, value)?;
            }
            Ok(())
        })
    }

    fn get_across(&self, keys: &[K]) -> Result<u64> {
        sum_found(keys.iter().zip(self.maps.iter().cycle()), |(key, map)| {
            Ok(map.get(key)?)
        })
    }
}
