//! The parts, as the other process plays them.

use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::children::Part;
use crate::data::{Key, Record, Value};
use crate::engine::Engine;
use crate::engines;
use crate::error::Result;
use crate::keys;
use crate::map::{Durability, Map, Mode, Role};
use crate::memory::{self, Peak};

/// The types of the maps.
type K = String;
type V = Record;

/// Plays the part that the command line names.
pub fn play(arguments: &[String]) -> Result<()> {
    let [part, engine, folder, numbers @ ..] = arguments else {
        return Err("a part, an engine and a folder are needed".into());
    };
    let part = Part::from_name(part).ok_or("no such part")?;
    let engine = Engine::from_tag(engine).ok_or("no such engine")?;
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|n| n.parse())
        .collect::<Result<_, _>>()?;
    let [entries, count, seed] = numbers[..] else {
        return Err("three numbers are needed".into());
    };
    let folder = Path::new(folder);
    match part {
        Part::Load => load(engine, folder, entries),
        Part::Read => read(engine, folder, entries, count, seed),
        Part::Write => write(engine, folder, entries, Some(Duration::ZERO)),
        Part::WriteNowAndThen => write(engine, folder, entries, Some(Duration::from_millis(10))),
        Part::Hold => write(engine, folder, entries, None),
        Part::Iterate => in_memory(folder, |vault| {
            vault.iter().try_for_each(|entry| entry.map(drop))
        }),
        Part::Extend => in_memory(folder, |vault| {
            vault.try_extend((0..entries).map(|n| (K::of(n), V::of(n))))
        }),
        Part::Retain => in_memory(folder, |vault| {
            vault.retain(|_, value| value.digest().is_multiple_of(2))
        }),
    }
}

fn say<const N: usize>(numbers: [u64; N]) -> Result<()> {
    let line = numbers.map(|number| number.to_string()).join(" ");
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn wait_for_go() -> Result<()> {
    say([0])?;
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

fn open(engine: Engine, folder: &Path, role: Role) -> Result<Box<dyn Map<K, V>>> {
    let mode = Mode {
        role,
        ..Mode::default()
    };
    engines::open(engine, folder, mode)
}

fn load(engine: Engine, folder: &Path, entries: u64) -> Result<()> {
    let map = open(engine, folder, Role::Alone)?;
    wait_for_go()?;
    map.extend(&mut (0..entries).map(|n| (K::of(n), V::of(n))))?;
    let length = map.len()?;
    drop(map);
    say([memory::resident(Peak::Highest)?, length])
}

/// Gets from the lower half of the map: the upper half is the writer's.
fn read(engine: Engine, folder: &Path, entries: u64, count: u64, seed: u64) -> Result<()> {
    let map = open(engine, folder, Role::Reader)?;
    let keys: Vec<K> = keys::uniform(&mut keys::rng(50, seed), entries / 2, count);
    map.get_each(keys.get(..1).unwrap_or_default())?;
    wait_for_go()?;
    let start = Instant::now();
    let sum = map.get_each(&keys)?;
    say([u64::try_from(start.elapsed().as_nanos())?, sum])
}

/// Puts into the upper half of the map until the input ends.
fn write(engine: Engine, folder: &Path, entries: u64, pause: Option<Duration>) -> Result<()> {
    let map = open(engine, folder, Role::Writer)?;
    say([0])?;
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    let waiting = thread::spawn(move || {
        let ended = std::io::stdin().read_to_end(&mut Vec::new());
        flag.store(true, Ordering::Release);
        ended
    });
    if let Some(pause) = pause {
        write_until(&stopped, map.as_ref(), entries, pause)?;
    }
    waiting.join().map_err(|_| "a thread panicked")??;
    Ok(())
}

fn write_until(
    stopped: &AtomicBool,
    map: &dyn Map<K, V>,
    entries: u64,
    pause: Duration,
) -> Result<()> {
    let mut rng = keys::rng(60, 0);
    while !stopped.load(Ordering::Acquire) {
        let n = entries / 2 + rng.u64(0..entries / 2);
        map.put_each(&[(K::of(n), V::of(rng.u64(..)))])?;
        thread::sleep(pause);
    }
    Ok(())
}

/// What a call on a vault adds to the process's memory, and what the process had before.
fn in_memory(
    folder: &Path,
    f: impl FnOnce(&vaults::Vault<K, V>) -> vaults::Result<()>,
) -> Result<()> {
    let vault = engines::open_vault(Engine::Vaults, folder, Durability::Off)?;
    wait_for_go()?;
    let before = memory::resident(Peak::Now)?;
    f(&vault)?;
    say([before, memory::resident(Peak::Highest)?])
}
