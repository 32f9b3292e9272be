//! Random operations on a vault and on a `HashMap` that knows the order of its keys, which must agree.

mod operations;
mod ordered_map;
mod ranges;
mod texts;

use std::collections::VecDeque;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;
use vaults::order::{InsertionOrder, KeyOrder};
use vaults::{Codec, IntoIter, OpenOptions, Vault};

use self::operations::{Ending, Op, by_turns, operations};
use self::ordered_map::{Entries, Model};
use self::ranges::Ranges;
use self::texts::Text;
use crate::support::engines::{ENGINES, Engine};
use crate::support::orders::{TestOrder, misplaced_values};
use crate::support::{Scratch, Value, fast};

/// Multiplies the number of cases.
const ROUNDS: &str = "VAULTS_TEST_ROUNDS";
const CASES: u32 = 256;
const KEYS: u8 = 24;
const HANDLES: usize = 3;

/// The traits that the tests need of a value beyond those of the vault.
trait Sample: Value + Arbitrary + Clone + PartialEq + Debug + 'static {}
impl<T: Value + Arbitrary + Clone + PartialEq + Debug + 'static> Sample for T {}

/// Takes items from both ends, in turns, until there are none left or the limit is reached.
fn take_in_turns<T>(
    iterator: &mut impl DoubleEndedIterator<Item = T>,
    turns: &[bool],
    limit: usize,
) -> Vec<T> {
    let mut items = Vec::new();
    for &front in turns.iter().cycle() {
        if items.len() == limit {
            break;
        }
        let item = if front {
            iterator.next()
        } else {
            iterator.next_back()
        };
        let Some(item) = item else { break };
        items.push(item);
    }
    items
}

fn take_all_in_turns<T>(
    mut iterator: impl DoubleEndedIterator<Item = vaults::Result<T>>,
    turns: &[bool],
) -> Vec<T> {
    let items = take_in_turns(&mut iterator, turns, usize::MAX);
    items.into_iter().map(Result::unwrap).collect()
}

/// The handles of a vault, the model, and iterators that were created some operations ago.
struct Pair<V, O> {
    engine: Engine,
    scratch: Scratch,
    options: OpenOptions,
    handles: Vec<Vault<String, V, O>>,
    model: Model<V>,
    snapshots: VecDeque<(IntoIter<String, V>, Entries<V>)>,
}

impl<V: Sample, O: TestOrder<String> + Ranges> Pair<V, O> {
    fn new(engine: Engine, options: OpenOptions) -> Self {
        let mut pair = Self {
            engine,
            scratch: Scratch::new(),
            options,
            handles: Vec::new(),
            model: Model::new::<O>(),
            snapshots: VecDeque::new(),
        };
        pair.open();
        pair
    }

    /// Opens a handle, its clone, and a second handle.
    fn open(&mut self) {
        let [first, second] = self.engine.open_two(&self.options, &self.scratch);
        self.handles = vec![first.clone(), first, second];
    }

    fn reopen(&mut self) {
        if self.engine.is_persistent() {
            self.close();
            self.open();
        }
    }

    /// Closes the handles, and checks the file without a vault.
    fn close(&mut self) {
        assert!(self.handles[0].verify().unwrap().is_ok());
        for handle in self.handles.drain(..) {
            handle.close().unwrap();
        }
        if self.engine.is_persistent() {
            let connection = Connection::open(self.scratch.vault()).unwrap();
            assert_eq!(misplaced_values(&connection).unwrap(), None);
        }
    }

    fn check(&self, handle: usize) {
        for handle in &self.handles {
            assert_eq!(handle.len().unwrap(), self.model.map.len());
        }
        let vault = &self.handles[handle];
        assert_eq!(vault.is_empty().unwrap(), self.model.map.is_empty());
        let entries: VecDeque<_> = vault.iter().map(Result::unwrap).collect();
        assert_eq!(entries, self.model.entries());
    }

    fn apply(&mut self, handle: usize, op: Op<V>) {
        match op {
            Op::Reopen => self.reopen(),
            Op::Snapshot => {
                let iterator = self.handles[handle].clone().into_iter();
                self.snapshots.push_back((iterator, self.model.entries()));
            }
            Op::StepSnapshot(turns) => self.step_snapshot(&turns),
            Op::InRange(op) => O::apply(&self.handles[handle], &mut self.model, op),
            Op::Get(..)
            | Op::GetMany(..)
            | Op::ContainsKeys(..)
            | Op::Iter(..)
            | Op::Keys(..)
            | Op::Values(..) => self.read(handle, op),
            Op::Clear
            | Op::Retain(..)
            | Op::ForEachMut(..)
            | Op::ExtractIf(..)
            | Op::Drain(..)
            | Op::Rewrite
            | Op::DiscardUndecodable => {
                self.bulk_write(handle, op);
            }
            other => self.write(handle, other),
        }
    }

    /// Continues the oldest iterator by one item for each turn.
    fn step_snapshot(&mut self, turns: &[bool]) {
        let Some((mut iterator, mut expected)) = self.snapshots.pop_front() else {
            return;
        };
        for &front in turns {
            let (item, expected) = if front {
                (iterator.next(), expected.pop_front())
            } else {
                (iterator.next_back(), expected.pop_back())
            };
            assert_eq!(item.transpose().unwrap(), expected);
        }
        if !expected.is_empty() {
            self.snapshots.push_back((iterator, expected));
        }
    }

    fn read(&mut self, handle: usize, op: Op<V>) {
        let vault = &self.handles[handle];
        let model = &mut self.model;
        match op {
            Op::Get(key) => {
                let expected = model.entry(&key);
                assert_eq!(vault.contains_key(&key).unwrap(), expected.is_some());
                assert_eq!(vault.get_key_value(&key).unwrap(), expected);
                assert_eq!(vault.get(&key).unwrap(), expected.map(|entry| entry.1));
            }
            Op::GetMany(keys) => {
                let expected: Vec<_> = keys.iter().map(|key| model.map.get(key).cloned()).collect();
                assert_eq!(vault.get_many(&keys).unwrap(), expected);
            }
            Op::ContainsKeys(keys) => {
                let expected = keys.iter().all(|key| model.map.contains_key(key));
                assert_eq!(vault.contains_all(&keys).unwrap(), expected);
            }
            Op::Iter(turns) => {
                let expected = take_in_turns(&mut model.entries().into_iter(), &turns, usize::MAX);
                assert_eq!(take_all_in_turns(vault.iter(), &turns), expected);
            }
            Op::Keys(turns) => {
                let mut keys = model.order.clone().into_iter();
                let expected = take_in_turns(&mut keys, &turns, usize::MAX);
                assert_eq!(take_all_in_turns(vault.keys(), &turns), expected);
            }
            Op::Values(turns) => {
                let entries = model.entries();
                let mut values = entries.into_iter().map(|entry| entry.1);
                let expected = take_in_turns(&mut values, &turns, usize::MAX);
                assert_eq!(take_all_in_turns(vault.values(), &turns), expected);
            }
            other => panic!("not a read: {other:?}"),
        }
    }

    fn write(&mut self, handle: usize, op: Op<V>) {
        let vault = &mut self.handles[handle];
        let model = &mut self.model;
        match op {
            Op::Insert(key, value) => {
                let old = vault.insert(key.clone(), value.clone()).unwrap();
                assert_eq!(old, model.insert(key, value));
            }
            Op::Put(key, value) => {
                vault.put(&key, &value).unwrap();
                model.insert(key, value);
            }
            Op::Remove(key) => assert_eq!(vault.remove(&key).unwrap(), model.remove(&key)),
            Op::Discard(key) => {
                assert_eq!(vault.discard(&key).unwrap(), model.remove(&key).is_some());
            }
            Op::RemoveEntry(key) => {
                let removed = vault.remove_entry(&key).unwrap();
                assert_eq!(removed, model.take(Some(key)));
            }
            Op::RemoveMany(keys) => {
                let removed = vault.remove_many(&keys).unwrap();
                let expected: Vec<_> = keys.iter().map(|key| model.remove(key)).collect();
                assert_eq!(removed, expected);
            }
            Op::Extend(pairs) => {
                vault.extend(pairs.clone());
                insert_all(model, pairs);
            }
            Op::TryExtend(pairs) => {
                vault.try_extend(pairs.clone()).unwrap();
                insert_all(model, pairs);
            }
            Op::ExtendBorrowed(pairs) => {
                vault.extend(pairs.iter().map(|(key, value)| (key, value)));
                insert_all(model, pairs);
            }
            Op::PopFirst => {
                let first = model.order.first().cloned();
                assert_eq!(vault.pop_first().unwrap(), model.take(first));
            }
            Op::PopLast => {
                let last = model.order.last().cloned();
                assert_eq!(vault.pop_last().unwrap(), model.take(last));
            }
            other => panic!("not a write: {other:?}"),
        }
    }

    fn bulk_write(&mut self, handle: usize, op: Op<V>) {
        let vault = &self.handles[handle];
        let model = &mut self.model;
        match op {
            Op::Clear => {
                vault.clear().unwrap();
                model.clear();
            }
            Op::Rewrite => {
                let changed = vault.rewrite().unwrap();
                assert!(changed <= model.map.len() as u64);
            }
            Op::DiscardUndecodable => assert_eq!(vault.discard_undecodable().unwrap(), 0),
            Op::Retain(answers, new) => {
                let mut keep = by_turns(&answers, &new);
                vault.retain(|_, value| keep(value)).unwrap();
                let mut keep = by_turns(&answers, &new);
                model.extract(usize::MAX, |value| !keep(value));
            }
            Op::ForEachMut(answers, new) => {
                let mut change = by_turns(&answers, &new);
                let show = |_: &String, value: &mut V| {
                    change(value);
                };
                vault.for_each_mut(show).unwrap();
                let mut change = by_turns(&answers, &new);
                model.extract(usize::MAX, |value| {
                    change(value);
                    false
                });
            }
            Op::ExtractIf(answers, new, ending) => {
                let mut take = by_turns(&answers, &new);
                let mut iterator = vault.extract_if(|_, value| take(value));
                let taken: VecDeque<_> = iterator
                    .by_ref()
                    .take(ending.limit())
                    .map(Result::unwrap)
                    .collect();
                if let Ending::CommittedAfter(_) = ending {
                    iterator.commit().unwrap();
                } else {
                    drop(iterator);
                }
                let expected = model.extract(ending.limit(), by_turns(&answers, &new));
                assert_eq!(taken, expected);
            }
            Op::Drain(turns, ending) => {
                let mut iterator = vault.drain();
                let taken = take_in_turns(&mut iterator, &turns, ending.limit());
                let taken: Vec<_> = taken.into_iter().map(Result::unwrap).collect();
                if let Ending::CommittedAfter(_) = ending {
                    iterator.commit().unwrap();
                } else {
                    drop(iterator);
                }
                let expected =
                    take_in_turns(&mut model.entries().into_iter(), &turns, ending.limit());
                assert_eq!(taken, expected);
                model.clear();
            }
            other => panic!("not a bulk write: {other:?}"),
        }
    }
}

fn insert_all<V: Clone>(model: &mut Model<V>, pairs: Vec<(String, V)>) {
    for (key, value) in pairs {
        model.insert(key, value);
    }
}

fn rounds() -> u32 {
    std::env::var(ROUNDS).map_or(1, |rounds| rounds.parse().unwrap())
}

fn agree_on_each_engine<V: Sample, O: TestOrder<String> + Ranges>(codec: Codec) {
    for &engine in ENGINES {
        eprintln!("engine: {engine:?}");
        agree::<V, O>(engine, codec);
    }
}

fn agree<V: Sample, O: TestOrder<String> + Ranges>(engine: Engine, codec: Codec) {
    let mut options = fast();
    options.codec(codec);
    let config = Config {
        cases: CASES * rounds(),
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&operations::<V>(O::SHARE), |operations| {
            let mut pair = Pair::<V, O>::new(engine, options.clone());
            for (handle, op) in operations {
                pair.apply(handle, op);
                pair.check(handle);
            }
            pair.close();
            Ok(())
        })
        .unwrap();
}

#[test]
fn numbers() {
    agree_on_each_engine::<i32, InsertionOrder>(Codec::MessagePack);
}

#[test]
fn values_in_both_codecs() {
    agree_on_each_engine::<Option<Option<u8>>, InsertionOrder>(Codec::MessagePack);
}

#[test]
fn values_in_bincode() {
    agree_on_each_engine::<String, InsertionOrder>(Codec::Bincode);
}

#[test]
fn numbers_in_the_order_of_their_keys() {
    agree_on_each_engine::<i32, KeyOrder>(Codec::MessagePack);
}

#[test]
fn small_and_large_values_in_the_order_of_their_keys() {
    agree_on_each_engine::<Text, KeyOrder>(Codec::Bincode);
}
