//! The registers in four processes. Each process writes its own and reads all, through several
//! handles, while logs are truncated and handles are opened and closed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;

use super::actor::{Actor, ActorStats};
use super::options;
use super::register::{ACTORS, BOARD_LENGTH, Board, FinishOnDrop, Registers, check_final_state};
use crate::support::damage::rounds;
use crate::support::{Child, Scratch, role, say};

const CHILD: &str = test_path!(child);
const ROUNDS: u64 = 250;

/// A board in a file. A write by one process is visible to the others in order.
struct FileBoard(File);

/// A number and its complement, which shows a torn write.
const NUMBER_BYTES: usize = 16;

impl FileBoard {
    fn open(path: &Path) -> Self {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        Self(options.open(path).unwrap())
    }

    fn offset(index: usize) -> u64 {
        (index * NUMBER_BYTES) as u64
    }

    fn read_into(&self, bytes: &mut [u8], index: usize) -> Option<Vec<u64>> {
        self.0.read_exact_at(bytes, Self::offset(index)).unwrap();
        let numbers = bytes.chunks_exact(NUMBER_BYTES).map(|bytes| {
            let (number, complement) = bytes.split_at(8);
            let number = u64::from_le_bytes(number.try_into().unwrap());
            let complement = u64::from_le_bytes(complement.try_into().unwrap());
            (number == !complement).then_some(number)
        });
        numbers.collect()
    }
}

impl Board for FileBoard {
    fn write(&self, index: usize, number: u64) {
        let bytes = [number.to_le_bytes(), (!number).to_le_bytes()].concat();
        self.0.write_all_at(&bytes, Self::offset(index)).unwrap();
    }

    fn read(&self, index: usize) -> u64 {
        let mut bytes = [0; NUMBER_BYTES];
        loop {
            if let Some(numbers) = self.read_into(&mut bytes, index) {
                return numbers[0];
            }
        }
    }

    fn read_all(&self) -> Vec<u64> {
        let mut bytes = [0; NUMBER_BYTES * BOARD_LENGTH];
        loop {
            if let Some(numbers) = self.read_into(&mut bytes, 0) {
                return numbers;
            }
        }
    }
}

fn board(vault: &Path) -> FileBoard {
    FileBoard::open(&vault.with_extension("board"))
}

#[test]
fn child() {
    let Some((me, path)) = role() else {
        return;
    };
    let board = board(&path);
    let open = || -> Registers { options().open(&path).unwrap() };
    let vault = open();
    let reader = options().read_only(true).open(&path).unwrap();
    let handles = vec![vault.clone(), vault, reader, open()];
    let actor = Actor::new(me.parse().unwrap(), &board, handles, Some(&path));
    let ActorStats { checks, changes } = actor.act(ROUNDS * rounds() as u64);
    say(&format!("{checks} {changes}"));
}

/// Waits until a process ends, and marks its actor as finished in any case.
fn wait_for(mut child: Child, me: usize, board: &FileBoard) -> ActorStats {
    let _finish = FinishOnDrop(board, me);
    let line = child.hear();
    let numbers = line.split_once(' ').and_then(|(checks, changes)| {
        let (checks, changes) = (checks.parse().ok()?, changes.parse().ok()?);
        Some(ActorStats { checks, changes })
    });
    let Some(stats) = numbers else {
        // The process failed. `expect` panics with its output.
        child.expect("its statistics");
        panic!("process {me} printed {line:?}");
    };
    child.finish();
    stats
}

#[test]
fn no_read_among_four_processes_is_stale() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let vault: Registers = options().open(&path).unwrap();
    let board = board(&path);
    for index in 0..BOARD_LENGTH {
        board.write(index, 0);
    }
    let start = |me: usize| Child::start(CHILD, &me.to_string(), &path);
    let children: Vec<Child> = (0..ACTORS).map(start).collect();
    let mut all = ActorStats::default();
    thread::scope(|scope| {
        let waiting = (0..).zip(children).map(|(me, child)| {
            let board = &board;
            scope.spawn(move || wait_for(child, me, board))
        });
        let waiting: Vec<_> = waiting.collect();
        for (me, process) in waiting.into_iter().enumerate() {
            let stats = process.join().unwrap();
            println!("process {me}: {stats}");
            stats.assert_enough(ROUNDS * rounds() as u64);
            all.checks += stats.checks;
            all.changes += stats.changes;
        }
    });
    println!("all: {all}");
    assert!(all.checks >= 50_000 * rounds() as u64, "{all}");
    check_final_state(&board, &vault);
}
