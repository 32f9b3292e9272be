//! What the map costs over SQLite by hand: the same table, settings and statements through
//! rusqlite, in the same run, in turns.
//!
//! What goes through an entry or `get_or_insert_with` is compared with the plain call.
//!
//! `cargo bench --bench floor` prints, for each piece of work, nanoseconds per operation
//! (medians over rounds) and their ratio. `cargo bench --bench floor -- memory` prints the memory that
//! iterating over a million entries adds.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, Statement};
use serde_bytes::ByteBuf;
use vaults::{Durability, OpenOptions, Vault};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;
type Map = Vault<String, ByteBuf>;

const ENTRIES: u32 = 100_000;
const ROUNDS: usize = 9;
const VALUE_BYTES: usize = 100;

/// Names the vault to the process that measures its memory.
const CHILD: &str = "VAULTS_BENCH_CHILD";

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "memory") {
        return memory();
    }
    println!(
        "{:<16} {:>10} {:>10} {:>6}",
        "", "vaults", "by hand", "ratio"
    );
    for (name, durability, puts) in [
        ("put, Full", Durability::Full, 2_000),
        ("put, Normal", Durability::Normal, 20_000),
        ("put, Off", Durability::Off, 20_000),
    ] {
        compare_puts(name, durability, puts)?;
    }
    compare_gets()?;
    println!("within vaults");
    compare_entries()?;
    compare_cached()
}

fn key(n: u64) -> String {
    // A fixed permutation: neighbours in time are not neighbours in the index.
    format!("key-{:019}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Values differ from one `n` to the next: SQLite does not write what is there already.
fn value(n: u64) -> ByteBuf {
    let mut bytes = vec![0x5A; VALUE_BYTES];
    bytes.splice(..8, n.to_le_bytes());
    ByteBuf::from(bytes)
}

fn compare_puts(name: &str, durability: Durability, puts: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let vault: Map = OpenOptions::new()
        .durability(durability)
        .open(folder.path().join("vault.db"))?;
    let connection = by_hand(&folder.path().join("hand.db"), durability)?;
    let mut statement = connection.prepare(
        "INSERT INTO dict VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?;
    fill(&vault)?;
    fill_by_hand(&connection)?;
    compare(
        name,
        puts,
        |round, n| {
            let n = round * 1_007_919 + n;
            vault.put(&key(n % u64::from(ENTRIES)), &value(n))?;
            Ok(())
        },
        |round, n| {
            let n = round * 1_007_919 + n;
            let (key, value) = encode(&key(n % u64::from(ENTRIES)), &value(n))?;
            statement.execute((key, value))?;
            Ok(())
        },
    )
}

fn compare_gets() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let vault = Map::open(folder.path().join("vault.db"))?;
    let connection = by_hand(&folder.path().join("hand.db"), Durability::Full)?;
    fill(&vault)?;
    fill_by_hand(&connection)?;
    let mut statement = connection.prepare("SELECT value FROM dict WHERE key = ?1")?;
    compare(
        "get",
        ENTRIES,
        |_, n| {
            std::hint::black_box(vault.get(&key(n))?.ok_or("missing")?);
            Ok(())
        },
        |_, n| {
            std::hint::black_box(get_by_hand(&mut statement, &key(n))?);
            Ok(())
        },
    )
}

/// An increment through an entry, against a `put` of the same vault.
fn compare_entries() -> Result<()> {
    const KEYS: u64 = 10_000;
    let folder = tempfile::tempdir()?;
    let vault = Vault::<String, u64>::open(folder.path().join("vault.db"))?;
    vault.try_extend((0..KEYS).map(|n| (key(n), n)))?;
    compare(
        "entry / put, Full",
        2_000,
        |round, n| {
            *vault.entry(key((round * 7_919 + n) % KEYS)).or_insert(0)? += 1;
            Ok(())
        },
        |round, n| {
            vault.put(&key((round * 7_919 + n) % KEYS), &(round * KEYS + n))?;
            Ok(())
        },
    )
}

/// A hit of `get_or_insert_with`, against a `get`.
fn compare_cached() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let vault = Map::open(folder.path().join("vault.db"))?;
    fill(&vault)?;
    compare(
        "get_or_insert_with / get",
        ENTRIES,
        |_, n| {
            std::hint::black_box(vault.get_or_insert_with(key(n), || value(n))?);
            Ok(())
        },
        |_, n| {
            std::hint::black_box(vault.get(&key(n))?.ok_or("missing")?);
            Ok(())
        },
    )
}

/// Times both in turns, so that a change of the machine's pace meets both.
fn compare(
    name: &str,
    operations: u32,
    mut vaults: impl FnMut(u64, u64) -> Result<()>,
    mut hand: impl FnMut(u64, u64) -> Result<()>,
) -> Result<()> {
    let (mut times, mut hand_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS as u64 {
        let ours = time(operations, |n| vaults(round, n))?;
        let theirs = time(operations, |n| hand(round, n))?;
        // The first round warms up.
        if round > 0 {
            times.push(ours);
            hand_times.push(theirs);
            ratios.push(ours / theirs);
        }
    }
    let (ours, theirs) = (median(times), median(hand_times));
    println!(
        "{name:<22} {ours:>7.0} ns {theirs:>7.0} ns {:>6.2}",
        median(ratios)
    );
    Ok(())
}

fn time(operations: u32, mut f: impl FnMut(u64) -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    for n in 0..u64::from(operations) {
        f(n)?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e9 / f64::from(operations))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn fill(vault: &Map) -> Result<()> {
    Ok(vault.try_extend((0..u64::from(ENTRIES)).map(|n| (key(n), value(n))))?)
}

// ---- by hand ----------------------------------------------------------------------

/// The vault's table and settings.
fn by_hand(path: &Path, durability: Durability) -> Result<Connection> {
    let connection = Connection::open(path)?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
        _ => "OFF",
    };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
         PRAGMA journal_size_limit = 16777216; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;
         CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT"
    ))?;
    Ok(connection)
}

fn fill_by_hand(connection: &Connection) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut insert = connection.prepare("INSERT INTO dict VALUES (?1, ?2)")?;
    for n in 0..u64::from(ENTRIES) {
        insert.execute(encode(&key(n), &value(n))?)?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// The same bytes that the vault stores, by the codec alone.
fn encode(key: &str, value: &ByteBuf) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut encoded = (b"M".to_vec(), b"M".to_vec());
    rmp_serde::encode::write_named(&mut encoded.0, key)?;
    rmp_serde::encode::write_named(&mut encoded.1, value)?;
    Ok(encoded)
}

fn get_by_hand(statement: &mut Statement<'_>, key: &str) -> Result<ByteBuf> {
    let mut encoded = b"M".to_vec();
    rmp_serde::encode::write_named(&mut encoded, key)?;
    let mut rows = statement.query([encoded])?;
    let row = rows.next()?.ok_or("missing")?;
    let blob = row.get_ref(0)?.as_blob()?;
    let (_tag, payload) = blob.split_first().ok_or("empty")?;
    Ok(rmp_serde::from_slice(payload)?)
}

// ---- memory -----------------------------------------------------------------------

/// Peak resident memory in KiB, as Linux counts it.
fn peak_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn memory() -> Result<()> {
    const ENTRIES: u64 = 1_000_000;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("vault.db");
    if let Some(path) = std::env::var_os(CHILD) {
        // The child: nothing but open and iterate, so that the peak is theirs.
        let vault = Map::open(path)?;
        let before = peak_kib()?;
        let mut count = 0;
        for entry in &vault {
            entry?;
            count += 1;
        }
        let added = peak_kib()? - before;
        println!("iterating {count} entries added {added} KiB to a peak of {before} KiB");
        return Ok(());
    }
    Map::open(&path)?.try_extend((0..ENTRIES).map(|n| (key(n), value(n))))?;
    let status = std::process::Command::new(std::env::current_exe()?)
        .arg("memory")
        .env(CHILD, path)
        .status()?;
    if !status.success() {
        return Err("the measuring process failed".into());
    }
    Ok(())
}
