//! Every handle shows a write after it, and shows the state before while it is not committed and
//! after it was undone.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::Path;

use vaults::Vault;
use vaults::order::{InsertionOrder, KeyOrder};

use super::model::Model;
use super::sorted_table::sorted_writes;
use super::undone_table::undone_writes;
use super::write_table::{Map, Write, writes};
use super::{checkpoint, options};
use crate::support::damage::{Chance, rounds};
use crate::support::engines::{ENGINES, Engine};
use crate::support::orders::TestOrder;
use crate::support::{Child, Scratch, listen, role, say};

const CHILD: &str = test_path!(child);

/// The keys that are read, some of which are never stored.
const KEYS: std::ops::Range<u32> = 0..20;

/// An order of the vault that is written and read.
trait WriteOrder: TestOrder<u32> {
    /// The role of another process.
    const ROLE: &'static str;

    /// The ways to write that only this order has.
    fn own_writes() -> Vec<Write<Self>>;

    fn rows() -> Vec<Write<Self>> {
        let rows = writes().into_iter().chain(undone_writes());
        rows.chain(Self::own_writes()).collect()
    }
}

impl WriteOrder for InsertionOrder {
    const ROLE: &'static str = "other";

    fn own_writes() -> Vec<Write<Self>> {
        Vec::new()
    }
}

impl WriteOrder for KeyOrder {
    const ROLE: &'static str = "sorted";

    fn own_writes() -> Vec<Write<Self>> {
        sorted_writes()
    }
}

fn entries<O: WriteOrder>(vault: &Map<O>) -> Vec<(u32, u32)> {
    vault.iter().map(Result::unwrap).collect()
}

/// Asserts that every handle shows the expected entries, by every method for one key and by their number.
fn assert_agree<O: WriteOrder>(handles: &[Map<O>], expected: &Model, when: &str) {
    let expected: HashMap<u32, u32> = expected.iter().copied().collect();
    for (n, handle) in handles.iter().enumerate() {
        let length = handle.len().unwrap();
        assert_eq!(length, expected.len(), "len() on handle {n} {when}");
        for key in KEYS {
            let value = expected.get(&key).copied();
            let found = handle.get(&key).unwrap();
            assert_eq!(found, value, "get({key}) on handle {n} {when}");
            let found = handle.get_key_value(&key).unwrap();
            let entry = value.map(|value| (key, value));
            assert_eq!(found, entry, "get_key_value({key}) on handle {n} {when}");
            let found = handle.contains_key(&key).unwrap();
            assert_eq!(
                found,
                value.is_some(),
                "contains_key({key}) on handle {n} {when}"
            );
        }
    }
}

/// Asserts the same with `get_or_insert_with`, for the keys that exist.
fn assert_agree_by_get_or_insert_with<O: WriteOrder>(vault: &Map<O>, expected: &Model, when: &str) {
    for (key, value) in expected.iter() {
        let absent = || panic!("{key} is stored, and was not found {when}");
        let found = vault.get_or_insert_with(*key, absent).unwrap();
        assert_eq!(found, *value, "get_or_insert_with({key}) {when}");
    }
}

/// Makes a write through a handle, and reads everything before, during and after it.
fn make<O: WriteOrder>(
    write: &Write<O>,
    n: u32,
    through: &Map<O>,
    handles: &[Map<O>],
    model: &mut Model,
    when: &str,
) {
    assert_agree(handles, model, &format!("before {when}"));
    let reads = Cell::new(0);
    let look = || {
        // Two reads during a write are enough.
        if reads.replace(reads.get() + 1) < 2 {
            assert_agree(handles, model, &format!("in the middle of {when}"));
        }
    };
    (write.perform)(through, n, &look).unwrap();
    (write.apply)(model, n);
    assert_agree(handles, model, &format!("after {when}"));
}

// ---- another process --------------------------------------------------------------------

/// Writes and reads as the parent says, through two handles of its own.
#[test]
fn child() {
    let Some((role, path)) = role() else {
        return;
    };
    if role == KeyOrder::ROLE {
        obey::<KeyOrder>(&path);
    } else {
        obey::<InsertionOrder>(&path);
    }
}

fn obey<O: WriteOrder>(path: &Path) {
    let vault: Map<O> = O::open(&options(), path).unwrap();
    let handles = [vault.clone(), O::open(&options(), path).unwrap()];
    let rows = O::rows();
    say("ready");
    while let Some(line) = listen() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["write", number, n] => {
                let write = &rows[number.parse::<usize>().unwrap()];
                let mut model = Model::new::<O>(entries(&vault));
                let when = format!("{} in another process", write.name);
                make(
                    write,
                    n.parse().unwrap(),
                    &vault,
                    &handles,
                    &mut model,
                    &when,
                );
                say("written");
            }
            _ => say(&entries_by_get(&handles)),
        }
    }
}

/// Returns what the handles show for all keys.
fn entries_by_get<O: WriteOrder>(handles: &[Map<O>]) -> String {
    let of_one = |handle: &Map<O>| -> Vec<_> {
        let look = |key| {
            (
                handle.get(&key).unwrap(),
                handle.contains_key(&key).unwrap(),
            )
        };
        KEYS.map(look).collect()
    };
    let all: Vec<_> = handles.iter().map(of_one).collect();
    assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    format!("{:?}", all[0])
}

fn expected_of(model: &Model) -> String {
    let look = |key| {
        let value = model.iter().find(|entry| entry.0 == key);
        (value.map(|entry| entry.1), value.is_some())
    };
    let all: Vec<_> = KEYS.map(look).collect();
    format!("{all:?}")
}

// ---- this process -----------------------------------------------------------------------

/// One vault, with all handles that it is read through.
struct Stage<O> {
    handles: Vec<Map<O>>,
    child: Option<Child>,
    model: Model,
    rows: Vec<Write<O>>,
}

/// The number of entries at the beginning.
const ENTRIES: u32 = 12;

/// The number of handles of a [`Stage`] that write. They are the first ones.
const WRITING_HANDLES: usize = 3;

impl<O: WriteOrder> Stage<O> {
    /// A handle, its clone, a second handle, and a read-only one if the engine is persistent.
    fn new(engine: Engine, scratch: &Scratch) -> Self {
        let [first, second] = engine.open_two(&options(), scratch);
        let mut handles = vec![first.clone(), first, second];
        if engine.is_persistent() {
            handles.push(engine.open(options().read_only(true), scratch));
        }
        Self {
            handles,
            child: None,
            model: Model::new::<O>(Vec::new()),
            rows: O::rows(),
        }
    }

    fn with_a_child(scratch: &Scratch) -> Self {
        let mut child = Child::start(CHILD, O::ROLE, &scratch.vault());
        child.expect("ready");
        Self {
            child: Some(child),
            ..Self::new(Engine::File, scratch)
        }
    }

    /// The number of handles that write, and the child.
    fn writers(&self) -> usize {
        WRITING_HANDLES + usize::from(self.child.is_some())
    }

    fn refill(&mut self) {
        self.model = Model::new::<O>((0..ENTRIES).map(|key| (key, key)).collect());
        let vault = &self.handles[0];
        vault.clear().unwrap();
        vault.try_extend(self.model.iter().copied()).unwrap();
        assert_agree(&self.handles, &self.model, "after it was filled");
    }

    /// Makes a write through a handle or in the child, and reads everything before and after it.
    fn make(&mut self, number: usize, n: u32, writer: usize) {
        let write = &self.rows[number];
        let when = format!("{}, row {number} with {n} by writer {writer}", write.name);
        check_the_child(&mut self.child, &self.model, &format!("before {when}"));
        if let Some(handle) = self
            .handles
            .get(writer)
            .filter(|_| writer < WRITING_HANDLES)
        {
            make(write, n, handle, &self.handles, &mut self.model, &when);
        } else if let Some(child) = &mut self.child {
            assert_agree(&self.handles, &self.model, &format!("before {when}"));
            child.tell(&format!("write {number} {n}"));
            child.expect("written");
            (write.apply)(&mut self.model, n);
            assert_agree(&self.handles, &self.model, &format!("after {when}"));
        }
        check_the_child(&mut self.child, &self.model, &format!("after {when}"));
        assert_agree_by_get_or_insert_with(&self.handles[0], &self.model, &when);
        assert_eq!(
            entries(&self.handles[0]),
            *self.model,
            "in order after {when}"
        );
    }
}

fn check_the_child(child: &mut Option<Child>, model: &Model, when: &str) {
    if let Some(child) = child {
        child.tell("look");
        assert_eq!(child.hear(), expected_of(model), "in the child {when}");
    }
}

/// Makes every write with every writer.
fn write_by_all<O: WriteOrder>(mut stage: Stage<O>) {
    for number in 0..stage.rows.len() {
        for writer in 0..stage.writers() {
            stage.refill();
            stage.make(number, 3, writer);
            // Repeat it with keys that were absent, on the result of the first write.
            stage.make(number, 13, writer);
        }
    }
    if let Some(child) = stage.child {
        child.finish();
    }
}

fn write_by_all_handles<O: WriteOrder>() {
    for &engine in ENGINES {
        eprintln!("engine: {engine:?}");
        let scratch = Scratch::new();
        write_by_all(Stage::<O>::new(engine, &scratch));
    }
}

#[test]
fn every_write_is_seen_through_every_handle() {
    write_by_all_handles::<InsertionOrder>();
}

#[test]
fn every_write_to_a_sorted_vault_is_seen_through_every_handle() {
    write_by_all_handles::<KeyOrder>();
}

#[test]
fn every_write_is_seen_by_another_process() {
    let scratch = Scratch::new();
    write_by_all(Stage::<InsertionOrder>::with_a_child(&scratch));
}

#[test]
fn every_write_to_a_sorted_vault_is_seen_by_another_process() {
    let scratch = Scratch::new();
    write_by_all(Stage::<KeyOrder>::with_a_child(&scratch));
}

/// Makes random writes by random writers, and sometimes truncates the log.
fn write_at_random<O: WriteOrder>() {
    for seed in 0..rounds() as u64 {
        let scratch = Scratch::new();
        let mut stage = Stage::<O>::with_a_child(&scratch);
        let mut chance = Chance::new(seed + 7);
        for n in 0..400 {
            if stage.model.len() < 4 {
                stage.refill();
            }
            match chance.below(20) {
                0 => checkpoint(&scratch.vault(), "PASSIVE"),
                1 => checkpoint(&scratch.vault(), "TRUNCATE"),
                2 => _ = stage.handles[2].compact().unwrap(),
                3 => stage.handles[2] = O::open(&options(), &scratch.vault()).unwrap(),
                _ => {}
            }
            let (number, writer) = (
                chance.below(stage.rows.len()),
                chance.below(stage.writers()),
            );
            eprintln!(
                "seed {seed}, step {n}: {} by {writer}",
                stage.rows[number].name
            );
            stage.make(number, n, writer);
        }
        stage.child.take().unwrap().finish();
    }
}

#[test]
fn many_writes_one_after_the_other() {
    write_at_random::<InsertionOrder>();
}

#[test]
fn many_writes_to_a_sorted_vault_one_after_the_other() {
    write_at_random::<KeyOrder>();
}

/// Tests a read-only handle and an immutable one.
#[test]
fn a_file_without_writers() {
    let scratch = Scratch::new();
    let model = Model::new::<InsertionOrder>((0..ENTRIES).map(|key| (key, key * 3)).collect());
    crate::support::make(scratch.vault(), model.iter().copied());
    let immutable: Vault<u32, u32> = options().immutable(true).open(scratch.vault()).unwrap();
    let reader = options().read_only(true).open(scratch.vault()).unwrap();
    let handles = [immutable.clone(), immutable, reader];
    for round in 0..3 {
        assert_agree(&handles, &model, &format!("in round {round}"));
    }
}
