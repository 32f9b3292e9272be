//! Registers: keys with growing versions. One actor writes a register, and all actors read it.
//!
//! An actor writes to a board which version it is about to write and, when the call has returned
//! `Ok`, that the version is acknowledged. A reader reads the board before and after its read. The
//! version that it reads is at least the one acknowledged before and at most the one begun after.
//! It is never older than one that the same actor read earlier.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use vaults::Vault;

use super::actor::Actor;
use super::options;
use crate::support::damage::rounds;
use crate::support::{Scratch, on_each_engine_with};

/// A version, and a number derived from it that reveals a mixed value.
pub(super) type Stamp = (u64, u64);
pub(super) type Registers = Vault<u32, Stamp>;

pub(super) const ACTORS: usize = 4;
/// How an actor writes a key. Rows with two keys write one version to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Put,
    Insert,
    /// Stored at odd versions, removed at even ones.
    Remove,
    Entry,
    Transaction,
    Extend,
    /// Everything is removed and written again in one transaction, with a new version of this key.
    Refill,
    /// Stored at odd versions, by `get_or_insert_with`.
    GetOrInsert,
    /// Stored at odd versions, removed by `retain` or `extract_if`.
    BulkRemove,
    ForEachMut,
}

const KINDS: [(Kind, usize); 10] = [
    (Kind::Put, 1),
    (Kind::Insert, 1),
    (Kind::Remove, 1),
    (Kind::Entry, 1),
    (Kind::Transaction, 2),
    (Kind::Extend, 2),
    (Kind::Refill, 1),
    (Kind::GetOrInsert, 1),
    (Kind::BulkRemove, 1),
    (Kind::ForEachMut, 1),
];
pub(super) const KEYS_EACH: usize = 12;
pub(super) const KEYS: usize = KEYS_EACH * ACTORS;

/// Returns the kind of a register, and all registers that share its version.
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
    /// Returns whether the key is stored at a version.
    pub(super) const fn is_present(self, version: u64) -> bool {
        match self {
            Self::Remove | Self::GetOrInsert | Self::BulkRemove => version % 2 == 1,
            _ => version > 0,
        }
    }

    /// Returns `true` if the key is never removed.
    pub(super) const fn stays(self) -> bool {
        !matches!(self, Self::Remove | Self::GetOrInsert | Self::BulkRemove)
    }
}

pub(super) const fn stamp(version: u64) -> Stamp {
    (version, version.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

pub(super) fn key(register: usize) -> u32 {
    u32::try_from(register).unwrap()
}

// ---- the board --------------------------------------------------------------------------

/// Numbers that all actors see in the order in which they are written.
pub(super) trait Board: Sync {
    fn write(&self, index: usize, number: u64);
    fn read(&self, index: usize) -> u64;
    fn read_all(&self) -> Vec<u64>;
}

/// The length of the board: two numbers for each register, and the round of each actor.
pub(super) const BOARD_LENGTH: usize = 2 * KEYS + ACTORS;

pub(super) const fn begun(register: usize) -> usize {
    2 * register
}

pub(super) const fn acknowledged(register: usize) -> usize {
    2 * register + 1
}

pub(super) const fn round_of(actor: usize) -> usize {
    2 * KEYS + actor
}

/// A board for the threads of one process.
struct MemoryBoard(Vec<AtomicU64>);

impl MemoryBoard {
    fn new() -> Self {
        Self((0..BOARD_LENGTH).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Board for MemoryBoard {
    fn write(&self, index: usize, number: u64) {
        self.0[index].store(number, Ordering::SeqCst);
    }

    fn read(&self, index: usize) -> u64 {
        self.0[index].load(Ordering::SeqCst)
    }

    fn read_all(&self) -> Vec<u64> {
        (0..BOARD_LENGTH).map(|index| self.read(index)).collect()
    }
}

/// Marks an actor as finished when it is dropped, so that the others do not wait for it.
pub(super) struct FinishOnDrop<'a, B: Board>(pub(super) &'a B, pub(super) usize);

impl<B: Board> Drop for FinishOnDrop<'_, B> {
    fn drop(&mut self) {
        self.0.write(round_of(self.1), u64::MAX);
    }
}

/// Asserts that the vault holds the last acknowledged versions.
pub(super) fn check_final_state<B: Board>(board: &B, vault: &Registers) {
    for register in 0..KEYS {
        let version = board.read(acknowledged(register));
        let there = group(register).0.is_present(version);
        let found = vault.get(&key(register)).unwrap();
        assert_eq!(found, there.then(|| stamp(version)), "key {register}");
    }
}

// ---- threads ----------------------------------------------------------------------------

const ROUNDS: u64 = 250;

/// Runs an actor in each thread, with the handles that it is given.
fn run_actors(handles: impl Fn() -> Vec<Registers>, file: Option<&Path>) {
    let board = MemoryBoard::new();
    let rounds = ROUNDS * rounds() as u64;
    let all: Vec<Vec<Registers>> = (0..ACTORS).map(|_| handles()).collect();
    thread::scope(|scope| {
        let actors = (0..).zip(&all).map(|(me, handles)| {
            let actor = Actor::new(me, &board, handles.clone(), file);
            scope.spawn(move || actor.act(rounds))
        });
        let actors: Vec<_> = actors.collect();
        for (me, actor) in actors.into_iter().enumerate() {
            let stats = actor.join().unwrap();
            println!("thread {me}: {stats}");
            stats.assert_enough(rounds);
        }
    });
    check_final_state(&board, &all[0][0]);
}

#[test]
fn threads_that_share_a_handle() {
    on_each_engine_with(&options(), |vault: Registers| {
        run_actors(|| vec![vault.clone()], vault.path());
    });
}

#[test]
fn threads_with_their_own_handles() {
    let scratch = Scratch::new();
    let open = || options().open(scratch.vault()).unwrap();
    run_actors(|| vec![open(), open()], Some(&scratch.vault()));
}
