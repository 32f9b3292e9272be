//! The orders of a map. A test of behaviour that all orders share runs on each of them.

use std::fmt::Debug;
use std::path::Path;

use rusqlite::Connection;
use vaults::order::{InsertionOrder, KeyOrder, Order};
use vaults::{OpenOptions, Result, Vault};

use super::{Key, Value};

/// What the tests need of an order.
pub(crate) trait TestOrder<K>: Order<K> + Debug + Sized + 'static {
    fn open<V: Value>(options: &OpenOptions, path: &Path) -> Result<Vault<K, V, Self>>;

    fn open_in_memory<V: Value>(options: &OpenOptions) -> Result<Vault<K, V, Self>>;

    /// Returns the index of a key that is not in `keys`, which are in this order.
    fn place_of(keys: &[K], key: &K) -> usize;
}

impl<K: Key> TestOrder<K> for InsertionOrder {
    fn open<V: Value>(options: &OpenOptions, path: &Path) -> Result<Vault<K, V>> {
        options.open(path)
    }

    fn open_in_memory<V: Value>(options: &OpenOptions) -> Result<Vault<K, V>> {
        options.open_in_memory()
    }

    fn place_of(keys: &[K], _: &K) -> usize {
        keys.len()
    }
}

impl<K: Key + Ord> TestOrder<K> for KeyOrder {
    fn open<V: Value>(options: &OpenOptions, path: &Path) -> Result<Vault<K, V, Self>> {
        Ok(options.open_sorted(path)?.into_inner())
    }

    fn open_in_memory<V: Value>(options: &OpenOptions) -> Result<Vault<K, V, Self>> {
        Ok(options.open_sorted_in_memory()?.into_inner())
    }

    fn place_of(keys: &[K], key: &K) -> usize {
        keys.partition_point(|other| other < key)
    }
}

/// Returns what is wrong with the large values of a sorted vault: one without a key, a key without its value, or one
/// that belongs to two keys. A file without the tables has nothing wrong.
pub(crate) fn misplaced_values(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let is_sorted = "SELECT count(*) FROM sqlite_schema WHERE name = 'sorted_large'";
    let tables: i64 = connection.query_one(is_sorted, [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(None);
    }
    let counts = [
        (
            "values without a key",
            "SELECT count(*) FROM sorted_large WHERE id NOT IN (SELECT value FROM sorted WHERE value < x'')",
        ),
        (
            "keys without a value",
            "SELECT count(*) FROM sorted WHERE value < x'' AND value NOT IN (SELECT id FROM sorted_large)",
        ),
        (
            "keys that share a value",
            "SELECT count(value) - count(DISTINCT value) FROM sorted WHERE value < x''",
        ),
        (
            "values in the wrong table",
            "SELECT (SELECT count(*) FROM sorted_large WHERE length(value) <= 400) \
             + (SELECT count(*) FROM sorted WHERE value >= x'' AND length(value) > 400)",
        ),
    ];
    for (what, sql) in counts {
        let count: i64 = connection.query_one(sql, [], |row| row.get(0))?;
        if count != 0 {
            return Ok(Some(format!("{count} {what}")));
        }
    }
    Ok(None)
}
