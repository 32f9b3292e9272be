//! Random operations through entries, guards, transactions and savepoints, on a vault and on a
//! `HashMap` that knows the order of its keys. Both must agree, and snapshots must keep the state in which
//! they were taken.

use std::collections::HashMap;
use std::collections::hash_map::Entry as StdEntry;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vaults::order::{InsertionOrder, KeyOrder, Order};
use vaults::{Entry, Error, RefMut, Result, Snapshot, Transaction, Vault};

use crate::support::number::Number;
use crate::support::orders::TestOrder;
use crate::support::{Scratch, fast};
use crate::support::{any_error, engines::ENGINES};

/// Multiplies the number of cases.
const ROUNDS: &str = "VAULTS_TEST_ROUNDS";
const CASES: u32 = 96;
const KEYS: u8 = 12;

// ---- the model ------------------------------------------------------------------------

#[derive(Clone, Debug)]
struct Model {
    map: HashMap<String, Number>,
    order: Vec<String>,
    place_of: fn(&[String], &String) -> usize,
}

impl Model {
    fn new<O: TestOrder<String>>() -> Self {
        Self {
            map: HashMap::new(),
            order: Vec::new(),
            place_of: O::place_of,
        }
    }

    fn entries(&self) -> Vec<(String, Number)> {
        let entry = |key: &String| (key.clone(), self.map[key]);
        self.order.iter().map(entry).collect()
    }

    /// Updates the order after a change of the map, by which `key` may be new.
    fn update_order(&mut self, key: &str) {
        self.order.retain(|other| self.map.contains_key(other));
        if self.map.contains_key(key) && !self.order.iter().any(|other| other == key) {
            let key = key.to_owned();
            self.order.insert((self.place_of)(&self.order, &key), key);
        }
    }
}

// ---- the operations -------------------------------------------------------------------

/// How a guard or an entry is ended.
#[derive(Clone, Copy, Debug)]
enum GuardEnd {
    Dropped,
    Committed,
    Panicked,
}

/// How a transaction or a savepoint is ended.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Committed,
    RolledBack,
    Dropped,
    Panicked,
}

/// An operation on the entry of one key.
#[derive(Clone, Copy, Debug)]
enum EntryOp {
    OrInsert(Number),
    OrInsertWithKey,
    OrTryInsertWith(Option<Number>),
    OrDefaultAdd(Number),
    AndModify(Number),
    AndModifyOrInsert(Number, Number),
    InsertEntry(Number),
    InsertTwice(Number, Number),
    /// Removes the entry if it exists, else inserts it.
    Toggle(Number),
    RemoveEntry,
    Look,
    GetMut(Number, GuardEnd),
    Changed(Number, GuardEnd),
    GetOrInsertWith(Number),
    GetOrTryInsertWith(Option<Number>),
    Insert(Number),
    Remove,
}

#[derive(Clone, Debug)]
enum Step {
    At(String, EntryOp),
    Clear,
    Retain(i32),
    PopFirst,
    Extend(Vec<(String, Number)>),
    /// A savepoint, or a transaction if it is a step of the vault.
    Part(Vec<Step>, Ending),
}

#[derive(Clone, Debug)]
enum Op {
    Step(bool, Step),
    Snapshot,
    DropSnapshot,
}

fn key() -> impl Strategy<Value = String> {
    (0..KEYS).prop_map(|n| format!("key {n}"))
}

fn entry_op() -> impl Strategy<Value = EntryOp> {
    let n = || (-9..9_i32).prop_map(Number);
    let leaving = || {
        prop_oneof![
            3 => Just(GuardEnd::Dropped),
            2 => Just(GuardEnd::Committed),
            1 => Just(GuardEnd::Panicked),
        ]
    };
    prop_oneof![
        n().prop_map(EntryOp::OrInsert),
        Just(EntryOp::OrInsertWithKey),
        prop::option::of(n()).prop_map(EntryOp::OrTryInsertWith),
        n().prop_map(EntryOp::OrDefaultAdd),
        n().prop_map(EntryOp::AndModify),
        (n(), n()).prop_map(|(by, new)| EntryOp::AndModifyOrInsert(by, new)),
        n().prop_map(EntryOp::InsertEntry),
        (n(), n()).prop_map(|(one, two)| EntryOp::InsertTwice(one, two)),
        n().prop_map(EntryOp::Toggle),
        Just(EntryOp::RemoveEntry),
        Just(EntryOp::Look),
        (n(), leaving()).prop_map(|(new, leaving)| EntryOp::GetMut(new, leaving)),
        (n(), leaving()).prop_map(|(new, leaving)| EntryOp::Changed(new, leaving)),
        n().prop_map(EntryOp::GetOrInsertWith),
        prop::option::of(n()).prop_map(EntryOp::GetOrTryInsertWith),
        n().prop_map(EntryOp::Insert),
        Just(EntryOp::Remove),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let ending = || {
        prop_oneof![
            4 => Just(Ending::Committed),
            1 => Just(Ending::RolledBack),
            1 => Just(Ending::Dropped),
            1 => Just(Ending::Panicked),
        ]
    };
    let simple = prop_oneof![
        24 => (key(), entry_op()).prop_map(|(key, entry_op)| Step::At(key, entry_op)),
        1 => Just(Step::Clear),
        2 => (2..5_i32).prop_map(Step::Retain),
        2 => Just(Step::PopFirst),
        2 => prop::collection::vec((key(), (-9..9_i32).prop_map(Number)), 0..6).prop_map(Step::Extend),
    ];
    simple.prop_recursive(4, 40, 8, move |inner| {
        (prop::collection::vec(inner, 0..8), ending())
            .prop_map(|(steps, ending)| Step::Part(steps, ending))
    })
}

fn operations() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        12 => (any::<bool>(), step()).prop_map(|(first, step)| Op::Step(first, step)),
        1 => Just(Op::Snapshot),
        1 => Just(Op::DropSnapshot),
    ];
    prop::collection::vec(op, 1..40)
}

// ---- both, side by side ---------------------------------------------------------------

/// Drops `held` while unwinding from a panic. `resume_unwind` prints no message.
fn unwind_with<T>(held: T) {
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _held = held;
        resume_unwind(Box::new(()));
    }));
    unwound.unwrap_err();
}

/// Applies an operation to the `HashMap` and returns its result.
fn on_map(map: &mut HashMap<String, Number>, key: &str, entry_op: EntryOp) -> Option<Number> {
    let owned = key.to_owned();
    let length = Number(i32::try_from(key.len()).unwrap());
    match entry_op {
        EntryOp::OrInsert(new) | EntryOp::GetOrInsertWith(new) => {
            Some(*map.entry(owned).or_insert(new))
        }
        EntryOp::OrInsertWithKey => Some(*map.entry(owned).or_insert(length)),
        EntryOp::OrTryInsertWith(new) | EntryOp::GetOrTryInsertWith(new) => {
            match map.entry(owned) {
                StdEntry::Occupied(entry) => Some(*entry.get()),
                StdEntry::Vacant(entry) => Some(*entry.insert(new?)),
            }
        }
        EntryOp::OrDefaultAdd(by) => {
            *map.entry(owned).or_default() += by;
            map.get(key).copied()
        }
        EntryOp::AndModify(by) => map.get_mut(key).map(|value| *value += by).and(None),
        EntryOp::AndModifyOrInsert(by, new) => Some(
            *map.entry(owned)
                .and_modify(|value| *value += by)
                .or_insert(new),
        ),
        EntryOp::InsertEntry(new) => Some(*map.entry(owned).insert_entry(new).get()),
        EntryOp::InsertTwice(one, two) => Some(map.entry(owned).insert_entry(one).insert(two)),
        EntryOp::Toggle(new) => match map.entry(owned) {
            StdEntry::Occupied(entry) => Some(entry.remove()),
            StdEntry::Vacant(entry) => Some(*entry.insert(new)),
        },
        EntryOp::RemoveEntry | EntryOp::Remove => map.remove(key),
        EntryOp::Look => map.get(key).copied(),
        EntryOp::GetMut(_, GuardEnd::Panicked) | EntryOp::Changed(_, GuardEnd::Panicked) => None,
        EntryOp::GetMut(new, _) => map.get_mut(key).map(|value| std::mem::replace(value, new)),
        EntryOp::Changed(new, _) => {
            let value = map.entry(owned).or_insert(Number(0));
            *value += new;
            Some(*value)
        }
        EntryOp::Insert(new) => map.insert(owned, new),
    }
}

/// Generates the same two functions for both kinds of writing handles.
macro_rules! steps {
    ($entry_op_on:ident, $step_on:ident, $handle:ty) => {
        fn $entry_op_on<O: Order<String>>(
            map: $handle,
            key: &str,
            entry_op: EntryOp,
        ) -> Result<Option<Number>> {
            let owned = key.to_owned();
            Ok(Some(match entry_op {
                EntryOp::OrInsert(new) => *map.entry(owned).or_insert(new)?,
                EntryOp::OrInsertWithKey => {
                    let length = |key: &&str| Number(i32::try_from(key.len()).unwrap());
                    *map.entry_ref(key).or_insert_with_key(length)?
                }
                EntryOp::OrTryInsertWith(new) => {
                    let made = map
                        .entry(owned)
                        .or_try_insert_with(|| new.ok_or_else(any_error));
                    match made {
                        Ok(value) => *value,
                        Err(Error::InvalidOptions { .. }) => return Ok(None),
                        Err(error) => return Err(error),
                    }
                }
                EntryOp::OrDefaultAdd(by) => {
                    let mut value = map.entry(owned).or_default()?;
                    *value += by;
                    *value
                }
                EntryOp::AndModify(by) => {
                    drop(map.entry(owned).and_modify(|value| *value += by));
                    return Ok(None);
                }
                EntryOp::AndModifyOrInsert(by, new) => *map
                    .entry_ref(key)
                    .and_modify(|value| *value += by)
                    .or_insert(new)?,
                EntryOp::InsertEntry(new) => *map.entry(owned).insert_entry(new)?.get(),
                EntryOp::InsertTwice(one, two) => {
                    map.entry(owned).insert_entry(one)?.insert(two)?
                }
                EntryOp::Toggle(new) => match map.entry(owned).into_entry()? {
                    Entry::Occupied(entry) => entry.remove()?,
                    Entry::Vacant(entry) => *entry.insert(new)?,
                },
                EntryOp::RemoveEntry => match map.entry(owned).into_entry()? {
                    Entry::Occupied(entry) => entry.remove_entry()?.1,
                    Entry::Vacant(entry) => {
                        assert_eq!(entry.into_key(), key);
                        return Ok(None);
                    }
                },
                EntryOp::Look => match map.entry_ref(key).into_entry()? {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(_) => return Ok(None),
                },
                EntryOp::GetMut(new, leaving) => {
                    let Some(mut value) = map.get_mut(key)? else {
                        return Ok(None);
                    };
                    let old = std::mem::replace(&mut *value, new);
                    match leaving {
                        GuardEnd::Dropped => drop(value),
                        GuardEnd::Committed => RefMut::commit(value)?,
                        GuardEnd::Panicked => {
                            unwind_with(value);
                            return Ok(None);
                        }
                    }
                    old
                }
                EntryOp::Changed(by, leaving) => {
                    let mut value = map.entry(owned).or_insert(Number(0))?;
                    *value += by;
                    match leaving {
                        GuardEnd::Dropped => *value,
                        GuardEnd::Committed => RefMut::into_value(value)?,
                        GuardEnd::Panicked => {
                            unwind_with(value);
                            return Ok(None);
                        }
                    }
                }
                EntryOp::GetOrInsertWith(new) => map.get_or_insert_with(owned, || new)?,
                EntryOp::GetOrTryInsertWith(new) => {
                    match map.get_or_try_insert_with(owned, || new.ok_or_else(any_error)) {
                        Ok(value) => value,
                        Err(Error::InvalidOptions { .. }) => return Ok(None),
                        Err(error) => return Err(error),
                    }
                }
                EntryOp::Insert(new) => return map.insert(owned, new),
                EntryOp::Remove => return map.remove(key),
            }))
        }

        fn $step_on<O: Order<String>>(map: $handle, model: &mut Model, step: &Step) {
            match step {
                Step::At(key, entry_op) => {
                    let seen = $entry_op_on(map, key, *entry_op).unwrap();
                    assert_eq!(seen, on_map(&mut model.map, key, *entry_op), "{entry_op:?}");
                    model.update_order(key);
                }
                Step::Clear => {
                    map.clear().unwrap();
                    model.map.clear();
                    model.update_order("");
                }
                Step::Retain(divisor) => {
                    let keep = |value: &mut Number| {
                        *value += Number(1);
                        value.0 % divisor != 0
                    };
                    map.retain(|_, value| keep(value)).unwrap();
                    model.map.retain(|_, value| keep(value));
                    model.update_order("");
                }
                Step::PopFirst => {
                    let first = model.entries().into_iter().next();
                    assert_eq!(map.pop_first().unwrap(), first);
                    if let Some((key, _)) = first {
                        model.map.remove(&key);
                        model.update_order("");
                    }
                }
                Step::Extend(pairs) => {
                    map.try_extend(pairs.iter().cloned()).unwrap();
                    for (key, value) in pairs {
                        model.map.insert(key.clone(), *value);
                        model.update_order(key);
                    }
                }
                Step::Part(..) => panic!("a savepoint is not a single step"),
            }
        }
    };
}

steps!(entry_op_on_vault, step_on_vault, &Vault<String, Number, O>);
steps!(
    entry_op_on_transaction,
    step_on_transaction,
    &mut Transaction<'_, String, Number, O>
);

/// Runs the steps in a transaction or a savepoint, ends it, and returns the resulting model.
fn run_part<O: Order<String>>(
    mut tx: Transaction<'_, String, Number, O>,
    before: &Model,
    steps: &[Step],
    ending: Ending,
) -> Model {
    let mut model = before.clone();
    for step in steps {
        if let Step::Part(steps, ending) = step {
            model = run_part(tx.savepoint().unwrap(), &model, steps, *ending);
        } else {
            step_on_transaction(&mut tx, &mut model, step);
        }
        assert_eq!(tx.len().unwrap(), model.map.len(), "after {step:?}");
        let entries: Vec<_> = tx.iter().map(Result::unwrap).collect();
        assert_eq!(entries, model.entries(), "after {step:?}");
    }
    match ending {
        Ending::Committed => {
            tx.commit().unwrap();
            return model;
        }
        Ending::RolledBack => tx.rollback().unwrap(),
        Ending::Dropped => drop(tx),
        Ending::Panicked => unwind_with(tx),
    }
    before.clone()
}

fn check<O: Order<String>>(handles: &[Vault<String, Number, O>; 2], model: &Model, last: &Op) {
    let expected = model.entries();
    for handle in handles {
        assert_eq!(handle.len().unwrap(), expected.len(), "after {last:?}");
        let entries: Vec<_> = handle.iter().map(Result::unwrap).collect();
        assert_eq!(entries, expected, "after {last:?}");
    }
}

fn check_snapshot<O: Order<String>>(snapshot: &Snapshot<String, Number, O>, model: &Model) {
    assert_eq!(snapshot.len().unwrap(), model.map.len());
    let entries: Vec<_> = snapshot.iter().map(Result::unwrap).collect();
    assert_eq!(entries, model.entries());
    let keys: Vec<String> = (0..KEYS).map(|n| format!("key {n}")).collect();
    let expected: Vec<_> = keys.iter().map(|key| model.map.get(key).copied()).collect();
    assert_eq!(snapshot.get_many(&keys).unwrap(), expected);
}

fn agree<O: TestOrder<String>>(open: impl Fn() -> [Vault<String, Number, O>; 2]) {
    let rounds: u32 = std::env::var(ROUNDS).map_or(1, |rounds| rounds.parse().unwrap());
    let config = Config {
        cases: CASES * rounds,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&operations(), |operations| {
            let handles = open();
            let mut model = Model::new::<O>();
            let mut snapshots = Vec::new();
            for op in &operations {
                match op {
                    Op::Step(first, step) => {
                        let vault = &handles[usize::from(*first)];
                        if let Step::Part(steps, ending) = step {
                            let tx = vault.begin().unwrap();
                            model = run_part(tx, &model, steps, *ending);
                        } else {
                            step_on_vault(vault, &mut model, step);
                        }
                    }
                    Op::Snapshot => {
                        let of = handles[snapshots.len() % 2].snapshot().unwrap();
                        snapshots.push((of, model.clone()));
                    }
                    Op::DropSnapshot => drop(snapshots.pop()),
                }
                check(&handles, &model, op);
            }
            for (snapshot, then) in &snapshots {
                check_snapshot(snapshot, then);
            }
            assert!(handles[0].verify().unwrap().is_ok());
            Ok(())
        })
        .unwrap();
}

fn agree_on_each_engine<O: TestOrder<String>>() {
    for engine in ENGINES {
        eprintln!("engine: {engine:?}");
        let scratch = Scratch::new();
        agree::<O>(|| {
            let handles = engine.open_two(&fast(), &scratch);
            handles[0].clear().unwrap();
            handles
        });
    }
}

#[test]
fn two_handles_of_one_vault() {
    agree_on_each_engine::<InsertionOrder>();
}

#[test]
fn two_handles_of_one_sorted_vault() {
    agree_on_each_engine::<KeyOrder>();
}
