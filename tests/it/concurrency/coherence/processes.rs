//! The registers among four processes, each of which writes its own and reads all, through
//! several handles, while logs are emptied and handles opened and closed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;

use super::actor::{Actor, Tally};
use super::options;
use super::register::{ACTORS, Board, Leaving, PLACES, Registers, check_the_end};
use crate::support::damage::rounds;
use crate::support::{Child, Scratch, role, say};

const CHILD: &str = test_path!(child);
const ROUNDS: u64 = 250;

/// The board in a file: what one process has written, another reads, in that order.
struct Slate(File);

/// A number and its complement, so that one that is half written shows.
const NUMBER_BYTES: usize = 16;

impl Slate {
    fn open(path: &Path) -> Self {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        Self(options.open(path).unwrap())
    }

    fn at(place: usize) -> u64 {
        (place * NUMBER_BYTES) as u64
    }

    fn read_into(&self, bytes: &mut [u8], place: usize) -> Option<Vec<u64>> {
        self.0.read_exact_at(bytes, Self::at(place)).unwrap();
        let numbers = bytes.chunks_exact(NUMBER_BYTES).map(|bytes| {
            let (number, complement) = bytes.split_at(8);
            let number = u64::from_le_bytes(number.try_into().unwrap());
            let complement = u64::from_le_bytes(complement.try_into().unwrap());
            (number == !complement).then_some(number)
        });
        numbers.collect()
    }
}

impl Board for Slate {
    fn write(&self, place: usize, number: u64) {
        let bytes = [number.to_le_bytes(), (!number).to_le_bytes()].concat();
        self.0.write_all_at(&bytes, Self::at(place)).unwrap();
    }

    fn read(&self, place: usize) -> u64 {
        let mut bytes = [0; NUMBER_BYTES];
        loop {
            if let Some(numbers) = self.read_into(&mut bytes, place) {
                return numbers[0];
            }
        }
    }

    fn read_all(&self) -> Vec<u64> {
        let mut bytes = [0; NUMBER_BYTES * PLACES];
        loop {
            if let Some(numbers) = self.read_into(&mut bytes, 0) {
                return numbers;
            }
        }
    }
}

fn slate(vault: &Path) -> Slate {
    Slate::open(&vault.with_extension("slate"))
}

#[test]
fn child() {
    let Some((me, path)) = role() else {
        return;
    };
    let slate = slate(&path);
    let open = || -> Registers { options().open(&path).unwrap() };
    let vault = open();
    let reader = options().read_only(true).open(&path).unwrap();
    let handles = vec![vault.clone(), vault, reader, open()];
    let actor = Actor::new(me.parse().unwrap(), &slate, handles, Some(&path));
    let Tally { checks, changes } = actor.act(ROUNDS * rounds() as u64);
    say(&format!("{checks} {changes}"));
}

/// Waits for a process to come to its end, good or bad, and tells the others.
fn wait_for(mut child: Child, me: usize, slate: &Slate) -> Tally {
    let _leaving = Leaving(slate, me);
    let said = child.hear();
    let numbers = said.split_once(' ').and_then(|(checks, changes)| {
        let (checks, changes) = (checks.parse().ok()?, changes.parse().ok()?);
        Some(Tally { checks, changes })
    });
    let Some(tally) = numbers else {
        // It ends badly, and shows why.
        child.expect("what it has done");
        panic!("process {me} said {said:?}");
    };
    child.finish();
    tally
}

#[test]
fn no_read_among_four_processes_is_stale() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let vault: Registers = options().open(&path).unwrap();
    let slate = slate(&path);
    for place in 0..PLACES {
        slate.write(place, 0);
    }
    let start = |me: usize| Child::start(CHILD, &me.to_string(), &path);
    let children: Vec<Child> = (0..ACTORS).map(start).collect();
    let mut all = Tally::default();
    thread::scope(|scope| {
        let waiting = (0..).zip(children).map(|(me, child)| {
            let slate = &slate;
            scope.spawn(move || wait_for(child, me, slate))
        });
        let waiting: Vec<_> = waiting.collect();
        for (me, process) in waiting.into_iter().enumerate() {
            let tally = process.join().unwrap();
            println!("process {me}: {tally}");
            tally.suffices(ROUNDS * rounds() as u64);
            all.checks += tally.checks;
            all.changes += tally.changes;
        }
    });
    println!("all: {all}");
    assert!(all.checks >= 50_000 * rounds() as u64, "{all}");
    check_the_end(&slate, &vault);
}
