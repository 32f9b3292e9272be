//! Bytes that are one or two keys of a sorted vault, read as several types.

use std::fmt::Debug;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use tempfile::TempDir;
use vaults::{Durability, EntryPart, Error, OpenOptions, Result, SortedVault};

use super::decode::{Check, Outcome, all};
use super::shapes;

/// A file, opened as maps with keys of several types.
pub(crate) struct Bench {
    rows: Connection,
    checks: Vec<Check>,
    _folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("sorted.db");
        let checks = vec![
            key::<String>(&path),
            key::<(String, u64)>(&path),
            key::<i64>(&path),
            key::<(i128, u128)>(&path),
            key::<u8>(&path),
            key::<ByteBuf>(&path),
            key::<Vec<Option<char>>>(&path),
            key::<std::collections::BTreeMap<bool, i8>>(&path),
            key::<std::collections::BTreeSet<i8>>(&path),
            key::<shapes::External>(&path),
            key::<shapes::Wrapped>(&path),
            key::<shapes::Unit>(&path),
        ];
        Self {
            rows: Connection::open(&path).unwrap(),
            checks,
            _folder: folder,
        }
    }

    /// Runs one input. Its first byte is the length of the first key, or zero if all of the rest is one key.
    pub(crate) fn run(&mut self, input: &[u8]) -> Outcome {
        let Some((&length, rest)) = input.split_first() else {
            return Outcome::default();
        };
        let (first, second) = rest.split_at(usize::from(length).min(rest.len()));
        let keys = if length == 0 {
            vec![rest]
        } else {
            vec![first, second]
        };
        for key in keys {
            self.rows
                .prepare("INSERT OR REPLACE INTO sorted VALUES (?1, x'4dc0')")
                .and_then(|mut statement| statement.execute([key]))
                .unwrap();
        }
        let outcome = all(&self.checks);
        self.rows.execute("DELETE FROM sorted", []).unwrap();
        outcome
    }
}

/// Returns the value, or `None` for an error that a hostile key may cause.
fn told<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(
            Error::Decode { .. }
            | Error::UnknownTag { .. }
            | Error::Pickle { .. }
            | Error::TypeMismatch { .. }
            // In a debug build, for keys that are out of order.
            | Error::Encode {
                part: EntryPart::Key,
                ..
            },
        ) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// Reads the hostile keys as `K`. A key that can be read must be the one of its row, or `verify` reports it.
fn key<K>(path: &Path) -> Check
where
    K: Serialize + DeserializeOwned + Ord + Debug + 'static,
{
    let mut options = OpenOptions::new();
    options.durability(Durability::Off);
    let vault: SortedVault<K, ()> = options.open_sorted(path).unwrap();
    let path = path.to_owned();
    Box::new(move || {
        let rows: Vec<_> = vault.keys().collect();
        let mut backward: Vec<_> = vault.keys().rev().map(Result::ok).collect();
        backward.reverse();
        let keys: Vec<_> = rows.into_iter().map(told).collect();
        assert_eq!(keys.len(), backward.len());
        for (key, same) in keys.iter().zip(&backward) {
            assert!(key.is_none() || same.is_none() || key == same);
        }
        assert_eq!(vault.len().unwrap(), keys.len());
        assert_eq!(vault.count::<K, _>(..).unwrap(), keys.len() as u64);
        let is_read = keys.iter().all(Option::is_some);
        let found: Vec<&K> = keys.iter().flatten().collect();
        let mut is_sound = found.is_sorted_by(|one, other| one < other);
        for key in &found {
            is_sound &= vault.contains_key(*key).unwrap();
            let range = vault.range::<K, _>(*key..).count();
            is_sound &= !is_read || range <= keys.len() && range > 0;
            is_sound &= vault.count::<K, _>(..=*key).unwrap() > 0;
        }
        let report = vault.verify().unwrap();
        assert_eq!(report.is_ok(), is_read && is_sound, "{keys:?}: {report:?}");
        told(vault.first_key_value());
        told(vault.last_key_value());
        if let Some(opened) = told(OpenOptions::new().open_sorted::<K, ()>(&path)) {
            opened.iter().for_each(|entry| drop(told(entry)));
        }
        let mut tx = vault.begin().unwrap();
        told(tx.first_entry().map(drop));
        told(tx.retain_in::<K, _, _>(.., |_, ()| true));
        assert_eq!(tx.remove_range::<K, _>(..).unwrap(), keys.len() as u64);
        tx.rollback().unwrap();
        !found.is_empty()
    })
}
