//! Calls that write so much that the page cache grows for them.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use vaults::{OpenOptions, Vault};

/// More than what a call may write before that happens.
const MANY: u64 = 4_000;

/// Keys in no order, of which every other comes twice.
fn entries() -> impl Iterator<Item = (u64, String)> {
    (0..MANY).map(|n| {
        let key = if n % 2 == 0 { n } else { n / 4 };
        (
            key.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            format!("value {n}"),
        )
    })
}

/// What a map that keeps the order of insertion makes of entries.
fn model(entries: impl Iterator<Item = (u64, String)>) -> Vec<(u64, String)> {
    let mut places = HashMap::new();
    let mut ordered: Vec<(u64, String)> = Vec::new();
    for (key, value) in entries {
        let place = *places.entry(key).or_insert(ordered.len());
        match ordered.get_mut(place) {
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
fn keys_keep_the_callers_order_and_their_last_value() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder);
    vault.put(&0, &"there before".into()).unwrap();
    vault.try_extend(entries()).unwrap();
    let before = std::iter::once((0, String::new()));
    let expected = model(before.chain(entries()));
    assert_eq!(contents(&vault), expected);
    assert_eq!(vault.len().unwrap(), expected.len());
    assert!(vault.verify().unwrap().is_ok());
    // And once more over itself, which changes nothing but the values.
    vault
        .try_extend(entries().map(|(key, _)| (key, "new".to_owned())))
        .unwrap();
    let new = expected.iter().map(|&(key, _)| (key, "new".to_owned()));
    assert_eq!(contents(&vault), new.collect::<Vec<_>>());
}

#[test]
fn one_that_is_given_up_leaves_nothing() {
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
    // The writer is as it was.
    vault.try_extend(entries()).unwrap();
    assert_eq!(vault.len().unwrap(), model(entries()).len() + 1);
}

#[test]
fn the_iterator_may_read_the_state_before() {
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
