//! Values and keys that cannot be stored are refused, and the entry is undone.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;
use vaults::{Entry, EntryPart, Error, RefMut, Result, Vault};

use crate::support::on_each_engine;

use super::{BAD, GOOD, Odd, is_as_before};

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
        let Entry::Occupied(mut entry) = vault.entry(1).into_entry().unwrap() else {
            panic!("key 1 is stored");
        };
        assert_unstorable!(entry.insert(BAD));
        assert_eq!(*entry.get(), GOOD, "the entry keeps its value");
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
fn an_entry_that_cannot_be_committed_is_undone() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let Entry::Occupied(mut entry) = vault.entry(1).into_entry().unwrap() else {
            panic!("key 1 is stored");
        };
        entry.insert(None).unwrap();
        *entry.get_mut() = BAD;
        assert_unstorable!(entry.commit());
        is_as_before(&vault);
    });
}

#[test]
fn an_entry_in_a_transaction_that_cannot_be_committed_is_undone() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let mut tx = vault.begin().unwrap();
        let Entry::Occupied(mut entry) = tx.entry(1).into_entry().unwrap() else {
            panic!("key 1 is stored");
        };
        entry.insert(None).unwrap();
        *entry.get_mut() = BAD;
        assert_unstorable!(entry.commit());
        assert_eq!(tx.get(&1).unwrap(), Some(GOOD), "the entry was undone");
    });
}

#[test]
fn an_entry_in_a_transaction_is_undone_by_a_panic() {
    on_each_engine(|vault: Vault<u8, Odd>| {
        vault.put(&1, &GOOD).unwrap();
        let mut tx = vault.begin().unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let mut entry = tx.entry(1).insert_entry(None).unwrap();
            *entry.get_mut() = Some(Json::Bool(false));
            panic!("in the middle of an entry");
        }));
        panic.unwrap_err();
        assert_eq!(tx.get(&1).unwrap(), Some(GOOD), "the entry was undone");
    });
}

/// A key that cannot be decoded, or cannot even be encoded.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Bad {
    Unreadable,
    Unwritable,
}

impl Serialize for Bad {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unreadable => serializer.serialize_u8(1),
            Self::Unwritable => Err(serde::ser::Error::custom("refused by the test")),
        }
    }
}

impl<'de> Deserialize<'de> for Bad {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("refused by the test"))
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
        is_of_the_key(vault.entry(Bad::Unwritable).into_entry().unwrap_err());
        is_of_the_key(vault.entry_ref(&Bad::Unwritable).or_insert(1).unwrap_err());
        is_of_the_key(vault.get_mut(&Bad::Unwritable).unwrap_err());
        // It can be looked up, and is not found.
        assert_is!(vault.get_mut(&Bad::Unreadable), Ok(None));
        let entry = vault.entry(Bad::Unreadable).into_entry().unwrap();
        assert_is!(&entry, Entry::Vacant(_));
        is_of_the_key(entry.or_insert(1).unwrap_err());
        is_of_the_key(vault.entry_ref(&Bad::Unreadable).or_insert(1).unwrap_err());
        is_of_the_key(vault.get_or_insert_with(Bad::Unreadable, || 1).unwrap_err());
        assert!(vault.is_empty().unwrap());
    });
}
