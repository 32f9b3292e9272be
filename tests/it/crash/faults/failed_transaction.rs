//! A read of the file fails in a transaction, which makes further calls and is committed if it can be. Then the calls that
//! succeeded are there, else nothing of it.

use std::time::Duration;

use rusqlite::Connection;
use serde_bytes::ByteBuf;
use vaults::order::{InsertionOrder, KeyOrder};
use vaults::{OpenOptions, Result, Transaction};

use super::TempFolder;
use super::model::{self, State, Step, TestVault, Value};
use super::order::FaultOrder;
use super::replay::FILE;
use super::trace::{Fault, Operation, Reached, codes};
use super::vfs::{WatchGuard, without_sleeping};

/// More entries than a page of keys, with small and large values in turn.
const ENTRIES: u32 = 120;

const fn value(id: u32, is_large: bool) -> Value {
    Value {
        id,
        size: if is_large { 3_000 } else { 100 },
    }
}

/// Calls that change the table of large values too.
fn steps() -> Vec<Step> {
    vec![
        Step::Put(10, value(1_000, true)),
        Step::Put(31, value(1_001, false)),
        Step::Put(53, value(1_002, true)),
        Step::Put(ENTRIES, value(1_003, true)),
        Step::Remove(75),
        Step::Remove(90),
        Step::RemoveRange(100..110),
    ]
}

fn perform<O: FaultOrder>(
    step: &Step,
    transaction: &mut Transaction<'_, u32, ByteBuf, O>,
) -> Result<()> {
    match step {
        Step::Put(key, value) => transaction.put(key, &value.bytes()),
        Step::Remove(key) => transaction.remove(key).map(drop),
        Step::RemoveRange(range) => O::remove_range_in(transaction, range.clone()),
        other => panic!("not a step of a transaction: {other:?}"),
    }
}

/// Makes the calls in one transaction, in which an operation fails, and commits it. Returns the operations that it
/// reached, and whether a call failed.
fn run<O: FaultOrder>(fault: Option<Fault>) -> (Reached, bool) {
    let temp = TempFolder::new();
    let path = temp.path().join(FILE);
    let mut options = OpenOptions::new();
    options.busy_timeout(Duration::ZERO);
    let mut expected = State::new();
    let vault: TestVault<O> = O::open(&options, &path).unwrap();
    let entries = (0..ENTRIES).map(|key| (key, value(key, key % 2 == 1)));
    let filled = Step::Extend(entries.collect());
    filled.perform(&vault).unwrap();
    filled.apply::<O>(&mut expected);
    vault.close().unwrap();

    let watching = WatchGuard::new(&temp.path());
    // The new vault has no page in its cache.
    let vault: TestVault<O> = O::open(&options, &path).unwrap();
    let mut after = expected.clone();
    let mut transaction = vault.begin().unwrap();
    watching.arm(fault);
    let mut has_failed = false;
    for step in steps() {
        if perform(&step, &mut transaction).is_ok() {
            step.apply::<O>(&mut after);
        } else {
            has_failed = true;
        }
    }
    let reached = watching.reached();
    watching.disarm();
    if transaction.commit().is_ok() {
        expected = after;
    }
    assert_eq!(model::read(&vault).unwrap(), expected, "after {fault:?}");
    assert_eq!(vault.len().unwrap(), expected.len());
    assert!(vault.verify().unwrap().is_ok(), "after {fault:?}");
    vault.close().unwrap();
    let connection = Connection::open(&path).unwrap();
    assert_eq!(
        model::integrity(&connection).unwrap(),
        None,
        "after {fault:?}"
    );
    (reached, has_failed)
}

fn fail_each_read<O: FaultOrder>() {
    without_sleeping(|| {
        let operation = Operation::Read;
        let reached = run::<O>(None).0[operation as usize];
        assert!(reached > 10, "{reached}");
        let fails = |nth: &u32| {
            run::<O>(Some(Fault {
                operation,
                nth: *nth,
                code: codes(operation)[0],
                is_lasting: false,
            }))
            .1
        };
        let failed = (1..=reached).filter(fails).count();
        assert!(failed > 5, "{failed} of {reached}");
    });
}

#[test]
fn a_transaction_in_which_a_read_fails() {
    fail_each_read::<InsertionOrder>();
}

#[test]
fn a_transaction_on_a_sorted_vault_in_which_a_read_fails() {
    fail_each_read::<KeyOrder>();
}
