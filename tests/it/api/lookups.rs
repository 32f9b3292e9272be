//! Looking up keys in borrowed forms, and `get_or_insert_with`.

use std::path::Path;

use vaults::{Error, Vault};

use crate::support::on_each_engine;

#[test]
fn a_stored_none_is_a_value() {
    on_each_engine::<String, Option<u32>>(|vault| {
        assert_eq!(vault.insert("a".into(), None).unwrap(), None);
        assert_eq!(vault.get("a").unwrap(), Some(None));
        assert_eq!(vault.get("b").unwrap(), None);
        assert_eq!(vault.get_many(["a", "b"]).unwrap(), [Some(None), None]);
        assert!(vault.contains_key("a").unwrap());
        assert_eq!(vault.insert("a".into(), Some(1)).unwrap(), Some(None));
        vault.put("a", &None).unwrap();
        assert_eq!(vault.remove("a").unwrap(), Some(None));
        assert_eq!(vault.remove("a").unwrap(), None);
    });
}

#[test]
fn look_ups_by_borrowed_forms() {
    on_each_engine(|vault: Vault<String, u32>| {
        let owned = "a".to_owned();
        vault.put("a", &1).unwrap();
        assert_eq!(vault.get("a").unwrap(), Some(1));
        assert_eq!(vault.get(&owned).unwrap(), Some(1));
        assert_eq!(vault.get_key_value("a").unwrap(), Some((owned, 1)));
        assert!(vault.contains_all(["a"]).unwrap());
        assert!(vault.contains_all::<str>([]).unwrap());
        assert_eq!(vault.remove_entry("a").unwrap(), Some(("a".into(), 1)));
    });
    on_each_engine::<Vec<u8>, u32>(|vault| {
        vault.insert(vec![1, 2], 1).unwrap();
        assert_eq!(vault.get([1, 2].as_slice()).unwrap(), Some(1));
        assert_eq!(vault.get(&vec![1, 2]).unwrap(), Some(1));
        assert_eq!(vault.get([1].as_slice()).unwrap(), None);
    });
    on_each_engine::<Box<str>, u32>(|vault| {
        vault.insert("boxed".into(), 1).unwrap();
        assert_eq!(vault.get("boxed").unwrap(), Some(1));
    });
    on_each_engine::<(String, u32), u32>(|vault| {
        vault.insert(("a".into(), 1), 1).unwrap();
        assert_eq!(vault.get(&("a".to_owned(), 1)).unwrap(), Some(1));
        assert_eq!(vault.get(&("a".to_owned(), 2)).unwrap(), None);
    });
    on_each_engine::<std::path::PathBuf, u32>(|vault| {
        vault.insert("/a/b".into(), 1).unwrap();
        assert_eq!(vault.get(Path::new("/a/b")).unwrap(), Some(1));
    });
}

#[test]
fn different_keys_are_different_entries() {
    on_each_engine::<String, u32>(|vault| {
        let keys = ["", "a", "A", "a ", "a\0", "ä", "a\u{308}", "1", "01"];
        for (n, key) in (0..).zip(keys) {
            assert_eq!(vault.insert(key.into(), n).unwrap(), None);
        }
        for (n, key) in (0..).zip(keys) {
            assert_eq!(vault.get(key).unwrap(), Some(n), "{key:?}");
        }
    });
    on_each_engine::<(String, String), u32>(|vault| {
        vault.insert(("ab".into(), "c".into()), 1).unwrap();
        vault.insert(("a".into(), "bc".into()), 2).unwrap();
        assert_eq!(vault.len().unwrap(), 2);
    });
}

#[test]
fn a_recursive_memoized_function() {
    fn factorial(memory: &Vault<u64, u64>, n: u64) -> vaults::Result<u64> {
        memory.get_or_try_insert_with(n, || match n {
            0 => Ok(1),
            _ => Ok(n * factorial(memory, n - 1)?),
        })
    }
    on_each_engine::<u64, u64>(|memory| {
        assert_is!(factorial(&memory, 3), Err(Error::Reentrant { .. }));
        assert!(memory.is_empty().unwrap(), "nothing was stored");
        // A stored result is read, in the closure too.
        for (n, expected) in [(0, 1), (1, 1), (2, 2), (3, 6)] {
            assert_eq!(factorial(&memory, n).unwrap(), expected);
        }
    });
}

#[test]
fn a_computed_value_that_cannot_be_stored_is_an_error() {
    on_each_engine::<u8, Option<serde_json::Value>>(|vault| {
        let made = vault.get_or_insert_with(1, || Some(serde_json::Value::Null));
        assert_is!(made, Err(Error::Encode { .. }));
        assert!(vault.is_empty().unwrap());
        assert_eq!(vault.get_or_insert_with(1, || None).unwrap(), None);
    });
}
