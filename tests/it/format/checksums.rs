//! Checksums: damage is detected, and no call returns a wrong value.

use std::path::Path;

use rusqlite::Connection;
use vaults::maintenance::VerifyProblem;
use vaults::{Entry, Error, OpenOptions, Vault};

use crate::support::damage::python_fixture;
use crate::support::{Scratch, entries, make, numbers, on_each_engine_with, open, put_row, rows};

fn open_with_checksums(path: impl AsRef<Path>) -> vaults::Result<Vault<u32, String>> {
    OpenOptions::new().checksums(true).open(path)
}

/// Makes a closed vault of three entries, of which the second one is damaged.
fn damaged() -> Scratch {
    let scratch = Scratch::new();
    let vault = open_with_checksums(scratch.vault()).unwrap();
    vault
        .try_extend((1..=3_u32).map(|n| (n, n.to_string())))
        .unwrap();
    vault.close().unwrap();
    let connection = Connection::open(scratch.vault()).unwrap();
    let value = rows(&scratch.vault())[1].1.clone();
    assert_eq!(&value[9..], b"M\xa12");
    let damaged = [&value[..11], b"9"].concat();
    connection
        .execute("UPDATE dict SET value = ?1 WHERE key = x'4d02'", (damaged,))
        .unwrap();
    connection.close().unwrap();
    scratch
}

#[test]
fn a_vault_with_checksums_works_like_any_other() {
    let scratch = Scratch::new();
    let vault = open_with_checksums(scratch.vault()).unwrap();
    vault
        .try_extend((0..1000_u32).map(|n| (n, n.to_string())))
        .unwrap();
    vault.entry(1).or_default().unwrap().push('!');
    *vault.get_mut(&2).unwrap().unwrap() += "?";
    vault.put(&3, &"three".to_owned()).unwrap();
    assert_eq!(vault.remove(&4).unwrap(), Some("4".to_owned()));
    vault
        .for_each_mut(|n, text| {
            if *n == 5 {
                text.push('.');
            }
        })
        .unwrap();
    vault.close().unwrap();
    assert!(
        rows(&scratch.vault())
            .iter()
            .all(|(_, value)| value[0] == b'C')
    );

    // The file declares its checksums, so the option is not needed again.
    let vault = open::<u32, String>(scratch.vault());
    let texts: Vec<String> = (1..6).filter_map(|n| vault.get(&n).unwrap()).collect();
    assert_eq!(texts, ["1!", "2?", "three", "5."]);
    let report = vault.verify().unwrap();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.entries, report.message_pack), (999, 999));
    vault.close().unwrap();
    drop(open_with_checksums(scratch.vault()).unwrap());
}

#[test]
fn each_engine_supports_checksums() {
    let mut options = OpenOptions::new();
    options.checksums(true);
    on_each_engine_with::<u32, u32>(&options, |vault| {
        vault.try_extend(numbers(10)).unwrap();
        assert!(entries(&vault).into_iter().eq(numbers(10)));
        assert!(vault.verify().unwrap().is_ok());
    });
}

#[test]
fn an_existing_vault_does_not_get_checksums() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, "one".to_owned())]);
    let before = rows(&scratch.vault());
    assert_is!(
        open_with_checksums(scratch.vault()),
        Err(Error::InvalidOptions { .. })
    );
    assert_eq!(rows(&scratch.vault()), before);
    python_fixture(&scratch.path("python.db"));
    assert_is!(
        open_with_checksums(scratch.path("python.db")),
        Err(Error::InvalidOptions { .. })
    );
    let read_only = OpenOptions::new()
        .checksums(true)
        .read_only(true)
        .open::<u32, String>(scratch.vault());
    assert_is!(read_only, Err(Error::InvalidOptions { .. }));
}

#[test]
fn a_row_without_a_checksum_is_an_error() {
    for plain in [
        &b"M\xa3two"[..],
        b"B\x03two",
        b"P\x80\x04N.",
        b"",
        b"C",
        b"C12345678",
    ] {
        let scratch = damaged();
        put_row(&scratch.vault(), b"M\x02", plain);
        let vault = open::<u32, String>(scratch.vault());
        assert_is!(vault.get(&2), Err(Error::Checksum { key, .. }) if key == "\"M\\x02\"");
        let found: Vec<_> = vault.iter().collect();
        assert_eq!(found.len(), 3);
        assert_eq!(found.iter().filter(|item| item.is_err()).count(), 1);
    }
}

#[test]
fn the_only_entry_is_damaged() {
    let scratch = damaged();
    put_row(&scratch.vault(), b"M\x01", b"M\xa11");
    let connection = Connection::open(scratch.vault()).unwrap();
    connection
        .execute("DELETE FROM dict WHERE key <> x'4d01'", [])
        .unwrap();
    connection.close().unwrap();
    // The damaged entry gives no information about the types.
    let vault = open::<u32, String>(scratch.vault());
    assert_is!(vault.get(&1), Err(Error::Checksum { .. }));
    assert_is!(vault.iter().next(), Some(Err(Error::Checksum { .. })));
}

// ---- every call ---------------------------------------------------------------------------

fn is_checksum<T>(result: &vaults::Result<T>) -> bool {
    matches!(result, Err(Error::Checksum { key, .. }) if key == "\"M\\x02\"")
}

/// Returns the results of reading the damaged entry by every method.
fn every_read(vault: &Vault<u32, String>) -> Vec<vaults::Result<()>> {
    let snapshot = vault.snapshot().unwrap();
    vec![
        vault.get(&2).map(drop),
        vault.get_key_value(&2).map(drop),
        vault.get_many(&[1, 2]).map(drop),
        vault.iter().nth(1).unwrap().map(drop),
        vault.iter().rev().nth(1).unwrap().map(drop),
        vault.keys().nth(1).unwrap().map(drop),
        vault.values().nth(1).unwrap().map(drop),
        vault.clone().into_iter().nth(1).unwrap().map(drop),
        vault.clone().into_keys().nth(1).unwrap().map(drop),
        vault.clone().into_values().nth(1).unwrap().map(drop),
        snapshot.get(&2).map(drop),
        snapshot.iter().nth(1).unwrap().map(drop),
        snapshot.keys().nth(1).unwrap().map(drop),
        snapshot.values().nth(1).unwrap().map(drop),
        vault.get_or_insert_with(2, String::new).map(drop),
    ]
}

/// Returns the results of all writes that read the damaged entry first.
fn every_write(vault: &Vault<u32, String>) -> Vec<vaults::Result<()>> {
    let text = || "new".to_owned();
    vec![
        vault.get_mut(&2).map(drop),
        vault.entry(2).or_insert(text()).map(drop),
        vault
            .entry(2)
            .and_modify(|text| text.push('!'))
            .or_default()
            .map(drop),
        vault.entry(2).into_entry().map(drop),
        vault.insert(2, text()).map(drop),
        vault.remove(&2).map(drop),
        vault.remove_entry(&2).map(drop),
        vault.remove_many(&[2]).map(drop),
        vault.retain(|_, _| true),
        vault.for_each_mut(|_, _| {}),
        vault.drain().nth(1).unwrap().map(drop),
        vault.extract_if(|_, _| true).nth(1).unwrap().map(drop),
        vault.transaction(|tx| tx.get(&2).map(drop)),
        vault.transaction(|tx| tx.insert(2, text()).map(drop)),
        vault.transaction(|tx| tx.iter().nth(1).unwrap().map(drop)),
        vault.transaction(|tx| tx.keys().nth(1).unwrap().map(drop)),
        vault.transaction(|tx| tx.values().nth(1).unwrap().map(drop)),
        vault.transaction(|tx| tx.entry(2).or_default().map(drop)),
    ]
}

#[test]
fn every_call_that_reads_a_damaged_value_returns_an_error() {
    let scratch = damaged();
    let before = rows(&scratch.vault());
    let vault = open::<u32, String>(scratch.vault());
    for (n, result) in every_read(&vault).into_iter().enumerate() {
        assert!(is_checksum(&result), "read {n}: {result:?}");
    }
    for (n, result) in every_write(&vault).into_iter().enumerate() {
        assert!(is_checksum(&result), "write {n}: {result:?}");
        // `flush` may return an error that the destructor of an iterator has deferred.
        vault.flush().ok();
    }
    // The other entries can be read.
    assert_eq!(vault.get(&1).unwrap().unwrap(), "1");
    assert_eq!(vault.iter().filter_map(Result::ok).count(), 2);
    drop(vault);
    let after = rows(&scratch.vault());
    assert!(
        after.contains(&before[1]),
        "the damaged row is still stored: {after:?}"
    );
}

#[test]
fn a_damaged_entry_at_either_end() {
    let scratch = damaged();
    let vault = open::<u32, String>(scratch.vault());
    vault.remove(&1).unwrap();
    assert!(is_checksum(&vault.pop_first()));
    vault.remove(&3).unwrap();
    assert!(is_checksum(&vault.pop_last()));
    assert_eq!(vault.len().unwrap(), 1);
}

#[test]
fn a_damaged_entry_can_be_replaced_and_cleared() {
    let scratch = damaged();
    let vault = open::<u32, String>(scratch.vault());
    vault.put(&2, &"two".to_owned()).unwrap();
    assert_eq!(vault.get(&2).unwrap().unwrap(), "two");
    assert!(vault.verify().unwrap().is_ok());
    drop(vault);
    let scratch = damaged();
    let vault = open::<u32, String>(scratch.vault());
    vault.clear().unwrap();
    assert!(vault.is_empty().unwrap());
}

#[test]
fn verify_lists_damaged_entries() {
    let scratch = damaged();
    let report = open::<u32, String>(scratch.vault()).verify().unwrap();
    assert_eq!((report.entries, report.message_pack), (3, 2));
    assert_eq!(report.problems.len(), 1);
    assert_is!(&report.problems[0], VerifyProblem::Entry(Error::Checksum { key, .. }) if key == "\"M\\x02\"");
}

// ---- every bit ----------------------------------------------------------------------------

#[test]
fn every_flipped_bit_of_an_entry_is_detected() {
    let scratch = Scratch::new();
    let vault: Vault<String, String> = OpenOptions::new()
        .checksums(true)
        .open(scratch.vault())
        .unwrap();
    vault.put("key", &"value".to_owned()).unwrap();
    vault.put("other", &String::new()).unwrap();
    let stored = rows(&scratch.vault());
    let (key, value) = &stored[0];
    let connection = Connection::open(scratch.vault()).unwrap();
    let set = |new_key: &[u8], new_value: &[u8]| {
        connection
            .execute(
                "UPDATE dict SET key = ?1, value = ?2 WHERE rowid = 1",
                (new_key, new_value),
            )
            .unwrap();
    };
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    let noticed = |what: &str, bit: usize| {
        let first = vault.iter().next().unwrap();
        assert!(
            matches!(first, Err(Error::Checksum { .. })),
            "{what}, bit {bit}: {first:?}"
        );
        assert_is!(vault.keys().next().unwrap(), Err(Error::Checksum { .. }));
        assert_is!(vault.values().next().unwrap(), Err(Error::Checksum { .. }));
        let entry = vault.entry("key".to_owned()).into_entry();
        assert!(
            !matches!(entry, Ok(Entry::Occupied(_))),
            "{what}, bit {bit}"
        );
        drop(entry);
        assert_eq!(
            vault.verify().unwrap().problems.len(),
            1,
            "{what}, bit {bit}"
        );
        assert_eq!(vault.get("other").unwrap(), Some(String::new()));
    };
    for bit in 0..value.len() * 8 {
        set(key, &flipped(value, bit));
        assert_is!(vault.get("key"), Err(Error::Checksum { .. }));
        noticed("value", bit);
    }
    for bit in 0..key.len() * 8 {
        set(&flipped(key, bit), value);
        assert_eq!(vault.get("key").unwrap(), None, "bit {bit}");
        noticed("key", bit);
    }
    // Truncated, extended, and with the value of another entry.
    for length in 0..value.len() {
        set(key, &value[..length]);
        noticed("length", length);
    }
    set(key, &[&value[..], b"\0"].concat());
    noticed("longer", 0);
    set(key, &stored[1].1);
    noticed("swapped", 0);
    set(key, value);
    assert_eq!(vault.get("key").unwrap().unwrap(), "value");
    assert!(vault.verify().unwrap().is_ok());
}
