//! redb: a table of bytes with serde values, a transaction for each operation.

use std::path::Path;

use redb::{
    Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase,
    ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction,
};

use crate::data::{Key, Value, decode};
use crate::error::{Result, Unsupported};
use crate::map::{Durability, Map, Mode, Role};
use crate::sums::{sum_all, sum_entries, sum_found, sum_in_order};

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("dict");

/// A database that is written, or one that another process writes.
pub enum Redb {
    /// Ours to write.
    Written(Database, redb::Durability),
    /// Another process's.
    ReadOnly(ReadOnlyDatabase),
}

/// Opens the database in `folder`.
///
/// Its non-durable commits survive no killed process, so it has no `Normal`.
pub fn open(folder: &Path, mode: Mode) -> Result<Redb> {
    let role = mode.role;
    let durability = match mode.durability {
        Durability::Full => redb::Durability::Immediate,
        Durability::Off => redb::Durability::None,
        Durability::Normal => return Err(Unsupported.into()),
    };
    let path = folder.join("redb.redb");
    let mut builder = Builder::new();
    if role != Role::Alone {
        builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
    }
    if role == Role::Reader {
        return Ok(Redb::ReadOnly(builder.open_read_only(path)?));
    }
    let is_new = !path.exists();
    let database = Redb::Written(builder.create(path)?, durability);
    if is_new {
        database.transaction(|_| Ok(()))?;
    }
    Ok(database)
}

type Dict<'tx> = Table<'tx, &'static [u8], &'static [u8]>;

impl Redb {
    fn begin_read(&self) -> Result<ReadTransaction> {
        Ok(match self {
            Self::Written(database, _) => database.begin_read()?,
            Self::ReadOnly(database) => database.begin_read()?,
        })
    }

    fn begin_write(&self) -> Result<WriteTransaction> {
        let Self::Written(database, durability) = self else {
            return Err(Unsupported.into());
        };
        let mut transaction = database.begin_write()?;
        transaction.set_durability(*durability)?;
        Ok(transaction)
    }

    fn transaction<R>(&self, f: impl FnOnce(&mut Dict<'_>) -> Result<R>) -> Result<R> {
        let transaction = self.begin_write()?;
        let result = f(&mut transaction.open_table(TABLE)?)?;
        transaction.commit()?;
        Ok(result)
    }
}

fn get<K: Key, V: Value>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &K,
) -> Result<Option<V>> {
    let value = table.get(key.bytes().as_ref())?;
    value.map(|value| V::from_bytes(value.value())).transpose()
}

fn put<K: Key, V: Value>(table: &mut Dict<'_>, key: &K, value: &V) -> Result<Option<V>> {
    let old = table.insert(key.bytes().as_ref(), value.bytes()?.as_ref())?;
    old.map(|old| V::from_bytes(old.value())).transpose()
}

fn put_blindly<K: Key, V: Value>(table: &mut Dict<'_>, key: &K, value: &V) -> Result<()> {
    table.insert(key.bytes().as_ref(), value.bytes()?.as_ref())?;
    Ok(())
}

impl<K: Key, V: Value> Map<K, V> for Redb {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys, |key| get(&self.begin_read()?.open_table(TABLE)?, key))
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        let table = self.begin_read()?.open_table(TABLE)?;
        keys.iter().map(|key| get(&table, key)).collect()
    }

    fn get_in_snapshot(&self, keys: &[K]) -> Result<u64> {
        let table = self.begin_read()?.open_table(TABLE)?;
        sum_found::<_, V>(keys, |key| get(&table, key))
    }

    fn iterate(&self) -> Result<u64> {
        let table = self.begin_read()?.open_table(TABLE)?;
        sum_entries::<K, V>(table.iter()?.map(|entry| {
            let (key, value) = entry?;
            decode(key.value(), value.value())
        }))
    }

    fn ranges(&self, starts: &[K], count: usize) -> Result<u64> {
        let table = self.begin_read()?.open_table(TABLE)?;
        sum_all(starts, |key| {
            let entries = table.range(key.bytes().as_ref()..)?.take(count);
            sum_in_order::<K, V>(entries.map(|entry| {
                let (key, value) = entry?;
                decode(key.value(), value.value())
            }))
        })
    }

    fn len(&self) -> Result<u64> {
        Ok(self.begin_read()?.open_table(TABLE)?.len()?)
    }

    fn put_each(&self, entries: &[(K, V)]) -> Result<()> {
        for (key, value) in entries {
            self.transaction(|table| put_blindly(table, key, value))?;
        }
        Ok(())
    }

    fn insert_each(&self, entries: Vec<(K, V)>) -> Result<u64> {
        sum_found::<_, V>(entries, |(key, value)| {
            self.transaction(|table| put(table, &key, &value))
        })
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        sum_found::<_, V>(keys, |key| {
            self.transaction(|table| {
                let old = table.remove(key.bytes().as_ref())?;
                old.map(|old| V::from_bytes(old.value())).transpose()
            })
        })
    }

    fn increment_each(&self, keys: &[K]) -> Result<()> {
        for key in keys {
            self.transaction(|table| {
                let mut value: V = get(table, key)?.unwrap_or_else(|| V::of(0));
                value.bump();
                put_blindly(table, key, &value)
            })?;
        }
        Ok(())
    }

    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()> {
        self.transaction(|table| {
            for (key, value) in entries {
                put_blindly(table, &key, &value)?;
            }
            Ok(())
        })
    }

    fn put_together(&self, entries: &[(K, V)]) -> Result<()> {
        self.transaction(|table| {
            for (key, value) in entries {
                put_blindly(table, key, value)?;
            }
            Ok(())
        })
    }
}
