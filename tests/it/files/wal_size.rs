//! The size of the log beside the file, with readers that leave no gap and with several writers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vaults::{Durability, OpenOptions, Result, Snapshot, Vault};

use crate::support::{Child, Scratch, listen, open_fast, role, say};

type Map = Vault<u32, Vec<u32>>;

const LIMIT: u64 = 256 * 1024;
/// What one put of these tests writes at most: it changes a few pages.
const ONE_PUT: u64 = 64 * 1024;
const ENTRIES: u32 = 200;
/// Each writes more than a page, so that all of them write many times the limit.
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

/// Puts, and returns the greatest size of the log after a put.
fn put_many(vault: &Map, puts: u32) -> u64 {
    let mut greatest = 0;
    for n in 0..puts {
        vault.put(&(n % ENTRIES), &value(ENTRIES + n)).unwrap();
        greatest = greatest.max(log_bytes(vault));
    }
    greatest
}

/// Reads until it is told to stop, and begins each read before it ends the one before: the log is
/// never without a reader.
fn read_without_a_gap(vault: &Map, stop: &AtomicBool) {
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

/// Runs `f` beside readers that leave no gap.
fn beside_readers<R>(vault: &Map, readers: usize, f: impl FnOnce() -> R) -> R {
    let stop = &AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(move || read_without_a_gap(vault, stop));
        }
        let _stop = Stop(stop);
        f()
    })
}

/// Lets the readers end, after a panic too.
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
fn readers_without_a_gap_keep_the_log_below_its_limit() {
    for durability in [Durability::Normal, Durability::Full] {
        for readers in [1, 4] {
            let scratch = Scratch::new();
            let vault: Map = options(durability).open(scratch.vault()).unwrap();
            fill(&vault);
            let greatest = beside_readers(&vault, readers, || put_many(&vault, PUTS / 2));
            assert!(
                greatest <= LIMIT + ONE_PUT,
                "{greatest} bytes at {durability:?} with {readers} readers"
            );
            assert!(greatest > LIMIT / 2, "the test writes too little");
        }
    }
}

#[test]
fn writing_processes_keep_the_log_below_its_limit() {
    const PROCESSES: u32 = 4;
    if let Some((_, path)) = role() {
        let vault: Map = options(Durability::Off).open(path).unwrap();
        say("ready");
        listen();
        say(&put_many(&vault, PUTS / 2).to_string());
        return;
    }
    let test = test_path!(writing_processes_keep_the_log_below_its_limit);
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
        let greatest = beside_readers(&vault, readers, || {
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
        // Each process may write once more before it sees the log at its limit.
        let most = LIMIT + u64::from(PROCESSES) * ONE_PUT;
        assert!(greatest <= most, "{greatest} bytes with {readers} readers");
    }
}

/// Puts while a reader that does not end is there, and then once more.
fn outlasted(vault: &Map, reader: Snapshot<u32, Vec<u32>>) {
    let greatest = put_many(vault, PUTS);
    assert!(greatest > 4 * LIMIT, "{greatest} bytes");
    assert_eq!(log_bytes(vault), greatest, "a log in use is not cut");
    assert_eq!(reader.get(&0).unwrap(), Some(value(0)));
    drop(reader);
    vault.put(&0, &value(1)).unwrap();
    let after = log_bytes(vault);
    assert!(after <= LIMIT + ONE_PUT, "{after} bytes");
    assert_eq!(vault.get(&0).unwrap(), Some(value(1)));
    assert!(put_many(vault, PUTS) <= LIMIT + ONE_PUT);
}

#[test]
fn the_log_grows_while_a_reader_outlasts_the_wait_and_shrinks_when_it_has_gone() {
    let scratch = Scratch::new();
    let mut options = options(Durability::Off);
    options.busy_timeout(Duration::from_millis(200));
    let vault: Map = options.open(scratch.vault()).unwrap();
    fill(&vault);
    // Of another thread, of this one, and of another handle.
    outlasted(
        &vault,
        thread::scope(|scope| scope.spawn(|| snapshot(&vault)).join().unwrap()),
    );
    fill(&vault);
    outlasted(&vault, snapshot(&vault));
    fill(&vault);
    let other: Map = open_fast(scratch.vault());
    outlasted(&vault, snapshot(&other));
}

#[test]
fn without_a_busy_timeout_nothing_waits_for_readers() {
    let scratch = Scratch::new();
    let mut options = options(Durability::Off);
    options.busy_timeout(Duration::ZERO);
    let vault: Map = options.open(scratch.vault()).unwrap();
    fill(&vault);
    outlasted(&vault, snapshot(&vault));
}

#[test]
fn a_vault_is_rewritten_while_it_is_iterated_over() {
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
fn a_transaction_above_the_limit_is_written_and_the_log_shrinks_after_it() {
    let scratch = Scratch::new();
    let vault: Map = options(Durability::Normal).open(scratch.vault()).unwrap();
    let many = 4 * ENTRIES;
    vault.try_extend((0..many).map(|n| (n, value(n)))).unwrap();
    assert!(log_bytes(&vault) > 4 * LIMIT);
    beside_readers(&vault, 1, || vault.put(&0, &value(1)).unwrap());
    assert!(log_bytes(&vault) <= LIMIT + ONE_PUT);
    assert_eq!(vault.len().unwrap(), many as usize);
}

#[test]
fn every_kind_of_write_keeps_the_limit() {
    let scratch = Scratch::new();
    let vault: Map = options(Durability::Off).open(scratch.vault()).unwrap();
    fill(&vault);
    let greatest = beside_readers(&vault, 1, || {
        let mut greatest = 0;
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
            greatest = greatest.max(log_bytes(&vault));
        }
        greatest
    });
    assert!(greatest <= LIMIT + ONE_PUT, "{greatest} bytes");
}

#[test]
fn the_limit_may_be_zero_and_may_be_none() {
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
    // What SQLite's own checkpoints leave is about 4 MB.
    let longest: Map = options(u64::MAX).open(scratch.path("longest.db")).unwrap();
    fill(&longest);
    let greatest = put_many(&longest, 4 * PUTS);
    assert!((8 * LIMIT..32 * LIMIT).contains(&greatest), "{greatest}");
}

#[test]
fn in_memory_writes_go_on_beside_readers() {
    let vault: Map = options(Durability::Off).open_in_memory().unwrap();
    fill(&vault);
    beside_readers(&vault, 2, || put_many(&vault, PUTS));
    let held = snapshot(&vault);
    put_many(&vault, PUTS);
    assert_eq!(vault.len().unwrap(), ENTRIES as usize);
    drop(held);
}

// ---- figures --------------------------------------------------------------------------

/// How many seconds each measurement takes. Without it, each is [`FEW_PUTS`] puts.
const SECONDS: &str = "VAULTS_TEST_SECONDS";
const FEW_PUTS: u32 = 200;
const LARGE: u32 = 5_000;

/// Puts until it is enough, and prints how large the log became and how long the slowest put took.
///
/// `is_enough` is asked with the number of puts.
fn measure(durability: Durability, readers: usize, is_enough: impl Fn(u32) -> bool) -> Result<()> {
    let scratch = Scratch::new();
    let vault: Map = OpenOptions::new()
        .durability(durability)
        .open(scratch.vault())?;
    vault.try_extend((0..LARGE).map(|n| (n, vec![n; 10])))?;
    let stop = &AtomicBool::new(false);
    let (mut puts, mut slowest, mut greatest) = (0, Duration::ZERO, 0);
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
            greatest = greatest.max(std::fs::metadata(log).unwrap().len());
            puts += 1;
        }
    });
    println!(
        "{durability:?}, {readers} readers: {puts} puts, slowest {slowest:?}, log at most {greatest} bytes"
    );
    assert!(greatest <= (32 << 20) + ONE_PUT);
    Ok(())
}

#[test]
fn figures() {
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
