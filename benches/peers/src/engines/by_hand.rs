//! SQLite by hand: the vault's table, settings, statements and bytes, through rusqlite.
//!
//! It is written to be the floor: statements are prepared once for a loop and held, one connection
//! writes and each thread that reads has one of its own.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, Statement};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::data::{Key, Value, digest};
use crate::engine::{Durability, Map};

const SELECT: &str = "SELECT value FROM dict WHERE key = ?1";
const UPSERT: &str = "INSERT INTO dict (key, value) VALUES (?1, ?2) \
                      ON CONFLICT (key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM dict WHERE key = ?1";
const SCAN: &str = "SELECT key, value FROM dict ORDER BY rowid";

/// A file with one connection to write, and one for each thread that has ever read.
pub struct ByHand {
    path: PathBuf,
    durability: Durability,
    writer: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
}

/// Opens the file in `folder`, and one connection of each kind.
pub fn open(folder: &Path, durability: Durability) -> Result<ByHand> {
    let path = folder.join("hand.db");
    Ok(ByHand {
        writer: Mutex::new(connect(&path, durability)?),
        idle: Mutex::new(Vec::new()),
        path,
        durability,
    })
}

fn connect(path: &Path, durability: Durability) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let synchronous = durability.name();
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
         PRAGMA journal_size_limit = 16777216; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;
         CREATE TABLE IF NOT EXISTS dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT"
    ))?;
    Ok(connection)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ByHand {
    /// Runs `f` on a connection that no other thread uses meanwhile.
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
}

/// A write transaction, and what is done in it, prepared once.
struct Writing<'c> {
    begin: CachedStatement<'c>,
    commit: CachedStatement<'c>,
    select: CachedStatement<'c>,
    upsert: CachedStatement<'c>,
    delete: CachedStatement<'c>,
}

impl<'c> Writing<'c> {
    fn new(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            begin: connection.prepare_cached("BEGIN IMMEDIATE")?,
            commit: connection.prepare_cached("COMMIT")?,
            select: connection.prepare_cached(SELECT)?,
            upsert: connection.prepare_cached(UPSERT)?,
            delete: connection.prepare_cached(DELETE)?,
        })
    }

    /// Any error ends the run, so nothing rolls back.
    fn transaction<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        self.begin.execute([])?;
        let result = f(self)?;
        self.commit.execute([])?;
        Ok(result)
    }

    fn put<K: Key, V: Value>(&mut self, key: &K, value: &V) -> Result<()> {
        self.upsert.execute((encode(key)?, encode(value)?))?;
        Ok(())
    }

    fn insert<K: Key, V: Value>(&mut self, key: &K, value: &V) -> Result<Option<V>> {
        let (key, value) = (encode(key)?, encode(value)?);
        let old = find(&mut self.select, &key)?;
        self.upsert.execute((key, value))?;
        Ok(old)
    }

    fn remove<K: Key, V: Value>(&mut self, key: &K) -> Result<Option<V>> {
        let key = encode(key)?;
        let old = find(&mut self.select, &key)?;
        if old.is_some() {
            self.delete.execute([key])?;
        }
        Ok(old)
    }

    fn increment<K: Key, V: Value>(&mut self, key: &K) -> Result<()> {
        let key = encode(key)?;
        let mut value = find(&mut self.select, &key)?.unwrap_or_else(|| V::of(0));
        value.bump();
        self.upsert.execute((key, encode(&value)?))?;
        Ok(())
    }
}

/// The tag that the vault writes, and named MessagePack.
fn encode<T: Serialize>(item: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(b'M');
    rmp_serde::encode::write_named(&mut bytes, item)?;
    Ok(bytes)
}

fn decode<T: DeserializeOwned>(blob: &[u8]) -> Result<T> {
    let (_tag, payload) = blob.split_first().ok_or("an empty blob")?;
    Ok(rmp_serde::from_slice(payload)?)
}

fn find<V: Value>(select: &mut Statement<'_>, key: &[u8]) -> Result<Option<V>> {
    let mut rows = select.query([key])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    decode(row.get_ref(0)?.as_blob()?).map(Some)
}

fn sum_of<K: Key, V: Value>(select: &mut Statement<'_>, keys: &[K]) -> Result<u64> {
    let mut sum = 0_u64;
    for key in keys {
        sum = sum.wrapping_add(digest::<V>(find(select, &encode(key)?)?.as_ref()));
    }
    Ok(sum)
}

/// Several gets of one state.
fn in_one_state<R>(
    connection: &Connection,
    f: impl FnOnce(&mut Statement<'_>) -> Result<R>,
) -> Result<R> {
    let mut select = connection.prepare_cached(SELECT)?;
    connection.prepare_cached("BEGIN")?.execute([])?;
    let found = f(&mut select)?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(found)
}

impl<K: Key, V: Value> Map<K, V> for ByHand {
    fn get_each(&self, keys: &[K]) -> Result<u64> {
        self.read(|connection| sum_of::<K, V>(&mut *connection.prepare_cached(SELECT)?, keys))
    }

    fn get_many(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        self.read(|connection| {
            in_one_state(connection, |select| {
                let find = |key: &K| find(select, &encode(key)?);
                keys.iter().map(find).collect()
            })
        })
    }

    fn get_in_snapshot(&self, keys: &[K]) -> Result<u64> {
        self.read(|connection| in_one_state(connection, |select| sum_of::<K, V>(select, keys)))
    }

    fn iterate(&self) -> Result<u64> {
        self.read(|connection| {
            let mut scan = connection.prepare_cached(SCAN)?;
            let mut rows = scan.query([])?;
            let mut sum = 0_u64;
            while let Some(row) = rows.next()? {
                let key: K = decode(row.get_ref(0)?.as_blob()?)?;
                let value: V = decode(row.get_ref(1)?.as_blob()?)?;
                sum = sum.wrapping_add(key.digest() ^ value.digest());
            }
            Ok(sum)
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
        let mut sum = 0_u64;
        for (key, value) in entries {
            let old = writing.transaction(|writing| writing.insert(&key, &value))?;
            sum = sum.wrapping_add(digest(old.as_ref()));
        }
        Ok(sum)
    }

    fn remove_each(&self, keys: &[K]) -> Result<u64> {
        let connection = lock(&self.writer);
        let mut writing = Writing::new(&connection)?;
        let mut sum = 0_u64;
        for key in keys {
            let old = writing.transaction(|writing| writing.remove::<K, V>(key))?;
            sum = sum.wrapping_add(digest(old.as_ref()));
        }
        Ok(sum)
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
