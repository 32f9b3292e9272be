//! An entry or a guard writes once, and only if its bytes changed.

use std::path::Path;

use vaults::{Codec, Entry, OccupiedEntry, OpenOptions, RefMut, Vault};

use crate::support::{Scratch, open_fast, rows};

fn key(text: &str) -> String {
    text.to_owned()
}

fn occupied<'a, V: crate::support::Value>(
    vault: &'a Vault<String, V>,
    name: &str,
) -> OccupiedEntry<'a, String, V> {
    match vault.entry(key(name)).into_entry().unwrap() {
        Entry::Occupied(entry) => entry,
        Entry::Vacant(_) => panic!("{name} is not stored"),
    }
}

/// Observes commits through a connection of its own.
struct CommitObserver(rusqlite::Connection);

impl CommitObserver {
    fn new(path: &Path) -> Self {
        Self(rusqlite::Connection::open(path).unwrap())
    }

    /// Returns a number that changes with every commit by another connection.
    fn version(&self) -> i64 {
        let read = |row: &rusqlite::Row<'_>| row.get(0);
        self.0.query_one("PRAGMA data_version", [], read).unwrap()
    }

    /// Returns `true` if `f` committed a change.
    fn sees_commit(&self, f: impl FnOnce()) -> bool {
        let before = self.version();
        f();
        self.version() != before
    }
}

#[test]
fn bytes_that_did_not_change_are_not_written() {
    let scratch = Scratch::new();
    let vault: Vault<String, Vec<u32>> = open_fast(scratch.vault());
    vault.put("a", &vec![1, 2]).unwrap();
    let observer = CommitObserver::new(&scratch.vault());
    let value = || vault.get_mut("a").unwrap().unwrap();

    let not_written: [(&str, &dyn Fn()); 12] = [
        ("a guard", &|| drop(value())),
        ("a guard read", &|| assert_eq!(value().len(), 2)),
        ("a guard lent", &|| value().sort_unstable()),
        ("changed and back", &|| {
            let mut value = value();
            value.push(3);
            value.pop();
        }),
        ("committed", &|| RefMut::commit(value()).unwrap()),
        ("into_value", &|| drop(RefMut::into_value(value()).unwrap())),
        ("or_insert", &|| {
            drop(vault.entry(key("a")).or_insert(vec![9]).unwrap());
        }),
        ("and_modify", &|| {
            drop(vault.entry(key("a")).and_modify(|list| list.truncate(5)));
        }),
        ("occupied", &|| occupied(&vault, "a").commit().unwrap()),
        ("vacant", &|| {
            drop(vault.entry(key("z")).into_entry().unwrap());
        }),
        ("failed", &|| {
            let refuse = || Err::<_, Box<dyn std::error::Error>>("no".into());
            vault
                .entry(key("z"))
                .or_try_insert_with(refuse)
                .unwrap_err();
        }),
        ("a transaction", &|| {
            let mut tx = vault.begin().unwrap();
            tx.get_mut("a").unwrap().unwrap().sort_unstable();
            drop(tx.entry(key("a")).or_default().unwrap());
            tx.commit().unwrap();
        }),
    ];
    for (what, f) in not_written {
        assert!(!observer.sees_commit(f), "{what} was written");
    }
    let written: [(&str, &dyn Fn()); 4] = [
        ("a change", &|| value().push(3)),
        ("or_default", &|| {
            drop(vault.entry(key("z")).or_default().unwrap());
        }),
        ("insert", &|| {
            occupied(&vault, "a").insert(vec![4]).unwrap();
        }),
        ("remove", &|| {
            occupied(&vault, "z").remove().unwrap();
        }),
    ];
    for (what, f) in written {
        assert!(observer.sees_commit(f), "{what} was not written");
    }
    assert_eq!(vault.get("a").unwrap(), Some(vec![4]));
}

#[test]
fn one_entry_is_one_commit() {
    let scratch = Scratch::new();
    let vault: Vault<String, u32> = open_fast(scratch.vault());
    let observer = CommitObserver::new(&scratch.vault());
    let mut entry = vault.entry(key("a")).insert_entry(1).unwrap();
    assert!(!observer.sees_commit(|| {
        entry.insert(2).unwrap();
        *entry.get_mut() = 3;
    }));
    let other: Vault<String, u32> = open_fast(scratch.vault());
    assert_eq!(other.get("a").unwrap(), None);
    assert!(observer.sees_commit(|| entry.commit().unwrap()));
    assert_eq!(other.get("a").unwrap(), Some(3));
}

#[test]
fn an_equal_value_in_another_codec_is_written_by_a_guard_but_not_by_retain() {
    let scratch = Scratch::new();
    let mut options = OpenOptions::new();
    options.codec(Codec::Bincode);
    let vault: Vault<u32, String> = options.open(scratch.vault()).unwrap();
    vault.put(&1, &"one".into()).unwrap();
    vault.close().unwrap();
    let vault: Vault<u32, String> = open_fast(scratch.vault());
    let before = rows(&scratch.vault());
    assert_eq!(before[0].1[0], b'B');
    let change_and_restore = |value: &mut String| {
        value.push('!');
        value.pop();
    };
    let observer = CommitObserver::new(&scratch.vault());
    assert!(!observer.sees_commit(|| {
        let value = vault.get_mut(&1).unwrap().unwrap();
        assert_eq!(*value, "one");
    }));
    let pass = |_: &u32, value: &mut String| change_and_restore(value);
    vault.for_each_mut(pass).unwrap();
    let keep = |_: &u32, value: &mut String| {
        change_and_restore(value);
        true
    };
    vault.retain(keep).unwrap();
    assert_eq!(rows(&scratch.vault()), before);
    change_and_restore(&mut vault.get_mut(&1).unwrap().unwrap());
    assert_eq!(rows(&scratch.vault())[0].1[0], b'M');
    assert_eq!(vault.get(&1).unwrap().as_deref(), Some("one"));
}
