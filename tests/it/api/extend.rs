//! `Extend`, `try_extend`, `put_many` and `try_extend_results`.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use vaults::{Error, OpenOptions, Vault};

use crate::support::{Scratch, entries, make, numbers, on_each_engine, panic_message};

#[test]
fn extending_a_handle_or_a_reference_with_owned_or_borrowed_pairs() {
    on_each_engine::<String, u32>(|mut vault| {
        let pair = |key: &str, value| (key.to_owned(), value);
        let map = HashMap::from([pair("b", 2)]);
        let sorted = BTreeMap::from([pair("d", 4)]);
        vault.extend([pair("a", 1)]);
        vault.extend(&map);
        (&vault).extend([pair("c", 3)]);
        (&vault).extend(&sorted);
        vault.extend(map);
        vault.put_many(&sorted).unwrap();
        let expected = [pair("a", 1), pair("b", 2), pair("c", 3), pair("d", 4)];
        assert_eq!(entries(&vault), expected);
        let copy: HashMap<String, u32> = vault.iter().map(Result::unwrap).collect();
        assert_eq!(copy.len(), 4);
    });
}

/// The types of the items are inferred from the vault, as with `HashMap::extend`.
#[test]
fn try_extend_infers_its_items() {
    on_each_engine::<String, Option<u8>>(|vault| {
        vault.try_extend([("a".into(), Some(1))]).unwrap();
        vault.try_extend([("b".into(), None)]).unwrap();
        vault
            .try_extend(vec![("c".into(), Option::default())])
            .unwrap();
        vault
            .try_extend(Some(("d".into(), "4".parse().ok())))
            .unwrap();
        vault.try_extend([]).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.try_extend([("e".into(), Some(5))]).unwrap();
        tx.try_extend([]).unwrap();
        tx.commit().unwrap();
        let many = vault.get_many(["a", "b", "c", "d", "e"]).unwrap();
        let values = [Some(1), None, None, Some(4), Some(5)];
        assert_eq!(many, values.map(Some));
    });
}

#[test]
fn put_many_takes_the_same_arguments_as_put() {
    on_each_engine::<String, Vec<u8>>(|vault| {
        let (one, two) = (vec![1], vec![2]);
        vault.put_many([("a", &one), ("b", &two)]).unwrap();
        // Keys that outlive the values, and values that outlive the keys.
        vault
            .put_many(["c"].into_iter().zip(std::slice::from_ref(&one)))
            .unwrap();
        let owned = HashMap::from([("d".to_owned(), two.clone())]);
        vault.put_many(&owned).unwrap();
        vault.put_many(owned.iter().filter(|_| false)).unwrap();
        let pairs = [("e".to_owned(), one)];
        vault
            .put_many(pairs.iter().map(|(key, value)| (key.as_str(), value)))
            .unwrap();
        vault.put_many::<str>([]).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.put_many([("a", &two)]).unwrap();
        tx.commit().unwrap();
        let keys: Vec<String> = vault.keys().map(Result::unwrap).collect();
        assert_eq!(keys, ["a", "b", "c", "d", "e"]);
        assert_eq!(vault.get("a").unwrap(), Some(two));
    });
}

#[test]
fn a_vault_is_copied_in_one_line() {
    on_each_engine::<u32, String>(|old| {
        old.try_extend(numbers(1000).map(|(key, n)| (key, n.to_string())))
            .unwrap();
        let new: Vault<u32, String> = Vault::open_in_memory().unwrap();
        new.try_extend_results(&old).unwrap();
        assert_eq!(entries(&new), entries(&old));
        // Copy from a snapshot, from a transaction, into a transaction, and from a vault to itself.
        new.clear().unwrap();
        let snapshot = old.snapshot().unwrap();
        let mut tx = new.begin().unwrap();
        tx.try_extend_results(&snapshot).unwrap();
        tx.commit().unwrap();
        assert_eq!(entries(&new), entries(&old));
        new.clear().unwrap();
        new.try_extend_results(&old.begin().unwrap()).unwrap();
        new.try_extend_results(&new).unwrap();
        assert_eq!(entries(&new), entries(&old));
    });
}

#[test]
fn an_error_among_the_entries_stores_nothing() {
    type Own = Box<dyn std::error::Error>;
    on_each_engine::<u32, u32>(|vault| {
        let lines = ["1=1", "2=two", "3=3"];
        let read = |line: &str| -> Result<_, Own> {
            let (key, value) = line.split_once('=').ok_or("no `=`")?;
            Ok((key.parse()?, value.parse()?))
        };
        let mut seen = 0;
        let error = vault
            .try_extend_results(lines.iter().inspect(|_| seen += 1).map(|line| read(line)))
            .unwrap_err();
        assert!(error.is::<std::num::ParseIntError>());
        assert_eq!(seen, 2, "reading stops at the error");
        assert!(vault.is_empty().unwrap());

        let mut tx = vault.begin().unwrap();
        tx.put(&9, &9).unwrap();
        tx.try_extend_results(lines.map(read)).unwrap_err();
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(9, 9)]);
    });
}

#[test]
fn an_error_of_the_vault_is_converted_to_the_error_type_of_the_entries() {
    on_each_engine(|vault: Vault<u8, Option<serde_json::Value>>| {
        let entries = [Ok::<_, Box<dyn std::error::Error>>((
            1,
            Some(serde_json::Value::Null),
        ))];
        let error = vault.try_extend_results(entries).unwrap_err();
        assert_is!(error.downcast_ref(), Some(Error::Encode { .. }));
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn extending_with_nothing_changes_nothing() {
    on_each_engine::<u32, u32>(|mut vault| {
        vault.extend(numbers(0));
        vault.try_extend([]).unwrap();
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn extend_panics_on_an_error_and_stores_nothing() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(1));
    let mut options = OpenOptions::new();
    options.read_only(true);
    let mut reader: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| reader.extend(numbers(9)))).unwrap_err();
    let message = panic_message(&*panic);
    assert!(
        message.contains("through a handle that only reads"),
        "{message}"
    );
    assert_eq!(reader.len().unwrap(), 1);

    on_each_engine::<u8, Option<serde_json::Value>>(|mut vault| {
        let nothing_in_some = Some(serde_json::Value::Null);
        let pairs = [(1, None), (2, nothing_in_some)];
        let error = vault.try_extend(pairs.clone()).unwrap_err();
        assert_is!(error, Error::Encode { .. });
        assert!(vault.is_empty().unwrap());
        let panic = catch_unwind(AssertUnwindSafe(|| vault.extend(pairs))).unwrap_err();
        assert!(panic_message(&*panic).contains("stored nothing"));
        assert!(vault.is_empty().unwrap());
        vault.put(&1, &None).unwrap();
    });
}
