//! Write transactions.

use rusqlite::{CachedStatement, Connection};

use super::tagged::{encode, find};
use crate::data::{Key, Value};
use crate::error::Result;

/// The value of a key.
pub const SELECT: &str = "SELECT value FROM dict WHERE key = ?1";
pub const UPSERT: &str = "INSERT INTO dict (key, value) VALUES (?1, ?2) \
                          ON CONFLICT (key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM dict WHERE key = ?1";

/// A write transaction, and what is done in it, prepared once.
pub struct Writing<'c> {
    begin: CachedStatement<'c>,
    commit: CachedStatement<'c>,
    select: CachedStatement<'c>,
    upsert: CachedStatement<'c>,
    delete: CachedStatement<'c>,
}

impl<'c> Writing<'c> {
    pub fn new(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            begin: connection.prepare_cached("BEGIN IMMEDIATE")?,
            commit: connection.prepare_cached("COMMIT")?,
            select: connection.prepare_cached(SELECT)?,
            upsert: connection.prepare_cached(UPSERT)?,
            delete: connection.prepare_cached(DELETE)?,
        })
    }

    /// Commits what `f` does. Any error ends the run, so nothing rolls back.
    pub fn transaction<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        self.begin.execute([])?;
        let result = f(self)?;
        self.commit.execute([])?;
        Ok(result)
    }

    pub fn put<K: Key, V: Value>(&mut self, key: &K, value: &V) -> Result<()> {
        self.upsert.execute((encode(key)?, encode(value)?))?;
        Ok(())
    }

    /// Stores an entry and reads the value that it replaces.
    pub fn insert<K: Key, V: Value>(&mut self, key: &K, value: &V) -> Result<Option<V>> {
        let (key, value) = (encode(key)?, encode(value)?);
        let old = find(&mut self.select, &key)?;
        self.upsert.execute((key, value))?;
        Ok(old)
    }

    /// Removes a key and reads its value.
    pub fn remove<K: Key, V: Value>(&mut self, key: &K) -> Result<Option<V>> {
        let key = encode(key)?;
        let old = find(&mut self.select, &key)?;
        if old.is_some() {
            self.delete.execute([key])?;
        }
        Ok(old)
    }

    /// Adds one to the value of a key.
    pub fn increment<K: Key, V: Value>(&mut self, key: &K) -> Result<()> {
        let key = encode(key)?;
        let mut value = find(&mut self.select, &key)?.unwrap_or_else(|| V::of(0));
        value.bump();
        self.upsert.execute((key, encode(&value)?))?;
        Ok(())
    }
}
