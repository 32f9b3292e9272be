//! The size of the log with overlapping readers and with several writers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vaults::{Durability, OpenOptions, Result, Snapshot, Vault};

use crate::support::{Child, Scratch, listen, open_fast, role, say};

type Map = Vault<u32, Vec<u32>>;

const LIMIT: u64 = 256 * 1024;
/// The most bytes that one put of these tests writes. It changes a few pages.
const ONE_PUT: u64 = 64 * 1024;
const ENTRIES: u32 = 200;
/// The number of puts. Each writes more than a page, so they write many times the limit.
const PUTS: u32 = 400;

fn options(durability: Durability) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.durability(durability).log_size_limit(LIMIT);
    options
}

fn value(n: u32) -> Vec<u32> {
    vec![n.wrapping_mul(0x9E37_79B9) | 1 << 31; 400]
}

fn fill(vault: &Map) {
    let entries = (0..ENTRIES).map(|n| (n, value(n)));
    vault.try_extend(entries).unwrap();
}

fn log_bytes(vault: &Map) -> u64 {
    vault.stats().unwrap().log_bytes
}

/// Makes puts, and returns the largest size of the log after a put.
fn put_many(vault: &Map, puts: u32) -> u64 {
    let mut largest = 0;
    for n in 0..puts {
        vault.put(&(n % ENTRIES), &value(ENTRIES + n)).unwrap();
        largest = largest.max(log_bytes(vault));
    }
    largest
}

/// Reads until it is stopped. Each read begins before the previous one ends, so the log always has
/// a reader.
fn read_continuously(vault: &Map, stop: &AtomicBool) {
    let begin = || {
        let mut keys = vault.keys();
        keys.next().unwrap().unwrap();
        keys
    };
    let mut reading = begin();
    while !stop.load(Ordering::Relaxed) {
        let next = begin();
        reading.for_each(|key| assert!(key.is_ok()));
        reading = next;
    }
}

/// Runs `f` while continuous readers are active.
fn with_readers<R>(vault: &Map, readers: usize, f: impl FnOnce() -> R) -> R {
    let stop = &AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(move || read_continuously(vault, stop));
        }
        let _stop = Stop(stop);
        f()
    })
}

/// Stops the readers when dropped, so also after a panic.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn snapshot(vault: &Map) -> Snapshot<u32, Vec<u32>> {
    vault.snapshot().unwrap()
}

#[test]
fn the_log_stays_below_its_limit_with_continuous_readers() {
    for durability in [Durability::Normal, Durability::Full] {
        for readers in [1, 4] {
            let scratch = Scratch::new();
            let vault: Map = options(durability).open(scratch.vault()).unwrap();
            fill(&vault);
            let largest = with_readers(&vault, readers, || put_many(&vault, PUTS / 2));
            assert!(
                largest <= LIMIT + ONE_PUT,
                "{largest} bytes at {durability:?} with {readers} readers"
            );
            assert!(largest > LIMIT / 2, "the test writes too little");
        }
    }
}

#[test]
fn the_log_stays_below_its_limit_with_writing_processes() {
    const PROCESSES: u32 = 4;
    if let Some((_, path)) = role() {
        let vault: Map = options(Durability::Off).open(path).unwrap();
        say("ready");
        listen();
        say(&put_many(&vault, PUTS / 2).to_string());
        return;
    }
    let test = test_path!(the_log_stays_below_its_limit_with_writing_processes);
    for readers in [0, 2] {
        let scratch = Scratch::new();
        let vault: Map = options(Durability::Off).open(scratch.vault()).unwrap();
        fill(&vault);
        let mut children: Vec<Child> = (0..PROCESSES)
            .map(|_| Child::start(test, "writer", &scratch.vault()))
            .collect();
        for child in &mut children {
            child.expect("ready");
        }
        let largest = with_readers(&vault, readers, || {
            for child in &mut children {
                child.tell("go");
            }
            let sizes = children.iter_mut().map(Child::hear);
            sizes
                .map(|size| size.parse::<u64>().unwrap())
                .max()
                .unwrap()
        });
        children.into_iter().for_each(Child::finish);
        // Each process may write once more before it notices that the log has reached its limit.
        let most = LIMIT + u64::from(PROCESSES) * ONE_PUT;
        assert!(largest <= most, "{largest} bytes with {readers} readers");
    }
}

/// Makes puts while a reader is active, and one put after it.
fn write_during_and_after(vault: &Map, reader: Snapshot<u32, Vec<u32>>) {
    let largest = put_many(vault, PUTS);
    assert!(largest > 4 * LIMIT, "{largest} bytes");
    assert_eq!(log_bytes(vault), largest, "a log in use is not truncated");
    assert_eq!(reader.get(&0).unwrap(), Some(value(0)));
    drop(reader);
    vault.put(&0, &value(1)).unwrap();
    let after = log_bytes(vault);
    assert!(after <= LIMIT + ONE_PUT, "{after} bytes");
    assert_eq!(vault.get(&0).unwrap(), Some(value(1)));
    assert!(put_many(vault, PUTS) <= LIMIT + ONE_PUT);
}

#[test]
fn the_log_grows_during_a_long_read_and_shrinks_after_it() {
    let scratch = Scratch::new();
    let mut options = options(Durability::Off);
    options.busy_timeout(Duration::from_millis(200));
    let vault: Map = options.open(scratch.vault()).unwrap();
    fill(&vault);
    // A reader in another thread, in this one, and of another handle.
    write_during_and_after(
        &vault,
        thread::scope(|scope| scope.spawn(|| snapshot(&vault)).join().unwrap()),
    );
    fill(&vault);
    write_during_and_after(&vault, snapshot(&vault));
    fill(&vault);
    let other: Map = open_fast(scratch.vault());
    write_during_and_after(&vault, snapshot(&other));
}

#[test]
fn without_a_busy_timeout_nothing_waits_for_readers() {
    let scratch = Scratch::new();
    let mut options = options(Durability::Off);
    options.busy_timeout(Duration::ZERO);
    let vault: Map = options.open(scratch.vault()).unwrap();
    fill(&vault);
    write_during_and_after(&vault, snapshot(&vault));
}

#[test]
fn the_log_stays_below_its_limit_when_entries_are_written_in_a_loop() {
    let scratch = Scratch::new();
    let vault: Map = options(Durability::Off).open(scratch.vault()).unwrap();
    fill(&vault);
    for round in 0..3 {
        for entry in &vault {
            let (key, _) = entry.unwrap();
            vault.put(&key, &value(round * ENTRIES + key)).unwrap();
        }
    }
    vault.put(&0, &value(7)).unwrap();
    assert!(log_bytes(&vault) <= LIMIT + ONE_PUT);
    let expected = value(2 * ENTRIES + ENTRIES - 1);
    assert_eq!(vault.get(&(ENTRIES - 1)).unwrap(), Some(expected));
}

#[test]
fn a_transaction_above_the_limit_is_committed_and_the_log_shrinks_after_it() {
    let scratch = Scratch::new();
    let vault: Map = options(Durability::Normal).open(scratch.vault()).unwrap();
    let many = 4 * ENTRIES;
    vault.try_extend((0..many).map(|n| (n, value(n)))).unwrap();
    assert!(log_bytes(&vault) > 4 * LIMIT);
    with_readers(&vault, 1, || vault.put(&0, &value(1)).unwrap());
    assert!(log_bytes(&vault) <= LIMIT + ONE_PUT);
    assert_eq!(vault.len().unwrap(), many as usize);
}

#[test]
fn every_kind_of_write_keeps_the_limit() {
    let scratch = Scratch::new();
    let vault: Map = options(Durability::Off).open(scratch.vault()).unwrap();
    fill(&vault);
    let largest = with_readers(&vault, 1, || {
        let mut largest = 0;
        for n in 0..PUTS {
            let key = n % ENTRIES;
            match n % 5 {
                0 => drop(vault.insert(key, value(ENTRIES + n)).unwrap()),
                1 => vault.entry(key).or_default().unwrap().push(n),
                2 => vault
                    .transaction(|tx| tx.put(&key, &value(ENTRIES + n)))
                    .unwrap(),
                3 => vault.get_mut(&key).unwrap().unwrap().push(n),
                _ => {
                    let mut transaction = vault.begin().unwrap();
                    transaction.put(&key, &value(ENTRIES + n)).unwrap();
                    transaction.commit().unwrap();
                }
            }
            largest = largest.max(log_bytes(&vault));
        }
        largest
    });
    assert!(largest <= LIMIT + ONE_PUT, "{largest} bytes");
}

#[test]
fn the_limit_may_be_zero_or_the_maximum() {
    let scratch = Scratch::new();
    let options = |limit| {
        let mut options = OpenOptions::new();
        options.durability(Durability::Off).log_size_limit(limit);
        options
    };
    let shortest: Map = options(0).open(scratch.path("shortest.db")).unwrap();
    fill(&shortest);
    shortest.put(&0, &value(1)).unwrap();
    assert!(put_many(&shortest, 50) <= ONE_PUT);
    // SQLite's own checkpoints keep the log at about 4 MB.
    let longest: Map = options(u64::MAX).open(scratch.path("longest.db")).unwrap();
    fill(&longest);
    let largest = put_many(&longest, 4 * PUTS);
    assert!((8 * LIMIT..32 * LIMIT).contains(&largest), "{largest}");
}

#[test]
fn writes_in_memory_continue_during_reads() {
    let vault: Map = options(Durability::Off).open_in_memory().unwrap();
    fill(&vault);
    with_readers(&vault, 2, || put_many(&vault, PUTS));
    let held = snapshot(&vault);
    put_many(&vault, PUTS);
    assert_eq!(vault.len().unwrap(), ENTRIES as usize);
    drop(held);
}

// ---- figures --------------------------------------------------------------------------

/// The number of seconds for each measurement. If it is not set, each makes [`FEW_PUTS`] puts.
const SECONDS: &str = "VAULTS_TEST_SECONDS";
const FEW_PUTS: u32 = 200;
const LARGE: u32 = 5_000;

/// Makes puts until `is_enough` returns `true` for their number. Prints the largest size of the log
/// and the longest time of a put.
fn measure(durability: Durability, readers: usize, is_enough: impl Fn(u32) -> bool) -> Result<()> {
    let scratch = Scratch::new();
    let vault: Map = OpenOptions::new()
        .durability(durability)
        .open(scratch.vault())?;
    vault.try_extend((0..LARGE).map(|n| (n, vec![n; 10])))?;
    let stop = &AtomicBool::new(false);
    let (mut puts, mut slowest, mut largest) = (0, Duration::ZERO, 0);
    thread::scope(|scope| {
        let _stop = Stop(stop);
        for _ in 0..readers {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    vault.iter().for_each(|entry| drop(entry.unwrap()));
                }
            });
        }
        while !is_enough(puts) {
            let put = Instant::now();
            let key = puts * 7919 % LARGE;
            vault.put(&key, &vec![puts | 1 << 31; 10]).unwrap();
            slowest = slowest.max(put.elapsed());
            let log = scratch.path("vault.db-wal");
            largest = largest.max(std::fs::metadata(log).unwrap().len());
            puts += 1;
        }
    });
    println!(
        "{durability:?}, {readers} readers: {puts} puts, slowest {slowest:?}, log at most {largest} bytes"
    );
    assert!(largest <= (32 << 20) + ONE_PUT);
    Ok(())
}

#[test]
fn measurements() {
    let seconds = std::env::var(SECONDS).ok();
    let time = seconds.map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    for durability in [Durability::Normal, Durability::Full] {
        for readers in [1, 4] {
            let start = Instant::now();
            let is_enough = |puts| match time {
                Some(time) => start.elapsed() >= time,
                None => puts >= FEW_PUTS,
            };
            measure(durability, readers, is_enough).unwrap();
        }
    }
}
