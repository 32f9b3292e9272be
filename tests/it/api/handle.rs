//! A handle: its traits, `Debug`, clones, and leaked guards.

use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use vaults::order::{InsertionOrder, Order};
use vaults::{
    Codec, Drain, Durability, Error, IntoIter, IntoKeys, IntoValues, Iter, Keys, OpenOptions,
    Result, Snapshot, Transaction, Values, Vault, VaultDir,
};

use crate::support::{Scratch, entries, make, numbers, on_each_engine, open};

#[test]
fn handles_are_send_and_sync() {
    fn send_sync<T: Send + Sync + 'static>() {}
    fn send<T: Send>() {}
    fn clone<T: Clone>() {}
    send_sync::<Vault<String, Vec<u8>>>();
    // A handle contains no `K` and no `V`, so it is `Sync` even if they are not.
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
fn the_types_of_a_vault_are_inferred_from_its_use() {
    let scratch = Scratch::new();
    let vault = Vault::open(scratch.vault()).unwrap();
    vault.insert(1_u8, "a".to_owned()).unwrap();
    let vault = Vault::open_in_memory().unwrap();
    vault.put("a", &1_u8).unwrap();
    vault.insert("a".to_owned(), 2).unwrap();
    let vault = OpenOptions::new().open_in_memory().unwrap();
    vault.insert(1_u8, "a".to_owned()).unwrap();
    vault
        .transaction(|tx| tx.insert(2, "b".into()).map(drop))
        .unwrap();
    assert_eq!(vault.snapshot().unwrap().len().unwrap(), 2);
}

#[test]
fn a_function_can_leave_the_order_of_a_map_open() {
    fn move_last<V, O>(vault: &Vault<String, V, O>, to: &str) -> Result<Snapshot<String, V, O>>
    where
        V: Serialize + DeserializeOwned,
        O: Order<String>,
    {
        vault.transaction(|tx: &mut Transaction<'_, _, _, O>| {
            let Some((_, value)) = tx.pop_last()? else {
                return Ok(());
            };
            tx.put(to, &value)
        })?;
        vault.snapshot()
    }
    let vault: Vault<String, u8, InsertionOrder> = numbers_by_name();
    let snapshot = move_last(&vault, "z").unwrap();
    assert_eq!(snapshot.last_key_value().unwrap(), Some(("z".into(), 1)));
    assert_eq!(vault.first_key_value().unwrap(), Some(("b".into(), 2)));
}

/// The numbers by names in another order than their own.
fn numbers_by_name() -> Vault<String, u8> {
    let vault = Vault::open_in_memory().unwrap();
    vault
        .try_extend([("b".into(), 2), ("c".into(), 3), ("a".into(), 1)])
        .unwrap();
    vault
}

#[test]
fn debug_shows_the_path_and_the_length_but_no_entries() {
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
fn debug_does_not_read_the_file() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(7));
    let vault = open::<u32, u32>(scratch.vault());
    let shown = || format!("{vault:?}");
    vault.put(&6, &60).unwrap();
    // The entries were not counted yet.
    assert!(!shown().contains("len"), "{}", shown());
    vault.len().unwrap();
    assert!(shown().contains("len: 7"), "{}", shown());
    vault.put(&7, &7).unwrap();
    assert!(shown().contains("len: 8"), "{}", shown());
    // `Debug` does not show the change of another handle until `len` is called.
    let other = open::<u32, u32>(scratch.vault());
    other.put(&8, &8).unwrap();
    assert!(!shown().contains("len"), "{}", shown());
    vault.len().unwrap();
    assert!(shown().contains("len: 9"), "{}", shown());
    let tx = vault.begin().unwrap();
    assert!(shown().contains("len: 9"), "{}", shown());
    drop(tx);
    // The file may even be removed.
    drop(other);
    std::fs::remove_file(scratch.vault()).unwrap();
    assert!(shown().contains("len: 9"), "{}", shown());
}

#[test]
fn a_clone_shares_the_vault() {
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
fn vaults_in_memory_are_separate() {
    let one: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    let other: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    one.put(&1, &1).unwrap();
    assert!(other.is_empty().unwrap());
    drop(one);
    let third: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    assert!(third.is_empty().unwrap());
}

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
        // The change is never committed, and reads are not blocked.
        for handle in [&vault, &other] {
            assert_eq!(entries(handle), [(1, 1)]);
        }
    }
}
