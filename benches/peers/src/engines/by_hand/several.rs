//! Several maps, each in a table of one file.

use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use rusqlite::Connection;

use super::connect::{connect, create_table, lock};
use super::tagged::{encode, find};
use crate::data::{Key, Value};
use crate::error::Result;
use crate::map::{Durability, MapFile};
use crate::sums::sum_found;

/// Open maps of a file.
pub struct Several {
    connection: Mutex<Connection>,
    statements: Vec<Statements>,
}

/// The texts of the statements of a table. The connection keeps them prepared.
struct Statements {
    upsert: String,
    select: String,
}

/// Opens these maps of the file in `folder`.
pub fn open(folder: &Path, maps: Range<usize>) -> Result<Several> {
    let path = folder.join("hand.db");
    let is_new = !path.exists();
    let connection = connect(&path, Durability::Full)?;
    let names = maps.map(|map| format!("map{map}"));
    let statements = names
        .map(|name| {
            if is_new {
                create_table(&connection, &name, "STRICT")?;
            }
            Ok(Statements::of(&name))
        })
        .collect::<Result<_>>()?;
    Ok(Several {
        connection: Mutex::new(connection),
        statements,
    })
}

impl Statements {
    fn of(name: &str) -> Self {
        Self {
            upsert: format!(
                "INSERT INTO {name} (key, value) VALUES (?1, ?2) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            ),
            select: format!("SELECT value FROM {name} WHERE key = ?1"),
        }
    }
}

impl<K: Key, V: Value> MapFile<K, V> for Several {
    fn put_across(&self, entries: &[(K, V)]) -> Result<()> {
        let connection = lock(&self.connection);
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for ((key, value), map) in entries.iter().zip(self.statements.iter().cycle()) {
            let mut upsert = connection.prepare_cached(&map.upsert)?;
            upsert.execute((encode(key)?, encode(value)?))?;
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    fn get_across(&self, keys: &[K]) -> Result<u64> {
        let connection = lock(&self.connection);
        let maps = self.statements.iter().cycle();
        sum_found::<_, V>(keys.iter().zip(maps), |(key, map)| {
            find(&mut *connection.prepare_cached(&map.select)?, &encode(key)?)
        })
    }
}
