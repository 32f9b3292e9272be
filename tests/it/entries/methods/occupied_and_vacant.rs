//! The methods of occupied and vacant entries and of value guards.

use std::collections::hash_map::Entry as StdEntry;

use vaults::{Error, RefMut, Vault};

use crate::support::{
    Scratch, fast, on_each_engine, on_each_engine_with, open_fast, put_row, rows,
};

use super::{attempt, contents, key, occupied, start, vacant};

macro_rules! std_as {
    ($kind:ident, $entry:expr) => {
        match $entry {
            StdEntry::$kind(entry) => entry,
            _ => panic!("the other kind"),
        }
    };
}

#[test]
fn occupied_get_and_get_mut() {
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
    // Back to the stored value.
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
fn commit_and_into_value_of_a_guard() {
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
            map.entry(key(name)).into_entry()?
        ));
        // The output names the additional type.
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
fn a_failed_entry_has_its_key_and_its_error() {
    on_each_engine(|vault: Vault<String, u32>| {
        let tx = vault.begin().unwrap();
        let entry = vault.entry(key("a"));
        assert_eq!(entry.key(), "a");
        assert!(format!("{entry:?}").contains("Reentrant"), "{entry:?}");
        let entry = entry.and_modify(|_| panic!("there is nothing to modify"));
        assert_is!(entry.into_entry(), Err(Error::Reentrant { .. }));
        let made = vault.entry(key("a")).or_insert_with(|| panic!("no entry"));
        assert_is!(made, Err(Error::Reentrant { .. }));
        assert_is!(vault.get_mut("a"), Err(Error::Reentrant { .. }));
        drop(tx);
    });
}

#[test]
fn an_undecodable_value_is_an_error_of_the_entry() {
    let scratch = Scratch::new();
    let vault: Vault<u32, String> = open_fast(scratch.vault());
    vault.put(&1, &"first".into()).unwrap();
    let numbers: Vault<u32, u32> = open_fast(scratch.path("numbers.db"));
    numbers.put(&2, &7).unwrap();
    let (key, value) = rows(&scratch.path("numbers.db")).remove(0);
    put_row(&scratch.vault(), &key, &value);
    assert_is!(vault.entry(2).into_entry(), Err(Error::Decode { .. }));
    assert_is!(vault.get_mut(&2), Err(Error::Decode { .. }));
    let mut tx = vault.begin().unwrap();
    assert_is!(tx.entry(2).or_default(), Err(Error::Decode { .. }));
    tx.entry(3).or_default().unwrap().push('3');
    tx.commit().unwrap();
    assert_eq!(vault.get(&3).unwrap().as_deref(), Some("3"));
    assert_is!(vault.get(&2), Err(Error::Decode { .. }));
}
