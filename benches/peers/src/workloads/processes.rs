//! Several processes with the same file open.
//!
//! The maps of the fleet are closed: each round opens what it needs.

use std::time::{Duration, Instant};

use super::turn::{Turn, Workload};
use crate::children::{Other, Part};
use crate::data::{Key, Record};
use crate::engine::Engine;
use crate::engines;
use crate::error::{Result, Unsupported};
use crate::keys;
use crate::map::{Map, Mode, Role};
use crate::measure::Timed;

/// Processes that read at the same time.
const READERS: u64 = 4;

type Closed<'a> = Turn<'a, String, Record>;

pub fn workloads() -> Vec<Workload<String, Record>> {
    let row = |name, run| Workload::new(name, Engine::SHARED, run);
    vec![
        row("get, hot keys, file open elsewhere", |turn| {
            get_hot(turn, Part::Hold)
        }),
        row(
            "get, hot keys, file written elsewhere every 10 ms",
            |turn| get_hot(turn, Part::WriteNowAndThen),
        ),
        row("4 processes reading while one writes", read_while_written),
    ]
}

/// The row of the time from a closed file to an open map.
pub fn opening() -> Vec<Workload<String, Record>> {
    vec![Workload::new(
        "open of an existing map",
        Engine::PLAIN,
        open_existing,
    )]
}

fn open(turn: &Closed<'_>, role: Role) -> Result<Box<dyn Map<String, Record>>> {
    let mode = Mode {
        role,
        ..Mode::default()
    };
    engines::open(turn.engine, &turn.maps.folder(turn.engine), mode)
}

fn start(turn: &Closed<'_>, part: Part, count: u64, seed: u64) -> Result<Other> {
    let folder = turn.maps.folder(turn.engine);
    Other::start(part, turn.engine, &folder, [turn.maps.entries, count, seed])
}

/// Gets of hot keys for a fixed time, while another process has the file open.
fn get_hot(turn: &Closed<'_>, part: Part) -> Result<Timed> {
    let other = start(turn, part, 0, 0)?;
    let map = open(turn, Role::Reader)?;
    let keys: Vec<String> = keys::hot(&mut turn.rng(70), turn.sizes.hot, turn.sizes.hot);
    let expected = map.get_each(&keys)?;
    let slice = Duration::from_nanos(turn.sizes.slice_nanos);
    let (start, mut passes, mut same) = (Instant::now(), 0, true);
    while start.elapsed() < slice {
        same &= map.get_each(&keys)? == expected;
        passes += 1;
    }
    let nanos = start.elapsed().as_secs_f64() * 1e9;
    other.stop()?;
    if !same {
        return Err("hot keys changed, which nobody writes".into());
    }
    Ok(Timed::new(nanos, passes * keys.len() as u64).with_digest(expected))
}

/// Uniform gets of several processes while another puts durably without a pause.
fn read_while_written(turn: &Closed<'_>) -> Result<Timed> {
    let count = turn.sizes.gets / READERS;
    let writer = start(turn, Part::Write, 0, 0)?;
    let mut readers = (0..READERS)
        .map(|n| start(turn, Part::Read, count, turn.round * READERS + n))
        .collect::<Result<Vec<_>>>()?;
    readers.iter_mut().try_for_each(Other::go)?;
    let (mut longest, mut sum) = (0, 0_u64);
    for mut reader in readers {
        let [nanos, read] = reader.answer()?;
        longest = longest.max(nanos);
        sum = sum.wrapping_add(read);
        reader.stop()?;
    }
    writer.stop()?;
    Ok(Timed::new(longest as f64, READERS * count).with_digest(sum))
}

fn open_existing(turn: &Closed<'_>) -> Result<Timed> {
    const TIMES: u64 = 3;
    if turn.engine == Engine::HashMap {
        return Err(Unsupported.into());
    }
    let (mut nanos, mut sum) = (0.0, 0_u64);
    for _ in 0..TIMES {
        let start = Instant::now();
        let map = open(turn, Role::Alone)?;
        nanos += start.elapsed().as_secs_f64() * 1e9;
        sum = sum.wrapping_add(map.get_each(&[String::of(0)])?);
    }
    Ok(Timed::new(nanos, TIMES).with_digest(sum))
}
