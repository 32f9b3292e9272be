//! Connections that read: what they count while others write, and how many descriptors they take.

use std::path::Path;
use std::time::Duration;

use vaults::{OpenOptions, Vault};

use crate::support::{Scratch, numbers, open, sql};

/// Another program fills, empties and shrinks the file. It commits when nobody reads, which is between two
/// statements of a reader.
fn fill_and_empty(path: &Path, rounds: u32) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_mins(1)).unwrap();
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE")
        .unwrap();
    for _ in 0..rounds {
        connection
            .execute_batch(
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
                     INSERT INTO dict SELECT CAST('M' || n AS BLOB), x'4dc0' FROM n;
                 DELETE FROM dict WHERE rowid > 1; VACUUM",
            )
            .unwrap();
    }
}

/// Numbers of two statements would be of two states: more rows than the file has room for.
#[test]
fn numbers_are_of_one_state_while_another_program_writes() {
    let scratch = Scratch::new();
    sql(
        &scratch.vault(),
        "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB);
         INSERT INTO dict VALUES (x'4d01', x'4dc0')",
    );
    // Not a file in WAL mode: there each commit would be noticed and counted once.
    let vault: Vault<u32, ()> = OpenOptions::new()
        .read_only(true)
        .open(scratch.vault())
        .unwrap();
    std::thread::scope(|scope| {
        let path = scratch.vault();
        let writing = scope.spawn(move || fill_and_empty(&path, 30));
        while !writing.is_finished() {
            let length = vault.len().unwrap();
            assert!(length == 1 || length == 2_501, "{length}");
            let stats = vault.stats().unwrap();
            assert!(stats.free_pages < stats.pages, "{stats:?}");
        }
        writing.join().unwrap();
    });
    assert_eq!(vault.len().unwrap(), 1);
}

/// How many descriptors of files in the folder this process has.
#[cfg(target_os = "linux")]
fn descriptors(scratch: &Scratch) -> usize {
    let folder = scratch.folder();
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|file| file.starts_with(&folder))
        .count()
}

#[test]
#[cfg(target_os = "linux")]
fn descriptors_are_bounded_by_the_most_readers_at_once() {
    const READERS: usize = 60;
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(100)).unwrap();
    // Readers one after another share what one takes.
    for _ in 0..200 {
        vault.snapshot().unwrap().len().unwrap();
        assert_eq!(vault.iter().count(), 100);
    }
    vault.stats().unwrap();
    let at_rest = descriptors(&scratch);
    assert!(at_rest <= 9, "{at_rest}");
    let mut left = Vec::new();
    for _ in 0..5 {
        let snapshots: Vec<_> = (0..READERS).map(|_| vault.snapshot().unwrap()).collect();
        let most = descriptors(&scratch);
        assert!(most <= at_rest + 2 * READERS, "{most}");
        assert_eq!(vault.stats().unwrap().readers_open, READERS + 1);
        eprintln!("{at_rest} at rest, {most} at most");
        drop(snapshots);
        left.push(descriptors(&scratch));
        assert_eq!(vault.stats().unwrap().readers_open, 8);
    }
    // Each that was closed has left one descriptor, which the next one takes over.
    let most = at_rest + READERS + 8;
    assert!(left.iter().all(|&left| left <= most), "{left:?}, {most}");
    assert!(left.windows(2).all(|two| two[0] == two[1]), "{left:?}");
    drop(vault);
    assert_eq!(descriptors(&scratch), 0);
}
