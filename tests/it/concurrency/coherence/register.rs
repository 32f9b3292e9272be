//! Registers: keys that one actor writes, with versions that only grow, and all read.
//!
//! An actor says on a board which version it is about to write, and, when the call has returned
//! `Ok`, that it is written. Who reads looks at the board before and after: the version that the
//! read returns is at least the one that was acknowledged before, and at most the one that had
//! begun after. It is never older than what the same actor has seen before.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use vaults::Vault;

use super::actor::Actor;
use super::options;
use crate::support::damage::rounds;
use crate::support::{Scratch, on_each_engine_with};

/// A version, and a number that follows from it, by which a mixed value would show.
pub(super) type Stamp = (u64, u64);
pub(super) type Registers = Vault<u32, Stamp>;

pub(super) const ACTORS: usize = 4;
/// How the keys of an actor are written. Two rows share a version where they are two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Put,
    Insert,
    /// There at odd versions, removed at even ones.
    Remove,
    Entry,
    Transaction,
    Extend,
    /// Everything is removed and written again in one transaction, this key with a new version.
    Refill,
    /// There at odd versions, by `get_or_insert_with`.
    Fetch,
    /// There at odd versions, removed by `retain` or `extract_if`.
    Sweep,
    Each,
}

const KINDS: [(Kind, usize); 10] = [
    (Kind::Put, 1),
    (Kind::Insert, 1),
    (Kind::Remove, 1),
    (Kind::Entry, 1),
    (Kind::Transaction, 2),
    (Kind::Extend, 2),
    (Kind::Refill, 1),
    (Kind::Fetch, 1),
    (Kind::Sweep, 1),
    (Kind::Each, 1),
];
pub(super) const KEYS_EACH: usize = 12;
pub(super) const KEYS: usize = KEYS_EACH * ACTORS;

/// The kind of a register, and all registers that share its version.
pub(super) fn group(register: usize) -> (Kind, Range<usize>) {
    let (mut first, own) = (register - register % KEYS_EACH, register % KEYS_EACH);
    let mut end = 0;
    for (kind, count) in KINDS {
        end += count;
        if own < end {
            return (kind, first..first + count);
        }
        first += count;
    }
    panic!("there is no register {register}")
}

impl Kind {
    /// Whether the key is there at a version.
    pub(super) const fn is_there(self, version: u64) -> bool {
        match self {
            Self::Remove | Self::Fetch | Self::Sweep => version % 2 == 1,
            _ => version > 0,
        }
    }

    /// True if the key, once it was there, is there for ever.
    pub(super) const fn stays(self) -> bool {
        !matches!(self, Self::Remove | Self::Fetch | Self::Sweep)
    }
}

pub(super) const fn stamp(version: u64) -> Stamp {
    (version, version.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

pub(super) fn key(register: usize) -> u32 {
    u32::try_from(register).unwrap()
}

// ---- the board --------------------------------------------------------------------------

/// Numbers that every actor sees in the order in which they are written.
pub(super) trait Board: Sync {
    fn write(&self, place: usize, number: u64);
    fn read(&self, place: usize) -> u64;
    fn read_all(&self) -> Vec<u64>;
}

/// How many numbers there are: two for each register, and the round of each actor.
pub(super) const PLACES: usize = 2 * KEYS + ACTORS;

pub(super) const fn begun(register: usize) -> usize {
    2 * register
}

pub(super) const fn acknowledged(register: usize) -> usize {
    2 * register + 1
}

pub(super) const fn round_of(actor: usize) -> usize {
    2 * KEYS + actor
}

/// For the threads of one process.
struct Memory(Vec<AtomicU64>);

impl Memory {
    fn new() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Board for Memory {
    fn write(&self, place: usize, number: u64) {
        self.0[place].store(number, Ordering::SeqCst);
    }

    fn read(&self, place: usize) -> u64 {
        self.0[place].load(Ordering::SeqCst)
    }

    fn read_all(&self) -> Vec<u64> {
        (0..PLACES).map(|place| self.read(place)).collect()
    }
}

/// Says on the board, whatever happens, that an actor is no longer to be waited for.
pub(super) struct Leaving<'a, B: Board>(pub(super) &'a B, pub(super) usize);

impl<B: Board> Drop for Leaving<'_, B> {
    fn drop(&mut self) {
        self.0.write(round_of(self.1), u64::MAX);
    }
}

/// What is there in the end is what was acknowledged last.
pub(super) fn check_the_end<B: Board>(board: &B, vault: &Registers) {
    for register in 0..KEYS {
        let version = board.read(acknowledged(register));
        let there = group(register).0.is_there(version);
        let found = vault.get(&key(register)).unwrap();
        assert_eq!(found, there.then(|| stamp(version)), "key {register}");
    }
}

// ---- threads ----------------------------------------------------------------------------

const ROUNDS: u64 = 250;

/// Lets threads act, each with the handles that it is given.
fn act_in_threads(handles: impl Fn() -> Vec<Registers>, file: Option<&Path>) {
    let board = Memory::new();
    let rounds = ROUNDS * rounds() as u64;
    let all: Vec<Vec<Registers>> = (0..ACTORS).map(|_| handles()).collect();
    thread::scope(|scope| {
        let actors = (0..).zip(&all).map(|(me, handles)| {
            let actor = Actor::new(me, &board, handles.clone(), file);
            scope.spawn(move || actor.act(rounds))
        });
        let actors: Vec<_> = actors.collect();
        for (me, actor) in actors.into_iter().enumerate() {
            let tally = actor.join().unwrap();
            println!("thread {me}: {tally}");
            tally.suffices(rounds);
        }
    });
    check_the_end(&board, &all[0][0]);
}

#[test]
fn threads_that_share_a_handle() {
    on_each_engine_with(&options(), |vault: Registers| {
        act_in_threads(|| vec![vault.clone()], vault.path());
    });
}

#[test]
fn threads_with_handles_of_their_own() {
    let scratch = Scratch::new();
    let open = || options().open(scratch.vault()).unwrap();
    act_in_threads(|| vec![open(), open()], Some(&scratch.vault()));
}
