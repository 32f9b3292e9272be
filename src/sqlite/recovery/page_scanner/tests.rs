//! Scans of intact files and of damaged files.

use rusqlite::Connection;

use super::*;
use crate::engine::{MapId, Position};
use crate::sqlite::connection::tables;
use crate::sqlite::recovery::findings::RecoveredRow;

fn found(path: &Path) -> (Vec<RecoveredRow>, Vec<u32>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    PageScanner::open(path).unwrap().scan(&mut |recovered| {
        match recovered {
            Recovered::Row(row) => rows.push(row),
            Recovered::Fault { page, .. } => faults.push(page),
        }
        true
    });
    (rows, faults)
}

/// Creates a file whose values are between zero bytes and several pages long. Some rows are deleted again.
fn filled(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&tables::create(MapId::only(RowOrder::Insertion)))
        .unwrap();
    connection.execute_batch("BEGIN").unwrap();
    for n in 0..500_i64 {
        let length = usize::try_from(n * n % 12_345).unwrap();
        connection
            .execute(
                "INSERT INTO dict VALUES (?1, ?2)",
                (n.to_be_bytes(), vec![n.to_le_bytes()[0]; length]),
            )
            .unwrap();
    }
    connection
        .execute_batch("DELETE FROM dict WHERE rowid BETWEEN 100 AND 150; COMMIT")
        .unwrap();
    connection
}

fn by_sqlite(connection: &Connection) -> Vec<RecoveredRow> {
    connection
        .prepare("SELECT rowid, key, value FROM dict ORDER BY rowid")
        .unwrap()
        .query_map([], |row| {
            Ok(RecoveredRow {
                position: Position(row.get(0)?),
                key: row.get(1)?,
                value: row.get(2)?,
            })
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn rows_of_an_intact_file_are_those_that_sqlite_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let connection = filled(&path);
    assert_eq!(found(&path), (by_sqlite(&connection), vec![]));
}

#[test]
fn committed_frames_of_the_log_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let connection = filled(&path);
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             UPDATE dict SET value = x'4D' WHERE rowid % 3 = 0;
             DELETE FROM dict WHERE rowid > 400; PRAGMA user_version = 2;",
        )
        .unwrap();
    // An uncommitted change must not be found.
    connection
        .execute_batch("BEGIN; PRAGMA cache_size = 1; DELETE FROM dict;")
        .unwrap();
    let other = Connection::open(&path).unwrap();
    assert_eq!(found(&path), (by_sqlite(&other), vec![]));
    assert_eq!(PageScanner::open(&path).unwrap().format().1, 2);
}

#[test]
fn rows_are_found_without_the_pages_that_lead_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let connection = filled(&path);
    let rows = by_sqlite(&connection);
    drop(connection);
    let whole = std::fs::read(&path).unwrap();
    // Page 1 has the schema, and page 2 is the root of the table.
    for (page, lost) in [(1, 1), (2, 2)] {
        let mut damaged = whole.clone();
        let start = (page - 1) * 4096 + if page == 1 { 16 } else { 0 };
        damaged[start..page * 4096].fill(0xA5);
        std::fs::write(&path, damaged).unwrap();
        let (mut found, faults) = found(&path);
        assert_eq!(faults, [lost]);
        found.sort_by_key(|row| row.position);
        found.dedup();
        for row in &rows {
            assert!(
                found.contains(row),
                "row {} with page {page} gone",
                row.position
            );
        }
    }
}

#[test]
fn rows_are_found_if_two_pointers_lead_to_one_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let connection = filled(&path);
    let rows = by_sqlite(&connection);
    drop(connection);
    let mut file = std::fs::read(&path).unwrap();
    // The pointers to the cells of the root, which begin with the number of a child.
    let root = &mut file[4096..8192];
    let cell = |at: usize| usize::from(u16::from_be_bytes([root[at], root[at + 1]]));
    let (first, second) = (cell(12), cell(14));
    let child: [u8; 4] = root[second..second + 4].try_into().unwrap();
    root[first..first + 4].copy_from_slice(&child);
    std::fs::write(&path, file).unwrap();
    let (mut found, faults) = found(&path);
    assert_eq!(faults, [u32::from_be_bytes(child)]);
    found.sort_by_key(|row| row.position);
    assert_eq!(found, rows);
}

#[test]
fn a_scan_that_was_stopped_finds_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(filled(&path));
    let mut calls = 0;
    PageScanner::open(&path).unwrap().scan(&mut |_| {
        calls += 1;
        calls < 3
    });
    assert_eq!(calls, 3);
}

#[test]
fn random_damage_causes_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(filled(&path));
    let whole = std::fs::read(&path).unwrap();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for _ in 0..60 {
        let mut damaged = whole.clone();
        for _ in 0..200 {
            let at = random(damaged.len());
            damaged[at] = random(256).to_le_bytes()[0];
        }
        damaged.truncate(random(damaged.len()) + 1);
        std::fs::write(&path, &damaged).unwrap();
        let (rows, _) = found(&path);
        assert!(rows.iter().map(|row| row.value.len()).sum::<usize>() < 64 << 20);
    }
}
