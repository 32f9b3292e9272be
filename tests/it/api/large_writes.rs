//! Calls that write so many entries that the page cache grows for them.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use vaults::{OpenOptions, Vault};

/// More entries than a call can write before the page cache grows.
const MANY: u64 = 4_000;

/// Returns unsorted keys. Every other key occurs twice.
fn entries() -> impl Iterator<Item = (u64, String)> {
    (0..MANY).map(|n| {
        let key = if n % 2 == 0 { n } else { n / 4 };
        (
            key.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            format!("value {n}"),
        )
    })
}

/// Returns the entries of a map with insertion order after inserting `entries`.
fn model(entries: impl Iterator<Item = (u64, String)>) -> Vec<(u64, String)> {
    let mut positions = HashMap::new();
    let mut ordered: Vec<(u64, String)> = Vec::new();
    for (key, value) in entries {
        let position = *positions.entry(key).or_insert(ordered.len());
        match ordered.get_mut(position) {
            Some(entry) => entry.1 = value,
            None => ordered.push((key, value)),
        }
    }
    ordered
}

fn contents(vault: &Vault<u64, String>) -> Vec<(u64, String)> {
    vault.iter().map(Result::unwrap).collect()
}

fn vault(folder: &tempfile::TempDir) -> Vault<u64, String> {
    let path = folder.path().join("t.db");
    OpenOptions::new()
        .durability(vaults::Durability::Off)
        .open(path)
        .unwrap()
}

#[test]
fn keys_keep_the_order_of_insertion_and_their_last_value() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder);
    vault.put(&0, &"there before".into()).unwrap();
    vault.try_extend(entries()).unwrap();
    let before = std::iter::once((0, String::new()));
    let expected = model(before.chain(entries()));
    assert_eq!(contents(&vault), expected);
    assert_eq!(vault.len().unwrap(), expected.len());
    assert!(vault.verify().unwrap().is_ok());
    // Overwrite all entries. Only the values change.
    vault
        .try_extend(entries().map(|(key, _)| (key, "new".to_owned())))
        .unwrap();
    let new = expected.iter().map(|&(key, _)| (key, "new".to_owned()));
    assert_eq!(contents(&vault), new.collect::<Vec<_>>());
}

#[test]
fn a_large_write_that_is_rolled_back_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder);
    vault.put(&1, &"there before".into()).unwrap();
    let mut tx = vault.begin().unwrap();
    tx.try_extend(entries()).unwrap();
    assert_eq!(tx.len().unwrap(), model(entries()).len() + 1);
    tx.rollback().unwrap();
    let panicking = entries().inspect(|(_, value)| assert!(value != "value 3999", "on purpose"));
    let unwound = std::panic::catch_unwind(AssertUnwindSafe(|| vault.try_extend(panicking)));
    assert!(unwound.is_err());
    assert_eq!(contents(&vault), [(1, "there before".to_owned())]);
    assert_eq!(vault.len().unwrap(), 1);
    // Writing still works.
    vault.try_extend(entries()).unwrap();
    assert_eq!(vault.len().unwrap(), model(entries()).len() + 1);
}

#[test]
fn the_iterator_of_a_large_write_can_read_the_last_committed_state() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder);
    vault.put(&7, &"before".into()).unwrap();
    let reading = entries().map(|(key, value)| {
        assert_eq!(vault.get(&7).unwrap().as_deref(), Some("before"));
        assert_eq!(vault.len().unwrap(), 1);
        (key, value)
    });
    vault
        .try_extend(reading.chain([(7, "after".to_owned())]))
        .unwrap();
    assert_eq!(vault.get(&7).unwrap().as_deref(), Some("after"));
}
