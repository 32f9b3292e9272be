//! An actor, which writes its own registers, reads all, and compares the results with the board.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::thread;

use vaults::{RefMut, Result};

use super::register::{
    ACTORS, Board, FinishOnDrop, KEYS, KEYS_EACH, Kind, Registers, Stamp, acknowledged, begun,
    group, key, round_of, stamp,
};
use super::{checkpoint, options};
use crate::support::damage::{Chance, rounds};

/// The number of rounds an actor may be ahead of the others, so that all work at the same time.
const LEAD: u64 = 16;
/// The most reads of single registers in a round.
const MAX_SINGLE_READS: usize = 12;

/// The result of reading a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadResult {
    Value(Option<Stamp>),
    Presence(bool),
}

/// The method that reads a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadMethod {
    Get,
    GetKeyValue,
    ContainsKey,
    /// A plain `get` if the key may be missing.
    GetOrInsertWith,
    GetMany,
    Snapshot,
    Iter,
}

/// The number of checks of an actor, and of changes that it saw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ActorStats {
    /// The number of reads that were compared with the board.
    pub(super) checks: u64,
    /// How often a register of another actor had changed since the last read.
    pub(super) changes: u64,
}

impl fmt::Display for ActorStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} checks, {} changes seen", self.checks, self.changes)
    }
}

impl ActorStats {
    /// Asserts that there were enough reads, and enough changes between them.
    pub(super) fn assert_enough(&self, rounds: u64) {
        assert!(self.checks >= 60 * rounds, "{self} in {rounds} rounds");
        assert!(self.changes >= rounds / 2, "{self} in {rounds} rounds");
    }
}

pub(super) struct Actor<'a, B> {
    me: usize,
    board: &'a B,
    /// The first handle is for writing, all are for reading.
    handles: Vec<Registers>,
    /// The file, unless the vault is in memory.
    file: Option<&'a Path>,
    chance: Chance,
    /// The version of each register that was read last.
    seen: Vec<u64>,
    stats: ActorStats,
}

impl<'a, B: Board> Actor<'a, B> {
    pub(super) fn new(
        me: usize,
        board: &'a B,
        handles: Vec<Registers>,
        file: Option<&'a Path>,
    ) -> Self {
        Self {
            me,
            board,
            handles,
            file,
            chance: Chance::new(me as u64 + 1),
            seen: vec![0; KEYS],
            stats: ActorStats::default(),
        }
    }

    pub(super) fn act(mut self, rounds: u64) -> ActorStats {
        let _finish = FinishOnDrop(self.board, self.me);
        for round in 1..=rounds {
            self.board.write(round_of(self.me), round);
            self.wait_for_the_others(round);
            self.disturb();
            self.write();
            for _ in 0..self.chance.below(5) {
                self.read_all_registers();
            }
            for _ in 0..self.chance.below(MAX_SINGLE_READS) {
                self.read_one();
            }
        }
        self.stats
    }

    fn wait_for_the_others(&self, round: u64) {
        while (0..ACTORS).any(|actor| self.board.read(round_of(actor)).saturating_add(LEAD) < round)
        {
            thread::yield_now();
        }
    }

    /// Sometimes runs an operation on the file that changes no entry.
    fn disturb(&mut self) {
        let Some(file) = self.file else {
            return;
        };
        let last = self.handles.len() - 1;
        match self.chance.below(60) {
            0 => checkpoint(file, "PASSIVE"),
            1 => checkpoint(file, "RESTART"),
            2 => checkpoint(file, "TRUNCATE"),
            3 => _ = self.handles[0].compact().unwrap(),
            4 if last > 0 => self.handles[last] = options().open(file).unwrap(),
            _ => {}
        }
    }

    // ---- writing ----

    /// Writes the next version of one of its own registers, and reads it.
    fn write(&mut self) {
        let (kind, registers) = group(self.me * KEYS_EACH + self.chance.below(KEYS_EACH));
        let version = self.seen[registers.start] + 1;
        for register in registers.clone() {
            self.board.write(begun(register), version);
        }
        perform(&self.handles[0], kind, registers.clone(), version).unwrap();
        for register in registers.clone() {
            self.board.write(acknowledged(register), version);
            self.seen[register] = version;
        }
        for handle in 0..self.handles.len() {
            for register in registers.clone() {
                self.read_and_check(handle, register, ReadMethod::Get);
            }
        }
    }

    // ---- reading ----

    fn read_one(&mut self) {
        let register = self.chance.below(KEYS);
        let method = [
            ReadMethod::Get,
            ReadMethod::GetKeyValue,
            ReadMethod::ContainsKey,
        ][self.chance.below(3)];
        let handle = self.random_handle();
        self.read_and_check(handle, register, method);
    }

    fn random_handle(&mut self) -> usize {
        self.chance.below(self.handles.len())
    }

    fn read_and_check(&mut self, handle: usize, register: usize, method: ReadMethod) {
        let before = self.board.read(acknowledged(register));
        let seen = read(
            &self.handles[handle],
            register,
            method,
            before.max(self.seen[register]),
        );
        let after = self.board.read(begun(register));
        self.check(register, seen, (before, after), method);
    }

    /// Reads all registers between two reads of the board.
    fn read_all_registers(&mut self) {
        let handle = self.random_handle();
        let vault = &self.handles[handle];
        let start = self.chance.below(KEYS);
        let registers = (0..KEYS).map(|n| (start + n) % KEYS);
        let before = self.board.read_all();
        let (method, seen): (ReadMethod, Vec<ReadResult>) = match self.chance.below(24) {
            0 => (
                ReadMethod::GetMany,
                at_once(registers.clone(), |keys| vault.get_many(keys)),
            ),
            1 => {
                let snapshot = vault.snapshot().unwrap();
                (
                    ReadMethod::Snapshot,
                    at_once(registers.clone(), |keys| snapshot.get_many(keys)),
                )
            }
            2 => (ReadMethod::Iter, by_iter(vault, registers.clone())),
            n => {
                let ways = [
                    ReadMethod::Get,
                    ReadMethod::Get,
                    ReadMethod::GetKeyValue,
                    ReadMethod::ContainsKey,
                    ReadMethod::GetOrInsertWith,
                ];
                let method = ways[n % ways.len()];
                let known =
                    |register: usize| before[acknowledged(register)].max(self.seen[register]);
                let seen = |register| read(vault, register, method, known(register));
                (method, registers.clone().map(seen).collect())
            }
        };
        let after = self.board.read_all();
        for (register, seen) in registers.clone().zip(&seen) {
            let bounds = (before[acknowledged(register)], after[begun(register)]);
            self.check(register, *seen, bounds, method);
        }
        if matches!(
            method,
            ReadMethod::GetMany | ReadMethod::Snapshot | ReadMethod::Iter
        ) {
            for (register, seen_here) in registers.clone().zip(&seen) {
                let first = group(register).1.start;
                let index = (first + KEYS - start) % KEYS;
                assert_eq!(
                    *seen_here, seen[index],
                    "{register} and {first} by {method:?}"
                );
            }
        }
    }

    /// Checks that the result belongs to a version between the bounds, and remembers that version.
    fn check(
        &mut self,
        register: usize,
        seen: ReadResult,
        (before, after): (u64, u64),
        method: ReadMethod,
    ) {
        let (kind, registers) = group(register);
        // Keys that are written together must be read together.
        let known = registers.map(|register| self.seen[register]).max();
        let known = known.unwrap_or_default();
        let found = (before.max(known)..=after).find(|version| {
            let there = kind.is_present(*version);
            match seen {
                ReadResult::Value(value) => value == there.then(|| stamp(*version)),
                ReadResult::Presence(presence) => presence == there,
            }
        });
        let Some(version) = found else {
            panic!(
                "a stale read: key {register} ({kind:?}) by {method:?}: actor {} saw {seen:?}; \
                 expected a version from {before} (acknowledged before) or {known} (seen before) \
                 to {after} (begun after). Repeat with: VAULTS_TEST_ROUNDS={} cargo test --test it \
                 coherence -- --nocapture",
                self.me,
                rounds(),
            );
        };
        self.stats.checks += 1;
        if version != self.seen[register] && register / KEYS_EACH != self.me {
            self.stats.changes += 1;
        }
        self.seen[register] = version;
    }
}

fn read(vault: &Registers, register: usize, method: ReadMethod, least: u64) -> ReadResult {
    let key = key(register);
    match method {
        ReadMethod::ContainsKey => ReadResult::Presence(vault.contains_key(&key).unwrap()),
        ReadMethod::GetKeyValue => {
            ReadResult::Value(vault.get_key_value(&key).unwrap().map(|found| {
                assert_eq!(found.0, key);
                found.1
            }))
        }
        ReadMethod::GetOrInsertWith if least > 0 && group(register).0.stays() => {
            let absent = || panic!("a stale read: key {register} is there and was not found");
            ReadResult::Value(Some(vault.get_or_insert_with(key, absent).unwrap()))
        }
        _ => ReadResult::Value(vault.get(&key).unwrap()),
    }
}

fn at_once(
    registers: impl Iterator<Item = usize>,
    get: impl FnOnce(&[u32]) -> Result<Vec<Option<Stamp>>>,
) -> Vec<ReadResult> {
    let keys: Vec<u32> = registers.map(key).collect();
    get(&keys)
        .unwrap()
        .into_iter()
        .map(ReadResult::Value)
        .collect()
}

fn by_iter(vault: &Registers, registers: impl Iterator<Item = usize>) -> Vec<ReadResult> {
    let all: HashMap<_, _> = vault.iter().map(Result::unwrap).collect();
    registers
        .map(|register| ReadResult::Value(all.get(&key(register)).copied()))
        .collect()
}

/// Writes the next version of a register and of those that share it.
fn perform(vault: &Registers, kind: Kind, registers: Range<usize>, version: u64) -> Result<()> {
    let keys: Vec<u32> = registers.map(key).collect();
    let (key, new) = (keys[0], stamp(version));
    let old = |version: u64| kind.is_present(version - 1).then(|| stamp(version - 1));
    match kind {
        Kind::Put => vault.put(&key, &new),
        Kind::Insert => vault
            .insert(key, new)
            .map(|found| assert_eq!(found, old(version))),
        Kind::Remove if kind.is_present(version) => vault.put(&key, &new),
        Kind::Remove => vault
            .remove(&key)
            .map(|found| assert_eq!(found, old(version))),
        Kind::Entry => {
            let mut value = vault.entry(key).or_insert(new)?;
            *value = new;
            if version.is_multiple_of(2) {
                return RefMut::commit(value);
            }
            Ok(())
        }
        Kind::Transaction => vault.transaction(|tx| {
            tx.put(&keys[0], &new)?;
            tx.put(&keys[1], &new)
        }),
        Kind::Extend => vault.put_many(keys.iter().map(|key| (key, &new))),
        Kind::Refill => vault.transaction(|tx| {
            let all = tx.iter().collect::<Result<Vec<_>>>()?;
            tx.clear()?;
            tx.try_extend(all.into_iter().filter(|(other, _)| *other != key))?;
            tx.put(&key, &new)
        }),
        Kind::GetOrInsert if kind.is_present(version) => {
            let made = vault.get_or_insert_with(key, || new)?;
            assert_eq!(made, new, "key {key}");
            Ok(())
        }
        Kind::GetOrInsert => vault.remove_many(&keys).map(drop),
        Kind::BulkRemove if kind.is_present(version) => vault.insert(key, new).map(drop),
        Kind::BulkRemove if version.is_multiple_of(4) => vault.retain(|other, _| *other != key),
        Kind::BulkRemove => vault
            .extract_if(|other, _| *other == key)
            .try_for_each(|entry| entry.map(drop)),
        Kind::ForEachMut if version == 1 => vault.put(&key, &new),
        Kind::ForEachMut => vault.for_each_mut(|other, value| {
            if *other == key {
                *value = new;
            }
        }),
    }
}
