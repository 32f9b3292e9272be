//! Power cuts: what a call had returned `Ok` for is there afterwards, as its durability says.
//!
//! [`disk`](super::disk) says what a power cut can do. `VAULTS_TEST_ROUNDS` multiplies the
//! number of states, each round with workloads of its own; the figures for the documentation are
//! those of
//!
//! ```text
//! VAULTS_TEST_ROUNDS=5 cargo test --test it faults::power_loss::figures -- --nocapture
//! ```
//!
//! A state that fails says how it is made again.

use std::fmt;
use std::fs;
use std::ops::AddAssign;

use vaults::{Durability, Vault};

use super::replay::{self, Aftermath, Lie, Recording};
use super::rounds;
use super::workloads::{ALL, Workload};
use crate::support::{Scratch, entries};

/// How many states of a workload are looked at, at a weight of 100.
const STATES: u32 = 150;

/// The workloads of the first round, which every run has.
const SEED: u64 = 0x5641_4C54;

/// Chooses one state: `workload,durability,seed,number`.
const ONE: &str = "VAULTS_TEST_POWER_CUT";

/// What became of a number of power cuts.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    states: usize,
    /// States in which acknowledged calls are lost, and the most that were.
    losses: usize,
    most_lost: usize,
    /// States in which the call that had begun and not returned is there.
    ahead: usize,
    damaged: usize,
}

impl Tally {
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

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.states += other.states;
        self.losses += other.losses;
        self.most_lost = self.most_lost.max(other.most_lost);
        self.ahead += other.ahead;
        self.damaged += other.damaged;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {} |",
            self.states, self.losses, self.most_lost, self.damaged
        )
    }
}

/// Whether a durability allows what a power cut has left.
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
fn cut(workload: Workload, durability: Durability, percent: u32) -> Tally {
    let mut tally = Tally::default();
    let states = u64::from(STATES * workload.weight * percent / 10_000);
    for round in 0..rounds() {
        let seed = SEED + u64::from(round);
        let recording = Recording::make(workload, durability, seed);
        recording.cut(0..states, |aftermath| {
            tally.count(&aftermath);
            assert!(
                is_allowed(durability, &aftermath),
                "{} at {durability:?}: {:?} was promised, found {:?}; \
                 to see it again: {ONE}='{},{durability:?},{seed},{}' cargo test --test it \
                 faults::power_loss::one -- --nocapture; its files are in {}",
                workload.name,
                aftermath.promise,
                aftermath.found,
                workload.name,
                aftermath.number,
                replay::keep(&aftermath.image).display(),
            );
        });
    }
    tally
}

/// A workload loses nothing at `Full`, and at `Normal` nothing but the newest calls.
fn survives(name: &str) {
    let workload = Workload::named(name);
    let full = cut(workload, Durability::Full, 100);
    assert_eq!((full.losses, full.damaged), (0, 0), "{full:?}");
    let normal = cut(workload, Durability::Normal, 100);
    assert_eq!(normal.damaged, 0, "{normal:?}");
}

macro_rules! surviving {
    ($($test:ident: $name:literal,)+) => {
        $(
            #[test]
            fn $test() {
                survives($name);
            }
        )+

        #[test]
        fn every_workload_has_its_test() {
            let names: Vec<&str> = ALL.iter().map(|workload| workload.name).collect();
            assert_eq!(names, [$($name),+]);
        }
    };
}

surviving! {
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

/// A file whose creation was cut short: its first page was being written, and has reached the disk as
/// zeros. The journal beside it says that there was no page before
/// (<https://www.sqlite.org/fileformat2.html#the_rollback_journal>): 28 bytes in a sector, of
/// which these are the magic, the number of records, a nonce, the number of pages before, the
/// size of a sector and that of a page.
#[test]
fn a_creation_that_was_cut_short_is_taken_up_again() {
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

/// What is never synced does not survive. If it did, the cuts would be harmless, and the tests
/// above would show nothing.
#[test]
fn without_a_sync_calls_are_lost_and_files_damaged() {
    let mut tally = Tally::default();
    for workload in ALL {
        tally += cut(*workload, Durability::Off, 40);
    }
    assert!(tally.damaged > tally.states / 20, "{tally:?}");
    assert!(tally.losses > tally.states / 20, "{tally:?}");
}

/// At `Normal` the newest calls are lost now and then: the cuts fall between two syncs.
#[test]
fn between_two_syncs_calls_are_lost() {
    let tally = cut(Workload::named("puts"), Durability::Normal, 50);
    assert!(tally.losses > tally.states / 5, "{tally:?}");
}

/// Each kind of sync counts: a disk that lies about one of them does not go unnoticed.
#[test]
fn a_disk_that_lies_is_noticed() {
    for (name, lie) in [
        ("puts", Lie::File),
        ("puts", Lie::Log),
        ("creation", Lie::Folder),
    ] {
        let recording = Recording::make(Workload::named(name), Durability::Full, SEED);
        let mut noticed = 0;
        recording.with_lies(lie).cut(0..60, |aftermath| {
            noticed += usize::from(!is_allowed(Durability::Full, &aftermath));
        });
        assert!(noticed > 5, "{lie:?}: {noticed}");
    }
}

/// The long workloads do what they are long for.
#[test]
fn workloads_pass_several_checkpoints() {
    for workload in ALL.iter().filter(|workload| workload.name != "creation") {
        let recording = Recording::make(*workload, Durability::Full, SEED);
        let checkpoints = recording.checkpoints();
        assert!(checkpoints >= 3, "{}: {checkpoints}", workload.name);
    }
}

/// Prints the figures for the documentation; of a few states only, if no rounds are asked for.
#[test]
fn figures() {
    let percent = if rounds() == 1 { 2 } else { 100 };
    eprintln!("| | states | with acknowledged calls lost | most calls lost | damaged |");
    eprintln!("|---|---|---|---|---|");
    for durability in [Durability::Full, Durability::Normal, Durability::Off] {
        let mut total = Tally::default();
        for workload in ALL {
            let tally = cut(*workload, durability, percent);
            eprintln!("| {durability:?}: {} {tally}", workload.name);
            total += tally;
        }
        eprintln!("| {durability:?} {total}");
    }
}

/// Shows the one state that `VAULTS_TEST_POWER_CUT` names.
#[test]
fn one() {
    let wanted = std::env::var(ONE).unwrap_or_else(|_| format!("puts,Full,{SEED},0"));
    let [name, durability, seed, number] = wanted.split(',').collect::<Vec<_>>()[..] else {
        panic!("{ONE} is workload,durability,seed,number");
    };
    let durability = match durability {
        "Full" => Durability::Full,
        "Normal" => Durability::Normal,
        _ => Durability::Off,
    };
    let recording = Recording::make(Workload::named(name), durability, seed.parse().unwrap());
    recording.cut([number.parse().unwrap()], |aftermath| {
        eprintln!("{:?}", aftermath.promise);
        eprintln!("found {:?}", aftermath.found);
        eprintln!("files in {}", replay::keep(&aftermath.image).display());
        assert!(is_allowed(durability, &aftermath));
    });
}
