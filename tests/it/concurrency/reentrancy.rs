//! What a thread may do with a vault while it holds a part of it. One table is tested cell by cell,
//! and the documentation contains the same table.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use vaults::{Entry, Error, Result, Vault};

use crate::support::engines::ENGINES;
use crate::support::{Scratch, entries, fast, numbers, project};

/// A call that waits for its own thread would hang.
const NEVER: Duration = Duration::from_secs(3600);

type Numbers = Vault<u32, u32>;

// ---- the table ------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    OccupiedEntry,
    VacantEntry,
    RefMut,
    Begun,
    Transaction,
    Savepoint,
    NestedSavepoint,
    Drain,
    ExtractIf,
    Retain,
    ForEachMut,
    GetOrInsertWith,
    OrInsertWith,
    TryExtend,
    Iterator,
    Snapshot,
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Reading,
    Writing,
    Entry,
    Transaction,
    Clear,
    Close,
    Delete,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Before,
    Newest,
    Works,
    Reentrant,
    ClosesHandle,
    InUse,
}

use Outcome::{Before, ClosesHandle, InUse, Newest, Reentrant, Works};

const CALLS: [(Call, &str); 7] = [
    (Call::Reading, "reading"),
    (Call::Writing, "writing"),
    (Call::Entry, "`entry`, `get_mut`"),
    (Call::Transaction, "`begin`, `transaction`"),
    (Call::Clear, "`clear`"),
    (Call::Close, "`close`"),
    (Call::Delete, "`delete`"),
];

/// The outcomes while the thread holds the write lock.
const HOLDING_WRITE_LOCK: [Outcome; 7] = [
    Before,
    Reentrant,
    Reentrant,
    Reentrant,
    Reentrant,
    ClosesHandle,
    InUse,
];
/// The outcomes while the thread holds a state to read.
const HOLDING_SNAPSHOT: [Outcome; 7] = [Newest, Works, Works, Works, Works, ClosesHandle, InUse];

const ROWS: [(&str, &[Holder], [Outcome; 7]); 8] = [
    (
        "an entry",
        &[Holder::OccupiedEntry, Holder::VacantEntry],
        HOLDING_WRITE_LOCK,
    ),
    ("a `RefMut`", &[Holder::RefMut], HOLDING_WRITE_LOCK),
    (
        "a transaction",
        &[Holder::Begun, Holder::Transaction],
        HOLDING_WRITE_LOCK,
    ),
    (
        "a savepoint",
        &[Holder::Savepoint, Holder::NestedSavepoint],
        HOLDING_WRITE_LOCK,
    ),
    (
        "a `drain` or `extract_if`",
        &[Holder::Drain, Holder::ExtractIf],
        HOLDING_WRITE_LOCK,
    ),
    (
        "a writing call, from its closure or iterator",
        &[
            Holder::Retain,
            Holder::ForEachMut,
            Holder::GetOrInsertWith,
            Holder::OrInsertWith,
            Holder::TryExtend,
        ],
        HOLDING_WRITE_LOCK,
    ),
    ("an iterator", &[Holder::Iterator], HOLDING_SNAPSHOT),
    ("a snapshot", &[Holder::Snapshot], HOLDING_SNAPSHOT),
];

impl Outcome {
    const fn text(self) -> &'static str {
        match self {
            Before | Newest => "last commit",
            Works => "works",
            Reentrant => "`Reentrant`",
            ClosesHandle => "closes that handle",
            InUse => "`InUse`",
        }
    }
}

/// Returns the table as the documentation contains it.
fn markdown() -> String {
    let mut table = String::from("| While this thread holds |");
    for (_, name) in CALLS {
        write!(table, " {name} |").unwrap();
    }
    table += "\n|---|";
    table += &"---|".repeat(CALLS.len());
    for (name, _, outcomes) in ROWS {
        write!(table, "\n| {name} |").unwrap();
        for outcome in outcomes {
            write!(table, " {} |", outcome.text()).unwrap();
        }
    }
    table
}

#[test]
fn the_documentation_has_this_table() {
    let page = project().join("src/guide/concurrency.md");
    let page = fs::read_to_string(page).unwrap();
    let table = markdown();
    assert!(
        page.contains(&format!("\n{table}\n")),
        "src/guide/concurrency.md must have this table:\n{table}"
    );
}

// ---- the holders ----------------------------------------------------------------------

fn before() -> Vec<(u32, u32)> {
    numbers(3).collect()
}

/// Runs `during` while a part of the vault is held, with an uncommitted change if the holder can
/// make one. Returns the entries that the vault must have afterwards.
fn hold(holder: Holder, vault: &Numbers, during: &mut dyn FnMut()) -> Vec<(u32, u32)> {
    let first_changed = vec![(0, 100), (1, 1), (2, 2)];
    let with_seven = vec![(0, 0), (1, 1), (2, 2), (7, 7)];
    match holder {
        Holder::OccupiedEntry => {
            let Entry::Occupied(mut entry) = vault.entry(0).into_entry().unwrap() else {
                panic!("key 0 is stored");
            };
            entry.insert(100).unwrap();
            during();
            entry.commit().unwrap();
            first_changed
        }
        Holder::VacantEntry => {
            let Entry::Vacant(entry) = vault.entry(7).into_entry().unwrap() else {
                panic!("key 7 is not stored");
            };
            during();
            drop(entry.insert(7).unwrap());
            with_seven
        }
        Holder::RefMut => {
            let mut value = vault.get_mut(&0).unwrap().unwrap();
            *value = 100;
            during();
            drop(value);
            first_changed
        }
        Holder::Begun => {
            let mut tx = vault.begin().unwrap();
            tx.put(&0, &100).unwrap();
            during();
            tx.commit().unwrap();
            first_changed
        }
        Holder::Transaction => {
            let changed: Result<()> = vault.transaction(|tx| {
                tx.put(&0, &100)?;
                during();
                Ok(())
            });
            changed.unwrap();
            first_changed
        }
        Holder::Savepoint => {
            let mut tx = vault.begin().unwrap();
            let mut part = tx.savepoint().unwrap();
            part.put(&0, &100).unwrap();
            during();
            part.commit().unwrap();
            tx.commit().unwrap();
            first_changed
        }
        Holder::NestedSavepoint => {
            let mut tx = vault.begin().unwrap();
            tx.put(&0, &100).unwrap();
            let mut part = tx.savepoint().unwrap();
            let mut inner = part.savepoint().unwrap();
            inner.clear().unwrap();
            during();
            inner.rollback().unwrap();
            during();
            part.commit().unwrap();
            during();
            tx.commit().unwrap();
            first_changed
        }
        Holder::Drain | Holder::ExtractIf | Holder::Iterator | Holder::Snapshot => {
            hold_an_iterator(holder, vault, during)
        }
        Holder::Retain
        | Holder::ForEachMut
        | Holder::GetOrInsertWith
        | Holder::OrInsertWith
        | Holder::TryExtend => {
            hold_in_a_call(holder, vault, during);
            match holder {
                Holder::Retain | Holder::ForEachMut => first_changed,
                _ => with_seven,
            }
        }
    }
}

fn hold_an_iterator(holder: Holder, vault: &Numbers, during: &mut dyn FnMut()) -> Vec<(u32, u32)> {
    let with_seven = vec![(0, 0), (1, 1), (2, 2), (7, 7)];
    match holder {
        Holder::Drain => {
            let mut drain = vault.drain();
            assert_eq!(drain.next().unwrap().unwrap(), (0, 0));
            during();
            assert_eq!(drain.next().unwrap().unwrap(), (1, 1));
            drop(drain);
            vec![]
        }
        Holder::ExtractIf => {
            let mut taken = vault.extract_if(|key, _| *key < 2);
            assert_eq!(taken.next().unwrap().unwrap(), (0, 0));
            during();
            assert_eq!(taken.next().unwrap().unwrap(), (1, 1));
            assert!(taken.next().is_none());
            vec![(2, 2)]
        }
        Holder::Iterator => {
            let mut iterator = vault.iter();
            assert_eq!(iterator.next().unwrap().unwrap(), (0, 0));
            vault.put(&7, &7).unwrap();
            during();
            let rest: Vec<_> = iterator.map(Result::unwrap).collect();
            assert_eq!(rest, before()[1..], "its own state");
            with_seven
        }
        Holder::Snapshot => {
            let snapshot = vault.snapshot().unwrap();
            vault.put(&7, &7).unwrap();
            during();
            let seen: Vec<_> = snapshot.iter().map(Result::unwrap).collect();
            assert_eq!(seen, before(), "its own state");
            assert_eq!(snapshot.get(&7).unwrap(), None);
            with_seven
        }
        other => panic!("not an iterator: {other:?}"),
    }
}

fn hold_in_a_call(holder: Holder, vault: &Numbers, during: &mut dyn FnMut()) {
    let mut change_first = |key: &u32, value: &mut u32| {
        if *key == 1 {
            during();
        }
        if *key == 0 {
            *value = 100;
        }
        true
    };
    match holder {
        Holder::Retain => vault.retain(change_first).unwrap(),
        Holder::ForEachMut => vault
            .for_each_mut(|key, value| {
                change_first(key, value);
            })
            .unwrap(),
        Holder::GetOrInsertWith => {
            let make = || {
                during();
                7
            };
            assert_eq!(vault.get_or_insert_with(7, make).unwrap(), 7);
        }
        Holder::OrInsertWith => {
            let make = || {
                during();
                7
            };
            assert_eq!(*vault.entry(7).or_insert_with(make).unwrap(), 7);
        }
        Holder::TryExtend => {
            let pairs = [(1, 1), (7, 7), (2, 2)].into_iter();
            vault
                .try_extend(pairs.inspect(|(key, _)| {
                    if *key == 2 {
                        during();
                    }
                }))
                .unwrap();
        }
        other => panic!("not a closure: {other:?}"),
    }
}

// ---- the calls ------------------------------------------------------------------------

/// Reads the vault by every method, and asserts that all show the same entries.
fn read(vault: &Numbers) -> Vec<(u32, u32)> {
    let seen = entries(vault);
    let keys: Vec<u32> = seen.iter().map(|entry| entry.0).collect();
    let values: Vec<u32> = seen.iter().map(|entry| entry.1).collect();
    assert_eq!(vault.keys().collect::<Result<Vec<_>>>().unwrap(), keys);
    assert_eq!(vault.values().collect::<Result<Vec<_>>>().unwrap(), values);
    assert_eq!(vault.len().unwrap(), seen.len());
    assert_eq!(vault.is_empty().unwrap(), seen.is_empty());
    assert!(vault.contains_all(&keys).unwrap());
    let many: Vec<_> = values.iter().copied().map(Some).collect();
    assert_eq!(vault.get_many(&keys).unwrap(), many);
    for &(key, value) in &seen {
        assert_eq!(vault.get(&key).unwrap(), Some(value));
        assert_eq!(vault.get_key_value(&key).unwrap(), Some((key, value)));
        assert!(vault.contains_key(&key).unwrap());
        // For an existing key, this is a read.
        let made = vault.get_or_insert_with(key, || panic!("the key is stored"));
        assert_eq!(made.unwrap(), value);
    }
    let snapshot = vault.snapshot().unwrap();
    assert_eq!(snapshot.len().unwrap(), seen.len());
    let again: Vec<_> = snapshot.iter().map(Result::unwrap).collect();
    assert_eq!(again, seen);
    assert!(!vault.contains_key(&77).unwrap());
    vault.flush().unwrap();
    assert!(vault.size_on_disk().unwrap() > 0);
    seen
}

/// Returns the results of all calls of a kind, each made through a clone of its own.
fn call(call: Call, vault: &Numbers) -> Vec<Result<()>> {
    match call {
        Call::Reading => panic!("reading is tested by `read`"),
        Call::Writing => vec![
            vault.put(&20, &1),
            vault.insert(21, 1).map(drop),
            vault.remove(&20).map(drop),
            vault.remove_entry(&21).map(drop),
            vault.remove_many(&[20, 21]).map(drop),
            vault.try_extend([(22, 1), (23, 1), (24, 1)]),
            vault.pop_first().map(drop),
            vault.pop_last().map(drop),
            vault.retain(|_, _| true),
            vault.for_each_mut(|_, _| ()),
            vault
                .extract_if(|_, _| false)
                .try_for_each(|item| item.map(drop)),
            vault.drain().try_for_each(|item| item.map(drop)),
            vault.drain().commit(),
            vault.extract_if(|_, _| false).commit(),
            vault.get_or_insert_with(25, || 1).map(drop),
            vault
                .get_or_try_insert_with(26, || Ok::<_, Error>(1))
                .map(drop),
        ],
        Call::Entry => vec![
            vault.entry(20).into_entry().map(drop),
            vault.entry(20).or_insert(1).map(drop),
            vault.entry(20).or_insert_with(|| 1).map(drop),
            vault.entry(20).or_default().map(drop),
            vault.entry(20).insert_entry(1).map(drop),
            vault
                .entry_ref(&20)
                .and_modify(|n| *n += 1)
                .or_insert(1)
                .map(drop),
            vault.get_mut(&20).map(drop),
        ],
        Call::Transaction => vec![
            vault.begin().map(drop),
            vault.transaction(|_| Ok(())),
            vault.transaction(|tx| tx.put(&20, &1)),
        ],
        Call::Clear => vec![vault.clear()],
        Call::Close => vec![vault.clone().close().map_err(Error::from)],
        Call::Delete => vec![vault.clone().delete().map_err(Error::from)],
    }
}

fn check(holder: Holder, made: Call, outcome: Outcome, vault: &Numbers) {
    if let Call::Reading = made {
        let mut expected = before();
        match outcome {
            Before => {}
            Newest => expected.push((7, 7)),
            other => panic!("not an outcome of reading: {other:?}"),
        }
        assert_eq!(read(vault), expected, "{holder:?}");
        return;
    }
    for (index, result) in call(made, vault).into_iter().enumerate() {
        let is_right = match outcome {
            Works | ClosesHandle => result.is_ok(),
            Reentrant => {
                matches!(&result, Err(Error::Reentrant { location, .. })
                    if *location == vault.location())
            }
            InUse => matches!(&result, Err(Error::InUse { .. })),
            Before | Newest => false,
        };
        assert!(
            is_right,
            "{holder:?} x {made:?}, call {index}: expected {outcome:?}, got {result:?}"
        );
    }
}

// ---- every cell -----------------------------------------------------------------------

fn every_cell(make: impl Fn() -> Numbers) {
    for (_, holders, outcomes) in ROWS {
        for &holder in holders {
            for ((made, _), outcome) in CALLS.into_iter().zip(outcomes) {
                let vault = make();
                vault.try_extend(numbers(3)).unwrap();
                let clone = vault.clone();
                let after = hold(holder, &vault, &mut || check(holder, made, outcome, &clone));
                if !matches!(outcome, Works) {
                    assert_eq!(entries(&vault), after, "after {holder:?} x {made:?}");
                }
                // Everything works after the holder is gone, on the clone too.
                clone.clear().unwrap();
                *vault.entry(1).or_insert(1).unwrap() += 1;
                assert_eq!(read(&clone), [(1, 2)]);
                clone.close().unwrap();
                vault.delete().unwrap();
            }
        }
    }
}

#[test]
fn every_holder_and_every_call() {
    let mut options = fast();
    options.busy_timeout(NEVER);
    for engine in ENGINES {
        let scratch = Scratch::new();
        every_cell(|| engine.open(&options, &scratch));
    }
}
