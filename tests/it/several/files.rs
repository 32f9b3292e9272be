//! Files of several maps as files: converting, copying, checking, saving what is left.

use std::fs;

use vaults::maintenance::{IfExists, SalvageLoss, VerifyProblem};
use vaults::{Error, OpenOptions, SortedVault, Vault, VaultFile};

use super::on_each_engine;
use crate::support::{Scratch, fast, make, open, sql};

/// Fills two maps.
fn fill(file: &VaultFile) -> (Vault<u32, String>, SortedVault<String, u32>) {
    let plain: Vault<u32, String> = file.vault("plain").unwrap();
    let sorted: SortedVault<String, u32> = file.sorted_vault("sorted one").unwrap();
    plain
        .try_extend((0..500).map(|n| (n, format!("{n}").repeat(20))))
        .unwrap();
    sorted
        .try_extend((0..500).map(|n| (format!("{n:04}"), n)))
        .unwrap();
    (plain, sorted)
}

#[test]
fn a_file_of_one_map_is_not_opened_as_one_of_several() {
    let scratch = Scratch::new();
    make::<u32, u32>(scratch.path("one.db"), [(1, 1)]);
    let before = fs::read(scratch.path("one.db")).unwrap();
    let error = VaultFile::open(scratch.path("one.db")).unwrap_err();
    assert!(error.to_string().contains("VaultFile::convert"), "{error}");
    assert_is!(error, Error::WrongKind { found: "Vault", .. });
    assert_eq!(fs::read(scratch.path("one.db")).unwrap(), before);

    VaultFile::open(scratch.vault()).unwrap().close().unwrap();
    let before = fs::read(scratch.vault()).unwrap();
    for error in [
        Vault::<u32, u32>::open(scratch.vault()).map(drop),
        SortedVault::<u32, u32>::open(scratch.vault()).map(drop),
        Vault::<u32, u32>::salvage(scratch.vault(), scratch.path("saved")).map(drop),
    ] {
        let Err(
            error @ Error::WrongKind {
                found: "VaultFile", ..
            },
        ) = error
        else {
            panic!("{error:?}");
        };
        assert!(error.to_string().contains("VaultFile::open"), "{error}");
    }
    assert_eq!(fs::read(scratch.vault()).unwrap(), before);
}

#[test]
fn converting_gives_the_map_a_name() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    make::<u32, String>(&path, (0..100).map(|n| (n, n.to_string())));
    assert_is!(
        VaultFile::convert(&path, "").map(drop),
        Err(Error::InvalidName { .. })
    );
    let missing = VaultFile::convert(scratch.path("missing"), "a").map(drop);
    assert_is!(missing, Err(Error::NotFound { .. }));
    let old = open::<u32, String>(&path);
    assert_eq!(old.get(&7).unwrap(), Some("7".into()));
    let file = VaultFile::convert(&path, "it's mine").unwrap();
    // The handle that had the file open refuses.
    for error in [
        old.get(&7).map(drop),
        old.insert(1, "x".into()).map(drop),
        old.len().map(drop),
        old.iter().next().unwrap().map(drop),
    ] {
        assert_is!(
            error,
            Err(Error::WrongKind {
                expected: "Vault",
                found: "VaultFile",
                ..
            })
        );
    }
    assert_eq!(file.names().unwrap(), ["it's mine"]);
    let vault: Vault<u32, String> = file.vault("it's mine").unwrap();
    let keys: Vec<u32> = vault.keys().map(Result::unwrap).collect();
    assert_eq!(keys, (0..100).collect::<Vec<_>>());
    vault.insert(100, "new".into()).unwrap();
    file.sorted_vault::<u32, u32>("beside")
        .unwrap()
        .insert(1, 1)
        .unwrap();
    assert!(file.verify().unwrap().is_ok());
    drop((old, vault, file));
    let file = VaultFile::open(&path).unwrap();
    assert_eq!(
        file.vault::<u32, String>("it's mine")
            .unwrap()
            .len()
            .unwrap(),
        101
    );
    assert_is!(
        VaultFile::convert(&path, "again").map(drop),
        Err(Error::WrongKind {
            found: "VaultFile",
            ..
        })
    );
}

#[test]
fn a_copy_has_all_maps() {
    on_each_engine(|file| {
        let (plain, sorted) = fill(file);
        let scratch = Scratch::new();
        let copy = scratch.path("copy.db");
        file.backup(&copy).unwrap();
        assert_is!(file.backup(&copy), Err(Error::AlreadyExists { .. }));
        plain.clear().unwrap();
        let copied = VaultFile::open(&copy).unwrap();
        assert_eq!(copied.names().unwrap(), ["plain", "sorted one"]);
        assert_eq!(
            copied.vault::<u32, String>("plain").unwrap().len().unwrap(),
            500
        );
        let sorted_copy = copied.sorted_vault::<String, u32>("sorted one").unwrap();
        assert!(
            sorted_copy
                .iter()
                .map(Result::unwrap)
                .eq(sorted.iter().map(Result::unwrap))
        );
        assert!(copied.verify().unwrap().is_ok());
        copied.close().unwrap();
        drop(sorted_copy);
        let mut progress = 0;
        file.backup_with(&copy, IfExists::Replace, |now| progress = now.total)
            .unwrap();
        assert!(progress > 0);
        let copied = VaultFile::open(&copy).unwrap();
        assert!(
            copied
                .vault::<u32, String>("plain")
                .unwrap()
                .is_empty()
                .unwrap()
        );
        // A backup of a map is one of its file.
        plain.backup(scratch.path("other.db")).unwrap();
        let other = VaultFile::open(scratch.path("other.db")).unwrap();
        assert_eq!(other.names().unwrap(), ["plain", "sorted one"]);
    });
}

#[test]
fn a_backup_is_restored() {
    let scratch = Scratch::new();
    let (path, copy) = (scratch.vault(), scratch.path("copy.db"));
    let file = VaultFile::open(&path).unwrap();
    drop(fill(&file));
    file.backup(&copy).unwrap();
    file.remove("plain").unwrap();
    assert_is!(
        VaultFile::restore(&copy, &path).map(drop),
        Err(Error::InUse { .. })
    );
    file.close().unwrap();
    assert_is!(
        VaultFile::restore(&copy, &copy).map(drop),
        Err(Error::InvalidPath { .. })
    );
    let file = VaultFile::restore(&copy, &path).unwrap();
    assert_eq!(file.names().unwrap(), ["plain", "sorted one"]);
    make::<u32, u32>(scratch.path("one.db"), [(1, 1)]);
    drop(file);
    let error = VaultFile::restore(scratch.path("one.db"), &path).map(drop);
    assert_is!(error, Err(Error::WrongKind { .. }));
    assert_eq!(VaultFile::open(&path).unwrap().names().unwrap().len(), 2);
}

#[test]
fn stats_and_compacting_are_of_all_maps() {
    on_each_engine(|file| {
        let (plain, _sorted) = fill(file);
        let stats = file.stats().unwrap();
        let maps: Vec<_> = stats
            .maps
            .iter()
            .map(|map| (map.name.as_str(), map.kind, map.entries))
            .collect();
        assert_eq!(
            maps,
            [("plain", "Vault", 500), ("sorted one", "SortedVault", 500)]
        );
        assert_eq!(stats.file.entries, 1000);
        plain.clear().unwrap();
        let gained = file.compact().unwrap();
        assert!(gained.bytes_after <= gained.bytes_before);
        assert_eq!(file.stats().unwrap().file.entries, 500);
        assert_eq!(plain.stats().unwrap().entries, 0);
        assert!(plain.verify().unwrap().is_ok());
    });
}

#[test]
fn verifying_names_the_map_with_the_problem() {
    let scratch = Scratch::new();
    let file = fast().open_file(scratch.vault()).unwrap();
    drop(fill(&file));
    let mut checked = OpenOptions::new();
    let with_checksums = checked.checksums(true).open_file(scratch.vault()).unwrap();
    with_checksums
        .vault::<u32, u32>("checked")
        .unwrap()
        .insert(1, 1)
        .unwrap();
    drop(with_checksums);
    let report = file.verify().unwrap();
    assert!(report.is_ok());
    let entries: Vec<u64> = report.maps.iter().map(|map| map.report.entries).collect();
    assert_eq!(entries, [1, 500, 500]);
    for (name, change) in [
        ("plain", "UPDATE map_1 SET value = x'5a01' WHERE rowid = 3"),
        ("plain", "UPDATE map_1 SET value = x'4d81' WHERE rowid = 3"),
        ("plain", "UPDATE map_1 SET key = x'01' WHERE rowid = 3"),
        ("sorted one", "INSERT INTO map_2 VALUES (x'4d01', x'4d01')"),
        ("sorted one", "INSERT INTO map_2_large VALUES (7, x'4d01')"),
        (
            "checked",
            "UPDATE map_3 SET value = CAST(value || x'00' AS BLOB)",
        ),
    ] {
        let copy = scratch.path("copy.db");
        file.backup_with(&copy, IfExists::Replace, |_| ()).unwrap();
        sql(&copy, change);
        let damaged = VaultFile::open(&copy).unwrap();
        let report = damaged.verify().unwrap();
        assert!(!report.is_ok(), "{change}");
        assert!(
            report.problems.is_empty(),
            "{change}: {:?}",
            report.problems
        );
        for map in &report.maps {
            assert_eq!(map.report.is_ok(), map.name != name, "{change}: {map:?}");
        }
    }
}

#[test]
fn salvaging_saves_map_by_map() {
    let scratch = Scratch::new();
    let file = fast().open_file(scratch.vault()).unwrap();
    let (plain, sorted) = fill(&file);
    let mut checked = OpenOptions::new();
    let with_checksums = checked.checksums(true).open_file(scratch.vault()).unwrap();
    let third: Vault<u32, u32> = with_checksums.vault("checked").unwrap();
    third.try_extend((0..50).map(|n| (n, n))).unwrap();
    sql(
        &scratch.vault(),
        "UPDATE map_1 SET value = x'5a01' WHERE rowid = 3",
    );
    file.compact().unwrap();
    let saved = scratch.path("saved.db");
    let report = VaultFile::salvage(scratch.vault(), &saved).unwrap();
    assert!(report.lost.is_empty(), "{report:?}");
    let maps: Vec<_> = report
        .maps
        .iter()
        .map(|map| (map.name.as_str(), map.report.saved, map.report.lost.len()))
        .collect();
    assert_eq!(
        maps,
        [
            ("plain", 499, 1),
            ("sorted one", 500, 0),
            ("checked", 50, 0)
        ]
    );
    assert_is!(
        &report.maps[0].report.lost[0],
        SalvageLoss::Entry(Error::UnknownTag { .. })
    );
    assert_is!(
        VaultFile::salvage(scratch.vault(), &saved).map(drop),
        Err(Error::AlreadyExists { .. })
    );
    let new = VaultFile::open(&saved).unwrap();
    assert!(new.verify().unwrap().is_ok());
    let of = |vault: &Vault<u32, String>| -> Vec<(u32, String)> {
        vault.iter().filter_map(Result::ok).collect()
    };
    assert_eq!(of(&new.vault("plain").unwrap()), of(&plain));
    let new_sorted: SortedVault<String, u32> = new.sorted_vault("sorted one").unwrap();
    assert!(
        new_sorted
            .iter()
            .map(Result::unwrap)
            .eq(sorted.iter().map(Result::unwrap))
    );
    let checksums: Vec<bool> = new
        .stats()
        .unwrap()
        .maps
        .iter()
        .map(|map| map.checksums)
        .collect();
    assert_eq!(checksums, [true, false, false]);
    make::<u32, u32>(scratch.path("one.db"), [(1, 1)]);
    assert_is!(
        VaultFile::salvage(scratch.path("one.db"), scratch.path("new.db")).map(drop),
        Err(Error::WrongKind {
            expected: "VaultFile",
            found: "Vault",
            ..
        })
    );
}

#[test]
fn no_changed_byte_of_a_file_makes_a_map_wrong() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let mut options = fast();
    let file = options.checksums(true).open_file(&path).unwrap();
    let plain: Vault<u32, String> = file.vault("plain").unwrap();
    let sorted: SortedVault<u32, String> = file.sorted_vault("sorted").unwrap();
    let text = |n: u32| format!("{n}").repeat(if n == 3 { 500 } else { 3 });
    for n in 0..6 {
        plain.insert(n, text(n)).unwrap();
        sorted.insert(n, text(n)).unwrap();
    }
    drop((plain, sorted));
    file.close().unwrap();
    let intact = fs::read(&path).unwrap();
    let damaged = scratch.path("damaged.db");
    let saved = scratch.path("saved.db");
    // The bytes that pages use, and every 16th of the others.
    let used = |at: usize| at.is_multiple_of(16) || intact[at] != 0;
    let (mut opened, mut refused) = (0, 0);
    for at in (0..intact.len()).filter(|&at| used(at)).step_by(3) {
        let mut bytes = intact.clone();
        bytes[at] ^= 0x2A;
        fs::write(&damaged, &bytes).unwrap();
        let Ok(file) = VaultFile::open(&damaged) else {
            refused += 1;
            continue;
        };
        opened += 1;
        for name in ["plain", "sorted"] {
            if name == "plain" {
                let Ok(vault) = file.vault::<u32, String>(name) else {
                    continue;
                };
                for (n, value) in vault.iter().filter_map(Result::ok) {
                    assert_eq!(value, text(n), "byte {at}");
                }
            } else {
                let Ok(vault) = file.sorted_vault::<u32, String>(name) else {
                    continue;
                };
                for (n, value) in vault.iter().filter_map(Result::ok) {
                    assert_eq!(value, text(n), "byte {at}");
                }
            }
        }
        drop(file);
        if at % 5 == 0 && VaultFile::salvage(&damaged, &saved).is_ok() {
            let saved_file = VaultFile::open(&saved).unwrap();
            assert!(saved_file.verify().unwrap().is_ok(), "byte {at}");
            saved_file.delete().unwrap();
        }
    }
    assert!(opened > 100 && refused > 100, "{opened} {refused}");
}

#[test]
fn a_foreign_row_is_reported_as_one_of_its_map() {
    let scratch = Scratch::new();
    let file = fast().open_file(scratch.vault()).unwrap();
    let vault: Vault<u32, String> = file.vault("a").unwrap();
    vault.insert(1, "x".into()).unwrap();
    drop((vault, file));
    sql(
        &scratch.vault(),
        "INSERT INTO map_1 VALUES (x'5001', x'5001')",
    );
    let file = VaultFile::open(scratch.vault()).unwrap();
    let report = file.verify().unwrap();
    assert_eq!(report.maps[0].report.pickle, 1);
    let vault: Vault<u32, String> = file.vault("a").unwrap();
    let problems = vault.verify().unwrap().problems;
    assert!(
        problems
            .iter()
            .all(|problem| !matches!(problem, VerifyProblem::Structure(_)))
    );
}
