//! Reads by key beside faults and power cuts: whatever failed, a handle that had read a key before
//! shows what a new one shows.
//!
//! Every key is asked for before each call, so that an answer which was kept would show. A call that
//! has failed is seen by nobody, through no handle; one that was acknowledged is seen through all.
//!
//! A fault that is not dealt with says how it is made again.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use serde_bytes::ByteBuf;
use vaults::{Durability, OpenOptions, Result, Vault};

use super::model::{self, State, Step, TestVault};
use super::replay::{FILE, Recording};
use super::trace::{Fault, OPERATIONS, Operation, Reached, codes};
use super::vfs::{Watching, impatiently};
use super::workloads::{ALL, Length, Workload};
use super::{Place, Random, rounds};
use crate::support::panic_message;

const SEED: u64 = 0x434F_4845;

/// How many faults of a workload are tried at operations of one kind.
const CASES: usize = 6;
/// How many power cuts.
const CUTS: u64 = 25;

/// Chooses one fault: `workload,operation,nth,code,is_lasting`.
const ONE: &str = "VAULTS_TEST_STALE";

/// All keys of the short workloads, and some that are never there.
fn keys(state: &State) -> impl Iterator<Item = u32> {
    (0..12).chain(state.iter().map(|(key, _)| *key))
}

fn value_of(state: &State, key: u32) -> Option<ByteBuf> {
    let entry = state.iter().find(|(other, _)| *other == key);
    entry.map(|(_, value)| value.bytes())
}

/// Asks for every key, in each way of asking for one.
fn check(vault: &TestVault, state: &State, when: &str) -> Result<()> {
    for key in keys(state) {
        let expected = value_of(state, key);
        let is_there = vault.contains_key(&key)?;
        assert_eq!(is_there, expected.is_some(), "contains_key({key}) {when}");
        // Values are large: what is shown of one is enough to know it by.
        let found = vault.get(&key)?;
        assert!(
            found == expected,
            "get({key}) {when}: expected {:?}, saw {:?}",
            expected.as_ref().map(|value| &value[..8]),
            found.as_ref().map(|value| &value[..8]),
        );
    }
    Ok(())
}

// ---- faults -----------------------------------------------------------------------------

struct Victim<'a> {
    watching: Watching,
    path: PathBuf,
    options: OpenOptions,
    fault: Option<Fault>,
    steps: &'a [Step],
    _place: Place,
}

impl<'a> Victim<'a> {
    fn new(workload: Workload, steps: &'a [Step], fault: Option<Fault>) -> Self {
        let place = Place::new();
        let path = place.folder().join(FILE);
        workload.prepare(&path);
        let mut options = OpenOptions::new();
        options.busy_timeout(Duration::ZERO);
        Self {
            watching: Watching::new(&place.folder()),
            path,
            options,
            fault,
            steps,
            _place: place,
        }
    }

    /// Makes all calls through one handle, beside another that only looks. The operations are
    /// counted once both are open, up to the fault; true if it was met.
    fn live(&self) -> (Reached, bool) {
        let vault: TestVault = self.options.open(&self.path).unwrap();
        let other: TestVault = self.options.open(&self.path).unwrap();
        let mut state = State::new();
        for handle in [&vault, &other] {
            check(handle, &state, "at the beginning").unwrap();
        }
        self.watching.arm(self.fault);
        let mut is_met = false;
        for (n, step) in self.steps.iter().enumerate() {
            let when = format!("around step {n}");
            // A look may meet the fault. It fails then, or it is right.
            for handle in [&vault, &other] {
                check(handle, &state, &when).ok();
            }
            let mut after = state.clone();
            step.apply(&mut after);
            if step.perform(&vault).is_ok() {
                state = after;
            }
            for handle in [&vault, &other] {
                check(handle, &state, &when).ok();
            }
            if self.watching.fired() > 0 {
                is_met = true;
                self.watching.disarm();
                self.compare([&vault, &other], &state, &when);
                self.watching
                    .arm(self.fault.filter(|fault| fault.is_lasting).map(again));
            }
        }
        self.watching.disarm();
        let reached = self.watching.reached();
        self.compare([&vault, &other], &state, "in the end");
        (reached, is_met)
    }

    /// The handles and a new one show the same, and so does SQLite.
    fn compare(&self, handles: [&TestVault; 2], state: &State, when: &str) {
        let new: TestVault = self.options.open(&self.path).unwrap();
        assert_eq!(model::read(&new).unwrap(), *state, "a new handle {when}");
        for handle in [handles[0], handles[1], &new] {
            check(handle, state, when).unwrap();
        }
        assert_eq!(
            model::read(handles[0]).unwrap(),
            *state,
            "by iteration {when}"
        );
    }
}

/// The next operation of the kind fails, and so do all that follow.
const fn again(fault: Fault) -> Fault {
    Fault { nth: 1, ..fault }
}

/// The calls that change something; no handle is closed in between.
fn steps(workload: Workload) -> Vec<Step> {
    let mut steps = workload.steps(SEED, Length::Short);
    steps.retain(|step| !step.is_service());
    steps
}

/// Some faults of each kind.
fn faults(reached: &Reached) -> Vec<Fault> {
    let mut random = Random::new(SEED);
    let mut chosen = Vec::new();
    for &operation in OPERATIONS {
        let most = reached[operation as usize] as usize;
        for case in 0..(CASES * rounds() as usize).min(most) {
            let code = codes(operation)[case % codes(operation).len()];
            chosen.push(Fault {
                operation,
                nth: 1 + u32::try_from(random.below(most)).unwrap(),
                code,
                is_lasting: random.chance(30),
            });
        }
    }
    chosen
}

/// True if the fault was met.
fn endure(workload: Workload, steps: &[Step], fault: Fault) -> bool {
    impatiently(|| Victim::new(workload, steps, Some(fault)).live().1)
}

fn endures(name: &str) {
    let workload = Workload::named(name);
    let steps = steps(workload);
    let faults = faults(&Victim::new(workload, &steps, None).live().0);
    assert!(faults.len() > CASES * 3, "{} faults", faults.len());
    let (mut met, mut failures) = (0, Vec::new());
    for fault in &faults {
        let endured = catch_unwind(AssertUnwindSafe(|| endure(workload, &steps, *fault)));
        match endured {
            Ok(is_met) => met += usize::from(is_met),
            Err(panic) => failures.push(format!(
                "{ONE}='{name},{:?},{},{},{}': {}",
                fault.operation,
                fault.nth,
                fault.code,
                fault.is_lasting,
                panic_message(&*panic)
            )),
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} faults; to see one again, set this and run \
         cargo test --test it faults::coherence::one -- --nocapture:\n{}",
        failures.len(),
        faults.len(),
        failures[..failures.len().min(20)].join("\n"),
    );
    assert!(met > faults.len() / 2, "{met} of {} were met", faults.len());
}

#[test]
fn puts_that_fail_are_not_seen() {
    endures("puts");
}

#[test]
fn entries_that_fail_are_not_seen() {
    endures("entries");
}

#[test]
fn transactions_that_fail_are_not_seen() {
    endures("transactions");
}

#[test]
fn removals_that_fail_are_not_seen() {
    endures("removals");
}

#[test]
fn a_compaction_that_fails_changes_nothing() {
    endures("compaction");
}

/// Shows the one fault that `VAULTS_TEST_STALE` names.
#[test]
fn one() {
    let wanted = std::env::var(ONE)
        .unwrap_or_else(|_| format!("puts,Write,1,{},false", rusqlite::ffi::SQLITE_FULL));
    let [name, operation, nth, code, is_lasting] = wanted.split(',').collect::<Vec<_>>()[..] else {
        panic!("{ONE} is workload,operation,nth,code,is_lasting");
    };
    let named = |known: &&Operation| format!("{known:?}") == operation;
    let fault = Fault {
        operation: *OPERATIONS.iter().find(named).expect("an operation"),
        nth: nth.parse().unwrap(),
        code: code.parse().unwrap(),
        is_lasting: is_lasting == "true",
    };
    let workload = Workload::named(name);
    eprintln!("met: {}", endure(workload, &steps(workload), fault));
}

// ---- power cuts -------------------------------------------------------------------------

/// While the changes of its file are recorded, a handle shows what was written through it, and
/// so does another one.
#[test]
fn both_handles_of_a_recorded_file_show_every_call() {
    for workload in ALL {
        let steps = steps(*workload);
        let victim = Victim::new(*workload, &steps, None);
        victim.watching.record();
        victim.live();
        assert!(!victim.watching.take_trace().events.is_empty());
    }
}

/// After a power cut, what is found by key is what is found by walking over everything, before
/// and after a write through another handle.
#[test]
fn after_a_power_cut_keys_show_what_is_in_the_file() {
    for name in ["puts", "transactions", "removals"] {
        let workload = Workload::named(name);
        let recording = Recording::make(workload, Durability::Normal, SEED);
        recording.cut(0..CUTS * u64::from(rounds()), |aftermath| {
            let place = Place::new();
            for (name, content) in &aftermath.image {
                fs::write(place.folder().join(name), content).unwrap();
            }
            let when = format!("{name}, cut {}", aftermath.number);
            let path = place.folder().join(FILE);
            let vault: TestVault = Vault::open(&path).unwrap();
            let state = model::read(&vault).unwrap();
            check(&vault, &state, &when).unwrap();
            let other: TestVault = Vault::open(&path).unwrap();
            let mut after = state;
            let value = model::Value { id: 1, size: 500 };
            for step in [Step::Put(3, value), Step::Remove(5), Step::PopFirst] {
                step.perform(&other).unwrap();
                step.apply(&mut after);
                check(&vault, &after, &when).unwrap();
                check(&other, &after, &when).unwrap();
            }
        });
    }
}
