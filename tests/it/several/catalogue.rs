//! Names, kinds and types of maps.

use std::thread;

use vaults::{Error, Location, OpenOptions, SortedVault, Vault, VaultFile};

use super::on_each_engine;
use crate::support::{Scratch, fast};

/// Asserts that a call did not find the map with this name.
fn assert_not_found<T: std::fmt::Debug>(found: vaults::Result<T>, name: &str) {
    match found {
        Err(error @ Error::NotFound { .. }) => {
            assert!(error.is_not_found());
            assert_eq!(error.location().and_then(Location::map), Some(name));
            assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_name_can_be_used() {
    on_each_engine(|file| {
        let long = "é".repeat(127) + "a";
        let names = [
            "Users",
            "users",
            "dict",
            "sorted",
            "maps",
            "map_1",
            "sqlite_x",
            "sqlite_sequence",
            " ",
            "a b",
            "it's",
            "\"quoted\"",
            "); DROP TABLE maps; --",
            "日本",
            "%",
            "*",
            "a/b",
            ".",
            "\n",
            &long,
        ];
        for (n, name) in (0_u64..).zip(names) {
            let vault: Vault<String, u64> = file.vault(name).unwrap();
            vault.insert("n".into(), n).unwrap();
        }
        for (n, name) in (0..).zip(names) {
            assert!(file.contains(name).unwrap());
            let vault: Vault<String, u64> = file.vault(name).unwrap();
            assert_eq!(vault.get("n").unwrap(), Some(n), "{name:?}");
        }
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        assert_eq!(file.names().unwrap(), sorted);
        for name in names {
            assert!(file.remove(name).unwrap());
        }
        assert!(file.names().unwrap().is_empty());
    });
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    on_each_engine(|file| {
        for name in ["", "a\0b", "\0", &"a".repeat(256), &"é".repeat(128)] {
            for refused in [
                file.vault::<u8, u8>(name).map(drop),
                file.sorted_vault::<u8, u8>(name).map(drop),
                file.contains(name).map(drop),
                file.remove(name).map(drop),
                file.rename(name, "b").map(drop),
                file.rename("b", name).map(drop),
            ] {
                assert_is!(refused, Err(Error::InvalidName { name: found, .. }) if found == name);
            }
        }
        assert!(file.names().unwrap().is_empty());
    });
}

#[test]
fn a_map_has_one_kind_and_one_pair_of_types() {
    on_each_engine(|file| {
        let plain: Vault<u64, String> = file.vault("plain").unwrap();
        let sorted: SortedVault<u64, String> = file.sorted_vault("sorted").unwrap();
        for (found, expected, error) in [
            (
                "Vault",
                "SortedVault",
                file.sorted_vault::<u64, String>("plain").map(drop),
            ),
            (
                "SortedVault",
                "Vault",
                file.vault::<u64, String>("sorted").map(drop),
            ),
        ] {
            let Err(error @ Error::WrongKind { .. }) = error else {
                panic!("{error:?}");
            };
            assert!(
                error
                    .to_string()
                    .contains(&format!("open it as a `{found}`")),
                "{error}"
            );
            assert_is!(error, Error::WrongKind { expected: e, found: f, .. } if (*e, *f) == (expected, found));
        }
        // An empty map has every type.
        let _ = file.vault::<String, u8>("plain").unwrap();
        plain.insert(1, "a".into()).unwrap();
        sorted.insert(1, "a".into()).unwrap();
        for error in [
            file.vault::<String, String>("plain").map(drop),
            file.vault::<u64, Vec<u64>>("plain").map(drop),
            file.sorted_vault::<String, String>("sorted").map(drop),
            file.sorted_vault::<u64, Vec<u64>>("sorted").map(drop),
        ] {
            assert_is!(&error, Err(Error::TypeMismatch { location, .. }) if location.map().is_some());
        }
        assert_eq!(
            file.vault::<u64, String>("plain").unwrap().len().unwrap(),
            1
        );
        assert_eq!(
            file.sorted_vault::<u64, String>("sorted")
                .unwrap()
                .len()
                .unwrap(),
            1
        );
    });
}

#[test]
fn a_removed_map_is_not_found_by_its_handles() {
    on_each_engine(|file| {
        let vault: Vault<u64, String> = file.vault("a").unwrap();
        let other: Vault<u64, String> = file.vault("b").unwrap();
        vault
            .try_extend([(1, "x".into()), (2, "y".into())])
            .unwrap();
        other.insert(1, "kept".into()).unwrap();
        assert_eq!(vault.get(&1).unwrap(), Some("x".into()));
        let (before, moment) = (vault.snapshot().unwrap(), file.snapshot().unwrap());
        let mut iterator = vault.iter();
        assert!(file.remove("a").unwrap());
        assert!(!file.remove("a").unwrap());
        for _ in 0..2 {
            assert_not_found(vault.get(&1), "a");
            assert_not_found(vault.len(), "a");
            assert_not_found(vault.is_empty(), "a");
            assert_not_found(vault.contains_key(&1), "a");
            assert_not_found(vault.insert(1, "z".into()), "a");
            assert_not_found(vault.put(&1, &"z".into()), "a");
            assert_not_found(vault.remove(&1), "a");
            assert_not_found(vault.entry(1).or_insert("z".into()), "a");
            assert_not_found(vault.clear(), "a");
            assert_not_found(vault.pop_first(), "a");
            assert_not_found(vault.iter().next().unwrap(), "a");
            assert_not_found(vault.snapshot().unwrap().get(&1), "a");
            assert_not_found(vault.transaction(|tx| tx.insert(1, "z".into())), "a");
            assert_not_found(
                file.transaction(|tx| tx.on(&vault).insert(1, "z".into())),
                "a",
            );
            // A new map of the name is another one.
            let new: Vault<u64, String> = file.vault("a").unwrap();
            assert!(new.is_empty().unwrap());
            file.remove("a").unwrap();
        }
        // What was begun before still reads it.
        assert_eq!(before.get(&2).unwrap(), Some("y".into()));
        assert_eq!(moment.on(&vault).len().unwrap(), 2);
        assert_eq!(iterator.by_ref().map(Result::unwrap).count(), 2);
        assert_eq!(other.get(&1).unwrap(), Some("kept".into()));
        assert_eq!(file.names().unwrap(), ["b"]);
    });
}

#[test]
fn renaming_keeps_the_handles() {
    on_each_engine(|file| {
        let vault: Vault<u64, String> = file.vault("a").unwrap();
        let _ = file.sorted_vault::<u64, u64>("taken").unwrap();
        vault.insert(1, "x".into()).unwrap();
        file.rename("a", "a").unwrap();
        file.rename("a", "A").unwrap();
        assert_eq!(file.names().unwrap(), ["A", "taken"]);
        assert_eq!(vault.get(&1).unwrap(), Some("x".into()));
        assert_not_found(file.rename("a", "b"), "a");
        let error = file.rename("A", "taken").unwrap_err();
        assert!(error.to_string().contains("choose another name"), "{error}");
        assert_is!(error, Error::AlreadyExists { .. });
        file.remove("A").unwrap();
        assert_not_found(vault.get(&1), "A");
    });
}

#[test]
fn deleting_a_handle_removes_its_map_only() {
    on_each_engine(|file| {
        let vault: Vault<u64, String> = file.vault("a").unwrap();
        let other: Vault<u64, String> = file.vault("b").unwrap();
        other.insert(1, "kept".into()).unwrap();
        let clone = vault.clone();
        vault.delete().unwrap();
        assert_eq!(file.names().unwrap(), ["b"]);
        assert_eq!(other.len().unwrap(), 1);
        let failed = clone.delete().unwrap_err();
        assert_is!(failed.error(), Error::NotFound { .. });
    });
}

#[test]
fn the_file_of_a_map_without_a_name_has_no_names() {
    let vault: Vault<u64, String> = Vault::open_in_memory().unwrap();
    let scratch = Scratch::new();
    let in_file: SortedVault<u64, String> = SortedVault::open(scratch.vault()).unwrap();
    for (file, found) in [(vault.file(), "Vault"), (in_file.file(), "SortedVault")] {
        assert!(file.names().unwrap().is_empty());
        assert!(!file.contains("a").unwrap());
        for error in [
            file.vault::<u64, String>("a").map(drop),
            file.remove("a").map(drop),
            file.rename("a", "b"),
        ] {
            assert_is!(error, Err(Error::WrongKind { found: f, expected: "VaultFile", .. }) if *f == found);
        }
    }
    vault
        .file()
        .transaction(|tx| tx.on(&vault).insert(1, "x".into()))
        .unwrap();
    assert_eq!(
        vault.file().snapshot().unwrap().on(&vault).len().unwrap(),
        1
    );
}

#[test]
fn options_belong_to_the_maps() {
    let scratch = Scratch::new();
    let mut checked = OpenOptions::new();
    checked.checksums(true);
    let plain = fast().open_file(scratch.vault()).unwrap();
    let _ = plain.vault::<u64, u64>("plain").unwrap();
    let file = checked.open_file(scratch.vault()).unwrap();
    let vault: Vault<u64, u64> = file.vault("checked").unwrap();
    vault.insert(1, 1).unwrap();
    let stats = file.stats().unwrap();
    let checksums: Vec<bool> = stats.maps.iter().map(|map| map.checksums).collect();
    assert_eq!(checksums, [true, false]);
    assert_is!(
        file.vault::<u64, u64>("plain"),
        Err(Error::InvalidOptions { .. })
    );
    // Who asks for none reads what is there.
    let read: Vault<u64, u64> = plain.vault("checked").unwrap();
    assert_eq!(read.get(&1).unwrap(), Some(1));
    // A map beside another one gets its options, and opens any.
    let beside = vault.file();
    let _ = beside.vault::<u64, u64>("beside").unwrap();
    let _ = beside.vault::<u64, u64>("plain").unwrap();
    let stats = plain.stats().unwrap();
    assert!(
        stats
            .maps
            .iter()
            .any(|map| map.name == "beside" && map.checksums)
    );
}

#[test]
fn a_file_that_is_read_only_has_the_maps_that_it_has() {
    let scratch = Scratch::new();
    let file = fast().open_file(scratch.vault()).unwrap();
    file.vault::<u64, u64>("a").unwrap().insert(1, 1).unwrap();
    let mut options = OpenOptions::new();
    let read = options.read_only(true).open_file(scratch.vault()).unwrap();
    assert_eq!(read.names().unwrap(), ["a"]);
    assert_eq!(
        read.vault::<u64, u64>("a").unwrap().get(&1).unwrap(),
        Some(1)
    );
    assert_not_found(read.vault::<u64, u64>("b"), "b");
    assert_is!(read.remove("a"), Err(Error::ReadOnly { .. }));
    assert_is!(read.begin().map(drop), Err(Error::ReadOnly { .. }));
    assert_eq!(
        read.snapshot()
            .unwrap()
            .on(&read.vault::<u64, u64>("a").unwrap())
            .len()
            .unwrap(),
        1
    );
    let missing = options.open_file(scratch.path("missing.db")).map(drop);
    assert_is!(missing, Err(Error::NotFound { .. }));
    assert_is!(
        options.open_file_in_memory().map(drop),
        Err(Error::InvalidOptions { .. })
    );
}

#[test]
fn threads_create_one_map() {
    on_each_engine(|file| {
        thread::scope(|scope| {
            for n in 0..8_u64 {
                scope.spawn(move || {
                    let vault: Vault<u64, u64> = file.vault("shared").unwrap();
                    vault.insert(n, n).unwrap();
                });
            }
        });
        assert_eq!(file.names().unwrap(), ["shared"]);
        assert_eq!(file.vault::<u64, u64>("shared").unwrap().len().unwrap(), 8);
    });
}

#[test]
fn more_than_a_thousand_maps_are_refused() {
    on_each_engine(|file| {
        let mut created = 0;
        let error = loop {
            match file.vault::<u8, u8>(&format!("map {created}")) {
                Ok(_) => created += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(created, 1000);
        assert_is!(error, Error::TooManyMaps { limit: 1000, .. });
        file.remove("map 7").unwrap();
        let _ = file.vault::<u8, u8>("again").unwrap();
        assert_eq!(file.names().unwrap().len(), 1000);
    });
}

#[test]
fn handles_are_shared_by_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<VaultFile>();
    is_shared::<vaults::FileSnapshot>();
}
