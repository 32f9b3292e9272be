//! Bytes that are a value or a key, read as every shape.

use std::fmt::Debug;
use std::hash::Hash;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use vaults::{Codec, Durability, Error, OpenOptions, Vault};

use super::shapes;

/// Three keys: of the hostile value, of the copy that is stored of it, and the hostile one's bytes.
const HOSTILE: u8 = 1;
const COPY: u8 = 2;
const HOSTILE_BYTES: &[u8] = b"M\x01";

/// A first row that contains no information about the types.
const SETUP: &str = "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT;
    INSERT INTO dict VALUES (x'5000', x'5000')";

/// The outcomes for one input, counted over the shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The input was read.
    pub(crate) read: u32,
    /// The input was refused.
    pub(crate) refused: u32,
}

impl Outcome {
    fn count(&mut self, was_read: bool) {
        if was_read {
            self.read += 1;
        } else {
            self.refused += 1;
        }
    }
}

pub(super) type Check = Box<dyn Fn() -> bool>;

/// Two files, opened as maps from and to every shape.
pub(crate) struct Bench {
    values: Connection,
    keys: Connection,
    /// One vault for each codec that values are stored again in.
    value_checks: [Vec<Check>; 2],
    key_checks: Vec<Check>,
    _folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let values = folder.path().canonicalize().unwrap().join("values.db");
        let keys = values.with_file_name("keys.db");
        let connect = |path: &PathBuf| {
            let connection = Connection::open(path).unwrap();
            connection.execute_batch(SETUP).unwrap();
            connection
        };
        Self {
            values: connect(&values),
            keys: connect(&keys),
            value_checks: [Codec::MessagePack, Codec::Bincode]
                .map(|codec| value_checks(&values, codec)),
            key_checks: key_checks(&keys),
            _folder: folder,
        }
    }

    /// Runs one input. Its first byte says whether the rest is a value or a key.
    pub(crate) fn run(&mut self, input: &[u8]) -> Outcome {
        let Some((&choice, blob)) = input.split_first() else {
            return Outcome::default();
        };
        if choice & 2 == 0 {
            put(&self.values, HOSTILE_BYTES, blob);
            all(&self.value_checks[usize::from(choice & 1)])
        } else {
            put(&self.keys, blob, b"M\xc0");
            let outcome = all(&self.key_checks);
            self.keys
                .execute("DELETE FROM dict WHERE key <> x'5000'", [])
                .unwrap();
            outcome
        }
    }
}

pub(super) fn all(checks: &[Check]) -> Outcome {
    let mut outcome = Outcome::default();
    for check in checks {
        outcome.count(check());
    }
    outcome
}

fn put(connection: &Connection, key: &[u8], value: &[u8]) {
    connection
        .prepare("INSERT OR REPLACE INTO dict VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute((key, value)))
        .unwrap();
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.durability(Durability::Off);
    options
}

// ---- values -------------------------------------------------------------------------------

fn value_checks(path: &Path, codec: Codec) -> Vec<Check> {
    vec![
        value::<shapes::Tree>(path, codec),
        value::<shapes::External>(path, codec),
        value::<shapes::Internal>(path, codec),
        value::<shapes::Adjacent>(path, codec),
        value::<shapes::Untagged>(path, codec),
        value::<shapes::Flattened>(path, codec),
        value::<shapes::Hashed>(path, codec),
        value::<shapes::Wrapped>(path, codec),
        value::<shapes::Set>(path, codec),
        value::<shapes::Units>(path, codec),
        value::<shapes::Skips>(path, codec),
        value::<shapes::Maps>(path, codec),
        value::<shapes::UnitMap>(path, codec),
        value::<shapes::Wide>(path, codec),
        value::<shapes::Options>(path, codec),
        value::<shapes::Scalars>(path, codec),
        value::<shapes::Dynamic>(path, codec),
    ]
}

/// Reads the hostile value as a `V`. A value that can be read must be stored and read back as an
/// equal one, or be refused.
fn value<V>(path: &Path, codec: Codec) -> Check
where
    V: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    let vault: Vault<u8, V> = options().codec(codec).open(path).unwrap();
    Box::new(move || {
        let value = match vault.get(&HOSTILE) {
            Ok(value) => value.expect("the row is there"),
            Err(error) => return refused(&error),
        };
        match vault.put(&COPY, &value) {
            Ok(()) => {
                let again = vault.get(&COPY).unwrap();
                assert!(again.as_ref() == Some(&value), "{value:?} became {again:?}");
            }
            Err(Error::Encode { .. }) => {}
            Err(error) => panic!("storing {value:?}: {error:?}"),
        }
        true
    })
}

/// Returns `false` if the bytes of a row may cause this error.
fn refused(error: &Error) -> bool {
    match error {
        Error::Decode { .. } | Error::UnknownTag { .. } | Error::Pickle { .. } => false,
        _ => panic!("{error:?}"),
    }
}

// ---- keys ---------------------------------------------------------------------------------

fn key_checks(path: &Path) -> Vec<Check> {
    vec![
        key::<String>(path),
        key::<shapes::External>(path),
        key::<shapes::Wrapped>(path),
        key::<(i128, u128)>(path),
        key::<Vec<shapes::Unit>>(path),
        key::<shapes::Dynamic>(path),
    ]
}

/// Reads the hostile key as a `K`. A key that can be read must then work like any other key.
fn key<K>(path: &Path) -> Check
where
    K: Serialize + DeserializeOwned + Eq + Hash + Debug + 'static,
{
    let vault: Vault<K, ()> = options().open(path).unwrap();
    Box::new(move || {
        let mut was_read = false;
        let keys: Vec<_> = vault.keys().collect();
        for key in keys {
            let Ok(key) = key.map_err(|error| refused(&error)) else {
                continue;
            };
            was_read = true;
            match vault.put(&key, &()) {
                Ok(()) => {
                    assert!(vault.contains_key(&key).unwrap(), "{key:?}");
                    let (again, ()) = vault.get_key_value(&key).unwrap().unwrap();
                    assert!(again == key, "{key:?} became {again:?}");
                }
                Err(Error::Encode { .. }) => {}
                Err(error) => panic!("storing {key:?}: {error:?}"),
            }
        }
        was_read
    })
}
