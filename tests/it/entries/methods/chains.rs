//! Chains of calls on [`TryEntry`](vaults::TryEntry), and on [`Entry`](vaults::Entry) after `into_entry`.

use vaults::{Error, Result};

use crate::support::{fast, on_each_engine, on_each_engine_with};

use super::{attempt, contents, key, start};

/// Tests a chain on both entry types, with a key that is stored and one that is not.
macro_rules! chain {
    (|$std:ident| $expected:expr, |$entry:ident| $actual:expr $(,)?) => {
        for name in ["a", "z"] {
            same!(
                |map| {
                    let $std = map.entry(key(name));
                    $expected
                },
                |map| {
                    let $entry = map.entry(key(name));
                    $actual
                }
            );
            same!(
                |map| {
                    let $std = map.entry(key(name));
                    $expected
                },
                |map| {
                    let $entry = map.entry(key(name)).into_entry()?;
                    $actual
                }
            );
            same!(
                |map| {
                    let $std = map.entry(key(name));
                    $expected
                },
                |map| {
                    let $entry = map.entry_ref(name);
                    $actual
                }
            );
        }
    };
}

#[test]
fn or_insert() {
    chain!(|entry| *entry.or_insert(7), |entry| *entry.or_insert(7)?);
    chain!(|entry| *entry.or_insert(7) += 5, |entry| *entry
        .or_insert(7)? +=
        5);
}

#[test]
fn or_insert_with() {
    chain!(|entry| *entry.or_insert_with(|| 7), |entry| *entry
        .or_insert_with(|| 7)?);
    same!(
        |map| *map
            .entry(key("a"))
            .or_insert_with(|| panic!("the key is stored")),
        |map| *map
            .entry(key("a"))
            .or_insert_with(|| panic!("the key is stored"))?,
    );
}

#[test]
fn or_insert_with_key() {
    chain!(
        |entry| *entry.or_insert_with_key(|key| u32::from(key.as_bytes()[0])),
        |entry| *entry.or_insert_with_key(|key| u32::from(key.as_bytes()[0]))?,
    );
}

#[test]
fn or_default() {
    chain!(|entry| *entry.or_default(), |entry| *entry.or_default()?);
    chain!(|entry| *entry.or_default() += 3, |entry| *entry
        .or_default()? +=
        3);
}

#[test]
fn or_try_insert_with_that_succeeds() {
    chain!(|entry| *entry.or_insert(7), |entry| *entry
        .or_try_insert_with(|| Result::<u32>::Ok(7))?);
}

#[test]
fn or_try_insert_with_that_fails() {
    #[derive(Debug, PartialEq)]
    enum Own {
        Refused,
        Vault,
    }
    impl From<Error> for Own {
        fn from(_: Error) -> Self {
            Self::Vault
        }
    }
    let refuse = || Err(Own::Refused);
    same!(|_map| Err::<u32, _>(Own::Refused), |map| map
        .entry(key("z"))
        .or_try_insert_with(refuse)
        .map(|value| *value));
    same!(|_map| Ok::<u32, Own>(1), |map| map
        .entry(key("a"))
        .or_try_insert_with(refuse)
        .map(|value| *value));

    on_each_engine::<String, u32>(|vault| {
        let tx = vault.begin().unwrap();
        let error = vault
            .entry(key("z"))
            .or_try_insert_with(refuse)
            .map(|value| *value);
        assert_eq!(error, Err(Own::Vault), "an error of the vault");
        drop(tx);
    });
}

#[test]
fn and_modify() {
    chain!(
        |entry| *entry.and_modify(|value| *value += 10).or_insert(7),
        |entry| *entry.and_modify(|value| *value += 10).or_insert(7)?,
    );
    chain!(
        |entry| {
            let twice = entry.and_modify(|value| *value += 1);
            *twice.and_modify(|value| *value *= 2).or_default()
        },
        |entry| {
            let twice = entry.and_modify(|value| *value += 1);
            *twice.and_modify(|value| *value *= 2).or_default()?
        },
    );
}

#[test]
fn and_modify_alone_is_written_at_the_end_of_the_statement() {
    chain!(
        |entry| {
            let _ = entry.and_modify(|value| *value += 10);
        },
        |entry| {
            let _ = entry.and_modify(|value| *value += 10);
        },
    );
}

#[test]
fn key_of_a_chain() {
    chain!(|entry| format!("{}", entry.key()), |entry| format!(
        "{}",
        entry.key()
    ));
}

#[test]
fn insert_entry() {
    chain!(|entry| *entry.insert_entry(7).get(), |entry| *entry
        .insert_entry(7)?
        .get());
    chain!(|entry| entry.insert_entry(7).insert(8), |entry| entry
        .insert_entry(7)?
        .insert(8)?);
    chain!(|entry| *entry.insert_entry(7).get_mut() += 2, |entry| {
        *entry.insert_entry(7)?.get_mut() += 2;
    },);
    chain!(|entry| entry.insert_entry(7).remove(), |entry| entry
        .insert_entry(7)?
        .remove()?);
}

#[test]
fn a_chain_that_writes_nothing() {
    chain!(|entry| drop(entry), |entry| drop(entry));
}
