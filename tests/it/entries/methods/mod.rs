//! Entries and guards: every method is compared with that of `HashMap`.

use std::collections::HashMap;

use vaults::{Entry, OccupiedEntry, Result, TryEntry, VacantEntry, Vault};

/// The entries at the start of every comparison.
fn start() -> HashMap<String, u32> {
    [("a".to_owned(), 1), ("b".to_owned(), 2)].into()
}

fn key(text: &str) -> String {
    text.to_owned()
}

fn contents(vault: &Vault<String, u32>) -> HashMap<String, u32> {
    vault.iter().map(Result::unwrap).collect()
}

fn attempt<R>(f: impl FnOnce() -> Result<R>) -> R {
    f().unwrap()
}

/// Runs the same code on a `HashMap` and on a vault, a transaction and a savepoint of each engine,
/// and asserts that the results and the entries are equal.
macro_rules! same {
    (|$std:ident| $expected:expr, |$map:ident| $actual:expr $(,)?) => {{
        let mut after = start();
        let expected = {
            let $std = &mut after;
            $expected
        };
        on_each_engine_with(&fast(), |vault| {
            let again = || {
                vault.clear().unwrap();
                vault.try_extend(start()).unwrap();
            };
            again();
            let $map = &vault;
            assert_eq!(attempt(|| Ok($actual)), expected, "on the vault");
            assert_eq!(contents(&vault), after, "on the vault");

            again();
            let mut tx = vault.begin().unwrap();
            let $map = &mut tx;
            assert_eq!(attempt(|| Ok($actual)), expected, "in a transaction");
            tx.commit().unwrap();
            assert_eq!(contents(&vault), after, "in a transaction");

            again();
            let mut tx = vault.begin().unwrap();
            let mut part = tx.savepoint().unwrap();
            let $map = &mut part;
            assert_eq!(attempt(|| Ok($actual)), expected, "in a savepoint");
            part.commit().unwrap();
            tx.commit().unwrap();
            assert_eq!(contents(&vault), after, "in a savepoint");
        });
    }};
}

fn occupied<K, V>(entry: TryEntry<'_, K, V>) -> OccupiedEntry<'_, K, V> {
    match entry.into_entry().unwrap() {
        Entry::Occupied(entry) => entry,
        Entry::Vacant(_) => panic!("the key is not stored"),
    }
}

fn vacant<K, V>(entry: TryEntry<'_, K, V>) -> VacantEntry<'_, K, V> {
    match entry.into_entry().unwrap() {
        Entry::Vacant(entry) => entry,
        Entry::Occupied(_) => panic!("the key is stored"),
    }
}

mod chains;
mod occupied_and_vacant;
