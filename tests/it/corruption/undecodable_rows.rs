//! Rows of other types and of other programs, and damaged files. A read returns an error or the
//! correct data, and never panics or returns a wrong value.

use std::fs;

use serde::{Deserialize, Serialize};
use vaults::{EntryPart, Error, Vault};

use crate::support::{Scratch, entries, make, numbers, open, put_row, refused, sql};

// ---- types --------------------------------------------------------------------------------

#[test]
fn a_vault_of_different_types_is_detected_at_open() {
    let scratch = Scratch::new();
    make(scratch.vault(), [("a".to_owned(), 1_u32)]);
    let value = refused(&scratch, || Vault::<String, String>::open(scratch.vault()));
    assert_is!(&value, Error::TypeMismatch { .. });
    let text = value.to_string();
    assert!(
        text.contains("vault.db") && text.contains("String"),
        "{text}"
    );
    let key = refused(&scratch, || Vault::<u32, u32>::open(scratch.vault()));
    assert_is!(
        &key,
        Error::TypeMismatch {
            key_type: "u32",
            value_type: "u32",
            ..
        }
    );
    assert_eq!(
        open::<String, u64>(scratch.vault()).get("a").unwrap(),
        Some(1)
    );
}

#[test]
fn opening_checks_only_the_first_row() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, 1_u32)]);
    put_row(&scratch.vault(), b"M\x02", b"M\xa3two");
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.get(&1).unwrap(), Some(1));
    assert_is!(
        vault.get(&2),
        Err(Error::Decode { part: EntryPart::Value, type_name: "u32", key, .. }) if key == "\"M\\x02\""
    );
}

#[test]
fn an_extended_type_reads_old_entries() {
    #[derive(Serialize, Deserialize)]
    struct Old {
        name: String,
        age: u8,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        #[serde(default)]
        city: String,
        age: u32,
        phone: Option<String>,
        name: String,
    }
    let scratch = Scratch::new();
    let name = "Ada".to_owned();
    make(scratch.vault(), [(1_u8, Old { name, age: 36 })]);
    let read = open::<u8, New>(scratch.vault()).get(&1).unwrap().unwrap();
    let expected = New {
        city: String::new(),
        age: 36,
        phone: None,
        name: "Ada".into(),
    };
    assert_eq!(read, expected);
}

// ---- tags ---------------------------------------------------------------------------------

#[test]
fn a_pickle_is_reported_and_never_loaded() {
    let scratch = Scratch::new();
    make::<String, u32>(scratch.vault(), []);
    // This is the first row, so opening checks it.
    put_row(&scratch.vault(), b"M\xa6pickle", b"P\x80\x04K\x01.");
    put_row(&scratch.vault(), b"M\xa3one", b"M\x01");
    put_row(&scratch.vault(), b"P\x80\x04K\x02.", b"M\x02");
    let vault = open::<String, u32>(scratch.vault());
    let error = vault.get("pickle").unwrap_err();
    assert_is!(&error, Error::Pickle { part: EntryPart::Value, key, .. } if key.contains("pickle"));
    assert!(error.to_string().contains("Python pickle"), "{error}");
    assert_eq!(vault.get("one").unwrap(), Some(1));
    assert_eq!(vault.len().unwrap(), 3);
    let items: Vec<_> = vault.iter().collect();
    assert_is!(
        &items[..],
        [
            Err(Error::Pickle {
                part: EntryPart::Value,
                ..
            }),
            Ok(_),
            Err(Error::Pickle {
                part: EntryPart::Key,
                ..
            })
        ]
    );
    assert_is!(vault.insert("pickle".into(), 5), Err(Error::Pickle { .. }));
    vault.put("pickle", &5).unwrap();
    assert_eq!(vault.get("pickle").unwrap(), Some(5));
}

#[test]
fn an_unknown_tag_is_in_the_error() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u8, 1_u8)]);
    put_row(&scratch.vault(), b"M\x02", b"Z\x01");
    let error = open::<u8, u8>(scratch.vault()).get(&2).unwrap_err();
    assert_is!(
        &error,
        Error::UnknownTag {
            part: EntryPart::Value,
            tag: b'Z',
            ..
        }
    );
    assert!(error.to_string().contains("0x5a"), "{error}");
}

#[test]
fn an_unknown_tag_in_the_only_row_is_returned_by_a_read() {
    let scratch = Scratch::new();
    make::<u8, u8>(scratch.vault(), []);
    put_row(&scratch.vault(), b"M\x01", b"\x01");
    let vault = open::<u8, u8>(scratch.vault());
    assert_is!(vault.get(&1), Err(Error::UnknownTag { tag: 1, .. }));
}

#[test]
fn blobs_that_are_too_short_or_too_long() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(0_u8, 0_u8)]);
    let bad: [&[u8]; 7] = [
        b"",
        b"M",
        b"M\x01\x01",
        b"M\xcd\x01",
        b"M\xc1",
        b"B",
        b"B\x01\x01",
    ];
    for (n, blob) in (1..).zip(bad) {
        put_row(&scratch.vault(), &[b'M', n], blob);
    }
    let vault = open::<u8, u8>(scratch.vault());
    for n in 1..=7 {
        assert_is!(
            vault.get(&n),
            Err(Error::Decode {
                part: EntryPart::Value,
                ..
            })
        );
    }
}

#[test]
fn blobs_that_claim_more_elements_than_they_have() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(0_u8, Vec::<String>::new())]);
    let bad: [&[u8]; 5] = [
        b"M\xdd\xff\xff\xff\xff",
        b"M\xdb\xff\xff\xff\xff",
        b"M\xdf\xff\xff\xff\xff",
        b"B\xfd\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"B\x02\xfd\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    for (n, blob) in (1..).zip(bad) {
        put_row(&scratch.vault(), &[b'M', n], blob);
    }
    let nested = [b"M".as_slice(), &vec![0x91; 200_000], b"\xc0"].concat();
    put_row(&scratch.vault(), b"M\x06", &nested);
    let vault = open::<u8, Vec<String>>(scratch.vault());
    for n in 1..=6 {
        assert_is!(vault.get(&n), Err(Error::Decode { .. }));
    }
    drop(vault);
    sql(&scratch.vault(), "DELETE FROM dict WHERE key <> x'4d06'");
    let error = refused(&scratch, || Vault::<u8, rmpv::Value>::open(scratch.vault()));
    assert_is!(error, Error::TypeMismatch { .. });
}

#[test]
fn a_column_with_values_of_other_types() {
    let scratch = Scratch::new();
    sql(
        &scratch.vault(),
        "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB);
         INSERT INTO dict VALUES (x'4d01', x'4d01'), (x'4d02', 'text'), (x'4d03', NULL), (x'4d04', 7);
         INSERT INTO dict VALUES ('text', x'4d01');",
    );
    let vault = open::<u8, u8>(scratch.vault());
    assert_eq!(vault.get(&1).unwrap(), Some(1));
    for key in 2..=4 {
        assert_is!(vault.get(&key), Err(Error::NotABlob { .. }));
    }
    assert_is!(vault.iter().last(), Some(Err(Error::NotABlob { .. })));
    vault.put(&2, &2).unwrap();
    assert_eq!(vault.get(&2).unwrap(), Some(2));
}

#[test]
fn a_key_in_an_error_is_short_and_on_one_line() {
    let scratch = Scratch::new();
    make::<String, u8>(scratch.vault(), [("first".into(), 1)]);
    let long = format!("line\n{}", "x".repeat(10_000));
    let key = [
        b"M\xda".as_slice(),
        &10_005_u16.to_be_bytes(),
        long.as_bytes(),
    ]
    .concat();
    put_row(&scratch.vault(), &key, b"M\xa6secret");
    let text = open::<String, u8>(scratch.vault())
        .get(&long)
        .unwrap_err()
        .to_string();
    assert!(text.len() < 400 && !text.contains('\n'), "{text}");
    assert!(text.contains("\\n") && text.contains('…'), "{text}");
    assert!(!text.contains("secret"), "values are not shown: {text}");
}

// ---- damage -------------------------------------------------------------------------------

/// Runs every operation on a vault. Returns its entries, if no operation failed.
fn read_all(scratch: &Scratch) -> vaults::Result<Vec<(u32, u32)>> {
    let vault: Vault<u32, u32> = Vault::open(scratch.vault())?;
    let entries = vault.iter().collect::<vaults::Result<Vec<_>>>()?;
    for (key, _) in &entries {
        vault.get(key)?;
    }
    vault.len()?;
    vault.put(&1_000_000, &1)?;
    vault.remove(&1_000_000)?;
    vault.close()?;
    Ok(entries)
}

#[test]
fn a_truncated_file() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(2000));
    let whole = fs::read(scratch.vault()).unwrap();
    let mut refused = 0;
    for length in (1..whole.len()).step_by(1531) {
        fs::write(scratch.vault(), &whole[..length]).unwrap();
        match read_all(&scratch) {
            Ok(entries) => assert!(entries.iter().all(|(key, value)| key == value)),
            Err(Error::Corrupt { .. } | Error::NotAVault { .. } | Error::Io { .. }) => refused += 1,
            Err(error) => panic!("at {length}: {error:?}"),
        }
        remove_logs(&scratch);
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_flipped_byte() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(300));
    let whole = fs::read(scratch.vault()).unwrap();
    // Every third byte of the headers of the file and of the pages, and some of the bytes between
    // them.
    let offsets = (0..whole.len()).filter(|at| at % 4096 < 120 || at % 61 == 0);
    let (mut fine, mut refused) = (0, 0);
    for at in offsets.step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(scratch.vault(), &damaged).unwrap();
        match read_all(&scratch) {
            Ok(_) => fine += 1,
            Err(error) => {
                assert!(is_damage(&error), "at {at}: {error:?}");
                refused += 1;
            }
        }
        remove_logs(&scratch);
    }
    assert!(fine > 10 && refused > 10, "{fine} fine, {refused} refused");
}

fn is_damage(error: &Error) -> bool {
    matches!(
        error,
        Error::Corrupt { .. }
            | Error::NotAVault { .. }
            | Error::NewerFormat { .. }
            | Error::TypeMismatch { .. }
            | Error::Decode { .. }
            | Error::UnknownTag { .. }
            | Error::NotABlob { .. }
            | Error::Pickle { .. }
            | Error::Io { .. }
            | Error::Sqlite { .. }
            // A file format that SQLite can only read.
            | Error::ReadOnly { .. }
    )
}

fn remove_logs(scratch: &Scratch) {
    for name in ["vault.db-wal", "vault.db-shm", "vault.db-journal"] {
        fs::remove_file(scratch.path(name)).ok();
    }
}

#[test]
fn a_truncated_log_loses_only_its_end() {
    let source = Scratch::new();
    let vault = open::<u32, u32>(source.vault());
    for n in 0..20 {
        vault.put(&n, &n).unwrap();
    }
    let file = fs::read(source.vault()).unwrap();
    let log = fs::read(source.path("vault.db-wal")).unwrap();
    let mut seen = Vec::new();
    for length in (0..=log.len()).step_by(997) {
        let scratch = Scratch::new();
        fs::write(scratch.vault(), &file).unwrap();
        fs::write(scratch.path("vault.db-wal"), &log[..length]).unwrap();
        let vault = open::<u32, u32>(scratch.vault());
        let entries = entries(&vault);
        let count = u32::try_from(entries.len()).unwrap();
        assert!(entries.into_iter().eq(numbers(count)), "a prefix");
        seen.push(count);
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(seen[0] < 2 && seen.last().copied() > Some(15), "{seen:?}");
}
