//! Several threads at work on one database, in memory and in a file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::sqlite::memory::tests::{TABLE, check, count, get, number, open, put, run, text};
use crate::sqlite::memory::unique_path;
use crate::sqlite::memory::vfs::FILES;

/// A small generator: the same numbers every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn key(&mut self) -> i64 {
        i64::try_from(self.roll(300)).unwrap()
    }

    fn value(&mut self) -> Vec<u8> {
        let len = [8, 100, 1000, 9000][usize::try_from(self.roll(4)).unwrap()];
        let byte = u8::try_from(self.roll(256)).unwrap();
        vec![byte; len]
    }
}

const PATIENCE: Duration = Duration::from_mins(10);

type Model = BTreeMap<i64, Vec<u8>>;

/// Does the same to the database and to the model, which nobody else changes these keys of.
fn step(connection: &Connection, model: &mut Model, dice: &mut Dice, first: i64) {
    let key = first + dice.key();
    match dice.roll(20) {
        0..8 => {
            let value = dice.value();
            put(connection, key, &value).unwrap();
            model.insert(key, value);
        }
        8..12 => {
            let sql = "DELETE FROM dict WHERE key = ?1";
            connection.execute(sql, [key.to_be_bytes()]).unwrap();
            model.remove(&key);
        }
        12 => transaction(connection, model, dice, first),
        13 => {
            let mode =
                ["PASSIVE", "FULL", "RESTART", "TRUNCATE"][usize::try_from(key & 3).unwrap()];
            let sql = format!("PRAGMA wal_checkpoint({mode})");
            // It would keep all others waiting while it waits for the reader that never rests.
            connection.busy_timeout(Duration::ZERO).unwrap();
            connection.query_one(&sql, [], |_| Ok(())).unwrap();
            connection.busy_timeout(PATIENCE).unwrap();
        }
        _ => assert_eq!(get(connection, key).as_ref(), model.get(&key)),
    }
}

fn transaction(connection: &Connection, model: &mut Model, dice: &mut Dice, first: i64) {
    let before = model.clone();
    run(connection, "BEGIN IMMEDIATE").unwrap();
    for _ in 0..dice.roll(30) {
        let (key, value) = (first + dice.key(), dice.value());
        put(connection, key, &value).unwrap();
        model.insert(key, value);
    }
    if dice.roll(2) == 0 {
        run(connection, "ROLLBACK").unwrap();
        *model = before;
    } else {
        run(connection, "COMMIT").unwrap();
    }
}

/// Four threads with connections of their own and keys of their own, and one that only looks.
fn mixed_workload(connect: impl Fn() -> Connection + Sync, steps: usize) -> Model {
    let open = || {
        let connection = connect();
        connection.busy_timeout(PATIENCE).unwrap();
        run(
            &connection,
            "PRAGMA synchronous = OFF; PRAGMA cache_size = 20",
        )
        .unwrap();
        connection
    };
    let first = open();
    assert_eq!(text(&first, "PRAGMA journal_mode = WAL"), "wal");
    run(&first, TABLE).unwrap();
    let running = AtomicI64::new(4);
    let models = thread::scope(|scope| {
        let work = |worker: i64| {
            let (running, open) = (&running, &open);
            scope.spawn(move || {
                let (mut model, mut dice) =
                    (Model::new(), Dice(0x9E37_79B9 + worker.unsigned_abs()));
                let mut connection = open();
                for turn in 0..steps {
                    step(&connection, &mut model, &mut dice, worker * 1000);
                    if turn % 50 == 49 {
                        connection = open();
                    }
                }
                running.fetch_sub(1, Ordering::Relaxed);
                model
            })
        };
        let workers = [0, 1, 2, 3].map(work);
        watch(&open(), &running);
        workers.map(|worker| worker.join().unwrap())
    });
    let model: Model = models.into_iter().flatten().collect();
    assert_eq!(contents(&first), model);
    check(&first);
    model
}

/// Sees to it that what is read twice within a transaction is the same.
fn watch(connection: &Connection, running: &AtomicI64) {
    let sum = "SELECT coalesce(sum(length(value) * rowid), 0) FROM dict";
    while running.load(Ordering::Relaxed) > 0 {
        run(connection, "BEGIN").unwrap();
        let before = (count(connection), number(connection, sum));
        thread::yield_now();
        assert_eq!((count(connection), number(connection, sum)), before);
        run(connection, "COMMIT").unwrap();
    }
}

fn contents(connection: &Connection) -> Model {
    let mut statement = connection.prepare("SELECT key, value FROM dict").unwrap();
    let pair = |row: &rusqlite::Row<'_>| Ok((i64::from_be_bytes(row.get(0)?), row.get(1)?));
    statement
        .query_map([], pair)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn threads_see_what_they_would_see_in_a_file() {
    let path = unique_path();
    let in_memory = mixed_workload(|| open(&path), 2000);
    assert!(FILES.names(&path).is_empty());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.db");
    let on_disk = mixed_workload(|| Connection::open(&path).unwrap(), 2000);
    assert!(in_memory.len() > 100);
    assert_eq!(in_memory, on_disk);
}
