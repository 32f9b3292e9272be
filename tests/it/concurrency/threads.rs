//! Many threads on one vault: nothing is lost, and no thread sees half of a write.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;

use vaults::{Error, Vault};

use crate::support::{Scratch, entries, fast, numbers, on_each_engine, on_each_engine_with, open};

const THREADS: u32 = 8;

// ---- many at once -------------------------------------------------------------------------

#[test]
fn no_write_is_lost_and_reads_show_complete_commits() {
    const WRITES: u32 = 60;
    let test = |vault: Vault<(u32, u32), u32>| {
        // Each write is a transaction of two keys.
        let write = |vault: &Vault<(u32, u32), u32>, writer, n| {
            vault
                .try_extend([((writer, 2 * n), n), ((writer, 2 * n + 1), n)])
                .unwrap();
        };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let readers: Vec<_> = (0..THREADS)
                .map(|_| {
                    let vault = vault.clone();
                    let done = &done;
                    scope.spawn(move || {
                        let mut last = 0;
                        while !done.load(Ordering::SeqCst) {
                            let length = vault.len().unwrap();
                            assert!(
                                length.is_multiple_of(2) && length >= last,
                                "{length} after {last}"
                            );
                            last = length;
                            let keys: Vec<_> = vault.keys().map(Result::unwrap).collect();
                            assert!(keys.len().is_multiple_of(2) && keys.len() >= last);
                            for pair in keys.chunks(2) {
                                assert_eq!(pair[0].1 + 1, pair[1].1);
                            }
                        }
                    })
                })
                .collect();
            let writers: Vec<_> = (0..THREADS)
                .map(|writer| {
                    let vault = vault.clone();
                    scope.spawn(move || (0..WRITES).for_each(|n| write(&vault, writer, n)))
                })
                .collect();
            let ends: Vec<_> = writers
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect();
            done.store(true, Ordering::SeqCst);
            assert!(ends.iter().all(Result::is_ok));
            assert!(readers.into_iter().all(|reader| reader.join().is_ok()));
        });
        let all: HashSet<_> = entries(&vault).into_iter().collect();
        let expected =
            (0..THREADS).flat_map(|writer| (0..2 * WRITES).map(move |n| ((writer, n), n / 2)));
        assert_eq!(all, expected.collect());
    };
    on_each_engine_with(&fast(), test);
}

#[test]
fn sums_are_kept_while_money_moves() {
    const ACCOUNTS: u32 = 10;
    const MONEY: u32 = 100;
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend((0..ACCOUNTS).map(|n| (n, MONEY))).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let done = &done;
            let vault = &vault;
            let reader = scope.spawn(move || {
                let accounts: Vec<u32> = (0..ACCOUNTS).collect();
                while !done.load(Ordering::SeqCst) {
                    let sum: u32 = vault.values().map(Result::unwrap).sum();
                    assert_eq!(sum, ACCOUNTS * MONEY);
                    let many = vault.get_many(&accounts).unwrap();
                    assert_eq!(many.into_iter().flatten().sum::<u32>(), ACCOUNTS * MONEY);
                }
            });
            let movers: Vec<_> = (0..4_u32)
                .map(|mover| {
                    scope.spawn(move || {
                        for n in 0..40 {
                            let (from, to) = ((n + mover) % ACCOUNTS, (n + 3) % ACCOUNTS);
                            let mut purse = 0;
                            vault
                                .for_each_mut(|account, money| {
                                    if *account == from && *money > 0 {
                                        *money -= 1;
                                        purse += 1;
                                    }
                                    if *account == to && to > from {
                                        *money += std::mem::take(&mut purse);
                                    }
                                    // The last account gets the rest.
                                    if *account == ACCOUNTS - 1 {
                                        *money += std::mem::take(&mut purse);
                                    }
                                })
                                .unwrap();
                        }
                    })
                })
                .collect();
            let ends: Vec<_> = movers
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect();
            done.store(true, Ordering::SeqCst);
            assert!(ends.iter().all(Result::is_ok));
            reader.join().unwrap();
        });
        assert_eq!(
            vault.values().map(Result::unwrap).sum::<u32>(),
            ACCOUNTS * MONEY
        );
    });
}

#[test]
fn every_entry_of_a_queue_is_taken_once() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(200)).unwrap();
        let mut taken: Vec<u32> = thread::scope(|scope| {
            let take = || {
                let mut taken = Vec::new();
                while let Some((key, _)) = vault.pop_first().unwrap() {
                    assert!(taken.last().is_none_or(|last| *last < key));
                    taken.push(key);
                }
                taken
            };
            let takers: Vec<_> = (0..THREADS).map(|_| scope.spawn(take)).collect();
            takers
                .into_iter()
                .flat_map(|taker| taker.join().unwrap())
                .collect()
        });
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..200));
    });
}

#[test]
fn racing_to_create_one_file() {
    for _ in 0..30 {
        let scratch = Scratch::new();
        let start = Barrier::new(usize::try_from(THREADS).unwrap());
        thread::scope(|scope| {
            for n in 0..THREADS {
                let (scratch, start) = (&scratch, &start);
                scope.spawn(move || {
                    start.wait();
                    let vault = open::<u32, u32>(scratch.vault());
                    vault.put(&n, &n).unwrap();
                });
            }
        });
        let all: HashSet<_> = entries(&open::<u32, u32>(scratch.vault()))
            .into_iter()
            .collect();
        assert_eq!(all, numbers(THREADS).collect());
    }
}

#[test]
fn create_new_has_one_winner() {
    for _ in 0..15 {
        let scratch = Scratch::new();
        let start = Barrier::new(usize::try_from(THREADS).unwrap());
        let winners: usize = thread::scope(|scope| {
            let opener = || {
                let mut options = vaults::OpenOptions::new();
                options.create_new(true);
                start.wait();
                match options.open::<u32, u32>(scratch.vault()) {
                    Ok(vault) => {
                        vault.put(&1, &1).unwrap();
                        1
                    }
                    Err(Error::AlreadyExists { .. }) => 0,
                    Err(error) => panic!("{error:?}"),
                }
            };
            let openers: Vec<_> = (0..THREADS).map(|_| scope.spawn(opener)).collect();
            openers
                .into_iter()
                .map(|opener| opener.join().unwrap())
                .sum()
        });
        assert_eq!(winners, 1);
        assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 1);
    }
}

#[test]
fn opening_while_another_thread_deletes() {
    for _ in 0..15 {
        let scratch = Scratch::new();
        open::<u32, u32>(scratch.vault()).put(&1, &1).unwrap();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            let deleter = scope.spawn(|| {
                let vault = open::<u32, u32>(scratch.vault());
                start.wait();
                vault.delete()?;
                Ok(())
            });
            start.wait();
            let vault = open::<u32, u32>(scratch.vault());
            vault.put(&2, &2).unwrap();
            let outcome = deleter.join().unwrap();
            assert_is!(&outcome, Ok(()) | Err(Error::InUse { .. }));
            let expected = if outcome.is_ok() { 1 } else { 2 };
            assert_eq!(vault.len().unwrap(), expected);
            drop(vault);
            assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), expected);
        });
    }
}

#[test]
fn one_file_opened_twice() {
    let scratch = Scratch::new();
    let (one, two) = (
        open::<u32, u32>(scratch.vault()),
        open::<u32, u32>(scratch.vault()),
    );
    for n in 0..50 {
        one.put(&n, &n).unwrap();
        assert_eq!(two.len().unwrap(), one.len().unwrap());
        assert_eq!(two.remove(&n).unwrap(), Some(n));
        assert_eq!(one.get(&n).unwrap(), None);
        two.put(&(n + 100), &n).unwrap();
    }
    drop(one);
    assert_eq!(two.len().unwrap(), 50);
    thread::scope(|scope| {
        for from in [1000, 2000] {
            let path = scratch.vault();
            scope.spawn(move || {
                let vault = open::<u32, u32>(path);
                for n in from..from + 100 {
                    vault.put(&n, &n).unwrap();
                }
            });
        }
    });
    assert_eq!(two.len().unwrap(), 250);
}

#[test]
fn an_iterator_keeps_its_state_while_another_thread_writes() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(2000)).unwrap();
        let mut iterator = vault.iter();
        assert_eq!(iterator.next().unwrap().unwrap(), (0, 0));
        let (step, steps) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let other = vault.clone();
            let writer = scope.spawn(move || {
                for () in steps {
                    other.for_each_mut(|_, value| *value += 1).unwrap();
                    other.remove(&1500).unwrap();
                    other.put(&9999, &0).unwrap();
                }
            });
            for n in 1..2000 {
                if n % 500 == 0 {
                    step.send(()).unwrap();
                }
                assert_eq!(iterator.next().unwrap().unwrap(), (n, n));
            }
            drop(step);
            writer.join().unwrap();
        });
        assert!(iterator.next().is_none());
        assert_eq!(vault.len().unwrap(), 2000);
        assert_eq!(vault.get(&1500).unwrap(), None);
    });
}
