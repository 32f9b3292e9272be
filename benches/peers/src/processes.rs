//! Several processes with the same file open.

use std::time::{Duration, Instant};

use crate::Result;
use crate::args::Sizes;
use crate::children::{Other, Part};
use crate::data::{Key, Record};
use crate::engine::{Durability, Engine, Role, Unsupported};
use crate::engines;
use crate::fleet::Fleet;
use crate::keys;
use crate::measure::Timed;
use crate::workloads::Workload;

/// Engines that say so themselves, and variants of `vaults` that have no part here.
const SHARED: &[Engine] = &[Engine::Vaults, Engine::ByHand, Engine::Redb, Engine::Heed];

/// Processes that read at the same time.
const READERS: u64 = 4;

type Maps = Fleet<String, Record>;

/// The rows. The fleet is closed: each round opens what it needs.
pub fn workloads() -> Vec<Workload<String, Record>> {
    vec![
        Workload {
            name: "get, hot keys, file open elsewhere",
            engines: SHARED,
            run: |fleet, sizes, engine, round| get_hot(Part::Hold, fleet, sizes, engine, round),
        },
        Workload {
            name: "get, hot keys, file written elsewhere every 10 ms",
            engines: SHARED,
            run: |fleet, sizes, engine, round| {
                get_hot(Part::WriteNowAndThen, fleet, sizes, engine, round)
            },
        },
        Workload {
            name: "4 processes reading while one writes",
            engines: SHARED,
            run: read_while_written,
        },
    ]
}

/// Gets of hot keys for a fixed time, while another process has the file open.
fn get_hot(part: Part, fleet: &Maps, sizes: &Sizes, engine: Engine, round: u64) -> Result<Timed> {
    let folder = fleet.folder(engine);
    let other = Other::start(part, engine, &folder, [fleet.entries, 0, 0])?;
    let map = engines::open::<String, Record>(engine, &folder, Durability::Full, Role::Reader)?;
    let keys: Vec<String> = keys::hot(&mut keys::rng(70, round), sizes.hot, sizes.hot);
    let expected = map.get_each(&keys)?;
    let slice = Duration::from_nanos(sizes.slice_nanos);
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
fn read_while_written(fleet: &Maps, sizes: &Sizes, engine: Engine, round: u64) -> Result<Timed> {
    let (folder, entries) = (fleet.folder(engine), fleet.entries);
    let count = sizes.gets / READERS;
    let writer = Other::start(Part::Write, engine, &folder, [entries, 0, 0])?;
    let mut readers = (0..READERS)
        .map(|n| {
            let seed = round * READERS + n;
            Other::start(Part::Read, engine, &folder, [entries, count, seed])
        })
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

/// The time from a closed file to an open map.
pub fn open_existing(fleet: &Maps, _: &Sizes, engine: Engine, _: u64) -> Result<Timed> {
    const TIMES: u64 = 5;
    if engine == Engine::HashMap {
        return Err(Unsupported.into());
    }
    let (folder, mut nanos, mut sum) = (fleet.folder(engine), 0.0, 0_u64);
    for _ in 0..TIMES {
        let start = Instant::now();
        let map = engines::open::<String, Record>(engine, &folder, Durability::Full, Role::Alone)?;
        nanos += start.elapsed().as_secs_f64() * 1e9;
        sum = sum.wrapping_add(map.get_each(&[String::of(0)])?);
    }
    Ok(Timed::new(nanos, TIMES).with_digest(sum))
}
