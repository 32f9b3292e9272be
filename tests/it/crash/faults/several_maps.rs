//! Power cuts during transactions over several maps of a file, and while maps are created, renamed and removed. All maps
//! of a file are always of one state.

use std::collections::BTreeMap;
use std::path::Path;

use vaults::{Durability, Error, OpenOptions, SortedVault, Vault, VaultFile};

use super::replay::{self, IgnoredSync, Recording};
use super::trace::Mark;
use super::vfs::WatchGuard;
use super::{Random, rounds};

/// The number of states for each durability.
const STATES: u64 = 120;
const SEED: u64 = 0x4D41_5053;
const STEPS: usize = 150;
/// The names that maps can have. Those that begin with a capital letter are sorted.
const NAMES: [&str; 5] = ["users", "By name", "log", "Index", "it's"];

/// The entries of each map: the size of each value, whose bytes are those of its key.
type State = BTreeMap<String, BTreeMap<u32, usize>>;

fn is_sorted(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

fn value(key: u32, size: usize) -> Vec<u8> {
    vec![key.to_le_bytes()[0]; size]
}

/// A handle of either kind.
enum Map {
    Plain(Vault<u32, serde_bytes::ByteBuf>),
    Sorted(SortedVault<u32, serde_bytes::ByteBuf>),
}

fn open_map(file: &VaultFile, name: &str) -> vaults::Result<Map> {
    Ok(if is_sorted(name) {
        Map::Sorted(file.sorted_vault(name)?)
    } else {
        Map::Plain(file.vault(name)?)
    })
}

/// Makes random calls, and returns the states after each.
fn run(watching: &WatchGuard, path: &Path, durability: Durability, seed: u64) -> Vec<State> {
    let mut options = OpenOptions::new();
    options.durability(durability);
    let mut random = Random::of(&[seed]);
    let mut states = vec![State::new()];
    let mut file = options.open_file(path).unwrap();
    for _ in 0..STEPS {
        let mut state = states.last().unwrap().clone();
        let name = NAMES[random.below(NAMES.len())].to_owned();
        match random.below(12) {
            0 => {
                file.flush().unwrap();
                watching.mark(Mark::Flushed);
                continue;
            }
            1 => {
                file.close().unwrap();
                watching.mark(Mark::Flushed);
                file = options.open_file(path).unwrap();
                continue;
            }
            2 if state.contains_key(&name) => {
                watching.mark(Mark::Begun);
                assert!(file.remove(&name).unwrap());
                state.remove(&name);
            }
            3 if state.contains_key(&name) && !is_sorted(&name) => {
                let Some(free) = NAMES
                    .iter()
                    .find(|name| !state.contains_key(**name) && !is_sorted(name))
                else {
                    continue;
                };
                watching.mark(Mark::Begun);
                file.rename(&name, free).unwrap();
                let entries = state.remove(&name).unwrap();
                state.insert((*free).to_owned(), entries);
            }
            _ if !state.contains_key(&name) => {
                watching.mark(Mark::Begun);
                open_map(&file, &name).unwrap();
                state.insert(name, BTreeMap::new());
            }
            _ => {
                let maps: Vec<(String, Map)> = state
                    .keys()
                    .map(|name| (name.clone(), open_map(&file, name).unwrap()))
                    .collect();
                watching.mark(Mark::Begun);
                change(&file, &maps, &mut state, &mut random);
            }
        }
        watching.mark(Mark::Acknowledged);
        states.push(state);
    }
    drop(file);
    states
}

/// Makes one transaction, which changes some entries of each map.
fn change(file: &VaultFile, maps: &[(String, Map)], state: &mut State, random: &mut Random) {
    file.transaction(|tx| {
        for (name, map) in maps {
            let entries = state.get_mut(name).unwrap();
            for _ in 0..=random.below(3) {
                let key = u32::try_from(random.below(20)).unwrap();
                let size = [10, 100, 390, 600, 6000][random.below(5)];
                let bytes = serde_bytes::ByteBuf::from(value(key, size));
                let is_removal = random.chance(25);
                match map {
                    Map::Plain(map) if is_removal => drop(tx.on(map).remove(&key)?),
                    Map::Plain(map) => tx.on(map).put(&key, &bytes)?,
                    Map::Sorted(map) if is_removal => drop(tx.on(map).remove(&key)?),
                    Map::Sorted(map) => tx.on(map).put(&key, &bytes)?,
                }
                if is_removal {
                    entries.remove(&key);
                } else {
                    entries.insert(key, size);
                }
            }
        }
        Ok(())
    })
    .unwrap();
}

/// Opens the file, reads every map, and writes to one. Returns the number of calls whose changes are present.
fn check(path: &Path, states: &[State]) -> Result<usize, String> {
    let failed = |error: Error| format!("{error:?}");
    let file = VaultFile::open(path).map_err(failed)?;
    let state = read(&file).map_err(failed)?;
    let report = file.verify().map_err(failed)?;
    if !report.is_ok() {
        return Err(format!("{report:?}"));
    }
    let extra: Vault<u32, String> = file.vault("extra").map_err(failed)?;
    extra.insert(1, "x".repeat(5000)).map_err(failed)?;
    drop(extra);
    file.close().map_err(failed)?;
    states
        .iter()
        .rposition(|expected| *expected == state)
        .ok_or_else(|| "the maps do not match any number of calls".to_owned())
}

fn read(file: &VaultFile) -> vaults::Result<State> {
    let mut state = State::new();
    for name in file.names()? {
        let entries: vaults::Result<Vec<_>> = match open_map(file, &name)? {
            Map::Plain(map) => map.iter().collect(),
            Map::Sorted(map) => map.iter().collect(),
        };
        let mut sizes = BTreeMap::new();
        for (key, bytes) in entries? {
            assert_eq!(*bytes, value(key, bytes.len()), "{name}: {key}");
            sizes.insert(key, bytes.len());
        }
        state.insert(name, sizes);
    }
    Ok(state)
}

fn recording(durability: Durability, seed: u64) -> Recording<State> {
    Recording::of(
        durability,
        seed,
        |watching, path| run(watching, path, durability, seed),
        check,
    )
}

#[test]
fn all_maps_are_of_one_state_after_a_power_cut() {
    for durability in [Durability::Full, Durability::Normal] {
        for round in 0..rounds() {
            let recording = recording(durability, SEED + u64::from(round));
            recording.cut(0..STATES, |aftermath| {
                let promise = aftermath.promise;
                let least = if durability == Durability::Full {
                    promise.acknowledged
                } else {
                    promise.flushed
                };
                let found = aftermath.found.as_ref();
                assert!(
                    found.is_ok_and(|found| (least..=promise.begun).contains(found)),
                    "{durability:?}, state {}: {promise:?} was promised, found {found:?}; its files are in {}",
                    aftermath.number,
                    replay::keep(&aftermath.image).display(),
                );
            });
        }
    }
}

#[test]
fn a_disk_that_ignores_syncs_is_noticed() {
    let recording = recording(Durability::Full, SEED).ignoring(IgnoredSync::Log);
    let mut lost = 0;
    recording.cut(0..STATES, |aftermath| {
        let acknowledged = aftermath.promise.acknowledged;
        lost += u32::from(aftermath.found.is_ok_and(|found| found < acknowledged));
    });
    assert!(lost > 0, "the check would not notice a missing sync");
}
