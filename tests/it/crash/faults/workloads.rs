//! Workloads: lists of steps, generated from a seed.
//!
//! Each workload has two lengths. The long one passes several checkpoints (SQLite makes one after
//! every 1000 pages in the log). The short one is short enough for each of its operations to fail
//! once.

use std::ops::Range;
use std::path::Path;

use rusqlite::Connection;

use super::Random;
use super::model::{Ending, MAX_VALUE_BYTES, Step, TransactionStep, Value};

/// The length of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Long,
    Short,
}

/// A kind of workload.
#[derive(Clone, Copy)]
pub(super) struct Workload {
    pub(super) name: &'static str,
    /// The page size, if the file is to exist before the vault. A small one gives more pages and
    /// checkpoints for the same bytes.
    page_bytes: Option<u32>,
    /// The share of states or faults, in percent.
    pub(super) weight: u32,
    steps: fn(&mut Generator),
}

const SMALL: Option<u32> = Some(1024);
/// The smallest page size of SQLite.
const SMALLEST: Option<u32> = Some(512);

pub(super) const ALL: &[Workload] = &[
    workload("creation", None, 100, creation),
    workload("puts", SMALL, 150, puts),
    workload("entries", SMALL, 100, entries),
    workload("transactions", SMALL, 100, transactions),
    workload("extends", SMALLEST, 70, extends),
    workload("removals", SMALL, 100, removals),
    workload("flushes", SMALL, 100, flushes),
    workload("reopening", SMALL, 100, reopening),
    workload("compaction", SMALL, 100, compaction),
    workload("large pages", None, 40, large_pages),
];

/// The workloads that only a vault in the order of its keys has.
const SORTED: &[Workload] = &[workload("ranges", SMALL, 100, ranges)];

const fn workload(
    name: &'static str,
    page_bytes: Option<u32>,
    weight: u32,
    steps: fn(&mut Generator),
) -> Workload {
    Workload {
        name,
        page_bytes,
        weight,
        steps,
    }
}

impl Workload {
    pub(super) fn named(name: &str) -> Self {
        *ALL.iter()
            .chain(SORTED)
            .find(|workload| workload.name == name)
            .unwrap_or_else(|| panic!("there is no workload {name:?}"))
    }

    /// Creates the file, if the workload needs a page size.
    pub(super) fn prepare(&self, path: &Path) {
        if let Some(bytes) = self.page_bytes {
            let connection = Connection::open(path).unwrap();
            connection
                .execute_batch(&format!("PRAGMA page_size = {bytes}; VACUUM"))
                .unwrap();
            connection.close().unwrap();
        }
    }

    pub(super) fn steps(&self, seed: u64, length: Length) -> Vec<Step> {
        let mut generator = Generator {
            random: Random::of(&[seed, self.name.len() as u64]),
            length,
            values: 0,
            steps: Vec::new(),
        };
        (self.steps)(&mut generator);
        generator.steps
    }
}

/// Generates the steps.
pub(super) struct Generator {
    random: Random,
    length: Length,
    values: u32,
    steps: Vec<Step>,
}

impl Generator {
    fn count(&self, long: usize, short: usize) -> usize {
        match self.length {
            Length::Long => long,
            Length::Short => short,
        }
    }

    fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn below(&mut self, limit: usize) -> u32 {
        u32::try_from(self.random.below(limit)).unwrap()
    }

    fn key(&mut self) -> u32 {
        let keys = self.count(60, 8);
        self.below(keys)
    }

    fn sized(&mut self, size: u32) -> Value {
        self.values += 1;
        Value {
            id: self.values,
            size,
        }
    }

    /// Returns a value of 10 bytes to 20 KiB, more often a small one.
    fn value(&mut self) -> Value {
        let size = match self.random.below(20) {
            0..10 => 10 + self.below(90),
            10..16 => 100 + self.below(1900),
            16..19 => 2000 + self.below(4000),
            _ => MAX_VALUE_BYTES,
        };
        self.sized(size)
    }

    fn pair(&mut self) -> (u32, Value) {
        (self.key(), self.value())
    }

    fn pairs(&mut self, count: usize) -> Vec<(u32, Value)> {
        (0..count).map(|_| self.pair()).collect()
    }

    fn large(&mut self, count: usize) -> Vec<(u32, Value)> {
        (0..count)
            .map(|_| (1000 + self.below(200), self.sized(MAX_VALUE_BYTES)))
            .collect()
    }

    fn put(&mut self) {
        let (key, value) = self.pair();
        self.add(Step::Put(key, value));
    }

    fn range(&mut self) -> Range<u32> {
        let start = self.key();
        start..start + 1 + self.below(4)
    }

    fn ending(&mut self) -> Ending {
        if self.random.chance(50) {
            Ending::Commit
        } else {
            Ending::Drop
        }
    }
}

fn creation(generator: &mut Generator) {
    for _ in 0..generator.count(6, 2) {
        generator.put();
    }
    generator.add(Step::Reopen);
    generator.put();
}

fn puts(generator: &mut Generator) {
    for _ in 0..generator.count(500, 10) {
        let (key, value) = generator.pair();
        let step = match generator.random.below(8) {
            0 => Step::Insert(key, value),
            1 => Step::Remove(key),
            _ => Step::Put(key, value),
        };
        generator.add(step);
    }
}

fn entries(generator: &mut Generator) {
    for _ in 0..generator.count(400, 10) {
        let (key, value) = generator.pair();
        let step = match generator.random.below(10) {
            0 => Step::EntryRemove(key),
            1 => Step::GetOrInsert(key, value),
            2 | 3 => Step::GetMut(key, value),
            4 | 5 => Step::EntryDropped(key, value),
            _ => Step::Entry(key, value),
        };
        generator.add(step);
    }
}

fn transactions(generator: &mut Generator) {
    for _ in 0..generator.count(140, 6) {
        let parts = parts(generator, 2);
        let ending = if generator.random.chance(85) {
            Ending::Commit
        } else {
            Ending::Drop
        };
        generator.add(Step::Transaction(parts, ending));
    }
}

fn parts(generator: &mut Generator, depth: u32) -> Vec<TransactionStep> {
    let count = 1 + generator.random.below(4);
    (0..count)
        .map(|_| {
            let (key, value) = generator.pair();
            match generator.random.below(14) {
                0 | 1 => TransactionStep::Remove(key),
                2 | 3 => TransactionStep::Entry(key, value),
                4 => TransactionStep::Extend(generator.pairs(3)),
                5 => TransactionStep::Retain(2 + generator.below(7)),
                6 if generator.random.chance(20) => TransactionStep::Clear,
                7..10 if depth > 0 => {
                    let ending = generator.ending();
                    TransactionStep::Savepoint(parts(generator, depth - 1), ending)
                }
                _ => TransactionStep::Put(key, value),
            }
        })
        .collect()
}

fn extends(generator: &mut Generator) {
    for _ in 0..generator.count(60, 4) {
        let count = 1 + generator.random.below(16);
        let pairs = generator.pairs(count);
        generator.add(Step::Extend(pairs));
    }
    // The long one exceeds the page cache of SQLite, so that pages are in the log before the
    // commit, and exceeds the first region of the index. The short one is large enough for a
    // checkpoint.
    let count = generator.count(130, 26);
    let large = generator.large(count);
    generator.add(Step::Extend(large));
    generator.add(Step::Retain(2));
    generator.put();
}

fn removals(generator: &mut Generator) {
    for _ in 0..generator.count(24, 1) {
        for _ in 0..generator.count(6, 3) {
            let count = 1 + generator.random.below(8);
            let pairs = generator.pairs(count);
            generator.add(Step::Extend(pairs));
        }
        let keys = (0..5).map(|_| generator.key()).collect();
        let (divisor, count, ending) = (
            2 + generator.below(5),
            generator.random.below(6),
            generator.ending(),
        );
        let mut removals = vec![
            Step::PopFirst,
            Step::PopLast,
            Step::RemoveMany(keys),
            Step::Retain(divisor),
            Step::ExtractIf(divisor + 1),
            Step::Drain(count, ending),
            Step::Clear,
        ];
        if generator.length == Length::Long {
            removals.rotate_left(generator.random.below(7));
            removals.truncate(2);
        }
        for removal in removals {
            generator.add(removal);
            generator.put();
        }
    }
}

fn flushes(generator: &mut Generator) {
    for _ in 0..generator.count(60, 3) {
        let count = generator.random.below(generator.count(12, 3));
        for _ in 0..count {
            generator.put();
        }
        generator.add(Step::Flush);
    }
}

fn reopening(generator: &mut Generator) {
    for _ in 0..generator.count(40, 3) {
        let count = generator.random.below(generator.count(16, 3));
        for _ in 0..count {
            generator.put();
        }
        let step = if generator.random.chance(50) {
            Step::Reopen
        } else {
            Step::DropAndOpen
        };
        generator.add(step);
    }
}

fn large_pages(generator: &mut Generator) {
    for _ in 0..generator.count(250, 3) {
        let key = generator.below(20);
        let size = if generator.random.chance(60) {
            MAX_VALUE_BYTES - generator.below(4096)
        } else {
            10 + generator.below(5000)
        };
        let value = generator.sized(size);
        generator.add(Step::Put(key, value));
    }
}

/// Values of all sizes are put, made larger and smaller, and removed by their keys.
fn ranges(generator: &mut Generator) {
    for _ in 0..generator.count(60, 3) {
        for _ in 0..generator.count(6, 3) {
            let key = generator.key();
            let size = if generator.random.chance(50) { 10 } else { 390 } + generator.below(30);
            let value = generator.sized(size);
            generator.add(Step::Put(key, value));
            generator.put();
        }
        let range = generator.range();
        generator.add(Step::RemoveRange(range));
        let pairs = generator.pairs(4);
        let range = generator.range();
        let parts = vec![
            TransactionStep::Extend(pairs),
            TransactionStep::RemoveRange(range),
        ];
        let ending = generator.ending();
        let savepoint = TransactionStep::Savepoint(parts, ending);
        let (key, value) = generator.pair();
        let parts = vec![savepoint, TransactionStep::Put(key, value)];
        generator.add(Step::Transaction(parts, Ending::Commit));
    }
}

fn compaction(generator: &mut Generator) {
    for _ in 0..generator.count(12, 2) {
        for _ in 0..generator.count(24, 3) {
            generator.put();
        }
        let keys = (0..generator.count(20, 3))
            .map(|_| generator.key())
            .collect();
        generator.add(Step::RemoveMany(keys));
        generator.add(Step::Compact);
    }
}
