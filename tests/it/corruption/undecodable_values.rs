//! Undecodable values: calls that fail because of one change nothing, and `put` and `discard`
//! succeed.

use vaults::{Error, OpenOptions, Vault};

use crate::support::{Scratch, make, on_each_engine, open, put_row, rows, sql};

const GOOD: (u8, u8) = (1, 1);

/// Stored values that are not a `u8`. They are stored with the key 2.
const BAD: [&[u8]; 7] = [
    b"P\x80\x04K\x01.",
    b"Z\x01",
    b"\x00",
    b"M\xa3two",
    b"M\x01\x01",
    b"",
    b"B",
];

fn is_value_error(error: &Error) -> bool {
    matches!(
        error,
        Error::Decode { key, .. }
            | Error::Pickle { key, .. }
            | Error::UnknownTag { key, .. }
            | Error::NotABlob { key, .. }
            | Error::Checksum { key, .. }
            if key == "\"M\\x02\""
    )
}

/// Asserts which calls fail because of the value of key 2, and which succeed.
fn check(scratch: &Scratch, vault: &Vault<u8, u8>) {
    let assert_value_error = |error: &Error| {
        assert!(is_value_error(error), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("`put`") && text.contains("`discard`"),
            "{text}"
        );
    };
    let length = vault.len().unwrap();
    assert_value_error(&vault.get(&2).unwrap_err());
    assert_value_error(&vault.insert(2, 5).unwrap_err());
    assert_value_error(&vault.remove(&2).unwrap_err());
    assert_value_error(&vault.remove_entry(&2).unwrap_err());
    assert_value_error(&vault.remove_many(&[1, 2]).unwrap_err());
    assert_value_error(&vault.entry(2).or_insert(5).unwrap_err());
    assert_value_error(
        &vault
            .entry(2)
            .and_modify(|value| *value += 1)
            .or_insert(5)
            .unwrap_err(),
    );
    assert_value_error(&vault.get_mut(&2).unwrap_err());
    assert_value_error(&vault.get_or_insert_with(2, || 5).unwrap_err());
    assert_value_error(&vault.retain(|_, _| true).unwrap_err());
    assert_value_error(&vault.rewrite().unwrap_err());
    assert_value_error(&vault.pop_last().unwrap_err());
    assert_eq!(vault.len().unwrap(), length);
    assert!(vault.contains_key(&2).unwrap());

    let mut tx = vault.begin().unwrap();
    assert_value_error(&tx.insert(2, 5).unwrap_err());
    assert_value_error(&tx.remove(&2).unwrap_err());
    assert!(tx.discard(&2).unwrap());
    assert!(!tx.discard(&2).unwrap());
    assert_eq!(tx.len().unwrap(), length - 1);
    tx.rollback().unwrap();

    let mut tx = vault.begin().unwrap();
    tx.put(&2, &7).unwrap();
    assert_eq!(tx.get(&2).unwrap(), Some(7));
    tx.rollback().unwrap();
    assert_value_error(&vault.get(&2).unwrap_err());
    assert_eq!(vault.get(&1).unwrap(), Some(1));
    assert_eq!(count(scratch), length);
}

fn count(scratch: &Scratch) -> usize {
    let connection = rusqlite::Connection::open(scratch.vault()).unwrap();
    let count: i64 = connection
        .query_one("SELECT count(*) FROM dict", [], |row| row.get(0))
        .unwrap();
    usize::try_from(count).unwrap()
}

#[test]
fn an_undecodable_value() {
    for bad in BAD {
        let scratch = Scratch::new();
        make(scratch.vault(), [GOOD]);
        let vault = open::<u8, u8>(scratch.vault());
        put_row(&scratch.vault(), b"M\x02", bad);
        let before = rows(&scratch.vault());
        check(&scratch, &vault);
        assert_eq!(rows(&scratch.vault()), before);

        vault.put(&2, &3).unwrap();
        assert_eq!(vault.insert(2, 4).unwrap(), Some(3));
        put_row(&scratch.vault(), b"M\x02", bad);
        assert!(vault.discard(&2).unwrap());
        assert!(!vault.discard(&2).unwrap());
        assert_eq!(vault.get(&2).unwrap(), None);
        assert_eq!(vault.len().unwrap(), 1);
        put_row(&scratch.vault(), b"M\x02", bad);
        assert_eq!(vault.discard_undecodable().unwrap(), 1);
        assert_eq!(
            vault.iter().collect::<vaults::Result<Vec<_>>>().unwrap(),
            [GOOD]
        );
    }
}

#[test]
fn a_value_that_is_not_a_blob() {
    for bad in ["NULL", "7", "1.5", "'text'"] {
        let scratch = Scratch::new();
        sql(
            &scratch.vault(),
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB);
             INSERT INTO dict VALUES (x'4d01', x'4d01')",
        );
        let vault = open::<u8, u8>(scratch.vault());
        let insert = format!("INSERT INTO dict VALUES (x'4d02', {bad})");
        sql(&scratch.vault(), &insert);
        check(&scratch, &vault);
        vault.put(&2, &3).unwrap();
        assert_eq!(vault.remove(&2).unwrap(), Some(3));
        sql(&scratch.vault(), &insert);
        assert!(vault.discard(&2).unwrap());
        assert_eq!(vault.get(&2).unwrap(), None);
        assert_eq!(vault.len().unwrap(), 1);
    }
}

#[test]
fn a_value_that_fails_its_checksum() {
    let scratch = Scratch::new();
    let vault: Vault<u8, u8> = OpenOptions::new()
        .checksums(true)
        .open(scratch.vault())
        .unwrap();
    vault.try_extend([GOOD, (2, 2)]).unwrap();
    let damage = "UPDATE dict SET value = x'4d034d034d03' WHERE key = x'4d02'";
    sql(&scratch.vault(), damage);
    check(&scratch, &vault);
    vault.put(&2, &3).unwrap();
    assert_eq!(vault.get(&2).unwrap(), Some(3));
    sql(&scratch.vault(), damage);
    assert!(vault.discard(&2).unwrap());
    vault.put(&2, &3).unwrap();
    sql(&scratch.vault(), damage);
    assert_eq!(vault.discard_undecodable().unwrap(), 1);
    assert!(vault.verify().unwrap().is_ok());
    assert_eq!(vault.len().unwrap(), 1);
}

#[test]
fn a_decodable_value_can_be_discarded_too() {
    on_each_engine::<String, u32>(|vault| {
        vault.insert("a".into(), 1).unwrap();
        // Fill the cache, and the cached number of entries.
        assert_eq!(vault.get("a").unwrap(), Some(1));
        assert_eq!(vault.get("a").unwrap(), Some(1));
        assert_eq!(vault.len().unwrap(), 1);
        assert!(!vault.discard("b").unwrap());
        assert!(vault.discard("a").unwrap());
        assert_eq!(vault.get("a").unwrap(), None);
        assert_eq!(vault.len().unwrap(), 0);
        assert_eq!(vault.discard_undecodable().unwrap(), 0);
    });
}

#[test]
fn undecodable_keys() {
    let scratch = Scratch::new();
    make(scratch.vault(), [GOOD, (3, 3)]);
    let vault = open::<u8, u8>(scratch.vault());
    // A pickle, an unknown tag, an empty key, a different type, a key in a longer encoding, and a
    // good one.
    let keys: [&[u8]; 6] = [
        b"P\x80.",
        b"Z\x01",
        b"",
        b"M\xa3two",
        b"M\xcc\x07",
        b"M\x09",
    ];
    for key in keys {
        put_row(&scratch.vault(), key, b"M\x09");
    }
    let errors = vault.iter().filter(Result::is_err).count();
    assert_eq!((vault.len().unwrap(), errors), (8, 4));
    for error in vault.keys().filter_map(Result::err) {
        let text = error.to_string();
        assert!(text.contains("`discard_undecodable`"), "{text}");
    }
    assert_eq!(vault.get(&7).unwrap(), None);
    assert_eq!(vault.discard_undecodable().unwrap(), 5);
    let keys: Vec<u8> = vault.keys().map(Result::unwrap).collect();
    assert_eq!(keys, [1, 3, 9]);
    assert_eq!(vault.len().unwrap(), 3);
}

#[test]
fn discarding_is_refused_whenever_writes_are() {
    let scratch = Scratch::new();
    make(scratch.vault(), [GOOD]);
    let vault = open::<u8, u8>(scratch.vault());
    let tx = vault.begin().unwrap();
    assert_is!(vault.discard(&1), Err(Error::Reentrant { .. }));
    assert_is!(vault.discard_undecodable(), Err(Error::Reentrant { .. }));
    drop(tx);
    drop(vault);
    let reader: Vault<u8, u8> = OpenOptions::new()
        .read_only(true)
        .open(scratch.vault())
        .unwrap();
    assert_is!(reader.discard(&1), Err(Error::ReadOnly { .. }));
    assert_is!(reader.discard_undecodable(), Err(Error::ReadOnly { .. }));
    assert_is!(reader.rewrite(), Err(Error::ReadOnly { .. }));
}
