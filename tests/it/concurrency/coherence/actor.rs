//! An actor: writes its own registers, reads all, and compares what it has read with the board.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::thread;

use vaults::{RefMut, Result};

use super::register::{
    ACTORS, Board, KEYS, KEYS_EACH, Kind, Leaving, Registers, Stamp, acknowledged, begun, group,
    key, round_of, stamp,
};
use super::{checkpoint, options};
use crate::support::damage::{Chance, rounds};

/// How many rounds an actor may be ahead of another, so that all are at work at the same time.
const LEAD: u64 = 16;
/// Looks at one register before the next round.
const LOOKS: usize = 12;

/// What a read has shown of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Value(Option<Stamp>),
    Presence(bool),
}

/// How a register is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Get,
    GetKeyValue,
    ContainsKey,
    /// A `get` where the key need not be there.
    GetOrInsertWith,
    GetMany,
    Snapshot,
    Iter,
}

/// What an actor has done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Reads that were compared with the board.
    pub(super) checks: u64,
    /// How often a register of another actor was seen to have changed.
    pub(super) changes: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} checks, {} changes seen", self.checks, self.changes)
    }
}

impl Tally {
    /// Neither the reads nor what happened between them were too few.
    pub(super) fn suffices(&self, rounds: u64) {
        assert!(self.checks >= 60 * rounds, "{self} in {rounds} rounds");
        assert!(self.changes >= rounds / 2, "{self} in {rounds} rounds");
    }
}

pub(super) struct Actor<'a, B> {
    me: usize,
    board: &'a B,
    /// It writes through the first, and reads through all.
    handles: Vec<Registers>,
    /// The file, if it is one that others may disturb.
    file: Option<&'a Path>,
    chance: Chance,
    /// The version of each register that was seen last.
    seen: Vec<u64>,
    tally: Tally,
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
            tally: Tally::default(),
        }
    }

    pub(super) fn act(mut self, rounds: u64) -> Tally {
        let _leaving = Leaving(self.board, self.me);
        for round in 1..=rounds {
            self.board.write(round_of(self.me), round);
            self.wait_for_the_others(round);
            self.disturb();
            self.write();
            for _ in 0..self.chance.below(5) {
                self.look_at_all();
            }
            for _ in 0..self.chance.below(LOOKS) {
                self.look_at_one();
            }
        }
        self.tally
    }

    fn wait_for_the_others(&self, round: u64) {
        while (0..ACTORS).any(|actor| self.board.read(round_of(actor)).saturating_add(LEAD) < round)
        {
            thread::yield_now();
        }
    }

    /// Now and then something happens to the file that changes no entry.
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

    /// Writes the next version of a register of its own, and reads it.
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
                self.look(handle, register, Way::Get);
            }
        }
    }

    // ---- reading ----

    fn look_at_one(&mut self) {
        let register = self.chance.below(KEYS);
        let way = [Way::Get, Way::GetKeyValue, Way::ContainsKey][self.chance.below(3)];
        let handle = self.chance_of_handle();
        self.look(handle, register, way);
    }

    fn chance_of_handle(&mut self) -> usize {
        self.chance.below(self.handles.len())
    }

    fn look(&mut self, handle: usize, register: usize, way: Way) {
        let before = self.board.read(acknowledged(register));
        let seen = read(
            &self.handles[handle],
            register,
            way,
            before.max(self.seen[register]),
        );
        let after = self.board.read(begun(register));
        self.judge(register, seen, (before, after), way);
    }

    /// Reads all registers between two looks at the board.
    fn look_at_all(&mut self) {
        let handle = self.chance_of_handle();
        let vault = &self.handles[handle];
        let start = self.chance.below(KEYS);
        let registers = (0..KEYS).map(|n| (start + n) % KEYS);
        let before = self.board.read_all();
        let (way, seen): (Way, Vec<Seen>) = match self.chance.below(24) {
            0 => (
                Way::GetMany,
                at_once(registers.clone(), |keys| vault.get_many(keys)),
            ),
            1 => {
                let snapshot = vault.snapshot().unwrap();
                (
                    Way::Snapshot,
                    at_once(registers.clone(), |keys| snapshot.get_many(keys)),
                )
            }
            2 => (Way::Iter, by_iter(vault, registers.clone())),
            n => {
                let ways = [
                    Way::Get,
                    Way::Get,
                    Way::GetKeyValue,
                    Way::ContainsKey,
                    Way::GetOrInsertWith,
                ];
                let way = ways[n % ways.len()];
                let known =
                    |register: usize| before[acknowledged(register)].max(self.seen[register]);
                let seen = |register| read(vault, register, way, known(register));
                (way, registers.clone().map(seen).collect())
            }
        };
        let after = self.board.read_all();
        for (register, seen) in registers.clone().zip(&seen) {
            let bounds = (before[acknowledged(register)], after[begun(register)]);
            self.judge(register, *seen, bounds, way);
        }
        if matches!(way, Way::GetMany | Way::Snapshot | Way::Iter) {
            for (register, seen_here) in registers.clone().zip(&seen) {
                let first = group(register).1.start;
                let place = (first + KEYS - start) % KEYS;
                assert_eq!(*seen_here, seen[place], "{register} and {first} by {way:?}");
            }
        }
    }

    /// Finds the version that was seen between the bounds.
    fn judge(&mut self, register: usize, seen: Seen, (before, after): (u64, u64), way: Way) {
        let (kind, registers) = group(register);
        // Keys that are written together are seen together.
        let known = registers.map(|register| self.seen[register]).max();
        let known = known.unwrap_or_default();
        let found = (before.max(known)..=after).find(|version| {
            let there = kind.is_there(*version);
            match seen {
                Seen::Value(value) => value == there.then(|| stamp(*version)),
                Seen::Presence(presence) => presence == there,
            }
        });
        let Some(version) = found else {
            panic!(
                "a stale read: key {register} ({kind:?}) by {way:?}: actor {} saw {seen:?}; \
                 expected a version from {before} (acknowledged before) or {known} (seen before) \
                 to {after} (begun after). Again: VAULTS_TEST_ROUNDS={} cargo test --test it \
                 coherence -- --nocapture",
                self.me,
                rounds(),
            );
        };
        self.tally.checks += 1;
        if version != self.seen[register] && register / KEYS_EACH != self.me {
            self.tally.changes += 1;
        }
        self.seen[register] = version;
    }
}

fn read(vault: &Registers, register: usize, way: Way, least: u64) -> Seen {
    let key = key(register);
    match way {
        Way::ContainsKey => Seen::Presence(vault.contains_key(&key).unwrap()),
        Way::GetKeyValue => Seen::Value(vault.get_key_value(&key).unwrap().map(|found| {
            assert_eq!(found.0, key);
            found.1
        })),
        Way::GetOrInsertWith if least > 0 && group(register).0.stays() => {
            let absent = || panic!("a stale read: key {register} is there and was not found");
            Seen::Value(Some(vault.get_or_insert_with(key, absent).unwrap()))
        }
        _ => Seen::Value(vault.get(&key).unwrap()),
    }
}

fn at_once(
    registers: impl Iterator<Item = usize>,
    get: impl FnOnce(&[u32]) -> Result<Vec<Option<Stamp>>>,
) -> Vec<Seen> {
    let keys: Vec<u32> = registers.map(key).collect();
    get(&keys).unwrap().into_iter().map(Seen::Value).collect()
}

fn by_iter(vault: &Registers, registers: impl Iterator<Item = usize>) -> Vec<Seen> {
    let all: HashMap<_, _> = vault.iter().map(Result::unwrap).collect();
    registers
        .map(|register| Seen::Value(all.get(&key(register)).copied()))
        .collect()
}

/// Brings a register, and those that go with it, to the next version.
fn perform(vault: &Registers, kind: Kind, registers: Range<usize>, version: u64) -> Result<()> {
    let keys: Vec<u32> = registers.map(key).collect();
    let (key, new) = (keys[0], stamp(version));
    let old = |version: u64| kind.is_there(version - 1).then(|| stamp(version - 1));
    match kind {
        Kind::Put => vault.put(&key, &new),
        Kind::Insert => vault
            .insert(key, new)
            .map(|found| assert_eq!(found, old(version))),
        Kind::Remove if kind.is_there(version) => vault.put(&key, &new),
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
        Kind::Fetch if kind.is_there(version) => {
            let made = vault.get_or_insert_with(key, || new)?;
            assert_eq!(made, new, "key {key}");
            Ok(())
        }
        Kind::Fetch => vault.remove_many(&keys).map(drop),
        Kind::Sweep if kind.is_there(version) => vault.insert(key, new).map(drop),
        Kind::Sweep if version.is_multiple_of(4) => vault.retain(|other, _| *other != key),
        Kind::Sweep => vault
            .extract_if(|other, _| *other == key)
            .try_for_each(|entry| entry.map(drop)),
        Kind::Each if version == 1 => vault.put(&key, &new),
        Kind::Each => vault.for_each_mut(|other, value| {
            if *other == key {
                *value = new;
            }
        }),
    }
}
