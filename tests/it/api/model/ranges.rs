//! Operations on ranges of keys, which only an order of keys has.

use std::ops::{Bound, RangeBounds};

use proptest::prelude::*;
use vaults::order::{InsertionOrder, KeyOrder};
use vaults::{OccupiedEntry, Vault};

use super::operations::{Answers, Ending, Turns, answers, by_turns, ending, key, turns};
use super::ordered_map::{Entries, Model};
use super::{Sample, take_all_in_turns, take_in_turns};

pub(super) type KeyRange = (Bound<String>, Bound<String>);

#[derive(Clone, Debug)]
pub(super) enum RangeOp<V> {
    Read(KeyRange, Turns),
    Prefix(String, Turns),
    Write(KeyRange, RangeWrite<V>, Transacted),
    AtEnd(End, EntryOp<V>, Transacted),
}

/// What a write is a part of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transacted {
    Alone,
    Committed,
    RolledBack,
}

#[derive(Clone, Debug)]
pub(super) enum RangeWrite<V> {
    Remove,
    Retain(Answers, V),
    ForEachMut(Answers, V),
    ExtractIf(Answers, V, Ending),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    First,
    Last,
}

/// What is done with an entry at an end.
#[derive(Clone, Debug)]
pub(super) enum EntryOp<V> {
    Look,
    Change(V),
    Insert(V),
    Remove,
}

pub(super) fn range_op<V: Sample>() -> impl Strategy<Value = RangeOp<V>> {
    let bound = || {
        prop_oneof![
            Just(Bound::Unbounded),
            key().prop_map(Bound::Included),
            key().prop_map(Bound::Excluded),
        ]
    };
    let range = move || (bound(), bound());
    let value = any::<V>;
    let transacted = || {
        prop_oneof![
            3 => Just(Transacted::Alone),
            2 => Just(Transacted::Committed),
            1 => Just(Transacted::RolledBack),
        ]
    };
    let write = prop_oneof![
        2 => Just(RangeWrite::Remove),
        1 => (answers(), value()).prop_map(|(a, v)| RangeWrite::Retain(a, v)),
        1 => (answers(), value()).prop_map(|(a, v)| RangeWrite::ForEachMut(a, v)),
        1 => (answers(), value(), ending()).prop_map(|(a, v, e)| RangeWrite::ExtractIf(a, v, e)),
    ];
    let entry_op = prop_oneof![
        Just(EntryOp::Look),
        value().prop_map(EntryOp::Change),
        value().prop_map(EntryOp::Insert),
        Just(EntryOp::Remove),
    ];
    let end = prop_oneof![Just(End::First), Just(End::Last)];
    let prefix = prop_oneof![
        key(),
        Just("key".to_owned()),
        Just(String::new()),
        Just("l".to_owned())
    ];
    prop_oneof![
        3 => (range(), turns()).prop_map(|(range, turns)| RangeOp::Read(range, turns)),
        1 => (prefix, turns()).prop_map(|(prefix, turns)| RangeOp::Prefix(prefix, turns)),
        5 => (range(), write, transacted()).prop_map(|(range, op, tx)| RangeOp::Write(range, op, tx)),
        2 => (end, entry_op, transacted()).prop_map(|(end, op, tx)| RangeOp::AtEnd(end, op, tx)),
    ]
}

/// An order that may have ranges.
pub(super) trait Ranges: Sized {
    /// The share of operations on ranges. There are 12 others.
    const SHARE: u32;

    fn apply<V: Sample>(vault: &Vault<String, V, Self>, model: &mut Model<V>, op: RangeOp<V>);
}

impl Ranges for InsertionOrder {
    const SHARE: u32 = 0;

    fn apply<V: Sample>(_: &Vault<String, V>, _: &mut Model<V>, op: RangeOp<V>) {
        panic!("no ranges, but {op:?}");
    }
}

impl Ranges for KeyOrder {
    const SHARE: u32 = 6;

    fn apply<V: Sample>(vault: &Vault<String, V, Self>, model: &mut Model<V>, op: RangeOp<V>) {
        match op {
            RangeOp::Read(range, turns) => read(vault, model, &range, &turns),
            RangeOp::Prefix(prefix, turns) => {
                let expected = chosen(model, |key| key.starts_with(&prefix));
                let expected = take_in_turns(&mut expected.into_iter(), &turns, usize::MAX);
                let prefix = prefix.as_str();
                assert_eq!(take_all_in_turns(vault.prefix(prefix), &turns), expected);
                let snapshot = vault.snapshot().unwrap();
                assert_eq!(take_all_in_turns(snapshot.prefix(prefix), &turns), expected);
                let tx = vault.begin().unwrap();
                assert_eq!(take_all_in_turns(tx.prefix(prefix), &turns), expected);
            }
            RangeOp::Write(range, op, transacted) => write(vault, model, &range, &op, transacted),
            RangeOp::AtEnd(end, op, transacted) => at_end(vault, model, end, op, transacted),
        }
    }
}

fn chosen<V: Sample>(model: &Model<V>, is_chosen: impl Fn(&String) -> bool) -> Entries<V> {
    let mut entries = model.entries();
    entries.retain(|(key, _)| is_chosen(key));
    entries
}

fn read<V: Sample>(
    vault: &Vault<String, V, KeyOrder>,
    model: &Model<V>,
    range: &KeyRange,
    turns: &[bool],
) {
    let expected = chosen(model, |key| range.contains(key));
    let count = expected.len() as u64;
    let expected = take_in_turns(&mut expected.into_iter(), turns, usize::MAX);
    let snapshot = vault.snapshot().unwrap();
    let tx = vault.begin().unwrap();
    assert_eq!(
        take_all_in_turns(vault.range(range.clone()), turns),
        expected
    );
    assert_eq!(
        take_all_in_turns(snapshot.range(range.clone()), turns),
        expected
    );
    assert_eq!(take_all_in_turns(tx.range(range.clone()), turns), expected);
    assert_eq!(vault.count(range.clone()).unwrap(), count);
    assert_eq!(snapshot.count(range.clone()).unwrap(), count);
    assert_eq!(tx.count(range.clone()).unwrap(), count);
    let ends = (model.order.first(), model.order.last());
    let entry = |key: Option<&String>| key.and_then(|key| model.entry(key));
    assert_eq!(vault.first_key_value().unwrap(), entry(ends.0));
    assert_eq!(vault.last_key_value().unwrap(), entry(ends.1));
}

/// Makes the same call on a vault or a transaction, because they have no trait with it.
macro_rules! write_in_range {
    ($handle:expr, $range:expr, $op:expr) => {{
        let (handle, range) = ($handle, $range.clone());
        let mut taken = Entries::new();
        let mut removed = None;
        match $op {
            RangeWrite::Remove => removed = Some(handle.remove_range(range).unwrap()),
            RangeWrite::Retain(answers, new) => {
                let mut keep = by_turns(answers, new);
                handle.retain_in(range, |_, value| keep(value)).unwrap();
            }
            RangeWrite::ForEachMut(answers, new) => {
                let mut change = by_turns(answers, new);
                let change = |_: &String, value: &mut V| {
                    change(value);
                };
                handle.for_each_mut_in(range, change).unwrap();
            }
            RangeWrite::ExtractIf(answers, new, ending) => {
                let mut take = by_turns(answers, new);
                let mut iterator = handle.extract_if_in(range, |_, value| take(value));
                let items = iterator.by_ref().take(ending.limit());
                taken = items.map(Result::unwrap).collect();
                if let Ending::CommittedAfter(_) = ending {
                    iterator.commit().unwrap();
                } else {
                    drop(iterator);
                }
            }
        }
        (removed, taken)
    }};
}

/// Does a write on the model. Returns what the call returns.
fn write_in_model<V: Sample>(
    model: &mut Model<V>,
    range: &KeyRange,
    op: &RangeWrite<V>,
) -> (Option<u64>, Entries<V>) {
    let is_chosen = |key: &String| range.contains(key);
    match op {
        RangeWrite::Remove => {
            let removed = model.extract_in(is_chosen, usize::MAX, |_| true);
            return (Some(removed.len() as u64), Entries::new());
        }
        RangeWrite::Retain(answers, new) => {
            let mut keep = by_turns(answers, new);
            model.extract_in(is_chosen, usize::MAX, |value| !keep(value));
        }
        RangeWrite::ForEachMut(answers, new) => {
            let mut change = by_turns(answers, new);
            model.extract_in(is_chosen, usize::MAX, |value| {
                change(value);
                false
            });
        }
        RangeWrite::ExtractIf(answers, new, ending) => {
            let take = by_turns(answers, new);
            return (None, model.extract_in(is_chosen, ending.limit(), take));
        }
    }
    (None, Entries::new())
}

fn write<V: Sample>(
    vault: &Vault<String, V, KeyOrder>,
    model: &mut Model<V>,
    range: &KeyRange,
    op: &RangeWrite<V>,
    transacted: Transacted,
) {
    let before = model.clone();
    let expected = write_in_model(model, range, op);
    if let Transacted::Alone = transacted {
        assert_eq!(write_in_range!(vault, range, op), expected);
        return;
    }
    let mut tx = vault.begin().unwrap();
    assert_eq!(write_in_range!(&mut tx, range, op), expected);
    assert_eq!(tx.len().unwrap(), model.map.len());
    assert_eq!(
        take_all_in_turns(tx.iter(), &[true]),
        Vec::from(model.entries())
    );
    if let Transacted::Committed = transacted {
        tx.commit().unwrap();
    } else {
        drop(tx);
        *model = before;
    }
}

fn at_end<V: Sample>(
    vault: &Vault<String, V, KeyOrder>,
    model: &mut Model<V>,
    end: End,
    op: EntryOp<V>,
    transacted: Transacted,
) {
    let before = model.clone();
    if let Transacted::Alone = transacted {
        let entry = match end {
            End::First => vault.first_entry(),
            End::Last => vault.last_entry(),
        };
        return use_entry(entry.unwrap(), model, end, op);
    }
    let mut tx = vault.begin().unwrap();
    let entry = match end {
        End::First => tx.first_entry(),
        End::Last => tx.last_entry(),
    };
    use_entry(entry.unwrap(), model, end, op);
    assert_eq!(
        take_all_in_turns(tx.iter(), &[true]),
        Vec::from(model.entries())
    );
    if let Transacted::Committed = transacted {
        tx.commit().unwrap();
    } else {
        drop(tx);
        *model = before;
    }
}

fn use_entry<V: Sample>(
    entry: Option<OccupiedEntry<'_, String, V>>,
    model: &mut Model<V>,
    end: End,
    op: EntryOp<V>,
) {
    let key = match end {
        End::First => model.order.first(),
        End::Last => model.order.last(),
    };
    let key = key.cloned();
    assert_eq!(entry.as_ref().map(OccupiedEntry::key), key.as_ref());
    let (Some(mut entry), Some(key)) = (entry, key) else {
        return;
    };
    match op {
        EntryOp::Look => assert_eq!(entry.get(), &model.map[&key]),
        EntryOp::Change(new) => {
            entry.get_mut().clone_from(&new);
            entry.commit().unwrap();
            model.insert(key, new);
        }
        EntryOp::Insert(new) => {
            let old = entry.insert(new.clone()).unwrap();
            assert_eq!(Some(old), model.insert(key, new));
        }
        EntryOp::Remove => assert_eq!(Some(entry.remove().unwrap()), model.remove(&key)),
    }
}
