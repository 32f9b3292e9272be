//! The error type: every wrapped error is the source of its wrapper, and no message repeats that of
//! its source.

use std::error::Error as StdError;
use std::time::Duration;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use vaults::{EntryPart, Error, OpenOptions, Vault};

use crate::support::{Scratch, make, numbers, on_each_engine, open, put_row, sql};

/// Returns all errors of a chain, from the outermost one on.
fn chain(error: &Error) -> Vec<&(dyn StdError + 'static)> {
    let mut chain: Vec<&(dyn StdError + 'static)> = vec![error];
    while let Some(source) = chain[chain.len() - 1].source() {
        chain.push(source);
    }
    chain
}

/// Checks that a chain has at least `levels` errors, each with a message of its own.
fn check(error: &Error, levels: usize) {
    let chain = chain(error);
    let texts: Vec<String> = chain.iter().map(ToString::to_string).collect();
    assert!(texts.len() >= levels, "{texts:?}");
    for (n, text) in texts.iter().enumerate() {
        assert!(!text.is_empty(), "{texts:?}");
        assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?}");
        // The messages of SQLite's wrapper about its own causes are not under test.
        if chain[n].is::<rusqlite::Error>() {
            break;
        }
        for deeper in &texts[n + 1..] {
            assert!(!text.contains(deeper.as_str()), "repeated: {texts:?}");
        }
    }
}

fn path_error(path: &str) -> Error {
    Vault::<u32, u32>::open(path).unwrap_err()
}

#[test]
fn errors_without_a_cause() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    let mut options = OpenOptions::new();
    options.read_only(true);
    check(&path_error(""), 1);
    check(
        &options.open::<u32, u32>(scratch.path("no.db")).unwrap_err(),
        1,
    );
    let reader: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    check(&reader.put(&1, &1).unwrap_err(), 1);
    check(vault.clone().delete().unwrap_err().error(), 1);
    let drain = vault.drain();
    check(&vault.put(&1, &1).unwrap_err(), 1);
    drop(drain);
    let holder = open::<u32, u32>(scratch.vault());
    let transaction = holder.begin().unwrap();
    let mut options = OpenOptions::new();
    options.busy_timeout(Duration::from_millis(5));
    let waiting: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    let busy = waiting.put(&1, &1).unwrap_err();
    assert_is!(&busy, Error::Busy { waited, .. } if busy.to_string().contains(&format!("{waited:?}")));
    check(&busy, 1);
    drop(transaction);
}

#[test]
fn a_value_that_does_not_decode() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, 1_u32)]);
    put_row(&scratch.vault(), b"M\x02", b"M\xa3two");
    let error = open::<u32, u32>(scratch.vault()).get(&2).unwrap_err();
    assert_is!(
        &error,
        Error::Decode {
            part: EntryPart::Value,
            ..
        }
    );
    check(&error, 3);
}

#[test]
fn a_value_with_bytes_after_its_end() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, 1_u32)]);
    put_row(&scratch.vault(), b"M\x02", b"M\x01\x01");
    let error = open::<u32, u32>(scratch.vault()).get(&2).unwrap_err();
    check(&error, 2);
    assert!(chain(&error)[1].to_string().contains("bytes after the end"));
}

#[test]
fn a_vault_of_different_types() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, "a".to_owned())]);
    let error = Vault::<u32, u32>::open(scratch.vault()).unwrap_err();
    assert_is!(&error, Error::TypeMismatch { .. });
    check(&error, 4);
    assert_is!(&error, Error::TypeMismatch { source, .. } if matches!(source.downcast_ref(), Some(Error::Decode { .. })));
}

#[test]
fn the_cause_of_a_type_mismatch_can_be_downcast() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, "a".to_owned())]);
    let error = Vault::<u32, u32>::open(scratch.vault()).unwrap_err();
    let cause = error.source().unwrap().downcast_ref::<Error>();
    assert_is!(cause, Some(Error::Decode { .. }));
}

#[test]
fn a_value_that_cannot_be_stored() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Nested {
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Inner {
        x: Option<Option<u8>>,
    }
    on_each_engine(|vault: Vault<u8, Nested>| {
        let inner = Inner { x: Some(None) };
        let error = vault.put(&1, &Nested { inner }).unwrap_err();
        assert_is!(
            &error,
            Error::Encode {
                part: EntryPart::Value,
                ..
            }
        );
        check(&error, 3);
    });
}

#[cfg(unix)]
#[test]
fn a_type_that_refuses_to_be_serialized() {
    use std::os::unix::ffi::OsStrExt;
    on_each_engine(|vault: Vault<u8, std::path::PathBuf>| {
        let path = std::ffi::OsStr::from_bytes(b"\xff").into();
        let error = vault.put(&1, &path).unwrap_err();
        assert_is!(&error, Error::Encode { .. });
        check(&error, 3);
    });
}

#[test]
fn a_file_that_is_not_a_database() {
    let scratch = Scratch::new();
    std::fs::write(scratch.vault(), "just a text, of some length").unwrap();
    let error = Vault::<u32, u32>::open(scratch.vault()).unwrap_err();
    assert_is!(
        &error,
        Error::NotAVault {
            source: Some(_),
            ..
        }
    );
    check(&error, 2);
}

#[test]
fn a_damaged_file() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(2000));
    let mut bytes = std::fs::read(scratch.vault()).unwrap();
    bytes[2 * 4096..].fill(0xff);
    std::fs::write(scratch.vault(), bytes).unwrap();
    let read = || -> vaults::Result<()> {
        let vault: Vault<u32, u32> = Vault::open(scratch.vault())?;
        vault.iter().try_for_each(|entry| entry.map(drop))
    };
    let error = read().unwrap_err();
    assert_is!(&error, Error::Corrupt { .. });
    check(&error, 2);
}

#[test]
fn a_column_of_a_wrong_type() {
    let scratch = Scratch::new();
    sql(
        &scratch.vault(),
        "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB);
         INSERT INTO dict VALUES (x'4d01', x'4d01'), (x'4d02', 'text');",
    );
    let error = open::<u8, u8>(scratch.vault()).get(&2).unwrap_err();
    assert_is!(&error, Error::NotABlob { part: EntryPart::Value, key, found: "TEXT", .. } if key == "\"M\\x02\"");
    check(&error, 1);
}

#[test]
fn an_operating_system_error() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("file"), "").unwrap();
    let error = Vault::<u32, u32>::open(scratch.path("file/vault.db")).unwrap_err();
    assert_is!(&error, Error::Io { .. });
    check(&error, 2);
    assert!(chain(&error)[1].is::<std::io::Error>());
}

#[test]
fn a_missing_table_is_corruption() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.put(&1, &1).unwrap();
    Connection::open(scratch.vault())
        .unwrap()
        .execute_batch("ALTER TABLE dict RENAME TO other")
        .unwrap();
    let error = vault.get(&1).unwrap_err();
    assert_is!(&error, Error::Corrupt { .. });
    check(&error, 2);
}

#[test]
fn a_deferred_error() {
    on_each_engine(|vault: Vault<u8, Option<serde_json::Value>>| {
        *vault.entry(1).or_default().unwrap() = Some(serde_json::Value::Null);
        let error = vault.flush().unwrap_err();
        assert_is!(&error, Error::Deferred { .. });
        assert_is!(
            error.source().unwrap().downcast_ref(),
            Some(Error::Encode { .. })
        );
        check(&error, 3);
    });
}

#[test]
fn errors_are_send_sync_and_small() {
    fn is_send_sync_error<T: StdError + Send + Sync + 'static>() {}
    is_send_sync_error::<Error>();
    assert!(size_of::<Error>() < 128, "{}", size_of::<Error>());
    let boxed: Box<dyn StdError + Send + Sync> = path_error("").into();
    assert!(boxed.is::<Error>());
    assert_eq!(EntryPart::Key.to_string(), "key");
    assert_eq!(EntryPart::Value.to_string(), "value");
}
