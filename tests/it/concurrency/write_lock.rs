//! While a thread holds the write lock, reads continue, other threads wait, and writes of the same
//! thread are refused. A panic leaves everything unchanged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use vaults::{Error, Vault};

use crate::support::{Scratch, entries, numbers, on_each_engine, open, panic_message};

fn assert_reentrant(vault: &Vault<u32, u32>) {
    assert_is!(vault.put(&1, &9), Err(Error::Reentrant { .. }));
    assert_is!(vault.insert(1, 9), Err(Error::Reentrant { .. }));
    assert_is!(vault.remove(&1), Err(Error::Reentrant { .. }));
    assert_is!(vault.clear(), Err(Error::Reentrant { .. }));
    assert_is!(vault.pop_last(), Err(Error::Reentrant { .. }));
    assert_is!(vault.try_extend(numbers(3)), Err(Error::Reentrant { .. }));
    assert_is!(vault.retain(|_, _| false), Err(Error::Reentrant { .. }));
    assert_is!(vault.drain().next(), Some(Err(Error::Reentrant { .. })));
    assert_is!(vault.drain().commit(), Err(Error::Reentrant { .. }));
    assert_is!(
        vault.clone().extract_if(|_, _| true).next(),
        Some(Err(Error::Reentrant { .. }))
    );
}

/// Asserts that reads work and show the numbers below `count`.
fn assert_shows(vault: &Vault<u32, u32>, count: u32) {
    assert!(entries(vault).into_iter().eq(numbers(count)));
    assert_eq!(vault.len().unwrap(), usize::try_from(count).unwrap());
    assert_eq!(vault.get(&0).unwrap(), Some(0));
    assert_eq!(
        vault.get_many(&[count - 1, count]).unwrap(),
        [Some(count - 1), None]
    );
}

#[test]
fn during_a_drain_reads_show_the_last_commit_and_writes_are_refused() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(20)).unwrap();
        let mut drain = vault.drain();
        for n in 0..20 {
            assert_eq!(drain.next().unwrap().unwrap(), (n, n));
            assert_shows(&vault, 20);
        }
        assert_reentrant(&vault);
        assert!(drain.next().is_none());
        // The drain committed at its end, though the iterator still exists.
        assert!(vault.is_empty().unwrap());
        vault.put(&1, &1).unwrap();
        drop(drain);
        assert_eq!(vault.len().unwrap(), 1);
    });
}

#[test]
fn during_an_extraction_reads_show_the_last_commit_and_writes_are_refused() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(20)).unwrap();
        let mut extraction = vault.extract_if(|key, value| {
            *value += 100;
            key % 2 == 0
        });
        assert_eq!(extraction.next().unwrap().unwrap(), (0, 100));
        assert_eq!(extraction.next().unwrap().unwrap(), (2, 102));
        assert_shows(&vault, 20);
        assert_reentrant(&vault);
        extraction.commit().unwrap();
        assert_eq!(
            vault.get_many(&[0, 1, 2, 3]).unwrap(),
            [None, Some(101), None, Some(3)]
        );
        vault.put(&0, &0).unwrap();
    });
}

#[test]
fn in_a_closure_reads_show_the_last_commit_and_writes_are_refused() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(20)).unwrap();
        vault
            .retain(|key, value| {
                *value += 1;
                assert_shows(&vault, 20);
                if *key == 10 {
                    assert_reentrant(&vault);
                }
                *key < 5
            })
            .unwrap();
        assert_eq!(vault.len().unwrap(), 5);
        vault
            .for_each_mut(|key, value| {
                assert_eq!(*value, key + 1);
                *value = 0;
                assert_eq!(vault.get(key).unwrap(), Some(key + 1));
                assert_reentrant(&vault);
            })
            .unwrap();
        assert!(vault.values().all(|value| value.unwrap() == 0));
    });
}

#[test]
fn the_iterator_of_try_extend_can_read_and_not_write() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(5)).unwrap();
        let copies = vault.iter().map(|entry| {
            assert_shows(&vault, 5);
            let (key, value) = entry.unwrap();
            (key + 100, value)
        });
        vault.try_extend(copies).unwrap();
        assert_eq!(vault.len().unwrap(), 10);
        assert_eq!(vault.get(&104).unwrap(), Some(4));
        let mut tries = 0;
        let writing = numbers(3).inspect(|_| {
            assert_reentrant(&vault);
            tries += 1;
        });
        vault.try_extend(writing).unwrap();
        assert_eq!((tries, vault.len().unwrap()), (3, 10));
    });
}

#[test]
fn a_write_waits_for_another_threads_drain_and_succeeds() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(20)).unwrap();
        let mut drain = vault.drain();
        assert_eq!(drain.next().unwrap().unwrap(), (0, 0));
        let (say, said) = mpsc::channel();
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                say.send(()).unwrap();
                vault.insert(7, 70).unwrap()
            });
            said.recv().unwrap();
            assert_eq!(vault.get(&7).unwrap(), Some(7), "the write waits");
            assert!(!writer.is_finished());
            assert_eq!(drain.count(), 19);
            assert_eq!(writer.join().unwrap(), None);
        });
        assert_eq!(entries(&vault), [(7, 70)]);
    });
}

#[test]
fn a_write_waits_for_another_threads_extraction_and_succeeds() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(4)).unwrap();
        let mut extraction = vault.extract_if(|key, _| *key == 1);
        assert_eq!(extraction.next().unwrap().unwrap(), (1, 1));
        let start = Arc::new(Barrier::new(2));
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                start.wait();
                vault.insert(1, 10).unwrap()
            });
            start.wait();
            drop(extraction);
            assert_eq!(writer.join().unwrap(), None);
        });
        assert_eq!(entries(&vault), [(0, 0), (2, 2), (3, 3), (1, 10)]);
    });
}

#[test]
fn another_handle_of_the_same_file_in_the_same_thread_is_busy() {
    let scratch = Scratch::new();
    let one = open::<u32, u32>(scratch.vault());
    let mut options = vaults::OpenOptions::new();
    options.busy_timeout(std::time::Duration::ZERO);
    let other: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    one.try_extend(numbers(3)).unwrap();
    let mut drain = one.drain();
    assert!(drain.next().is_some());
    assert_is!(other.put(&1, &9), Err(Error::Busy { .. }));
    assert_shows(&other, 3);
    drop(drain);
    other.put(&1, &9).unwrap();
    assert_eq!(entries(&one), [(1, 9)]);
}

#[test]
fn vaults_do_not_lock_each_other() {
    on_each_engine::<u32, u32>(|one| {
        one.try_extend(numbers(3)).unwrap();
        let other: Vault<u32, u32> = Vault::open_in_memory().unwrap();
        for entry in one.drain() {
            let (key, value) = entry.unwrap();
            other.put(&key, &value).unwrap();
        }
        assert!(entries(&other).into_iter().eq(numbers(3)));
    });
}

// ---- panics -------------------------------------------------------------------------------

/// Asserts that a panic in the middle of a write leaves the vault unchanged and usable.
fn assert_unchanged_by_panic(write: impl Fn(&Vault<u32, u32>)) {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(20)).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| write(&vault))).unwrap_err();
        assert_eq!(panic_message(&*panic), "on purpose");
        assert_shows(&vault, 20);
        vault.put(&20, &20).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| vault.put(&21, &21).unwrap());
        });
        assert_shows(&vault, 22);
        vault.flush().unwrap();
    });
}

#[test]
fn a_panic_in_retain() {
    assert_unchanged_by_panic(|vault| {
        let keep = |key: &u32, value: &mut u32| {
            *value += 1;
            assert!(*key < 15, "on purpose");
            key.is_multiple_of(2)
        };
        vault.retain(keep).unwrap();
    });
}

#[test]
fn a_panic_in_for_each_mut() {
    assert_unchanged_by_panic(|vault| {
        let change = |key: &u32, value: &mut u32| {
            *value += 1;
            assert!(*key < 15, "on purpose");
        };
        vault.for_each_mut(change).unwrap();
    });
}

#[test]
fn a_panic_in_the_loop_over_an_extraction() {
    assert_unchanged_by_panic(|vault| {
        for entry in vault.extract_if(|_, _| true) {
            assert!(entry.unwrap().0 < 15, "on purpose");
        }
    });
}

#[test]
fn a_panic_in_the_predicate_of_an_extraction() {
    assert_unchanged_by_panic(|vault| {
        let choose = |key: &u32, _: &mut u32| {
            assert!(*key < 15, "on purpose");
            true
        };
        assert_eq!(vault.extract_if(choose).count(), 0);
    });
}

#[test]
fn a_panic_in_the_loop_over_a_drain() {
    assert_unchanged_by_panic(|vault| {
        for entry in vault.drain() {
            assert!(entry.unwrap().0 < 15, "on purpose");
        }
    });
}

#[test]
fn a_panic_in_the_iterator_of_try_extend() {
    assert_unchanged_by_panic(|vault| {
        let pairs = numbers(100).inspect(|(key, _)| assert!(*key < 50, "on purpose"));
        vault.try_extend(pairs).unwrap();
    });
}

#[test]
fn a_panic_in_the_loop_over_an_iterator() {
    assert_unchanged_by_panic(|vault| {
        for entry in vault {
            assert!(entry.unwrap().0 < 15, "on purpose");
        }
    });
}
