//! Read connections: they count consistently during writes, and they need few file descriptors.

use std::path::Path;
use std::time::Duration;

use vaults::{OpenOptions, Vault};

use crate::support::{Scratch, numbers, open, sql};

/// Fills, empties and shrinks the file as another program. It commits between two statements of a
/// reader.
fn fill_and_empty(path: &Path, rounds: u32) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
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

/// Tests that related numbers are read in one statement. From two, they could show more rows than
/// the file has space for.
#[test]
fn stats_are_of_one_state_while_another_program_writes() {
    let scratch = Scratch::new();
    sql(
        &scratch.vault(),
        "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB);
         INSERT INTO dict VALUES (x'4d01', x'4dc0')",
    );
    // The file is not in WAL mode. In WAL mode, each commit would be noticed and counted once.
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

/// Returns the number of descriptors that this process has open in the folder.
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
    // Consecutive readers share one connection.
    for _ in 0..200 {
        vault.snapshot().unwrap().len().unwrap();
        assert_eq!(vault.iter().count(), 100);
    }
    vault.stats().unwrap();
    let at_rest = descriptors(&scratch);
    assert!(at_rest <= 9, "{at_rest}");
    let mut after_close = Vec::new();
    for _ in 0..5 {
        let snapshots: Vec<_> = (0..READERS).map(|_| vault.snapshot().unwrap()).collect();
        let most = descriptors(&scratch);
        assert!(most <= at_rest + 2 * READERS, "{most}");
        assert_eq!(vault.stats().unwrap().readers_open, READERS + 1);
        eprintln!("{at_rest} at rest, {most} at most");
        drop(snapshots);
        after_close.push(descriptors(&scratch));
        assert_eq!(vault.stats().unwrap().readers_open, 8);
    }
    // Each closed connection leaves one descriptor open, which the next one reuses.
    let most = at_rest + READERS + 8;
    assert!(
        after_close.iter().all(|&after_close| after_close <= most),
        "{after_close:?}, {most}"
    );
    assert!(
        after_close.windows(2).all(|two| two[0] == two[1]),
        "{after_close:?}"
    );
    drop(vault);
    assert_eq!(descriptors(&scratch), 0);
}
