//! The files of sorted vaults.

use std::fs;

use vaults::maintenance::{IfExists, VerifyProblem};
use vaults::{Error, OpenOptions, SortedVault, Vault};

use super::all;
use super::keys::ByLength;
use crate::support::{Scratch, sql};

/// Values on both sides of the size at which a value gets a row of its own.
fn values() -> Vec<(u32, Vec<u8>)> {
    let sizes = [0, 1, 390, 395, 396, 397, 398, 399, 400, 401, 2_000, 100_000];
    sizes
        .into_iter()
        .map(|size| (size, vec![7; size as usize]))
        .collect()
}

fn filled(scratch: &Scratch, options: &OpenOptions) -> SortedVault<u32, Vec<u8>> {
    let vault = options.open_sorted(scratch.vault()).unwrap();
    vault.try_extend(values()).unwrap();
    vault
}

#[test]
fn values_of_every_size_are_there_after_opening_again() {
    for checksums in [false, true] {
        let scratch = Scratch::new();
        let mut options = OpenOptions::new();
        options.checksums(checksums);
        filled(&scratch, &options).close().unwrap();
        let vault: SortedVault<u32, Vec<u8>> = SortedVault::open(scratch.vault()).unwrap();
        assert_eq!(all(&vault), values());
        assert_eq!(vault.len().unwrap(), values().len());
        let report = vault.verify().unwrap();
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(report.entries, values().len() as u64);
        assert_eq!(vault.stats().unwrap().entries, values().len() as u64);
    }
}

#[test]
fn a_vault_in_the_other_order_is_refused_and_unchanged() {
    let scratch = Scratch::new();
    filled(&scratch, &OpenOptions::new()).close().unwrap();
    let before = fs::read(scratch.vault()).unwrap();
    let error = Vault::<u32, Vec<u8>>::open(scratch.vault()).unwrap_err();
    assert_is!(
        &error,
        Error::WrongKind {
            found: "SortedVault",
            ..
        }
    );
    assert!(
        error.to_string().ends_with("open it as a `SortedVault`"),
        "{error}"
    );
    assert_eq!(fs::read(scratch.vault()).unwrap(), before);

    let other = Scratch::new();
    let vault: Vault<u32, u32> = Vault::open(other.vault()).unwrap();
    vault.insert(1, 1).unwrap();
    vault.close().unwrap();
    let before = fs::read(other.vault()).unwrap();
    let error = SortedVault::<u32, u32>::open(other.vault()).unwrap_err();
    assert_is!(error, Error::WrongKind { found: "Vault", .. });
    assert_eq!(fs::read(other.vault()).unwrap(), before);
}

#[test]
fn wrong_types_are_refused() {
    let scratch = Scratch::new();
    filled(&scratch, &OpenOptions::new()).close().unwrap();
    let error = SortedVault::<String, Vec<u8>>::open(scratch.vault()).unwrap_err();
    assert_is!(error, Error::TypeMismatch { .. });
}

#[test]
fn a_backup_is_restored() {
    let scratch = Scratch::new();
    let vault = filled(&scratch, &OpenOptions::new());
    vault.backup(scratch.path("backup.db")).unwrap();
    vault.remove_range(1..).unwrap();
    vault.close().unwrap();
    let restored: SortedVault<u32, Vec<u8>> =
        SortedVault::restore(scratch.path("backup.db"), scratch.vault()).unwrap();
    assert_eq!(all(&restored), values());

    let memory: SortedVault<u32, Vec<u8>> = SortedVault::open_in_memory().unwrap();
    memory.try_extend(values()).unwrap();
    memory
        .backup_with(scratch.path("backup.db"), IfExists::Replace, |_| ())
        .unwrap();
    let saved: SortedVault<u32, Vec<u8>> = SortedVault::open(scratch.path("backup.db")).unwrap();
    assert_eq!(all(&saved), values());
}

#[test]
fn compacting_frees_what_large_values_took() {
    let scratch = Scratch::new();
    let vault: SortedVault<u32, Vec<u8>> = SortedVault::open(scratch.vault()).unwrap();
    vault
        .try_extend((0..300).map(|n| (n, vec![1; 4_000])))
        .unwrap();
    assert_eq!(vault.remove_range(10..).unwrap(), 290);
    let gained = vault.compact().unwrap();
    assert!(gained.bytes_after * 5 < gained.bytes_before, "{gained:?}");
    assert_eq!(vault.len().unwrap(), 10);
}

#[test]
fn a_damaged_file_is_salvaged() {
    let scratch = Scratch::new();
    let vault: SortedVault<u32, Vec<u8>> = SortedVault::open(scratch.vault()).unwrap();
    let entry = |n: u32| {
        let size = if n.is_multiple_of(50) { 3_000 } else { 20 };
        (n, vec![u8::try_from(n % 256).unwrap(); size])
    };
    vault.try_extend((0..2_000).map(entry)).unwrap();
    vault.close().unwrap();
    // The root of the table.
    let mut bytes = fs::read(scratch.vault()).unwrap();
    bytes[4096..4096 + 200].fill(0xFF);
    fs::write(scratch.vault(), bytes).unwrap();
    let saved_path = scratch.path("saved.db");
    assert_is!(
        Vault::<u32, Vec<u8>>::salvage(scratch.vault(), &saved_path),
        Err(Error::WrongKind { .. })
    );
    let report = SortedVault::<u32, Vec<u8>>::salvage(scratch.vault(), &saved_path).unwrap();
    assert!(report.saved >= 1_900, "{report:?}");
    let saved: SortedVault<u32, Vec<u8>> = SortedVault::open(saved_path).unwrap();
    assert_eq!(saved.len().unwrap() as u64, report.saved);
    for item in &saved {
        let (key, value) = item.unwrap();
        assert_eq!((key, value), entry(key));
    }
}

#[test]
fn a_value_that_is_missing_is_one_error_in_its_place() {
    let scratch = Scratch::new();
    filled(&scratch, &OpenOptions::new()).close().unwrap();
    sql(
        &scratch.vault(),
        "DELETE FROM sorted_large WHERE length(value) BETWEEN 1000 AND 10000",
    );
    let vault: SortedVault<u32, Vec<u8>> = SortedVault::open(scratch.vault()).unwrap();
    let items: Vec<_> = vault.iter().collect();
    assert_eq!(items.len(), values().len());
    assert_eq!(items.iter().filter(|item| item.is_err()).count(), 1);
    assert_is!(vault.get(&2_000), Err(Error::NotABlob { .. }));
    let report = vault.verify().unwrap();
    assert_is!(
        &report.problems[..],
        [VerifyProblem::Entry(Error::NotABlob { .. })]
    );
    assert_eq!(vault.discard_undecodable().unwrap(), 1);
    assert!(vault.verify().unwrap().is_ok());
}

#[test]
fn large_values_of_no_key_or_of_two_are_found() {
    let insert = "INSERT INTO sorted_large VALUES (99, x'4dc0')";
    let share = "UPDATE sorted SET value = (SELECT max(id) FROM sorted_large) WHERE value < x''";
    for (change, found) in [
        (insert, &["1 large values without a key"][..]),
        (
            share,
            &[
                "6 large values without a key",
                "6 keys that share a large value with another one",
            ],
        ),
    ] {
        let scratch = Scratch::new();
        filled(&scratch, &OpenOptions::new()).close().unwrap();
        sql(&scratch.vault(), change);
        let vault: SortedVault<u32, Vec<u8>> = SortedVault::open(scratch.vault()).unwrap();
        let problems = vault.verify().unwrap().problems;
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), found.len(), "{problems:?}");
        for (problem, found) in problems.iter().zip(found) {
            assert!(problem.contains(found), "{problems:?}");
        }
    }
}

/// Makes a vault of these keys, whatever order a type that is read later has.
fn with_keys(keys: &[&str]) -> Scratch {
    let scratch = Scratch::new();
    let vault: SortedVault<String, u8> = SortedVault::open(scratch.vault()).unwrap();
    vault
        .try_extend(keys.iter().map(|key| ((*key).to_owned(), 0)))
        .unwrap();
    vault.close().unwrap();
    scratch
}

#[test]
fn keys_that_are_out_of_order_for_their_type_are_found() {
    let scratch = with_keys(&["a", "bbb", "cc", "dddd"]);
    let vault: SortedVault<ByLength, u8> = SortedVault::open(scratch.vault()).unwrap();
    let report = vault.verify().unwrap();
    assert_is!(
        &report.problems[..],
        [VerifyProblem::Entry(Error::Encode { .. })]
    );
    if cfg!(debug_assertions) {
        let forward: Vec<bool> = vault.iter().map(|item| item.is_ok()).collect();
        assert_eq!(forward, [true, true, false, true]);
        let backward: Vec<bool> = vault.keys().rev().map(|key| key.is_ok()).collect();
        assert_eq!(backward, [true, true, false, true]);
    }
}

#[test]
fn a_vault_whose_ends_are_out_of_order_is_refused() {
    let scratch = with_keys(&["aaa", "b"]);
    let error = SortedVault::<ByLength, u8>::open(scratch.vault()).unwrap_err();
    assert_is!(&error, Error::TypeMismatch { found, .. } if found.contains("order"));
}

#[test]
fn types_of_all_entries_are_changed_in_place() {
    let scratch = Scratch::new();
    let vault: SortedVault<u32, Vec<u8>> = filled(&scratch, &OpenOptions::new());
    let renamed: SortedVault<(i64, bool), u64> = vault
        .into_inner()
        .try_map_entries(|key, value| Ok::<_, Error>(((-i64::from(key), true), value.len() as u64)))
        .unwrap()
        .into();
    let expected: Vec<_> = values()
        .into_iter()
        .rev()
        .map(|(key, _)| ((-i64::from(key), true), u64::from(key)))
        .collect();
    assert_eq!(all(&renamed), expected);
    assert!(renamed.verify().unwrap().is_ok());
}
