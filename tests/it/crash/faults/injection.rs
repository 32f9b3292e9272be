//! Operations that fail: each that a workload reaches, once and for good.
//!
//! After each the state is that of the calls that were acknowledged, and nothing is left behind: no
//! error, no lock, no open file. `VAULTS_TEST_ROUNDS` multiplies the number of faults, up to all of
//! them; the figures for the documentation are those of
//!
//! ```text
//! VAULTS_TEST_ROUNDS=1000 cargo test --test it faults::injection::figures -- --nocapture
//! ```
//!
//! A fault that is not dealt with says how it is made again.

use std::fmt;
use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::ffi;
use vaults::Durability;

use super::model::{MAX_VALUE_BYTES, Step, Value};
use super::trace::{Fault, OPERATIONS, Operation, Reached, codes};
use super::victim::{Case, Course};
use super::workloads::{Length, Workload};
use super::{Random, rounds};
use crate::support::panic_message;

/// How many faults of a workload are tried at operations of one kind, at a weight of 100.
const CASES: u32 = 40;

const SEED: u64 = 0x5641_4C54;

/// Chooses one fault: `workload,durability,operation,nth,code,course`.
const ONE: &str = "VAULTS_TEST_FAULT";

/// What came of the faults of a workload.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Operations that the workload reaches.
    operations: u32,
    /// Faults that were made, and those that a call noticed.
    faults: u32,
    noticed: u32,
    /// Faults after which a call that had failed was there when the file was opened anew.
    there_after_all: u32,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.faults += other.faults;
        self.noticed += other.noticed;
        self.there_after_all += other.there_after_all;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {} |",
            self.operations, self.faults, self.noticed, self.there_after_all
        )
    }
}

/// All faults that there can be in a workload, or so many of each kind of operation.
fn faults(reached: &Reached, limit: u32) -> Vec<(Fault, Course)> {
    let mut random = Random::new(SEED);
    let mut chosen = Vec::new();
    for &operation in OPERATIONS {
        let mut all = Vec::new();
        for nth in 1..=reached[operation as usize] {
            for &code in codes(operation) {
                for course in Course::ALL {
                    let fault = Fault {
                        operation,
                        nth,
                        code,
                        is_lasting: course != Course::Once,
                    };
                    all.push((fault, course));
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

/// Makes faults at the operations of a workload: so many at operations of one kind.
fn sweep(workload: Workload, durability: Durability, limit: u32) -> Tally {
    let steps = workload.steps(SEED, Length::Short);
    let reached = Case::reached(workload, durability, &steps);
    let mut tally = Tally {
        operations: reached.iter().sum(),
        ..Tally::default()
    };
    let mut failures = Vec::new();
    for (fault, course) in faults(&reached, limit) {
        let case = Case {
            workload,
            durability,
            steps: &steps,
            fault,
            course,
        };
        tally.faults += 1;
        match catch_unwind(AssertUnwindSafe(|| case.run())) {
            Ok(outcome) => {
                tally.noticed += u32::from(outcome.is_noticed);
                tally.there_after_all += u32::from(outcome.is_there_after_all);
            }
            Err(panic) => failures.push(format!(
                "{ONE}='{},{durability:?},{:?},{},{},{course:?}': {}",
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
         cargo test --test it faults::injection::one -- --nocapture:\n{}",
        failures.len(),
        tally.faults,
        failures[..failures.len().min(20)].join("\n"),
    );
    tally
}

/// How many faults of a workload are tried at operations of one kind.
fn cases(name: &str) -> u32 {
    let weight = Workload::named(name).weight;
    (CASES * weight / 100).saturating_mul(rounds())
}

fn endures(name: &str, durability: Durability, limit: u32) -> Tally {
    let tally = sweep(Workload::named(name), durability, limit);
    assert!(tally.noticed > tally.faults / 4, "{name}: {tally:?}");
    tally
}

macro_rules! enduring {
    ($($test:ident: $name:literal at $durability:ident,)+) => {
        $(
            #[test]
            fn $test() {
                endures($name, Durability::$durability, cases($name));
            }
        )+

        /// Prints the figures for the documentation; of a few faults only, if no rounds are asked for.
        #[test]
        fn figures() {
            eprintln!(
                "| workload | operations reached | faults | noticed by a call \
                 | failed, and there after all |"
            );
            eprintln!("|---|---|---|---|---|");
            let mut total = Tally::default();
            for (name, durability) in [$(($name, Durability::$durability)),+] {
                let limit = if rounds() == 1 { 2 } else { cases(name) };
                let tally = endures(name, durability, limit);
                eprintln!("| {name}, {durability:?} {tally}");
                total += tally;
            }
            eprintln!("| all {total}");
        }
    };
}

/// While the fault lasts, SQLite does not get at the lock, and gives up after a hundred tries with a
/// code of its own: <https://www.sqlite.org/rescode.html#protocol>. For a caller it is the same as
/// any lock that another has.
#[test]
fn a_lock_that_cannot_be_had_is_busy() {
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
        course: Course::Outlasting,
    };
    assert!(case.run().is_noticed);
}

/// A vault that was opened although the index could not be mapped at one time keeps the promise
/// of `flush`.
#[test]
fn a_flush_syncs_whatever_happened_when_the_vault_was_opened() {
    let (workload, durability) = (Workload::named("puts"), Durability::Normal);
    let operation = Operation::ShmMap;
    for nth in 1..=Case::reached(workload, durability, &[])[operation as usize] {
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
            course: Course::Once,
        };
        case.run();
    }
}

/// One call that puts more pages into the log than the first region of its index has room for: the
/// next is asked for when the commit record was written already.
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
    let reached = Case::reached(workload, durability, &steps)[operation as usize];
    let before = Case::reached(workload, durability, &steps[..1])[operation as usize];
    assert!(reached > before, "the index does not grow");
    for nth in 1..=reached {
        for course in Course::ALL {
            let fault = Fault {
                operation,
                nth,
                code: ffi::SQLITE_IOERR_SHMMAP,
                is_lasting: course != Course::Once,
            };
            let case = Case {
                workload,
                durability,
                steps: &steps,
                fault,
                course,
            };
            case.run();
        }
    }
}

enduring! {
    creation_endures: "creation" at Full,
    puts_endure: "puts" at Full,
    entries_endure: "entries" at Full,
    transactions_endure: "transactions" at Full,
    extends_endure: "extends" at Full,
    removals_endure: "removals" at Full,
    flushes_endure: "flushes" at Normal,
    compaction_endures: "compaction" at Full,
    reopening_endures: "reopening" at Full,
    reopening_without_syncs_endures: "reopening" at Normal,
}

/// Shows the one fault that `VAULTS_TEST_FAULT` names.
#[test]
fn one() {
    let wanted = std::env::var(ONE)
        .unwrap_or_else(|_| format!("puts,Full,Write,1,{},Once", ffi::SQLITE_FULL));
    let [name, durability, operation, nth, code, course] =
        wanted.split(',').collect::<Vec<_>>()[..]
    else {
        panic!("{ONE} is workload,durability,operation,nth,code,course");
    };
    let workload = Workload::named(name);
    let course = Course::ALL
        .into_iter()
        .find(|known| format!("{known:?}") == course);
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
            is_lasting: course != Some(Course::Once),
        },
        course: course.expect("a course"),
    };
    eprintln!("{case:#?}");
    eprintln!("{:?}", case.run());
}
