//! Snapshots: a snapshot shows one state, whatever is written after it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vaults::{Error, Result, Snapshot, Vault};

use crate::support::{
    Scratch, contents, entries, fast, numbers, on_each_engine, on_each_engine_with, open,
};

fn all(snapshot: &Snapshot<u32, u32>) -> Vec<(u32, u32)> {
    snapshot.iter().map(Result::unwrap).collect()
}

/// Asserts that every method shows the numbers below `count`, each with itself as value.
fn shows_numbers(snapshot: &Snapshot<u32, u32>, count: u32) {
    let own: Vec<u32> = (0..count).collect();
    assert!(all(snapshot).into_iter().eq(numbers(count)));
    assert!(snapshot.into_iter().map(Result::unwrap).eq(numbers(count)));
    assert_eq!(snapshot.len().unwrap(), own.len());
    assert_eq!(snapshot.is_empty().unwrap(), count == 0);
    assert_eq!(snapshot.keys().collect::<Result<Vec<_>>>().unwrap(), own);
    assert_eq!(snapshot.values().collect::<Result<Vec<_>>>().unwrap(), own);
    let back: Vec<u32> = snapshot.keys().rev().map(Result::unwrap).collect();
    assert!(back.into_iter().rev().eq(0..count));
    let many = snapshot.get_many(own.iter().chain([&count])).unwrap();
    assert!(
        many.into_iter()
            .eq(own.iter().copied().map(Some).chain([None]))
    );
    assert!(snapshot.contains_all(&own).unwrap());
    assert!(!snapshot.contains_all([&count]).unwrap());
    assert!(!snapshot.contains_key(&count).unwrap());
    assert_eq!(snapshot.get(&count).unwrap(), None);
    assert_eq!(snapshot.get_key_value(&count).unwrap(), None);
    for key in (0..count).step_by(97) {
        assert!(snapshot.contains_key(&key).unwrap());
        assert_eq!(snapshot.get(&key).unwrap(), Some(key));
        assert_eq!(snapshot.get_key_value(&key).unwrap(), Some((key, key)));
    }
}

#[test]
fn a_snapshot_shows_the_state_of_its_creation_even_before_the_first_read() {
    on_each_engine::<u32, u32>(|vault| {
        let empty = vault.snapshot().unwrap();
        vault.try_extend(numbers(3)).unwrap();
        let three = vault.snapshot().unwrap();
        vault.put(&0, &100).unwrap();
        vault.remove(&1).unwrap();
        let changed = vault.snapshot().unwrap();
        vault.clear().unwrap();
        shows_numbers(&empty, 0);
        shows_numbers(&three, 3);
        assert_eq!(all(&changed), [(0, 100), (2, 2)]);
        assert_eq!(changed.len().unwrap(), 2);
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn a_snapshot_of_many_pages_after_all_entries_were_changed() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(20_000)).unwrap();
        let snapshot = vault.snapshot().unwrap();
        vault.for_each_mut(|_, value| *value += 1).unwrap();
        vault.retain(|key, _| key % 2 == 0).unwrap();
        shows_numbers(&snapshot, 20_000);
        vault.clear().unwrap();
        vault.put(&5, &5).unwrap();
        shows_numbers(&snapshot, 20_000);
        drop(snapshot);
        assert_eq!(entries(&vault), [(5, 5)]);
    });
}

#[test]
fn more_snapshots_than_idle_connections() {
    on_each_engine::<u32, u32>(|vault| {
        let mut kept = Vec::new();
        for count in 0..40 {
            kept.push(vault.snapshot().unwrap());
            vault.put(&count, &count).unwrap();
        }
        for (count, snapshot) in (0..).zip(&kept) {
            shows_numbers(snapshot, count);
        }
        drop(kept);
        assert_eq!(vault.len().unwrap(), 40);
    });
}

#[test]
fn several_iterators_over_one_snapshot() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3000)).unwrap();
        let snapshot = vault.snapshot().unwrap();
        vault.clear().unwrap();
        let mut ahead = snapshot.iter();
        let mut behind = snapshot.values().rev();
        let mut both = snapshot.keys();
        for n in 0..1500 {
            assert_eq!(ahead.next().unwrap().unwrap(), (n, n));
            assert_eq!(behind.next().unwrap().unwrap(), 2999 - n);
            assert_eq!(both.next().unwrap().unwrap(), n);
            assert_eq!(both.next_back().unwrap().unwrap(), 2999 - n);
            assert_eq!(snapshot.get(&n).unwrap(), Some(n));
        }
        assert!(both.next().is_none() && both.next_back().is_none());
        drop(ahead);
        assert_eq!(behind.count(), 1500);
        assert_eq!(snapshot.len().unwrap(), 3000);
        for outer in snapshot.keys().take(3) {
            assert_eq!(snapshot.keys().count(), 3000, "within {outer:?}");
        }
    });
}

#[test]
fn snapshots_are_send_and_sync() {
    fn send_sync<T: Send + Sync + 'static>() {}
    send_sync::<Snapshot<String, Vec<u8>>>();
    // A snapshot contains no `K` and no `V`, so it is `Sync` even if they are not.
    send_sync::<Snapshot<Rc<str>, std::cell::Cell<u8>>>();
}

#[test]
fn threads_share_a_snapshot() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(2000)).unwrap();
        let snapshot = vault.snapshot().unwrap();
        vault.clear().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| shows_numbers(&snapshot, 2000));
            }
        });
        let elsewhere = thread::spawn(move || {
            shows_numbers(&snapshot, 2000);
            snapshot
        });
        shows_numbers(&elsewhere.join().unwrap(), 2000);
    });
}

#[test]
fn a_snapshot_is_consistent_while_other_threads_write() {
    const KEYS: u32 = 50;
    const ROUNDS: usize = 60;
    on_each_engine_with(&fast(), |vault: Vault<u32, u32>| {
        vault.try_extend((0..KEYS).map(|key| (key, 0))).unwrap();
        let enough = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !enough.load(Ordering::Relaxed) {
                        // In one transaction, every value grows, and one additional key is inserted
                        // or removed.
                        let step: Result<()> = vault.transaction(|tx| {
                            tx.for_each_mut(|_, value| *value += 1)?;
                            let value = tx.get(&0)?.unwrap_or_default();
                            if tx.remove(&KEYS)?.is_none() {
                                tx.put(&KEYS, &value)?;
                            }
                            Ok(())
                        });
                        step.unwrap();
                    }
                });
            }
            let mut newest = 0;
            let mut changes = 0;
            let mut rounds = 0;
            while rounds < ROUNDS || changes < 5 {
                rounds += 1;
                let snapshot = vault.snapshot().unwrap();
                let value = snapshot.get(&0).unwrap().unwrap();
                let seen = all(&snapshot);
                let length = snapshot.len().unwrap();
                assert!(value >= newest, "a later snapshot is not older");
                assert!(seen.iter().all(|entry| entry.1 == value), "{seen:?}");
                assert_eq!(seen.len(), length);
                // Every second state has the additional key.
                let more = value % 2;
                assert_eq!(length, (KEYS + more) as usize);
                assert_eq!(snapshot.contains_key(&KEYS).unwrap(), more == 1);
                let keys: Vec<u32> = (0..KEYS).collect();
                let many = snapshot.get_many(&keys).unwrap();
                assert_eq!(many, vec![Some(value); KEYS as usize]);
                assert_eq!(all(&snapshot), seen);
                changes += u32::from(value > newest);
                newest = value;
            }
            enough.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn a_snapshot_does_not_show_writes_of_other_handles() {
    let scratch = Scratch::new();
    let vault: Vault<u32, u32> = open(scratch.vault());
    vault.try_extend(numbers(3)).unwrap();
    let snapshot = vault.snapshot().unwrap();
    let other: Vault<u32, u32> = open(scratch.vault());
    other.clear().unwrap();
    other.close().unwrap();
    shows_numbers(&snapshot, 3);
    assert!(vault.is_empty().unwrap());
}

#[test]
fn a_snapshot_does_not_show_an_open_transaction() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.clear().unwrap();
        let snapshot = vault.snapshot().unwrap();
        shows_numbers(&snapshot, 3);
        tx.commit().unwrap();
        shows_numbers(&snapshot, 3);
        assert!(vault.snapshot().unwrap().is_empty().unwrap());
    });
}

#[test]
fn a_snapshot_outlives_the_handle() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let snapshot = vault.snapshot().unwrap();
        vault.put(&9, &9).unwrap();
        vault.close().unwrap();
        shows_numbers(&snapshot, 3);
    });
    let scratch = Scratch::new();
    let vault: Vault<u32, u32> = open(scratch.vault());
    vault.try_extend(numbers(3)).unwrap();
    let snapshot = vault.snapshot().unwrap();
    drop(vault);
    let other: Vault<u32, u32> = open(scratch.vault());
    other.put(&3, &3).unwrap();
    assert_is!(
        other.delete().map_err(Error::from),
        Err(Error::InUse { .. })
    );
    shows_numbers(&snapshot, 3);
    drop(snapshot);
    let names: Vec<String> = contents(&scratch.folder()).into_keys().collect();
    assert_eq!(
        names,
        ["vault.db"],
        "the snapshot was the last user of the file"
    );
    let vault: Vault<u32, u32> = open(scratch.vault());
    assert_eq!(vault.len().unwrap(), 4);
}

#[test]
fn a_snapshot_works_after_a_panic_while_reading() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(100)).unwrap();
        let snapshot = vault.snapshot().unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            for item in &snapshot {
                assert_ne!(item.unwrap(), (50, 50));
            }
        }));
        panic.unwrap_err();
        shows_numbers(&snapshot, 100);
    });
}

#[test]
fn debug_shows_no_entries() {
    on_each_engine(|vault: Vault<u32, u32>| {
        vault.put(&1234, &5678).unwrap();
        let snapshot = vault.snapshot().unwrap();
        let shown = format!("{snapshot:?} {:?}", snapshot.iter());
        assert!(
            !shown.contains("1234") && !shown.contains("5678"),
            "{shown}"
        );
        assert!(shown.contains("Snapshot"), "{shown}");
    });
}
