//! What an entry writes and what it does not, what is refused, and where the error of a
//! destructor goes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;
use vaults::{Codec, Entry, EntryPart, Error, OccupiedEntry, OpenOptions, RefMut, Result, Vault};

use crate::support::{Scratch, entries, on_each_engine, open_fast, rows};

fn key(text: &str) -> String {
    text.to_owned()
}

fn occupied<'a, V: crate::support::Value>(
    vault: &'a Vault<String, V>,
    name: &str,
) -> OccupiedEntry<'a, String, V> {
    match vault.entry(key(name)).resolve().unwrap() {
        Entry::Occupied(entry) => entry,
        Entry::Vacant(_) => panic!("{name} is not there"),
    }
}

// ---- what is written ----------------------------------------------------------------------

/// Sees from outside whether something was committed.
struct Watch(rusqlite::Connection);

impl Watch {
    fn over(path: &Path) -> Self {
        Self(rusqlite::Connection::open(path).unwrap())
    }

    /// A number that changes with every commit of anybody else that changed the file.
    fn version(&self) -> i64 {
        let read = |row: &rusqlite::Row<'_>| row.get(0);
        self.0.query_one("PRAGMA data_version", [], read).unwrap()
    }

    /// True if `f` made somebody write.
    fn sees(&self, f: impl FnOnce()) -> bool {
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
    let watch = Watch::over(&scratch.vault());
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
        ("vacant", &|| drop(vault.entry(key("z")).resolve().unwrap())),
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
        assert!(!watch.sees(f), "{what} was written");
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
        assert!(watch.sees(f), "{what} was not written");
    }
    assert_eq!(vault.get("a").unwrap(), Some(vec![4]));
}

#[test]
fn one_entry_is_one_commit() {
    let scratch = Scratch::new();
    let vault: Vault<String, u32> = open_fast(scratch.vault());
    let watch = Watch::over(&scratch.vault());
    let mut entry = vault.entry(key("a")).insert_entry(1).unwrap();
    assert!(!watch.sees(|| {
        entry.insert(2).unwrap();
        *entry.get_mut() = 3;
    }));
    let other: Vault<String, u32> = open_fast(scratch.vault());
    assert_eq!(other.get("a").unwrap(), None);
    assert!(watch.sees(|| entry.commit().unwrap()));
    assert_eq!(other.get("a").unwrap(), Some(3));
}

#[test]
fn an_equal_value_in_another_codec_is_written_by_a_guard_and_left_by_a_pass() {
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
    let watch = Watch::over(&scratch.vault());
    assert!(!watch.sees(|| {
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

// ---- what cannot be stored ----------------------------------------------------------------

/// A type of values of which one can be made that no codec holds: nothing within something.
type Odd = Option<Json>;

const GOOD: Odd = Some(Json::Bool(true));
const BAD: Odd = Some(Json::Null);

fn is_as_before(vault: &Vault<u8, Odd>) {
    assert_eq!(entries(vault), [(1, GOOD)]);
    // And the writer is free.
    vault.put(&1, &None).unwrap();
    vault.put(&1, &GOOD).unwrap();
}

macro_rules! assert_unstorable {
    ($result:expr) => {
        assert_is!(
            $result,
            Err(Error::Encode {
                part: EntryPart::Value,
                ..
            })
        )
    };
}

#[test]
fn a_new_value_that_cannot_be_stored_is_refused_at_once() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        assert_unstorable!(vault.entry(2).or_insert(BAD));
        assert_unstorable!(vault.entry(2).or_insert_with(|| BAD));
        assert_unstorable!(vault.entry(2).or_insert_with_key(|_| BAD));
        assert_unstorable!(vault.entry(2).or_try_insert_with(|| Result::Ok(BAD)));
        assert_unstorable!(vault.entry(2).insert_entry(BAD));
        assert_unstorable!(vault.entry_ref(&2).or_insert(BAD));
        assert_unstorable!(vault.entry(1).insert_entry(BAD));
        assert_unstorable!(vault.get_or_insert_with(2, || BAD));
        is_as_before(&vault);
        let Entry::Occupied(mut entry) = vault.entry(1).resolve().unwrap() else {
            panic!("1 is there");
        };
        assert_unstorable!(entry.insert(BAD));
        assert_eq!(*entry.get(), GOOD, "the entry goes on with what it had");
        entry.commit().unwrap();
        is_as_before(&vault);

        let mut tx = vault.begin().unwrap();
        assert_unstorable!(tx.entry(2).or_insert(BAD));
        assert_unstorable!(tx.entry(1).insert_entry(BAD));
        tx.commit().unwrap();
        is_as_before(&vault);
    });
}

#[test]
fn a_change_that_cannot_be_stored_is_refused_by_commit() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let mut value = vault.get_mut(&1).unwrap().unwrap();
        *value = BAD;
        assert_unstorable!(RefMut::commit(value));
        is_as_before(&vault);
        let mut value = vault.entry(2).or_insert(GOOD).unwrap();
        *value = BAD;
        assert_unstorable!(RefMut::into_value(value));
        is_as_before(&vault);
        let mut entry = vault.entry(2).insert_entry(GOOD).unwrap();
        *entry.get_mut() = BAD;
        assert_unstorable!(entry.commit());
        is_as_before(&vault);

        let mut tx = vault.begin().unwrap();
        let mut value = tx.get_mut(&1).unwrap().unwrap();
        *value = BAD;
        assert_unstorable!(RefMut::commit(value));
        assert_eq!(tx.get(&1).unwrap(), Some(GOOD));
        tx.commit().unwrap();
        is_as_before(&vault);
    });
}

#[test]
fn an_entry_that_cannot_be_committed_is_undone_whole() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let Entry::Occupied(mut entry) = vault.entry(1).resolve().unwrap() else {
            panic!("1 is there");
        };
        entry.insert(None).unwrap();
        *entry.get_mut() = BAD;
        assert_unstorable!(entry.commit());
        is_as_before(&vault);
    });
}

#[test]
fn an_entry_of_a_transaction_that_cannot_be_committed_is_undone_whole() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let mut tx = vault.begin().unwrap();
        let Entry::Occupied(mut entry) = tx.entry(1).resolve().unwrap() else {
            panic!("1 is there");
        };
        entry.insert(None).unwrap();
        *entry.get_mut() = BAD;
        assert_unstorable!(entry.commit());
        assert_eq!(tx.get(&1).unwrap(), Some(GOOD), "nothing was changed then");
    });
}

#[test]
fn an_entry_of_a_transaction_that_met_a_panic_is_undone_whole() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let mut tx = vault.begin().unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let mut entry = tx.entry(1).insert_entry(None).unwrap();
            *entry.get_mut() = Some(Json::Bool(false));
            panic!("in the middle of an entry");
        }));
        panic.unwrap_err();
        assert_eq!(tx.get(&1).unwrap(), Some(GOOD), "nothing is written then");
    });
}

/// Leaves a value that cannot be written back to a destructor.
fn fail_in_drop(vault: &Vault<u8, Odd>) {
    *vault.get_mut(&1).unwrap().unwrap() = BAD;
}

type Next = fn(&Vault<u8, Odd>) -> Result<()>;

/// Asserts that a call returned what a destructor could not, and says so.
fn assert_deferred<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("an earlier write to"), "{text}");
    let Error::Deferred { source, .. } = error else {
        panic!("expected Deferred, got {error:?}");
    };
    let cause = source.downcast_ref::<Error>();
    assert_is!(
        cause,
        Some(Error::Encode {
            part: EntryPart::Value,
            ..
        })
    );
}

/// Calls that read.
const READS: [(&str, Next); 22] = [
    ("get", |vault| vault.get(&1).map(drop)),
    ("get, of nothing", |vault| vault.get(&9).map(drop)),
    ("get_key_value", |vault| vault.get_key_value(&1).map(drop)),
    ("len", |vault| vault.len().map(drop)),
    ("is_empty", |vault| vault.is_empty().map(drop)),
    ("contains_key", |vault| vault.contains_key(&9).map(drop)),
    ("contains_keys", |vault| vault.contains_keys(&[9]).map(drop)),
    ("get_many", |vault| vault.get_many(&[1]).map(drop)),
    ("iter", |vault| {
        vault.iter().try_for_each(|item| item.map(drop))
    }),
    ("iter, backwards", |vault| {
        vault.iter().rev().try_for_each(|item| item.map(drop))
    }),
    ("keys", |vault| {
        vault.keys().try_for_each(|item| item.map(drop))
    }),
    ("values", |vault| {
        vault.values().try_for_each(|item| item.map(drop))
    }),
    ("into_iter", |vault| {
        vault
            .clone()
            .into_iter()
            .try_for_each(|item| item.map(drop))
    }),
    ("into_keys", |vault| {
        vault
            .clone()
            .into_keys()
            .try_for_each(|item| item.map(drop))
    }),
    ("snapshot", |vault| vault.snapshot().map(drop)),
    ("size_on_disk", |vault| vault.size_on_disk().map(drop)),
    ("verify", |vault| vault.verify().map(drop)),
    ("stats", |vault| vault.stats().map(drop)),
    ("backup", |vault| {
        let folder = tempfile::tempdir().unwrap();
        vault.backup(folder.path().join("copy.db"))
    }),
    ("get_or_insert_with, of what is there", |vault| {
        vault
            .get_or_insert_with(1, || panic!("it is there"))
            .map(drop)
    }),
    ("get, on a clone", |vault| vault.clone().get(&1).map(drop)),
    ("Debug", |vault| {
        assert!(format!("{vault:?}").contains("Vault"));
        Ok(())
    }),
];

/// Calls that write, and those that say what writing met.
const WRITES: [(&str, Next); 24] = [
    ("put", |vault| vault.put(&1, &GOOD)),
    ("insert", |vault| vault.insert(1, GOOD).map(drop)),
    ("remove", |vault| vault.remove(&9).map(drop)),
    ("remove_entry", |vault| vault.remove_entry(&9).map(drop)),
    ("remove_many", |vault| vault.remove_many(&[9]).map(drop)),
    ("try_extend", |vault| vault.try_extend([(1, GOOD)])),
    ("put_many", |vault| vault.put_many([(&1, &GOOD)])),
    ("try_extend_results", |vault| {
        vault.try_extend_results(vault)
    }),
    ("retain", |vault| vault.retain(|_, _| true)),
    ("for_each_mut", |vault| vault.for_each_mut(|_, _| {})),
    ("extract_if", |vault| {
        vault
            .extract_if(|_, _| false)
            .try_for_each(|item| item.map(drop))
    }),
    ("entry", |vault| vault.entry(1).or_insert(GOOD).map(drop)),
    ("entry_ref", |vault| {
        vault.entry_ref(&1).or_insert(GOOD).map(drop)
    }),
    ("get_mut", |vault| vault.get_mut(&1).map(drop)),
    ("begin", |vault| vault.begin().map(drop)),
    ("transaction", |vault| vault.transaction(|_| Ok(()))),
    ("try_transaction", |vault| vault.try_transaction(|_| Ok(()))),
    ("get_or_insert_with", |vault| {
        vault.get_or_insert_with(2, || GOOD)?;
        vault.remove(&2).map(drop)
    }),
    ("compact", |vault| vault.compact().map(drop)),
    ("flush", Vault::flush),
    ("flush, on a clone", |vault| vault.clone().flush()),
    ("close", |vault| vault.clone().close()),
    ("put, on a clone", |vault| vault.clone().put(&1, &GOOD)),
    ("put, on another thread", |vault| {
        std::thread::scope(|scope| scope.spawn(|| vault.put(&1, &GOOD)).join().unwrap())
    }),
];

#[test]
fn no_call_that_reads_returns_an_error_of_a_destructor() {
    on_each_engine::<u8, Odd>(|vault| {
        vault.put(&1, &GOOD).unwrap();
        fail_in_drop(&vault);
        for (name, read) in READS {
            read(&vault).unwrap_or_else(|error| panic!("{name} failed: {error}"));
        }
        assert_deferred(vault.flush());
        is_as_before(&vault);
    });
}

#[test]
fn an_error_of_a_destructor_is_returned_by_the_next_call_that_writes_once() {
    for (name, next) in WRITES {
        on_each_engine::<u8, Odd>(|vault| {
            vault.put(&1, &GOOD).unwrap();
            fail_in_drop(&vault);
            assert_deferred(next(&vault));
            next(&vault).unwrap_or_else(|error| panic!("{name} failed twice: {error}"));
            is_as_before(&vault);
        });
    }
}

#[test]
fn a_write_that_returns_an_error_of_a_destructor_was_not_made() {
    on_each_engine::<u8, Odd>(|vault| {
        vault.put(&1, &GOOD).unwrap();
        fail_in_drop(&vault);
        assert_deferred(vault.put(&7, &GOOD));
        assert!(!vault.contains_key(&7).unwrap());
        vault.put(&7, &GOOD).unwrap();
        assert!(vault.contains_key(&7).unwrap());
    });
}

#[test]
fn an_error_of_a_destructor_is_returned_by_delete() {
    on_each_engine::<u8, Odd>(|vault| {
        vault.put(&1, &GOOD).unwrap();
        fail_in_drop(&vault);
        assert_deferred(vault.delete());
    });
}

#[test]
fn every_kind_of_destructor_keeps_its_error() {
    const FAILING: [fn(&Vault<u8, Odd>); 7] = [
        fail_in_drop,
        |vault| *vault.entry(1).or_default().unwrap() = BAD,
        |vault| *vault.entry(2).or_insert(GOOD).unwrap() = BAD,
        |vault| *vault.entry(2).insert_entry(GOOD).unwrap().get_mut() = BAD,
        |vault| drop(vault.entry(1).and_modify(|value| *value = BAD)),
        |vault| {
            let entry = vault.entry(1).resolve().unwrap();
            drop(entry.and_modify(|value| *value = BAD));
        },
        |vault| {
            let mut entry = vault.entry(1).insert_entry(None).unwrap();
            *entry.get_mut() = BAD;
        },
    ];
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        for fail in FAILING {
            fail(&vault);
            assert_deferred(vault.flush());
            is_as_before(&vault);
        }
    });
}

#[test]
fn an_error_of_a_destructor_within_a_transaction_is_that_of_its_commit() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.put(&2, &GOOD).unwrap();
        *tx.get_mut(&1).unwrap().unwrap() = BAD;
        // The rest of it goes on until then.
        assert_eq!(tx.get(&1).unwrap(), Some(GOOD));
        tx.put(&3, &GOOD).unwrap();
        assert_unstorable!(tx.commit());
        is_as_before(&vault);

        let result: Result<()> = vault.transaction(|tx| {
            tx.put(&2, &GOOD)?;
            *tx.entry(1).or_default()? = BAD;
            Ok(())
        });
        assert_unstorable!(result);
        is_as_before(&vault);

        // Nobody asks for it when the transaction is given up.
        let mut tx = vault.begin().unwrap();
        *tx.get_mut(&1).unwrap().unwrap() = BAD;
        tx.rollback().unwrap();
        is_as_before(&vault);
    });
}

// ---- keys that cannot be stored -----------------------------------------------------------

/// A key that does not read back, or not even encode.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Bad {
    Unreadable,
    Unwritable,
}

impl Serialize for Bad {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unreadable => serializer.serialize_u8(1),
            Self::Unwritable => Err(serde::ser::Error::custom("not to be written")),
        }
    }
}

impl<'de> Deserialize<'de> for Bad {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("not to be read"))
    }
}

#[test]
fn a_key_that_cannot_be_stored() {
    on_each_engine(|vault: Vault<Bad, u32>| {
        let is_of_the_key = |error: Error| {
            assert_is!(
                error,
                Error::Encode {
                    part: EntryPart::Key,
                    ..
                }
            );
        };
        is_of_the_key(vault.entry(Bad::Unwritable).resolve().unwrap_err());
        is_of_the_key(vault.entry_ref(&Bad::Unwritable).or_insert(1).unwrap_err());
        is_of_the_key(vault.get_mut(&Bad::Unwritable).unwrap_err());
        // It can be looked for, and is not there.
        assert_is!(vault.get_mut(&Bad::Unreadable), Ok(None));
        let entry = vault.entry(Bad::Unreadable).resolve().unwrap();
        assert_is!(&entry, Entry::Vacant(_));
        is_of_the_key(entry.or_insert(1).unwrap_err());
        is_of_the_key(vault.entry_ref(&Bad::Unreadable).or_insert(1).unwrap_err());
        is_of_the_key(vault.get_or_insert_with(Bad::Unreadable, || 1).unwrap_err());
        assert!(vault.is_empty().unwrap());
    });
}
