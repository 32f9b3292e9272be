//! Several tables of one database.

use std::ops::Range;
use std::path::Path;

use redb::{Database, ReadableDatabase, Table, TableDefinition};

use crate::data::{Key, Value};
use crate::error::Result;
use crate::map::MapFile;
use crate::sums::sum_found;

/// Open maps of a file.
pub struct Several {
    database: Database,
    maps: Vec<String>,
}

fn table(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

/// Opens these maps of the file in `folder`.
pub fn open(folder: &Path, maps: Range<usize>) -> Result<Several> {
    let path = folder.join("redb.redb");
    let is_new = !path.exists();
    let several = Several {
        database: Database::create(path)?,
        maps: maps.map(|map| format!("map{map}")).collect(),
    };
    if is_new {
        let transaction = several.database.begin_write()?;
        for map in &several.maps {
            transaction.open_table(table(map))?;
        }
        transaction.commit()?;
    }
    Ok(several)
}

impl<K: Key, V: Value> MapFile<K, V> for Several {
    fn put_across(&self, entries: &[(K, V)]) -> Result<()> {
        let transaction = self.database.begin_write()?;
        let open = |map: &String| transaction.open_table(table(map));
        let mut tables: Vec<Table<'_, _, _>> =
            self.maps.iter().map(open).collect::<Result<_, _>>()?;
        let count = tables.len();
        for (index, table) in tables.iter_mut().enumerate() {
            for (key, value) in entries.iter().skip(index).step_by(count) {
                table.insert(key.bytes().as_ref(), value.bytes()?.as_ref())?;
            }
        }
        drop(tables);
        Ok(transaction.commit()?)
    }

    fn get_across(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys.iter().zip(self.maps.iter().cycle()), |(key, map)| {
            let table = self.database.begin_read()?.open_table(table(map))?;
            let value = table.get(key.bytes().as_ref())?;
            value.map(|value| V::from_bytes(value.value())).transpose()
        })
    }
}
