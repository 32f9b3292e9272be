//! Other processes: the program starts itself again, with a part to play.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::data::{Key, Record, Value};
use crate::engine::{Durability, Engine, Map, Role};
use crate::engines;
use crate::keys;
use crate::memory::{self, Peak};

/// The word before a child's part on its command line.
pub const CHILD: &str = "--child";

/// The types of the maps that children open.
type K = String;
type V = Record;

/// What another process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Fills a new map and says how much memory that took.
    Load,
    /// Gets random keys when it is told to, and says how long that took.
    Read,
    /// Puts without a pause until it is told to stop.
    Write,
    /// Puts an entry every ten milliseconds until it is told to stop.
    WriteNowAndThen,
    /// Has the map open until it is told to stop.
    Hold,
    /// Iterates over a vault and says how much memory that took.
    Iterate,
    /// Fills a vault, likewise.
    Extend,
    /// Removes half of a vault's entries by `retain`, likewise.
    Retain,
}

impl Part {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Load, "load"),
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::WriteNowAndThen, "write-now-and-then"),
        (Self::Hold, "hold"),
        (Self::Iterate, "iterate"),
        (Self::Extend, "extend"),
        (Self::Retain, "retain"),
    ];

    fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(part, _)| *part == self);
        named.map_or("", |(_, name)| name)
    }

    fn from_name(name: &str) -> Option<Self> {
        let named = Self::ALL.into_iter().find(|(_, known)| *known == name);
        named.map(|(part, _)| part)
    }
}

/// Another process, which is stopped when this is dropped.
pub struct Other {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts a process, and waits until it has opened its map.
    pub fn start(part: Part, engine: Engine, folder: &Path, numbers: [u64; 3]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([CHILD, part.name(), engine.tag()])
            .arg(folder)
            .args(numbers.map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut other = Self {
            child,
            input,
            output,
        };
        let [ready] = other.answer()?;
        (ready == 0).then_some(other).ok_or("not ready".into())
    }

    /// Tells it to begin.
    pub fn go(&mut self) -> Result<()> {
        let input = self.input.as_mut().ok_or("it was stopped")?;
        Ok(writeln!(input)?)
    }

    /// The numbers of its next line.
    pub fn answer<const N: usize>(&mut self) -> Result<[u64; N]> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
        numbers?
            .try_into()
            .map_err(|_| format!("another process failed: {line:?}").into())
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        drop(self.input.take());
        let status = self.child.wait()?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("another process failed: {status}").into())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It stops by itself when its input ends; a failure was reported by then.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Runs a part to its end and gives its answer.
pub fn ask<const N: usize>(
    part: Part,
    engine: Engine,
    folder: &Path,
    numbers: [u64; 3],
) -> Result<[u64; N]> {
    let mut other = Other::start(part, engine, folder, numbers)?;
    other.go()?;
    let answer = other.answer()?;
    other.stop()?;
    Ok(answer)
}

// ---- in the other process ---------------------------------------------------------

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
    engines::open(engine, folder, Durability::Full, role)
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
