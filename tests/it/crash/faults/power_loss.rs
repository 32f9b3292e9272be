//! Power cuts: every call that returned `Ok` is still applied afterwards, as far as its durability
//! promises.
//!
//! [`disk`](super::disk) describes what a power cut can do. `VAULTS_TEST_ROUNDS` multiplies the
//! number of states. Each round has different workloads. The figures in the documentation are
//! printed by
//!
//! ```text
//! VAULTS_TEST_ROUNDS=5 cargo test --test it faults::power_loss::figures -- --nocapture
//! ```
//!
//! A failure prints how to reproduce it.

use std::fmt;
use std::fs;
use std::ops::AddAssign;

use vaults::order::{InsertionOrder, KeyOrder};
use vaults::{Durability, Vault};

use super::order::FaultOrder;
use super::replay::{self, Aftermath, IgnoredSync, Recording};
use super::rounds;
use super::workloads::{ALL, Workload};
use crate::support::{Scratch, entries};

/// The number of states for a workload of weight 100.
const STATES: u32 = 150;

/// The seed of the workloads in the first round.
const SEED: u64 = 0x5641_4C54;

/// Selects one state: `workload,durability,seed,number`. The name of a workload on a sorted vault begins with `sorted `.
const ONE: &str = "VAULTS_TEST_POWER_CUT";

/// The results of power cuts.
#[derive(Clone, Copy, Debug, Default)]
struct CutStats {
    states: usize,
    /// The number of states in which acknowledged calls are lost, and the most that are lost in
    /// one.
    losses: usize,
    most_lost: usize,
    /// The number of states that contain the call that had begun and not returned.
    ahead: usize,
    damaged: usize,
}

impl CutStats {
    fn count(&mut self, aftermath: &Aftermath) {
        self.states += 1;
        let acknowledged = aftermath.promise.acknowledged;
        match aftermath.found {
            Ok(found) if found < acknowledged => {
                self.losses += 1;
                self.most_lost = self.most_lost.max(acknowledged - found);
            }
            Ok(found) => self.ahead += usize::from(found > acknowledged),
            Err(_) => self.damaged += 1,
        }
    }
}

impl AddAssign for CutStats {
    fn add_assign(&mut self, other: Self) {
        self.states += other.states;
        self.losses += other.losses;
        self.most_lost = self.most_lost.max(other.most_lost);
        self.ahead += other.ahead;
        self.damaged += other.damaged;
    }
}

impl fmt::Display for CutStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {} |",
            self.states, self.losses, self.most_lost, self.damaged
        )
    }
}

/// Returns whether a durability allows the state after a power cut.
fn is_allowed(durability: Durability, aftermath: &Aftermath) -> bool {
    let promise = aftermath.promise;
    let least = match durability {
        Durability::Full => promise.acknowledged,
        _ => promise.flushed,
    };
    let found = aftermath.found.as_ref();
    durability == Durability::Off
        || found.is_ok_and(|found| (least..=promise.begun).contains(found))
}

/// Cuts the power in all rounds of a workload.
fn cut<O: FaultOrder>(workload: Workload, durability: Durability, percent: u32) -> CutStats {
    let (mut stats, prefix) = (CutStats::default(), O::PREFIX);
    let count = u64::from(STATES * workload.weight * percent / 10_000);
    for round in 0..rounds() {
        let seed = SEED + u64::from(round);
        let recording = Recording::make::<O>(workload, durability, seed);
        recording.cut(0..count, |aftermath| {
            stats.count(&aftermath);
            assert!(
                is_allowed(durability, &aftermath),
                "{prefix}{} at {durability:?}: {:?} was promised, found {:?}; \
                 to see it again: {ONE}='{prefix}{},{durability:?},{seed},{}' cargo test --test it \
                 faults::power_loss::reproduce_one -- --nocapture; its files are in {}",
                workload.name,
                aftermath.promise,
                aftermath.found,
                workload.name,
                aftermath.number,
                replay::keep(&aftermath.image).display(),
            );
        });
    }
    stats
}

/// Asserts that a workload loses nothing at `Full`, and at most the newest calls at `Normal`.
fn assert_survives(name: &str) {
    assert_survives_in::<InsertionOrder>(name, 100);
}

fn assert_survives_in<O: FaultOrder>(name: &str, percent: u32) {
    let workload = Workload::named(name);
    let full = cut::<O>(workload, Durability::Full, percent);
    assert_eq!((full.losses, full.damaged), (0, 0), "{full:?}");
    let normal = cut::<O>(workload, Durability::Normal, percent);
    assert_eq!(normal.damaged, 0, "{normal:?}");
}

macro_rules! power_loss_tests {
    ($($test:ident: $name:literal,)+) => {
        $(
            #[test]
            fn $test() {
                assert_survives($name);
            }
        )+

        #[test]
        fn every_workload_has_its_test() {
            let names: Vec<&str> = ALL.iter().map(|workload| workload.name).collect();
            assert_eq!(names, [$($name),+]);
        }
    };
}

power_loss_tests! {
    creation_survives: "creation",
    puts_survive: "puts",
    entries_survive: "entries",
    transactions_survive: "transactions",
    extends_survive: "extends",
    removals_survive: "removals",
    flushes_survive: "flushes",
    reopening_survives: "reopening",
    compaction_survives: "compaction",
    large_pages_survive: "large pages",
}

#[test]
fn sorted_vaults_survive() {
    for name in ["creation", "puts", "transactions", "removals", "compaction"] {
        assert_survives_in::<KeyOrder>(name, 30);
    }
}

#[test]
fn ranges_of_sorted_vaults_survive() {
    assert_survives_in::<KeyOrder>("ranges", 100);
}

/// Creating the file was interrupted. Its first page has reached the disk as zeros. The journal
/// says that the file had no page before
/// (<https://www.sqlite.org/fileformat2.html#the_rollback_journal>). Its header has 28 bytes: the
/// magic number, the number of records, a nonce, the number of pages before, the size of a sector
/// and the size of a page.
#[test]
fn an_interrupted_creation_is_completed() {
    let magic = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7];
    let numbers = [0_u32, 7, 0, 512, 4096];
    let mut journal = magic.to_vec();
    journal.extend(numbers.into_iter().flat_map(u32::to_be_bytes));
    journal.resize(512, 0);
    for page in [3584, 4096] {
        let scratch = Scratch::new();
        fs::write(scratch.vault(), vec![0; page]).unwrap();
        fs::write(scratch.path("vault.db-journal"), &journal).unwrap();
        let vault: Vault<u32, u32> = Vault::open(scratch.vault()).unwrap();
        vault.put(&1, &1).unwrap();
        assert_eq!(entries(&vault), [(1, 1)]);
    }
}

/// A control: without syncs, the power cuts must lose data. This shows that the tests above can
/// detect losses.
#[test]
fn without_a_sync_calls_are_lost_and_files_damaged() {
    let mut stats = CutStats::default();
    for workload in ALL {
        stats += cut::<InsertionOrder>(*workload, Durability::Off, 40);
    }
    assert!(stats.damaged > stats.states / 20, "{stats:?}");
    assert!(stats.losses > stats.states / 20, "{stats:?}");
}

/// A control: at `Normal`, power cuts between two syncs must lose the newest calls.
#[test]
fn between_two_syncs_calls_are_lost() {
    let stats = cut::<InsertionOrder>(Workload::named("puts"), Durability::Normal, 50);
    assert!(stats.losses > stats.states / 5, "{stats:?}");
}

/// A control: the tests notice a disk that ignores one kind of sync.
#[test]
fn a_disk_that_ignores_syncs_is_noticed() {
    for (name, lie) in [
        ("puts", IgnoredSync::File),
        ("puts", IgnoredSync::Log),
        ("creation", IgnoredSync::Folder),
    ] {
        let recording =
            Recording::make::<InsertionOrder>(Workload::named(name), Durability::Full, SEED);
        let mut noticed = 0;
        recording.ignoring(lie).cut(0..60, |aftermath| {
            noticed += usize::from(!is_allowed(Durability::Full, &aftermath));
        });
        assert!(noticed > 5, "{lie:?}: {noticed}");
    }
}

/// The long workloads are long enough for several checkpoints.
#[test]
fn workloads_pass_several_checkpoints() {
    for workload in ALL.iter().filter(|workload| workload.name != "creation") {
        let recording = Recording::make::<InsertionOrder>(*workload, Durability::Full, SEED);
        let checkpoints = recording.checkpoints();
        assert!(checkpoints >= 3, "{}: {checkpoints}", workload.name);
    }
}

/// Prints the figures for the documentation. Without a number of rounds, it covers only a few
/// states.
#[test]
fn figures() {
    let percent = if rounds() == 1 { 2 } else { 100 };
    eprintln!("| | states | with acknowledged calls lost | most calls lost | damaged |");
    eprintln!("|---|---|---|---|---|");
    for durability in [Durability::Full, Durability::Normal, Durability::Off] {
        let mut total = CutStats::default();
        for workload in ALL {
            let stats = cut::<InsertionOrder>(*workload, durability, percent);
            eprintln!("| {durability:?}: {} {stats}", workload.name);
            total += stats;
        }
        eprintln!("| {durability:?} {total}");
    }
}

/// Reproduces the state that `VAULTS_TEST_POWER_CUT` selects.
#[test]
fn reproduce_one() {
    let wanted = std::env::var(ONE).unwrap_or_else(|_| format!("puts,Full,{SEED},0"));
    let [name, durability, seed, number] = wanted.split(',').collect::<Vec<_>>()[..] else {
        panic!("{ONE} must be workload,durability,seed,number");
    };
    let durability = match durability {
        "Full" => Durability::Full,
        "Normal" => Durability::Normal,
        _ => Durability::Off,
    };
    let seed = seed.parse().unwrap();
    let recording = match name.strip_prefix(KeyOrder::PREFIX) {
        Some(name) => Recording::make::<KeyOrder>(Workload::named(name), durability, seed),
        None => Recording::make::<InsertionOrder>(Workload::named(name), durability, seed),
    };
    recording.cut([number.parse().unwrap()], |aftermath| {
        eprintln!("{:?}", aftermath.promise);
        eprintln!("found {:?}", aftermath.found);
        eprintln!("files in {}", replay::keep(&aftermath.image).display());
        assert!(is_allowed(durability, &aftermath));
    });
}
