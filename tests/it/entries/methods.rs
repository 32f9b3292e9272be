//! Entries and guards: every method beside `HashMap`'s, what is written, what is refused.

use std::collections::HashMap;
use std::collections::hash_map::Entry as StdEntry;

use vaults::{Entry, Error, OccupiedEntry, RefMut, Result, TryEntry, VacantEntry, Vault};

use crate::support::{
    Scratch, fast, on_each_engine, on_each_engine_with, open_fast, put_row, rows,
};

/// What every scenario begins with.
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

/// Does the same to a `HashMap` and to a vault, a transaction and a savepoint, on each
/// engine: the results and what is there afterwards must be equal.
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
    match entry.resolve().unwrap() {
        Entry::Occupied(entry) => entry,
        Entry::Vacant(_) => panic!("the key is not there"),
    }
}

fn vacant<K, V>(entry: TryEntry<'_, K, V>) -> VacantEntry<'_, K, V> {
    match entry.resolve().unwrap() {
        Entry::Vacant(entry) => entry,
        Entry::Occupied(_) => panic!("the key is there"),
    }
}

macro_rules! std_as {
    ($kind:ident, $entry:expr) => {
        match $entry {
            StdEntry::$kind(entry) => entry,
            _ => panic!("the other kind"),
        }
    };
}

// ---- chains: on `TryEntry`, and on `Entry` after `resolve` --------------------------------

/// The same chain on both entry types, on a key that is there and on one that is not.
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
                    let $entry = map.entry(key(name)).resolve()?;
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
        |map| *map.entry(key("a")).or_insert_with(|| panic!("it is there")),
        |map| *map
            .entry(key("a"))
            .or_insert_with(|| panic!("it is there"))?,
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

    let vault: Vault<String, u32> = Vault::open_in_memory().unwrap();
    let tx = vault.begin().unwrap();
    let error = vault
        .entry(key("z"))
        .or_try_insert_with(refuse)
        .map(|value| *value);
    assert_eq!(error, Err(Own::Vault), "the vault's own error");
    drop(tx);
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

// ---- the two kinds ------------------------------------------------------------------------

#[test]
fn what_an_occupied_entry_shows() {
    same!(
        |map| {
            let mut entry = std_as!(Occupied, map.entry(key("a")));
            let seen = (entry.key().clone(), *entry.get());
            *entry.get_mut() += 1;
            (seen, *entry.get())
        },
        |map| {
            let mut entry = occupied(map.entry(key("a")));
            let seen = (entry.key().clone(), *entry.get());
            *entry.get_mut() += 1;
            (seen, *entry.get())
        },
    );
}

#[test]
fn occupied_into_mut() {
    same!(
        |map| {
            let value = std_as!(Occupied, map.entry(key("a"))).into_mut();
            *value += 1;
            *value
        },
        |map| {
            let mut value = occupied(map.entry(key("a"))).into_mut();
            *value += 1;
            *value
        },
    );
}

#[test]
fn occupied_insert() {
    same!(
        |map| {
            let mut entry = std_as!(Occupied, map.entry(key("a")));
            (entry.insert(5), entry.insert(6), *entry.get())
        },
        |map| {
            let mut entry = occupied(map.entry(key("a")));
            (entry.insert(5)?, entry.insert(6)?, *entry.get())
        },
    );
    same!(
        |map| {
            let mut entry = std_as!(Occupied, map.entry(key("a")));
            *entry.get_mut() = 5;
            let old = entry.insert(6);
            *entry.get_mut() += 10;
            old
        },
        |map| {
            let mut entry = occupied(map.entry(key("a")));
            *entry.get_mut() = 5;
            let old = entry.insert(6)?;
            *entry.get_mut() += 10;
            old
        },
    );
    // Back to what the file has.
    same!(
        |map| {
            let mut entry = std_as!(Occupied, map.entry(key("a")));
            entry.insert(5);
            *entry.into_mut() = 1;
        },
        |map| {
            let mut entry = occupied(map.entry(key("a")));
            entry.insert(5)?;
            *entry.into_mut() = 1;
        },
    );
}

#[test]
fn occupied_remove() {
    same!(
        |map| std_as!(Occupied, map.entry(key("a"))).remove(),
        |map| occupied(map.entry(key("a"))).remove()?,
    );
    same!(
        |map| std_as!(Occupied, map.entry(key("a"))).remove_entry(),
        |map| occupied(map.entry(key("a"))).remove_entry()?,
    );
    same!(
        |map| {
            let mut entry = std_as!(Occupied, map.entry(key("a")));
            *entry.get_mut() = 9;
            entry.remove()
        },
        |map| {
            let mut entry = occupied(map.entry(key("a")));
            *entry.get_mut() = 9;
            entry.remove()?
        },
    );
    same!(
        |map| {
            let mut entry = std_as!(Occupied, map.entry(key("a")));
            entry.insert(9);
            entry.remove_entry()
        },
        |map| {
            let mut entry = occupied(map.entry(key("a")));
            entry.insert(9)?;
            entry.remove_entry()?
        },
    );
}

#[test]
fn occupied_commit() {
    same!(
        |map| *std_as!(Occupied, map.entry(key("a"))).get_mut() = 9,
        |map| {
            let mut entry = occupied(map.entry(key("a")));
            *entry.get_mut() = 9;
            entry.commit()?;
        },
    );
}

#[test]
fn vacant_entries() {
    same!(
        |map| *std_as!(Vacant, map.entry(key("z"))).insert(7) += 1,
        |map| *vacant(map.entry(key("z"))).insert(7)? += 1,
    );
    same!(
        |map| {
            let mut entry = std_as!(Vacant, map.entry(key("z"))).insert_entry(7);
            (entry.key().clone(), entry.insert(8), *entry.get())
        },
        |map| {
            let mut entry = vacant(map.entry(key("z"))).insert_entry(7)?;
            (entry.key().clone(), entry.insert(8)?, *entry.get())
        },
    );
    same!(
        |map| {
            let entry = std_as!(Vacant, map.entry(key("z")));
            (entry.key().clone(), entry.into_key())
        },
        |map| {
            let entry = vacant(map.entry(key("z")));
            (entry.key().clone(), entry.into_key())
        },
    );
    same!(
        |map| std_as!(Vacant, map.entry(key("z")))
            .insert_entry(7)
            .remove_entry(),
        |map| vacant(map.entry(key("z")))
            .insert_entry(7)?
            .remove_entry()?,
    );
}

#[test]
fn get_mut() {
    same!(
        |map| map.get_mut("a").map(|value| std::mem::replace(value, 9)),
        |map| map
            .get_mut("a")?
            .map(|mut value| std::mem::replace(&mut *value, 9)),
    );
    same!(|map| map.get_mut("z").is_none(), |map| map
        .get_mut("z")?
        .is_none());
}

#[test]
fn what_the_twins_of_drop_do() {
    same!(|map| *map.get_mut("a").unwrap() = 9, |map| {
        let mut value = map.get_mut("a")?.unwrap();
        *value = 9;
        RefMut::commit(value)?;
    });
    same!(
        |map| {
            let value = map.get_mut("a").unwrap();
            *value = 9;
            *value
        },
        |map| {
            let mut value = map.get_mut("a")?.unwrap();
            *value = 9;
            RefMut::into_value(value)?
        },
    );
    same!(|map| *map.entry(key("z")).or_insert(7), |map| {
        RefMut::into_value(map.entry(key("z")).or_insert(7)?)?
    });
}

#[test]
fn debug_and_display() {
    for name in ["a", "z"] {
        same!(|map| format!("{:?}", map.entry(key(name))), |map| format!(
            "{:?}",
            map.entry(key(name)).resolve()?
        ));
        // One word more for the one type more.
        same!(
            |map| format!("TryEntry({:?})", map.entry(key(name))),
            |map| format!("{:?}", map.entry(key(name)))
        );
    }
    same!(
        |map| format!("{:?}", std_as!(Occupied, map.entry(key("a")))),
        |map| format!("{:?}", occupied(map.entry(key("a")))),
    );
    same!(
        |map| format!("{:?}", std_as!(Vacant, map.entry(key("z")))),
        |map| format!("{:?}", vacant(map.entry(key("z")))),
    );
    same!(
        |map| {
            let value = map.get_mut("a").unwrap();
            format!("{value:?} {value:#?} {value} {value:>4}")
        },
        |map| {
            let value = map.get_mut("a")?.unwrap();
            format!("{value:?} {value:#?} {value} {value:>4}")
        },
    );
}

#[test]
fn an_entry_that_could_not_be_had_has_its_key_and_its_error() {
    on_each_engine(|vault: Vault<String, u32>| {
        let tx = vault.begin().unwrap();
        let entry = vault.entry(key("a"));
        assert_eq!(entry.key(), "a");
        assert!(format!("{entry:?}").contains("Reentrant"), "{entry:?}");
        let entry = entry.and_modify(|_| panic!("there is nothing to modify"));
        assert_is!(entry.resolve(), Err(Error::Reentrant { .. }));
        let made = vault.entry(key("a")).or_insert_with(|| panic!("no entry"));
        assert_is!(made, Err(Error::Reentrant { .. }));
        assert_is!(vault.get_mut("a"), Err(Error::Reentrant { .. }));
        drop(tx);
    });
}

#[test]
fn a_value_that_does_not_decode_is_the_error_of_the_entry() {
    let scratch = Scratch::new();
    let vault: Vault<u32, String> = open_fast(scratch.vault());
    vault.put(&1, &"first".into()).unwrap();
    let numbers: Vault<u32, u32> = open_fast(scratch.path("numbers.db"));
    numbers.put(&2, &7).unwrap();
    let (key, value) = rows(&scratch.path("numbers.db")).remove(0);
    put_row(&scratch.vault(), &key, &value);
    assert_is!(vault.entry(2).resolve(), Err(Error::Decode { .. }));
    assert_is!(vault.get_mut(&2), Err(Error::Decode { .. }));
    let mut tx = vault.begin().unwrap();
    assert_is!(tx.entry(2).or_default(), Err(Error::Decode { .. }));
    tx.entry(3).or_default().unwrap().push('3');
    tx.commit().unwrap();
    assert_eq!(vault.get(&3).unwrap().as_deref(), Some("3"));
    assert_is!(vault.get(&2), Err(Error::Decode { .. }));
}
