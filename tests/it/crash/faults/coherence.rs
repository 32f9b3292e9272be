//! Reads by key after faults and power cuts. After any fault, a handle with cached entries shows
//! the same entries as a new handle.
//!
//! Every key is read before each call, so that a stale cached entry would be noticed. No handle may
//! show the change of a failed call, and every handle must show the change of an acknowledged one.
//!
//! A failure prints how to reproduce it.

use std::fs;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use serde_bytes::ByteBuf;
use vaults::order::{InsertionOrder, KeyOrder};
use vaults::{Durability, OpenOptions, Result};

use super::model::{self, State, Step, TestVault};
use super::order::FaultOrder;
use super::replay::{FILE, Recording};
use super::trace::{Fault, OPERATIONS, Operation, Reached, codes};
use super::vfs::{WatchGuard, without_sleeping};
use super::workloads::{ALL, Length, Workload};
use super::{Random, TempFolder, rounds};
use crate::support::panic_message;

const SEED: u64 = 0x434F_4845;

/// The number of faults of each kind of operation in a workload.
const CASES: usize = 6;
/// The number of power cuts.
const CUTS: u64 = 25;

/// Selects one fault: `workload,operation,nth,code,is_lasting`. The name of a workload on a sorted vault begins with
/// `sorted `.
const ONE: &str = "VAULTS_TEST_STALE";

/// Returns all keys of the short workloads, and some that are never stored.
fn keys(state: &State) -> impl Iterator<Item = u32> {
    (0..12).chain(state.iter().map(|(key, _)| *key))
}

fn value_of(state: &State, key: u32) -> Option<ByteBuf> {
    let entry = state.iter().find(|(other, _)| *other == key);
    entry.map(|(_, value)| value.bytes())
}

/// Reads every key, by each method for one key.
fn check<O: FaultOrder>(vault: &TestVault<O>, state: &State, when: &str) -> Result<()> {
    for key in keys(state) {
        let expected = value_of(state, key);
        let is_present = vault.contains_key(&key)?;
        assert_eq!(is_present, expected.is_some(), "contains_key({key}) {when}");
        // Values are large. The first bytes identify a value.
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

struct FaultyVault<'a, O> {
    watching: WatchGuard,
    path: PathBuf,
    options: OpenOptions,
    fault: Option<Fault>,
    steps: &'a [Step],
    _temp: TempFolder,
    _order: PhantomData<O>,
}

impl<'a, O: FaultOrder> FaultyVault<'a, O> {
    fn new(workload: Workload, steps: &'a [Step], fault: Option<Fault>) -> Self {
        let temp = TempFolder::new();
        let path = temp.path().join(FILE);
        workload.prepare(&path);
        let mut options = OpenOptions::new();
        options.busy_timeout(Duration::ZERO);
        Self {
            watching: WatchGuard::new(&temp.path()),
            path,
            options,
            fault,
            steps,
            _temp: temp,
            _order: PhantomData,
        }
    }

    /// Makes all calls through one handle, while another one reads. Operations are counted from the
    /// moment when both are open until the fault. Returns `true` if the fault occurred.
    fn run_steps(&self) -> (Reached, bool) {
        let vault: TestVault<O> = O::open(&self.options, &self.path).unwrap();
        let other: TestVault<O> = O::open(&self.options, &self.path).unwrap();
        let mut state = State::new();
        for handle in [&vault, &other] {
            check(handle, &state, "at the beginning").unwrap();
        }
        self.watching.arm(self.fault);
        let mut has_occurred = false;
        for (n, step) in self.steps.iter().enumerate() {
            let when = format!("around step {n}");
            // A read may meet the fault. Then it fails, else it must be correct.
            for handle in [&vault, &other] {
                check(handle, &state, &when).ok();
            }
            let mut after = state.clone();
            step.apply::<O>(&mut after);
            if step.perform(&vault).is_ok() {
                state = after;
            }
            for handle in [&vault, &other] {
                check(handle, &state, &when).ok();
            }
            if self.watching.fired() > 0 {
                has_occurred = true;
                self.watching.disarm();
                self.compare([&vault, &other], &state, &when);
                self.watching.arm(
                    self.fault
                        .filter(|fault| fault.is_lasting)
                        .map(from_next_operation),
                );
            }
        }
        self.watching.disarm();
        let reached = self.watching.reached();
        self.compare([&vault, &other], &state, "in the end");
        (reached, has_occurred)
    }

    /// Asserts that the handles, a new handle and SQLite show the same entries.
    fn compare(&self, handles: [&TestVault<O>; 2], state: &State, when: &str) {
        let new: TestVault<O> = O::open(&self.options, &self.path).unwrap();
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

/// Makes the next operation of the kind fail, and all that follow.
const fn from_next_operation(fault: Fault) -> Fault {
    Fault { nth: 1, ..fault }
}

/// Returns the calls that change an entry. No handle is closed between them.
fn steps(workload: Workload) -> Vec<Step> {
    let mut steps = workload.steps(SEED, Length::Short);
    steps.retain(|step| !step.is_service());
    steps
}

/// Returns some faults of each kind.
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

/// Returns `true` if the fault occurred.
fn run_fault<O: FaultOrder>(workload: Workload, steps: &[Step], fault: Fault) -> bool {
    without_sleeping(|| {
        FaultyVault::<O>::new(workload, steps, Some(fault))
            .run_steps()
            .1
    })
}

fn assert_coherent_after_faults<O: FaultOrder>(name: &str) {
    let workload = Workload::named(name);
    let steps = steps(workload);
    let faults = faults(&FaultyVault::<O>::new(workload, &steps, None).run_steps().0);
    assert!(faults.len() > CASES * 3, "{} faults", faults.len());
    let (mut occurred, mut failures) = (0, Vec::new());
    for fault in &faults {
        let result = catch_unwind(AssertUnwindSafe(|| {
            run_fault::<O>(workload, &steps, *fault)
        }));
        match result {
            Ok(has_occurred) => occurred += usize::from(has_occurred),
            Err(panic) => failures.push(format!(
                "{ONE}='{}{name},{:?},{},{},{}': {}",
                O::PREFIX,
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
         cargo test --test it faults::coherence::reproduce_one -- --nocapture:\n{}",
        failures.len(),
        faults.len(),
        failures[..failures.len().min(20)].join("\n"),
    );
    assert!(
        occurred > faults.len() / 2,
        "{occurred} of {} faults occurred",
        faults.len()
    );
}

#[test]
fn failed_puts_are_not_visible() {
    assert_coherent_after_faults::<InsertionOrder>("puts");
}

#[test]
fn failed_entries_are_not_visible() {
    assert_coherent_after_faults::<InsertionOrder>("entries");
}

#[test]
fn failed_transactions_are_not_visible() {
    assert_coherent_after_faults::<InsertionOrder>("transactions");
}

#[test]
fn failed_removals_are_not_visible() {
    assert_coherent_after_faults::<InsertionOrder>("removals");
}

#[test]
fn a_failed_compaction_changes_nothing() {
    assert_coherent_after_faults::<InsertionOrder>("compaction");
}

#[test]
fn failed_calls_of_a_sorted_vault_are_not_visible() {
    for name in ["puts", "ranges", "transactions"] {
        assert_coherent_after_faults::<KeyOrder>(name);
    }
}

/// Reproduces the fault that `VAULTS_TEST_STALE` selects.
#[test]
fn reproduce_one() {
    let wanted = std::env::var(ONE)
        .unwrap_or_else(|_| format!("puts,Write,1,{},false", rusqlite::ffi::SQLITE_FULL));
    let [name, operation, nth, code, is_lasting] = wanted.split(',').collect::<Vec<_>>()[..] else {
        panic!("{ONE} must be workload,operation,nth,code,is_lasting");
    };
    let named = |known: &&Operation| format!("{known:?}") == operation;
    let fault = Fault {
        operation: *OPERATIONS.iter().find(named).expect("an operation"),
        nth: nth.parse().unwrap(),
        code: code.parse().unwrap(),
        is_lasting: is_lasting == "true",
    };
    let sorted = name.strip_prefix(KeyOrder::PREFIX);
    let workload = Workload::named(sorted.unwrap_or(name));
    let steps = steps(workload);
    let occurred = if sorted.is_some() {
        run_fault::<KeyOrder>(workload, &steps, fault)
    } else {
        run_fault::<InsertionOrder>(workload, &steps, fault)
    };
    eprintln!("occurred: {occurred}");
}

// ---- power cuts -------------------------------------------------------------------------

/// While the changes of its file are recorded, a handle and a second one show every write.
#[test]
fn both_handles_of_a_recorded_file_show_every_call() {
    for workload in ALL {
        let steps = steps(*workload);
        let victim = FaultyVault::<InsertionOrder>::new(*workload, &steps, None);
        victim.watching.record();
        victim.run_steps();
        assert!(!victim.watching.take_trace().events.is_empty());
    }
}

/// After a power cut, reads by key match an iteration, before and after a write through another
/// handle.
#[test]
fn after_a_power_cut_reads_by_key_show_the_content_of_the_file() {
    for name in ["puts", "transactions", "removals"] {
        read_after_power_cuts::<InsertionOrder>(name);
    }
    read_after_power_cuts::<KeyOrder>("ranges");
}

fn read_after_power_cuts<O: FaultOrder>(name: &str) {
    let workload = Workload::named(name);
    let recording = Recording::make::<O>(workload, Durability::Normal, SEED);
    recording.cut(0..CUTS * u64::from(rounds()), |aftermath| {
        let temp = TempFolder::new();
        for (name, content) in &aftermath.image {
            fs::write(temp.path().join(name), content).unwrap();
        }
        let when = format!("{name}, cut {}", aftermath.number);
        let path = temp.path().join(FILE);
        let vault: TestVault<O> = O::open(&OpenOptions::new(), &path).unwrap();
        let state = model::read(&vault).unwrap();
        check(&vault, &state, &when).unwrap();
        let other: TestVault<O> = O::open(&OpenOptions::new(), &path).unwrap();
        let mut after = state;
        let value = model::Value { id: 1, size: 500 };
        for step in [Step::Put(3, value), Step::Remove(5), Step::PopFirst] {
            step.perform(&other).unwrap();
            step.apply::<O>(&mut after);
            check(&vault, &after, &when).unwrap();
            check(&other, &after, &when).unwrap();
        }
    });
}
