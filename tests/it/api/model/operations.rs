//! The random operations and their strategies.

use std::fmt::Debug;

use proptest::prelude::*;

use super::ranges::{RangeOp, range_op};
use super::{HANDLES, KEYS, Sample};

/// How a removing iterator is ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Exhausted,
    DroppedAfter(usize),
    CommittedAfter(usize),
}

impl Ending {
    pub(super) fn limit(self) -> usize {
        match self {
            Self::Exhausted => usize::MAX,
            Self::DroppedAfter(limit) | Self::CommittedAfter(limit) => limit,
        }
    }
}

/// For the entry at each position, repeated cyclically: the answer, and whether to change the
/// value.
pub(super) type Answers = Vec<(bool, bool)>;

/// The end to take each item from, repeated cyclically. `true` is the front.
pub(super) type Turns = Vec<bool>;

#[derive(Clone, Debug)]
pub(super) enum Op<V> {
    Insert(String, V),
    Put(String, V),
    Remove(String),
    RemoveEntry(String),
    Discard(String),
    Get(String),
    GetMany(Vec<String>),
    ContainsKeys(Vec<String>),
    RemoveMany(Vec<String>),
    Extend(Vec<(String, V)>),
    TryExtend(Vec<(String, V)>),
    ExtendBorrowed(Vec<(String, V)>),
    Clear,
    Retain(Answers, V),
    ForEachMut(Answers, V),
    ExtractIf(Answers, V, Ending),
    Drain(Turns, Ending),
    /// Rewrites in the codec of the handle. The handles have different codecs.
    Rewrite,
    DiscardUndecodable,
    PopFirst,
    PopLast,
    Iter(Turns),
    Keys(Turns),
    Values(Turns),
    /// Keeps an iterator for later steps.
    Snapshot,
    StepSnapshot(Turns),
    Reopen,
    /// What only an order of keys has.
    InRange(RangeOp<V>),
}

pub(super) fn key() -> impl Strategy<Value = String> {
    (0..KEYS).prop_map(|n| format!("key {n}"))
}

pub(super) fn answers() -> impl Strategy<Value = Answers> {
    prop::collection::vec(any::<(bool, bool)>(), 1..6)
}

pub(super) fn turns() -> impl Strategy<Value = Turns> {
    prop::collection::vec(any::<bool>(), 1..6)
}

pub(super) fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        Just(Ending::Exhausted),
        (0..6_usize).prop_map(Ending::DroppedAfter),
        (0..6_usize).prop_map(Ending::CommittedAfter),
    ]
}

/// Returns lists of operations. About `range_share` of 12 are on a range of keys.
pub(super) fn operations<V: Sample>(
    range_share: u32,
) -> impl Strategy<Value = Vec<(usize, Op<V>)>> {
    let some_keys = || prop::collection::vec(key(), 0..6);
    let value = any::<V>;
    let pairs = move || prop::collection::vec((key(), value()), 0..30);
    let write = prop_oneof![
        3 => (key(), value()).prop_map(|(k, v)| Op::Insert(k, v)),
        3 => (key(), value()).prop_map(|(k, v)| Op::Put(k, v)),
        2 => key().prop_map(Op::Remove),
        2 => key().prop_map(Op::RemoveEntry),
        1 => key().prop_map(Op::Discard),
        1 => some_keys().prop_map(Op::RemoveMany),
        1 => pairs().prop_map(Op::Extend),
        1 => pairs().prop_map(Op::TryExtend),
        1 => pairs().prop_map(Op::ExtendBorrowed),
        1 => Just(Op::PopFirst),
        1 => Just(Op::PopLast),
    ];
    let bulk_write = prop_oneof![
        1 => Just(Op::Clear),
        3 => (answers(), value()).prop_map(|(a, v)| Op::Retain(a, v)),
        3 => (answers(), value()).prop_map(|(a, v)| Op::ForEachMut(a, v)),
        3 => (answers(), value(), ending()).prop_map(|(a, v, e)| Op::ExtractIf(a, v, e)),
        2 => (turns(), ending()).prop_map(|(t, e)| Op::Drain(t, e)),
        1 => Just(Op::Rewrite),
        1 => Just(Op::DiscardUndecodable),
    ];
    let read = prop_oneof![
        2 => key().prop_map(Op::Get),
        1 => some_keys().prop_map(Op::GetMany),
        1 => some_keys().prop_map(Op::ContainsKeys),
        2 => turns().prop_map(Op::Iter),
        1 => turns().prop_map(Op::Keys),
        1 => turns().prop_map(Op::Values),
        1 => Just(Op::Snapshot),
        2 => turns().prop_map(Op::StepSnapshot),
        1 => Just(Op::Reopen),
    ];
    let in_range = range_op().prop_map(Op::InRange);
    let op = prop_oneof![6 => write, 2 => bulk_write, 4 => read, range_share => in_range];
    prop::collection::vec((0..HANDLES, op), 1..50)
}

/// Returns the answers in turn, and changes values on the way.
pub(super) fn by_turns<V: Clone>(answers: &[(bool, bool)], new: &V) -> impl FnMut(&mut V) -> bool {
    let mut answers = answers.iter().cycle();
    move |value| {
        let &(answer, change) = answers.next().unwrap();
        if change {
            value.clone_from(new);
        }
        answer
    }
}
