//! Several named databases of one environment.

use std::ops::Range;
use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env};

use super::env;
use crate::data::{Key, Value};
use crate::error::Result;
use crate::map::{Durability, MapFile};
use crate::sums::sum_found;

/// The most databases that are ever open.
const DATABASES: u32 = 128;

type Dict = Database<'static, Bytes, Bytes>;

/// Open maps of a file.
pub struct Several {
    env: Env,
    maps: Vec<Dict>,
}

/// Opens these maps of the file in `folder`.
pub fn open(folder: &Path, maps: Range<usize>) -> Result<Several> {
    let env = env::open(folder, Durability::Full, DATABASES)?;
    let maps = maps
        .map(|map| create(&env, &format!("map{map}")))
        .collect::<Result<_>>()?;
    Ok(Several { env, maps })
}

fn create(env: &Env, name: &str) -> Result<Dict> {
    let created = env.create_databases_and_commit(env.write_txn()?, |opener, txn| {
        let dict = opener.create_database::<Bytes, Bytes>(txn, Some(name))?;
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(dict))
    })?;
    Ok(created.commit().ok_or("no database")?)
}

impl<K: Key, V: Value> MapFile<K, V> for Several {
    fn put_across(&self, entries: &[(K, V)]) -> Result<()> {
        let mut txn = self.env.write_txn()?;
        for ((key, value), map) in entries.iter().zip(self.maps.iter().cycle()) {
            map.put(&mut txn, key.bytes().as_ref(), value.bytes()?.as_ref())?;
        }
        Ok(txn.commit()?)
    }

    fn get_across(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys.iter().zip(self.maps.iter().cycle()), |(key, map)| {
            let txn = self.env.read_txn()?;
            let value = map.get(&txn, key.bytes().as_ref())?;
            value.map(V::from_bytes).transpose()
        })
    }
}
