//! Many writers, in one process and in several.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use vaults::{Durability, Error, OpenOptions, Result, Vault};

use crate::support::{
    Child, Key, Scratch, Value, entries, listen, make, numbers, on_each_engine,
    on_each_engine_with, open, role, say,
};

/// Multiplies the writes of each load.
const ROUNDS: &str = "VAULTS_TEST_ROUNDS";
const PROCESSES: usize = 8;
const THREADS: usize = 8;

/// A timeout that is never reached, except in a deadlock.
const NEVER: Duration = Duration::from_secs(3600);
/// A timeout that the tests exceed.
const SHORT: Duration = Duration::from_millis(30);
/// If the fastest of several calls takes longer than the timeout and this, it waited for something
/// else.
const TOO_LONG: Duration = Duration::from_secs(4);

fn rounds() -> u32 {
    std::env::var(ROUNDS).map_or(1, |rounds| rounds.parse().unwrap())
}

fn patient(timeout: Duration) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.durability(Durability::Off).busy_timeout(timeout);
    options
}

fn open_patient<K: Key, V: Value>(path: impl AsRef<std::path::Path>) -> Vault<K, V> {
    patient(NEVER).open(path).unwrap()
}

/// Starts children, waits until all are ready, and then releases them at once.
fn all_at_once(test: &str, scratch: &Scratch) -> Vec<Child> {
    let mut children: Vec<Child> = (0..PROCESSES)
        .map(|n| Child::start(test, &n.to_string(), &scratch.vault()))
        .collect();
    for child in &mut children {
        child.expect("ready");
    }
    for child in &mut children {
        child.tell("go");
    }
    children
}

fn wait_for_release() {
    say("ready");
    assert_eq!(listen().as_deref(), Some("go"));
}

// ---- loads ----------------------------------------------------------------------------

const COUNTERS: u32 = 3;
const ADDITIONS: u32 = 24;

fn add(vault: &Vault<u32, u64>) {
    for n in 0..ADDITIONS * rounds() {
        *vault.entry(n % COUNTERS).or_insert(0).unwrap() += 1;
    }
}

fn sums_are_exact(vault: &Vault<u32, u64>, writers: usize) {
    let each = u64::from(ADDITIONS * rounds() / COUNTERS) * writers as u64;
    let sums: HashMap<u32, u64> = vault.iter().map(Result::unwrap).collect();
    assert_eq!(sums, (0..COUNTERS).map(|counter| (counter, each)).collect());
}

#[test]
fn sums_of_many_processes_and_threads_are_exact() {
    if let Some((_, path)) = role() {
        let vault = open_patient(path);
        wait_for_release();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| add(&vault));
            }
        });
        return;
    }
    let scratch = Scratch::new();
    let test = test_path!(sums_of_many_processes_and_threads_are_exact);
    for child in all_at_once(test, &scratch) {
        child.finish();
    }
    sums_are_exact(&open(scratch.vault()), PROCESSES * THREADS);
}

#[test]
fn sums_of_the_threads_of_one_process_are_exact() {
    on_each_engine_with(&patient(NEVER), |vault| {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| add(&vault));
            }
        });
        sums_are_exact(&vault, THREADS);
    });
}

const SHARED: u32 = 40;

/// Asks for every key, each thread in another order. Returns the values that this process computed
/// and the values that all threads got.
fn make_all(vault: &Vault<u32, String>, process: &str) -> (Vec<String>, Vec<String>) {
    let made = Mutex::new(Vec::new());
    let count = SHARED * rounds();
    let mut seen: Vec<Vec<String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let made = &made;
                scope.spawn(move || {
                    for n in 0..count {
                        // Every second thread starts at the other end.
                        let key = if thread % 2 == 0 { n } else { count - 1 - n };
                        let new = || {
                            let value = format!("{key} by {process}.{thread}");
                            made.lock().unwrap().push(value.clone());
                            value
                        };
                        vault.get_or_insert_with(key, new).unwrap();
                    }
                    (0..count)
                        .map(|key| vault.get(&key).unwrap().unwrap())
                        .collect()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let last = seen.pop().unwrap();
    assert!(seen.iter().all(|other| *other == last));
    (made.into_inner().unwrap(), last)
}

#[test]
fn get_or_insert_with_runs_once_per_key_in_all_processes() {
    if let Some((process, path)) = role() {
        let vault = open_patient(path);
        wait_for_release();
        let (made, seen) = make_all(&vault, &process);
        for value in made {
            say(&format!("made {value}"));
        }
        for value in seen {
            say(&format!("seen {value}"));
        }
        say("done");
        return;
    }
    let scratch = Scratch::new();
    let test = test_path!(get_or_insert_with_runs_once_per_key_in_all_processes);
    let mut made = Vec::new();
    let mut seen = Vec::new();
    for mut child in all_at_once(test, &scratch) {
        let mut of_child = Vec::new();
        loop {
            let line = child.hear();
            match line.split_once(' ') {
                Some(("made", value)) => made.push(value.to_owned()),
                Some(("seen", value)) => of_child.push(value.to_owned()),
                _ => break assert_eq!(line, "done"),
            }
        }
        child.finish();
        seen.push(of_child);
    }
    let stored: Vec<String> = {
        let vault: Vault<u32, String> = open(scratch.vault());
        (0..SHARED * rounds())
            .map(|key| vault.get(&key).unwrap().unwrap())
            .collect()
    };
    for of_child in seen {
        assert_eq!(of_child, stored, "all processes got the same value");
    }
    let number = |value: &String| value.split(' ').next().unwrap().parse::<u32>().unwrap();
    made.sort_by_key(number);
    assert_eq!(made, stored, "the closure ran once for each key");
}

#[test]
fn get_or_insert_with_runs_once_per_key_in_all_threads() {
    on_each_engine_with(&patient(NEVER), |vault| {
        let (mut made, seen) = make_all(&vault, "one");
        made.sort_by_key(|value| value.split(' ').next().unwrap().parse::<u32>().unwrap());
        assert_eq!(made, seen);
    });
}

// ---- the order of waiting threads -----------------------------------------------------

/// Returns when a thread sleeps and does not wake up, which means that it waits for the lock.
#[cfg(target_os = "linux")]
fn wait_until_it_sleeps(thread: &std::path::Path) {
    let status = thread.join("status");
    let look = || {
        let status = std::fs::read_to_string(&status).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.unwrap().to_owned()
        };
        (field("State:"), field("voluntary_ctxt_switches:"))
    };
    let mut before = look();
    let mut same = 0;
    while same < 100 {
        thread::yield_now();
        let now = look();
        same = if now == before && now.0.contains('S') {
            same + 1
        } else {
            0
        };
        before = now;
    }
}

#[cfg(target_os = "linux")]
#[test]
fn waiting_threads_get_the_write_lock_in_the_order_of_arrival() {
    const WAITING: u32 = 8;
    on_each_engine::<u32, Vec<u32>>(|vault| {
        let held = vault.entry(0).or_default().unwrap();
        thread::scope(|scope| {
            for turn in 0..WAITING {
                let (here, arrived) = std::sync::mpsc::channel();
                let vault = &vault;
                scope.spawn(move || {
                    let link = std::fs::read_link("/proc/thread-self").unwrap();
                    here.send(std::path::Path::new("/proc").join(link)).unwrap();
                    vault.entry(0).or_default().unwrap().push(turn);
                });
                wait_until_it_sleeps(&arrived.recv().unwrap());
            }
            drop(held);
        });
        assert_eq!(vault.get(&0).unwrap(), Some((0..WAITING).collect()));
    });
}

// ---- timeouts -------------------------------------------------------------------------

/// Asserts that every call that needs the write lock returns `Busy` after the timeout, and that all
/// others work.
fn all_are_busy(vault: &Vault<u32, u32>, timeout: Duration) {
    let start = Instant::now();
    let results: Vec<Result<()>> = vec![
        vault.entry(1).or_insert(1).map(drop),
        vault.get_mut(&1).map(drop),
        vault.begin().map(drop),
        vault.transaction(|tx| tx.put(&1, &1)),
        vault.put(&1, &1),
        vault
            .get_or_insert_with(99, || panic!("not held"))
            .map(drop),
        vault.drain().try_for_each(|item| item.map(drop)),
    ];
    let mut all = Duration::ZERO;
    let mut fastest = NEVER;
    for result in results {
        let Err(Error::Busy {
            location, waited, ..
        }) = result
        else {
            panic!("expected Busy, got {result:?}");
        };
        assert!(waited >= timeout, "{waited:?}");
        assert_eq!(vault.location(), location);
        all += waited;
        fastest = fastest.min(waited);
    }
    assert!(start.elapsed() >= all, "the errors contain the time waited");
    assert!(fastest < timeout + TOO_LONG, "{fastest:?}");
    assert!(entries(vault).into_iter().eq(numbers(3)));
    let there = vault.get_or_insert_with(2, || panic!("the key is stored"));
    assert_eq!(there.unwrap(), 2);
}

#[test]
fn another_thread_holds_the_write_lock_for_too_long() {
    for timeout in [SHORT, Duration::ZERO] {
        on_each_engine_with(&patient(timeout), |vault| {
            vault.try_extend(numbers(3)).unwrap();
            let mut held = vault.entry(0).or_insert(0).unwrap();
            *held = 100;
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| all_are_busy(&vault, timeout));
                }
            });
            drop(held);
            assert_eq!(vault.get(&0).unwrap(), Some(100));
            thread::scope(|scope| scope.spawn(|| vault.put(&1, &1)).join().unwrap()).unwrap();
        });
    }
}

#[test]
fn another_handle_of_this_thread_holds_the_write_lock() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let (one, other) = (patient(NEVER), patient(SHORT));
    let one: Vault<u32, u32> = one.open(scratch.vault()).unwrap();
    let other: Vault<u32, u32> = other.open(scratch.vault()).unwrap();
    let mut held = one.get_mut(&0).unwrap().unwrap();
    *held = 100;
    all_are_busy(&other, SHORT);
    drop(held);
    *other.entry(0).or_insert(0).unwrap() += 1;
    assert_eq!(one.get(&0).unwrap(), Some(101));
}

#[test]
fn another_process_holds_the_write_lock_for_too_long() {
    if let Some((_, path)) = role() {
        let vault: Vault<u32, u32> = open_patient(path);
        let mut held = vault.entry(0).or_insert(0).unwrap();
        *held = 100;
        say("holding");
        listen();
        return;
    }
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let test = test_path!(another_process_holds_the_write_lock_for_too_long);
    let mut child = Child::start(test, "holder", &scratch.vault());
    child.expect("holding");
    for timeout in [SHORT, Duration::ZERO] {
        let vault: Vault<u32, u32> = patient(timeout).open(scratch.vault()).unwrap();
        // A thread that waits for another waiting thread of this process does not wait longer than
        // its timeout.
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| all_are_busy(&vault, timeout));
            }
        });
    }
    child.finish();
    let vault: Vault<u32, u32> = open(scratch.vault());
    assert_eq!(vault.get(&0).unwrap(), Some(100));
    vault.put(&1, &1).unwrap();
}
