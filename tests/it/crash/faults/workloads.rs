//! Workloads: lists of calls, made from a seed.
//!
//! Each is there in two lengths: one that passes several checkpoints (SQLite makes one for every
//! 1000 pages in the log), and a short one, all of whose operations can be made to fail.

use std::path::Path;

use rusqlite::Connection;

use super::Random;
use super::model::{Ending, MAX_VALUE_BYTES, Part, Step, Value};

/// How many calls a workload makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Long,
    Short,
}

/// A kind of use.
#[derive(Clone, Copy)]
pub(super) struct Workload {
    pub(super) name: &'static str,
    /// The page size of the file, if the vault is not to create it. A small one makes more of
    /// fewer bytes: more pages, more checkpoints.
    page_bytes: Option<u32>,
    /// How many states or faults it is worth, in a hundred.
    pub(super) weight: u32,
    steps: fn(&mut Author),
}

const SMALL: Option<u32> = Some(1024);
/// The smallest that there is.
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

const fn workload(
    name: &'static str,
    page_bytes: Option<u32>,
    weight: u32,
    steps: fn(&mut Author),
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
            .find(|workload| workload.name == name)
            .unwrap_or_else(|| panic!("there is no workload {name:?}"))
    }

    /// Makes what is there before the vault is opened.
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
        let mut author = Author {
            random: Random::of(&[seed, self.name.len() as u64]),
            length,
            values: 0,
            steps: Vec::new(),
        };
        (self.steps)(&mut author);
        author.steps
    }
}

/// Writes the list.
pub(super) struct Author {
    random: Random,
    length: Length,
    values: u32,
    steps: Vec<Step>,
}

impl Author {
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

    /// A value of 10 bytes to 20 KiB, small ones more often.
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

    fn ending(&mut self) -> Ending {
        if self.random.chance(50) {
            Ending::Commit
        } else {
            Ending::Drop
        }
    }
}

fn creation(author: &mut Author) {
    for _ in 0..author.count(6, 2) {
        author.put();
    }
    author.add(Step::Reopen);
    author.put();
}

fn puts(author: &mut Author) {
    for _ in 0..author.count(500, 10) {
        let (key, value) = author.pair();
        let step = match author.random.below(8) {
            0 => Step::Insert(key, value),
            1 => Step::Remove(key),
            _ => Step::Put(key, value),
        };
        author.add(step);
    }
}

fn entries(author: &mut Author) {
    for _ in 0..author.count(400, 10) {
        let (key, value) = author.pair();
        let step = match author.random.below(10) {
            0 => Step::EntryRemove(key),
            1 => Step::GetOrInsert(key, value),
            2 | 3 => Step::GetMut(key, value),
            4 | 5 => Step::EntryDropped(key, value),
            _ => Step::Entry(key, value),
        };
        author.add(step);
    }
}

fn transactions(author: &mut Author) {
    for _ in 0..author.count(140, 6) {
        let parts = parts(author, 2);
        let ending = if author.random.chance(85) {
            Ending::Commit
        } else {
            Ending::Drop
        };
        author.add(Step::Transaction(parts, ending));
    }
}

fn parts(author: &mut Author, depth: u32) -> Vec<Part> {
    let count = 1 + author.random.below(4);
    (0..count)
        .map(|_| {
            let (key, value) = author.pair();
            match author.random.below(14) {
                0 | 1 => Part::Remove(key),
                2 | 3 => Part::Entry(key, value),
                4 => Part::Extend(author.pairs(3)),
                5 => Part::Retain(2 + author.below(7)),
                6 if author.random.chance(20) => Part::Clear,
                7..10 if depth > 0 => {
                    let ending = author.ending();
                    Part::Savepoint(parts(author, depth - 1), ending)
                }
                _ => Part::Put(key, value),
            }
        })
        .collect()
}

fn extends(author: &mut Author) {
    for _ in 0..author.count(60, 4) {
        let count = 1 + author.random.below(16);
        let pairs = author.pairs(count);
        author.add(Step::Extend(pairs));
    }
    // The long one is more than SQLite's cache holds, so that pages of it are in the log before the
    // commit, and more than the first region of the index has room for. The short one is enough
    // for a checkpoint.
    let count = author.count(130, 26);
    let large = author.large(count);
    author.add(Step::Extend(large));
    author.add(Step::Retain(2));
    author.put();
}

fn removals(author: &mut Author) {
    for _ in 0..author.count(24, 1) {
        for _ in 0..author.count(6, 3) {
            let count = 1 + author.random.below(8);
            let pairs = author.pairs(count);
            author.add(Step::Extend(pairs));
        }
        let keys = (0..5).map(|_| author.key()).collect();
        let (divisor, count, ending) =
            (2 + author.below(5), author.random.below(6), author.ending());
        let mut removals = vec![
            Step::PopFirst,
            Step::PopLast,
            Step::RemoveMany(keys),
            Step::Retain(divisor),
            Step::ExtractIf(divisor + 1),
            Step::Drain(count, ending),
            Step::Clear,
        ];
        if author.length == Length::Long {
            removals.rotate_left(author.random.below(7));
            removals.truncate(2);
        }
        for removal in removals {
            author.add(removal);
            author.put();
        }
    }
}

fn flushes(author: &mut Author) {
    for _ in 0..author.count(60, 3) {
        let count = author.random.below(author.count(12, 3));
        for _ in 0..count {
            author.put();
        }
        author.add(Step::Flush);
    }
}

fn reopening(author: &mut Author) {
    for _ in 0..author.count(40, 3) {
        let count = author.random.below(author.count(16, 3));
        for _ in 0..count {
            author.put();
        }
        let step = if author.random.chance(50) {
            Step::Reopen
        } else {
            Step::DropAndOpen
        };
        author.add(step);
    }
}

fn large_pages(author: &mut Author) {
    for _ in 0..author.count(250, 3) {
        let key = author.below(20);
        let size = if author.random.chance(60) {
            MAX_VALUE_BYTES - author.below(4096)
        } else {
            10 + author.below(5000)
        };
        let value = author.sized(size);
        author.add(Step::Put(key, value));
    }
}

fn compaction(author: &mut Author) {
    for _ in 0..author.count(12, 2) {
        for _ in 0..author.count(24, 3) {
            author.put();
        }
        let keys = (0..author.count(20, 3)).map(|_| author.key()).collect();
        author.add(Step::RemoveMany(keys));
        author.add(Step::Compact);
    }
}
