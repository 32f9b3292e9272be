//! The handle: what it promises about itself, look-ups, `Extend`, and its end.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;

use vaults::{
    Codec, Drain, Durability, Error, IntoIter, IntoKeys, IntoValues, Iter, Keys, OpenOptions,
    Values, Vault, VaultDir,
};

use crate::support::{
    Scratch, contents, entries, make, numbers, on_each_engine, open, panic_message,
};

// ---- traits -------------------------------------------------------------------------------

#[test]
fn what_may_go_where() {
    fn send_sync<T: Send + Sync + 'static>() {}
    fn send<T: Send>() {}
    fn clone<T: Clone>() {}
    send_sync::<Vault<String, Vec<u8>>>();
    // It holds no `K` and no `V`, so theirs do not matter.
    send_sync::<Vault<Rc<str>, std::cell::Cell<u8>>>();
    clone::<Vault<Rc<str>, std::sync::Mutex<u8>>>();
    send_sync::<OpenOptions>();
    send_sync::<VaultDir>();
    send_sync::<Codec>();
    send_sync::<Durability>();
    send::<Iter<'_, u8, u8>>();
    send::<Keys<'_, u8, u8>>();
    send::<Values<'_, u8, u8>>();
    send::<IntoIter<u8, u8>>();
    send::<IntoKeys<u8, u8>>();
    send::<IntoValues<u8, u8>>();
}

#[test]
fn debug_shows_where_and_how_many_and_never_what() {
    let scratch = Scratch::new();
    let vault = open::<String, String>(scratch.vault());
    vault.put("secret key", &"secret value".into()).unwrap();
    let shown = [
        format!("{vault:?}"),
        format!("{vault:#?}"),
        format!("{:?}", vault.iter()),
        format!("{:?}", vault.keys()),
        format!("{:?}", vault.values()),
        format!("{:?}", vault.clone().into_iter()),
        format!("{:?}", vault.clone().into_keys()),
        format!("{:?}", vault.clone().into_values()),
        format!("{:?}", vault.extract_if(|_, _| false)),
    ];
    for text in &shown {
        assert!(!text.contains("secret"), "{text}");
    }
    assert!(
        shown[0].contains("vault.db") && shown[0].contains("dict"),
        "{}",
        shown[0]
    );
    let drain: Drain<'_, String, String> = vault.drain();
    assert_eq!(format!("{drain:?}"), "Drain { .. }");
}

#[test]
fn debug_does_not_look_at_the_file() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(7));
    let vault = open::<u32, u32>(scratch.vault());
    let shown = || format!("{vault:?}");
    vault.put(&6, &60).unwrap();
    // Nobody has counted yet.
    assert!(!shown().contains("len"), "{}", shown());
    vault.len().unwrap();
    assert!(shown().contains("len: 7"), "{}", shown());
    vault.put(&7, &7).unwrap();
    assert!(shown().contains("len: 8"), "{}", shown());
    // What somebody else has written is not known before it is asked for.
    let other = open::<u32, u32>(scratch.vault());
    other.put(&8, &8).unwrap();
    assert!(!shown().contains("len"), "{}", shown());
    vault.len().unwrap();
    assert!(shown().contains("len: 9"), "{}", shown());
    let tx = vault.begin().unwrap();
    assert!(shown().contains("len: 9"), "{}", shown());
    drop(tx);
    // The file may be gone altogether.
    drop(other);
    std::fs::remove_file(scratch.vault()).unwrap();
    assert!(shown().contains("len: 9"), "{}", shown());
}

#[test]
fn a_clone_is_the_same_vault() {
    on_each_engine::<u32, u32>(|vault| {
        let clone = vault.clone();
        vault.put(&1, &1).unwrap();
        assert_eq!(clone.get(&1).unwrap(), Some(1));
        assert_eq!(clone.path(), vault.path());
        drop(vault);
        clone.put(&2, &2).unwrap();
        assert_eq!(clone.len().unwrap(), 2);
    });
}

#[test]
fn vaults_in_memory_are_apart() {
    let one: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    let other: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    one.put(&1, &1).unwrap();
    assert!(other.is_empty().unwrap());
    drop(one);
    let third: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    assert!(third.is_empty().unwrap());
}

// ---- look-ups -----------------------------------------------------------------------------

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
        assert!(vault.contains_keys(["a"]).unwrap());
        assert!(vault.contains_keys::<str>([]).unwrap());
        assert_eq!(vault.remove_entry("a").unwrap(), Some(("a".into(), 1)));

        let vault: Vault<Vec<u8>, u32> = Vault::open_in_memory().unwrap();
        vault.insert(vec![1, 2], 1).unwrap();
        assert_eq!(vault.get([1, 2].as_slice()).unwrap(), Some(1));
        assert_eq!(vault.get(&vec![1, 2]).unwrap(), Some(1));
        assert_eq!(vault.get([1].as_slice()).unwrap(), None);

        let vault: Vault<Box<str>, u32> = Vault::open_in_memory().unwrap();
        vault.insert("boxed".into(), 1).unwrap();
        assert_eq!(vault.get("boxed").unwrap(), Some(1));

        let vault: Vault<(String, u32), u32> = Vault::open_in_memory().unwrap();
        vault.insert(("a".into(), 1), 1).unwrap();
        assert_eq!(vault.get(&("a".to_owned(), 1)).unwrap(), Some(1));
        assert_eq!(vault.get(&("a".to_owned(), 2)).unwrap(), None);

        let vault: Vault<std::path::PathBuf, u32> = Vault::open_in_memory().unwrap();
        vault.insert("/a/b".into(), 1).unwrap();
        assert_eq!(vault.get(Path::new("/a/b")).unwrap(), Some(1));
    });
}

#[test]
fn keys_that_differ_are_apart() {
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

// ---- get_or_insert_with -------------------------------------------------------------------

#[test]
fn a_memoized_function_that_calls_itself() {
    fn factorial(memory: &Vault<u64, u64>, n: u64) -> vaults::Result<u64> {
        memory.get_or_try_insert_with(n, || match n {
            0 => Ok(1),
            _ => Ok(n * factorial(memory, n - 1)?),
        })
    }
    on_each_engine::<u64, u64>(|memory| {
        assert_is!(factorial(&memory, 3), Err(Error::Reentrant { .. }));
        assert!(memory.is_empty().unwrap(), "nothing is stored");
        // What is there is read, within the closure too.
        for (n, expected) in [(0, 1), (1, 1), (2, 2), (3, 6)] {
            assert_eq!(factorial(&memory, n).unwrap(), expected);
        }
    });
}

#[test]
fn a_computed_value_that_cannot_be_stored_is_dropped_and_nothing_is_there() {
    on_each_engine::<u8, Option<serde_json::Value>>(|vault| {
        let made = vault.get_or_insert_with(1, || Some(serde_json::Value::Null));
        assert_is!(made, Err(Error::Encode { .. }));
        assert!(vault.is_empty().unwrap());
        assert_eq!(vault.get_or_insert_with(1, || None).unwrap(), None);
    });
}

// ---- what is leaked -----------------------------------------------------------------------

#[test]
fn a_leaked_guard_holds_the_write_lock_for_the_life_of_the_process() {
    type Leak = fn(&Vault<u32, u32>);
    const LEAKS: [Leak; 4] = [
        |vault| {
            let mut value = vault.get_mut(&1).unwrap().unwrap();
            *value = 2;
            std::mem::forget(value);
        },
        |vault| std::mem::forget(vault.entry(1).insert_entry(2).unwrap()),
        |vault| {
            let mut tx = vault.begin().unwrap();
            tx.put(&1, &2).unwrap();
            std::mem::forget(tx);
        },
        |vault| {
            let mut drain = vault.drain();
            drain.next().unwrap().unwrap();
            std::mem::forget(drain);
        },
    ];
    for leak in LEAKS {
        let scratch = Scratch::new();
        make(scratch.vault(), [(1, 1)]);
        let mut options = OpenOptions::new();
        options.busy_timeout(std::time::Duration::from_millis(20));
        let vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
        leak(&vault);
        assert_is!(vault.put(&2, &2), Err(Error::Reentrant { .. }));
        std::thread::scope(|scope| {
            let there = scope.spawn(|| vault.put(&2, &2)).join().unwrap();
            assert_is!(there, Err(Error::Busy { .. }));
        });
        let other: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
        assert_is!(other.put(&2, &2), Err(Error::Busy { .. }));
        // Its change is never made, and readers never wait.
        for handle in [&vault, &other] {
            assert_eq!(entries(handle), [(1, 1)]);
        }
    }
}

// ---- Extend -------------------------------------------------------------------------------

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

/// The items are inferred from the vault, as `HashMap::extend` infers them.
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
fn put_many_takes_what_put_takes() {
    on_each_engine::<String, Vec<u8>>(|vault| {
        let (one, two) = (vec![1], vec![2]);
        vault.put_many([("a", &one), ("b", &two)]).unwrap();
        // Keys that live for longer than the values, and the other way round.
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
        // From a snapshot, from a transaction, into a transaction, and onto itself.
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
fn the_first_error_among_the_entries_stores_nothing() {
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
        assert_eq!(seen, 2, "the error ends it");
        assert!(vault.is_empty().unwrap());

        let mut tx = vault.begin().unwrap();
        tx.put(&9, &9).unwrap();
        tx.try_extend_results(lines.map(read)).unwrap_err();
        tx.commit().unwrap();
        assert_eq!(entries(&vault), [(9, 9)]);
    });
}

#[test]
fn an_error_of_the_vault_arrives_as_the_type_of_the_entries() {
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

// ---- the file -----------------------------------------------------------------------------

#[test]
fn the_path_is_absolute() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.path(), Some(&*scratch.vault()));
    drop(vault);
    // `..` in the way is gone.
    std::fs::create_dir(scratch.path("folder")).unwrap();
    let vault = open::<u32, u32>(scratch.path("folder/../vault.db"));
    assert_eq!(vault.path(), Some(&*scratch.vault()));
    let memory: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    assert_eq!(memory.path(), None);
}

#[test]
fn the_size_is_that_of_the_file_and_its_log() {
    let scratch = Scratch::new();
    let vault = open::<u32, String>(scratch.vault());
    let small = vault.size_on_disk().unwrap();
    vault.put(&1, &"x".repeat(1_000_000)).unwrap();
    let large = vault.size_on_disk().unwrap();
    assert!(large >= small + 1_000_000, "{small}, {large}");
    let on_disk = |name| std::fs::metadata(scratch.path(name)).unwrap().len();
    assert_eq!(large, on_disk("vault.db") + on_disk("vault.db-wal"));
    drop(vault);
    let vault = open::<u32, String>(scratch.vault());
    assert!(vault.size_on_disk().unwrap() >= 1_000_000);

    let memory: Vault<u32, String> = Vault::open_in_memory().unwrap();
    assert!(memory.size_on_disk().unwrap() < 1_000_000);
    memory.put(&1, &"x".repeat(1_000_000)).unwrap();
    let large = memory.size_on_disk().unwrap();
    assert!(large >= 1_000_000, "{large}");
}

#[test]
fn closing_leaves_one_file() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let clone = vault.clone();
    let iterator = clone.clone().into_iter();
    vault.close().unwrap();
    clone.put(&10, &10).unwrap();
    clone.close().unwrap();
    assert_eq!(iterator.count(), 10, "an iterator keeps the file open");
    assert_eq!(
        contents(&scratch.folder()).into_keys().collect::<Vec<_>>(),
        ["vault.db"]
    );
    assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 11);
}

#[test]
fn deleting_takes_everything_away() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(100)).unwrap();
    vault.get(&1).unwrap();
    vault.delete().unwrap();
    assert!(contents(&scratch.folder()).is_empty());
    let vault = open::<u32, String>(scratch.vault());
    assert!(vault.is_empty().unwrap());
    let memory: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    memory.put(&1, &1).unwrap();
    memory.delete().unwrap();
}

#[test]
fn deleting_what_is_in_use() {
    let scratch = Scratch::new();
    let make = || {
        let vault = open::<u32, u32>(scratch.vault());
        vault.put(&1, &1).unwrap();
        vault
    };
    let vault = make();
    let clone = vault.clone();
    assert_is!(vault.delete(), Err(Error::InUse { path }) if *path == scratch.vault());
    clone.put(&2, &2).unwrap();
    drop(clone);

    let vault = make();
    let iterator = vault.clone().into_iter();
    assert_is!(vault.delete(), Err(Error::InUse { .. }));
    assert_eq!(iterator.count(), 2);

    let vault = make();
    let other = open::<u32, u32>(scratch.vault());
    assert_is!(vault.delete(), Err(Error::InUse { .. }));
    other.put(&3, &3).unwrap();
    assert_eq!(entries(&other), [(1, 1), (2, 2), (3, 3)]);
    other.delete().unwrap();
    assert!(contents(&scratch.folder()).is_empty());
}

#[test]
fn a_vault_that_failed_to_be_deleted_is_a_vault() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let other = open::<u32, u32>(scratch.vault());
    assert_is!(vault.delete(), Err(Error::InUse { .. }));
    drop(other);
    let vault = open::<u32, u32>(scratch.vault());
    assert!(entries(&vault).into_iter().eq(numbers(10)));
}
