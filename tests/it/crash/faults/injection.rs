//! Fault injection: each operation that a workload reaches fails, once or permanently.
//!
//! After each fault, the vault has the state of the acknowledged calls, and no error, lock or open
//! file is left. `VAULTS_TEST_ROUNDS` multiplies the number of faults, up to all of them. The
//! figures in the documentation are printed by
//!
//! ```text
//! VAULTS_TEST_ROUNDS=1000 cargo test --test it faults::injection::figures -- --nocapture
//! ```
//!
//! A failure prints how to reproduce it.

use std::fmt;
use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::ffi;
use vaults::Durability;
use vaults::order::{InsertionOrder, KeyOrder};

use super::faulty_vault::{Case, FaultSpan};
use super::model::{MAX_VALUE_BYTES, Step, Value};
use super::order::FaultOrder;
use super::trace::{Fault, OPERATIONS, Operation, Reached, codes};
use super::workloads::{Length, Workload};
use super::{Random, rounds};
use crate::support::panic_message;

/// The number of faults of each kind of operation in a workload of weight 100.
const CASES: u32 = 40;

const SEED: u64 = 0x5641_4C54;

/// Selects one fault: `workload,durability,operation,nth,code,span`. The name of a workload on a sorted vault begins
/// with `sorted `.
const ONE: &str = "VAULTS_TEST_FAULT";

/// The results of the faults of a workload.
#[derive(Clone, Copy, Debug, Default)]
struct FaultStats {
    /// The number of operations that the workload reaches.
    operations: u32,
    /// The number of faults, and of those that a call reported.
    faults: u32,
    noticed: u32,
    /// The number of faults after which the change of a failed call was present in the reopened
    /// file.
    persisted: u32,
}

impl AddAssign for FaultStats {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.faults += other.faults;
        self.noticed += other.noticed;
        self.persisted += other.persisted;
    }
}

impl fmt::Display for FaultStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {} |",
            self.operations, self.faults, self.noticed, self.persisted
        )
    }
}

/// Returns all possible faults of a workload, or at most `limit` for each kind of operation.
fn faults(reached: &Reached, limit: u32) -> Vec<(Fault, FaultSpan)> {
    let mut random = Random::new(SEED);
    let mut chosen = Vec::new();
    for &operation in OPERATIONS {
        let mut all = Vec::new();
        for nth in 1..=reached[operation as usize] {
            for &code in codes(operation) {
                for span in FaultSpan::ALL {
                    let fault = Fault {
                        operation,
                        nth,
                        code,
                        is_lasting: span != FaultSpan::Once,
                    };
                    all.push((fault, span));
                }
            }
        }
        while all.len() > limit as usize {
            all.swap_remove(random.below(all.len()));
        }
        chosen.append(&mut all);
    }
    chosen
}

/// Runs a workload with faults, at most `limit` for each kind of operation.
fn run_faults<O: FaultOrder>(workload: Workload, durability: Durability, limit: u32) -> FaultStats {
    let steps = workload.steps(SEED, Length::Short);
    let reached = Case::reached::<O>(workload, durability, &steps);
    let mut stats = FaultStats {
        operations: reached.iter().sum(),
        ..FaultStats::default()
    };
    let mut failures = Vec::new();
    for (fault, span) in faults(&reached, limit) {
        let case = Case {
            workload,
            durability,
            steps: &steps,
            fault,
            span,
        };
        stats.faults += 1;
        match catch_unwind(AssertUnwindSafe(|| case.run::<O>())) {
            Ok(outcome) => {
                stats.noticed += u32::from(outcome.is_noticed);
                stats.persisted += u32::from(outcome.has_persisted);
            }
            Err(panic) => failures.push(format!(
                "{ONE}='{}{},{durability:?},{:?},{},{},{span:?}': {}",
                O::PREFIX,
                workload.name,
                fault.operation,
                fault.nth,
                fault.code,
                panic_message(&*panic)
            )),
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} faults; to see one again, set this and run \
         cargo test --test it faults::injection::reproduce_one -- --nocapture:\n{}",
        failures.len(),
        stats.faults,
        failures[..failures.len().min(20)].join("\n"),
    );
    stats
}

/// Returns the number of faults of each kind of operation in a workload.
fn cases(name: &str) -> u32 {
    let weight = Workload::named(name).weight;
    (CASES * weight / 100).saturating_mul(rounds())
}

fn assert_survives_faults<O: FaultOrder>(
    name: &str,
    durability: Durability,
    limit: u32,
) -> FaultStats {
    let stats = run_faults::<O>(Workload::named(name), durability, limit);
    assert!(stats.noticed > stats.faults / 4, "{name}: {stats:?}");
    stats
}

macro_rules! fault_tests {
    ($($test:ident: $name:literal at $durability:ident,)+) => {
        $(
            #[test]
            fn $test() {
                assert_survives_faults::<InsertionOrder>($name, Durability::$durability, cases($name));
            }
        )+

        /// Prints the figures for the documentation. Without a number of rounds, it covers only a
        /// few faults.
        #[test]
        fn figures() {
            eprintln!(
                "| workload | operations reached | faults | noticed by a call \
                 | failed, and there after all |"
            );
            eprintln!("|---|---|---|---|---|");
            let mut total = FaultStats::default();
            for (name, durability) in [$(($name, Durability::$durability)),+] {
                let limit = if rounds() == 1 { 2 } else { cases(name) };
                let stats = assert_survives_faults::<InsertionOrder>(name, durability, limit);
                eprintln!("| {name}, {durability:?} {stats}");
                total += stats;
            }
            eprintln!("| all {total}");
        }
    };
}

/// While the fault lasts, SQLite cannot take the lock. It gives up after a hundred tries, with an
/// error code of its own: <https://www.sqlite.org/rescode.html#protocol>. For the caller, this is
/// the same as a lock held by another process.
#[test]
fn a_lock_that_cannot_be_taken_is_busy() {
    let case = Case {
        workload: Workload::named("puts"),
        durability: Durability::Full,
        steps: &[],
        fault: Fault {
            operation: Operation::ShmLock,
            nth: 1,
            code: ffi::SQLITE_BUSY,
            is_lasting: true,
        },
        span: FaultSpan::Outlasting,
    };
    assert!(case.run::<InsertionOrder>().is_noticed);
}

/// If the index could not be mapped once during opening, `flush` still syncs.
#[test]
fn a_flush_syncs_after_a_fault_during_opening() {
    let (workload, durability) = (Workload::named("puts"), Durability::Normal);
    let operation = Operation::ShmMap;
    for nth in 1..=Case::reached::<InsertionOrder>(workload, durability, &[])[operation as usize] {
        let case = Case {
            workload,
            durability,
            steps: &[],
            fault: Fault {
                operation,
                nth,
                code: ffi::SQLITE_IOERR_SHMMAP,
                is_lasting: false,
            },
            span: FaultSpan::Once,
        };
        case.run::<InsertionOrder>();
    }
}

/// One call writes more pages to the log than the first region of its index can describe. SQLite
/// requests the next region after it has written the commit record.
#[test]
fn an_index_that_cannot_grow() {
    let (workload, durability) = (Workload::named("extends"), Durability::Full);
    let value = |id| Value {
        id,
        size: MAX_VALUE_BYTES,
    };
    let small = Step::Put(1, Value { id: 1, size: 10 });
    let large = Step::Extend((2..112).map(|key| (key, value(key))).collect());
    let steps = [small, large];
    let operation = Operation::ShmMap;
    let reached = Case::reached::<InsertionOrder>(workload, durability, &steps)[operation as usize];
    let before =
        Case::reached::<InsertionOrder>(workload, durability, &steps[..1])[operation as usize];
    assert!(reached > before, "the index does not grow");
    for nth in 1..=reached {
        for span in FaultSpan::ALL {
            let fault = Fault {
                operation,
                nth,
                code: ffi::SQLITE_IOERR_SHMMAP,
                is_lasting: span != FaultSpan::Once,
            };
            let case = Case {
                workload,
                durability,
                steps: &steps,
                fault,
                span,
            };
            case.run::<InsertionOrder>();
        }
    }
}

fault_tests! {
    creation_survives_faults: "creation" at Full,
    puts_survive_faults: "puts" at Full,
    entries_survive_faults: "entries" at Full,
    transactions_survive_faults: "transactions" at Full,
    extends_survive_faults: "extends" at Full,
    removals_survive_faults: "removals" at Full,
    flushes_survive_faults: "flushes" at Normal,
    compaction_survives_faults: "compaction" at Full,
    reopening_survives_faults: "reopening" at Full,
    reopening_without_syncs_survives_faults: "reopening" at Normal,
}

fn assert_sorted_survives_faults(name: &str) {
    assert_survives_faults::<KeyOrder>(name, Durability::Full, cases(name) / 2);
}

#[test]
fn sorted_puts_survive_faults() {
    assert_sorted_survives_faults("puts");
}

#[test]
fn sorted_transactions_survive_faults() {
    assert_sorted_survives_faults("transactions");
}

#[test]
fn sorted_removals_survive_faults() {
    assert_sorted_survives_faults("removals");
}

#[test]
fn ranges_of_sorted_vaults_survive_faults() {
    assert_survives_faults::<KeyOrder>("ranges", Durability::Full, cases("ranges"));
}

#[test]
fn sorted_compaction_and_reopening_survive_faults() {
    assert_sorted_survives_faults("compaction");
    assert_sorted_survives_faults("reopening");
}

/// Reproduces the fault that `VAULTS_TEST_FAULT` selects.
#[test]
fn reproduce_one() {
    let wanted = std::env::var(ONE)
        .unwrap_or_else(|_| format!("puts,Full,Write,1,{},Once", ffi::SQLITE_FULL));
    let [name, durability, operation, nth, code, span] = wanted.split(',').collect::<Vec<_>>()[..]
    else {
        panic!("{ONE} must be workload,durability,operation,nth,code,span");
    };
    let sorted = name.strip_prefix(KeyOrder::PREFIX);
    let workload = Workload::named(sorted.unwrap_or(name));
    let span = FaultSpan::ALL
        .into_iter()
        .find(|known| format!("{known:?}") == span);
    let operation = OPERATIONS
        .iter()
        .find(|known| format!("{known:?}") == operation);
    let case = Case {
        workload,
        durability: match durability {
            "Full" => Durability::Full,
            _ => Durability::Normal,
        },
        steps: &workload.steps(SEED, Length::Short),
        fault: Fault {
            operation: *operation.expect("an operation"),
            nth: nth.parse().unwrap(),
            code: code.parse().unwrap(),
            is_lasting: span != Some(FaultSpan::Once),
        },
        span: span.expect("a span"),
    };
    eprintln!("{case:#?}");
    let outcome = if sorted.is_some() {
        case.run::<KeyOrder>()
    } else {
        case.run::<InsertionOrder>()
    };
    eprintln!("{outcome:?}");
}
