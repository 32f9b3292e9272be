//! One map in one table.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, Statement};

use super::connect::{connect, create_table, lock};
use super::tagged::{encode, entry, find};
use super::writing::{SELECT, UPSERT, Writing};
use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::error::{Result, Unsupported};
use crate::map::{Durability, Map, Mode, Order};
use crate::sums::{sum_all, sum_entries, sum_found, sum_in_order};

const RANGE: &str = "SELECT key, value FROM dict WHERE key >= ?1 ORDER BY key LIMIT ?2";

/// A file with one connection to write, and one for each thread that has ever read.
pub struct ByHand {
    path: PathBuf,
    durability: Durability,
    scan: &'static str,
    writer: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
}

/// Opens the file in `folder`, and the connection that writes.
///
/// The table `WITHOUT ROWID` has only the order of the keys.
pub fn open(engine: Engine, folder: &Path, mode: Mode) -> Result<ByHand> {
    let options = match (engine, mode.order) {
        (Engine::WithoutRowid, Order::Any) => return Err(Unsupported.into()),
        (Engine::WithoutRowid, Order::Keys) => "STRICT, WITHOUT ROWID",
        _ => "STRICT",
    };
    let path = folder.join("hand.db");
    let writer = connect(&path, mode.durability)?;
    create_table(&writer, "dict", options)?;
    Ok(ByHand {
        path,
        durability: mode.durability,
        scan: match mode.order {
            Order::Any => "SELECT key, value FROM dict ORDER BY rowid",
            Order::Keys => "SELECT key, value FROM dict ORDER BY key",
        },
        writer: Mutex::new(writer),
        idle: Mutex::new(Vec::new()),
    })
}

impl ByHand {
    /// Runs `f` on a connection that no other thread uses at the same time.
    fn read<R>(&self, f: impl FnOnce(&Connection) -> Result<R>) -> Result<R> {
        let idle = lock(&self.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, self.durability)?,
        };
        let result = f(&connection);
        lock(&self.idle).push(connection);
        result
    }

    /// Runs a statement of one state again and again.
    fn read_state<R>(
        &self,
        sql: &str,
        f: impl FnOnce(&mut Statement<'_>) -> Result<R>,
    ) -> Result<R> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            connection.prepare_cached("BEGIN")?.execute([])?;
            let found = f(&mut statement)?;
            connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(found)
        })
    }
}

impl<K: Key, V: Value> Map<K, V> for ByHand {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(SELECT)?;
            sum_found::<_, V>(keys, |key| find(&mut select, &encode(key)?))
        })
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        self.read_state(SELECT, |select| {
            let find = |key: &K| find(select, &encode(key)?);
            keys.iter().map(find).collect()
        })
    }

    fn get_in_snapshot(&self, keys: &[K]) -> Result<u64> {
        self.read_state(SELECT, |select| {
            sum_found::<_, V>(keys, |key| find(select, &encode(key)?))
        })
    }

    fn iterate(&self) -> Result<u64> {
        self.read(|connection| {
            let mut scan = connection.prepare_cached(self.scan)?;
            sum_entries(scan.query_and_then([], entry::<K, V>)?)
        })
    }

    fn ranges(&self, starts: &[K], count: usize) -> Result<u64> {
        self.read_state(RANGE, |range| {
            sum_all(starts, |key| {
                let parameters = (encode(key)?, i64::try_from(count)?);
                sum_in_order(range.query_and_then(parameters, entry::<K, V>)?)
            })
        })
    }

    fn len(&self) -> Result<u64> {
        self.read(|connection| {
            let mut count = connection.prepare_cached("SELECT count(*) FROM dict")?;
            let count: i64 = count.query_row([], |row| row.get(0))?;
            Ok(count.try_into()?)
        })
    }

    fn put_each(&self, entries: &[(K, V)]) -> Result<()> {
        let connection = lock(&self.writer);
        let mut upsert = connection.prepare_cached(UPSERT)?;
        for (key, value) in entries {
            upsert.execute((encode(key)?, encode(value)?))?;
        }
        Ok(())
    }

    fn insert_each(&self, entries: Vec<(K, V)>) -> Result<u64> {
        let connection = lock(&self.writer);
        let mut writing = Writing::new(&connection)?;
        sum_found(entries, |(key, value)| {
            writing.transaction(|writing| writing.insert(&key, &value))
        })
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        let connection = lock(&self.writer);
        let mut writing = Writing::new(&connection)?;
        sum_found::<_, V>(keys, |key| {
            writing.transaction(|writing| writing.remove(key))
        })
    }

    fn increment_each(&self, keys: &[K]) -> Result<()> {
        let connection = lock(&self.writer);
        let mut writing = Writing::new(&connection)?;
        for key in keys {
            writing.transaction(|writing| writing.increment::<K, V>(key))?;
        }
        Ok(())
    }

    /// The naive loop: one transaction, a prepared upsert for each, in the caller's order.
    fn extend(&self, entries: &mut dyn Iterator<Item = (K, V)>) -> Result<()> {
        let connection = lock(&self.writer);
        Writing::new(&connection)?.transaction(|writing| {
            for (key, value) in entries {
                writing.put(&key, &value)?;
            }
            Ok(())
        })
    }

    fn put_together(&self, entries: &[(K, V)]) -> Result<()> {
        let connection = lock(&self.writer);
        Writing::new(&connection)?.transaction(|writing| {
            for (key, value) in entries {
                writing.put(key, value)?;
            }
            Ok(())
        })
    }
}
