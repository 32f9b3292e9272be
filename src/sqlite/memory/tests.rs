//! What SQLite makes of the files in memory.

use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use super::vfs::FILES;
use super::{unique_path, vfs};

pub(super) const TABLE: &str =
    "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT";

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn open_with(path: &str, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags_and_vfs(path, flags, vfs().unwrap())?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

pub(super) fn open(path: &str) -> Connection {
    open_with(path, flags()).unwrap()
}

/// Opens and says what the journal mode has become.
fn open_as(path: &str, mode: &str) -> (Connection, String) {
    let connection = open(path);
    let mode = text(&connection, &format!("PRAGMA journal_mode = {mode}"));
    (connection, mode)
}

fn create(path: &str) -> Connection {
    let (connection, mode) = open_as(path, "WAL");
    assert_eq!(mode, "wal");
    run(&connection, TABLE).unwrap();
    connection
}

pub(super) fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.execute_batch(sql)
}

pub(super) fn text(connection: &Connection, sql: &str) -> String {
    connection.query_one(sql, [], |row| row.get(0)).unwrap()
}

pub(super) fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_one(sql, [], |row| row.get(0)).unwrap()
}

pub(super) fn count(connection: &Connection) -> i64 {
    number(connection, "SELECT count(*) FROM dict")
}

pub(super) fn put(connection: &Connection, key: i64, value: &[u8]) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO dict VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
    let mut statement = connection.prepare(sql)?;
    statement.execute((key.to_be_bytes(), value))
}

pub(super) fn get(connection: &Connection, key: i64) -> Option<Vec<u8>> {
    let sql = "SELECT value FROM dict WHERE key = ?1";
    let mut statement = connection.prepare(sql).unwrap();
    let value = statement.query_row([key.to_be_bytes()], |row| row.get(0));
    value.optional().unwrap()
}

fn is_busy<T>(result: rusqlite::Result<T>) -> bool {
    let code = result.err().and_then(|error| error.sqlite_error_code());
    code == Some(ErrorCode::DatabaseBusy)
}

fn checkpoint(connection: &Connection) -> (i64, i64, i64) {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let triple = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    connection.query_one(sql, [], triple).unwrap()
}

pub(super) fn check(connection: &Connection) {
    assert_eq!(text(connection, "PRAGMA integrity_check"), "ok");
}

fn size(path: &str) -> usize {
    FILES.size(path.as_bytes()).unwrap_or(0)
}

#[test]
fn it_is_registered_once_and_is_not_the_default() {
    let name = vfs().unwrap();
    assert_eq!(vfs().unwrap(), name);
    let prefix = concat!("vaults-memory-", env!("CARGO_PKG_VERSION"), "-");
    assert!(name.starts_with(prefix));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.db");
    run(&Connection::open(&path).unwrap(), TABLE).unwrap();
    assert!(path.exists());
}

#[test]
fn a_reader_keeps_its_snapshot_while_the_writer_commits() {
    let path = unique_path();
    let writer = create(&path);
    put(&writer, 1, b"old").unwrap();
    let reader = open_with(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    run(&reader, "BEGIN").unwrap();
    assert_eq!(get(&reader, 1).unwrap(), b"old");
    put(&writer, 1, b"new").unwrap();
    put(&writer, 2, b"two").unwrap();
    assert_eq!(get(&reader, 1).unwrap(), b"old");
    assert_eq!(count(&reader), 1);
    run(&reader, "COMMIT").unwrap();
    assert_eq!(get(&reader, 1).unwrap(), b"new");
    assert_eq!(count(&reader), 2);
    assert!(put(&reader, 3, b"").is_err());
}

#[test]
fn readers_do_not_wait_for_a_writer_and_a_second_writer_does() {
    let path = unique_path();
    let (writer, other) = (create(&path), open(&path));
    put(&writer, 1, b"committed").unwrap();
    run(&writer, "BEGIN IMMEDIATE").unwrap();
    put(&writer, 1, b"uncommitted").unwrap();
    assert_eq!(get(&other, 1).unwrap(), b"committed");
    assert!(is_busy(run(&other, "BEGIN IMMEDIATE")));
    assert!(is_busy(put(&other, 2, b"")));
    run(&writer, "COMMIT").unwrap();
    assert_eq!(get(&other, 1).unwrap(), b"uncommitted");
    put(&other, 2, b"").unwrap();
    run(&writer, "BEGIN IMMEDIATE; DELETE FROM dict; ROLLBACK").unwrap();
    assert_eq!(count(&writer), 2);
}

#[test]
fn a_writer_that_read_an_old_state_is_refused() {
    let path = unique_path();
    let (a, b) = (create(&path), open(&path));
    run(&a, "BEGIN").unwrap();
    assert_eq!(count(&a), 0);
    put(&b, 1, b"").unwrap();
    assert!(is_busy(put(&a, 2, b"")));
    run(&a, "ROLLBACK").unwrap();
    put(&a, 2, b"").unwrap();
}

#[test]
fn a_checkpoint_empties_the_log() {
    let path = unique_path();
    let log = format!("{path}-wal");
    let (writer, reader) = (create(&path), open(&path));
    for key in 0..100 {
        put(&writer, key, &[7; 1000]).unwrap();
    }
    assert!(size(&log) > 100 * 1000);
    run(&reader, "BEGIN").unwrap();
    assert_eq!(count(&reader), 100);
    assert_eq!(checkpoint(&writer).0, 1);
    run(&reader, "COMMIT").unwrap();
    assert_eq!(checkpoint(&writer), (0, 0, 0));
    assert_eq!(size(&log), 0);
    assert!(size(&path) > 100 * 1000);
    assert_eq!(count(&reader), 100);
    put(&reader, 100, b"after").unwrap();
    assert_eq!(get(&writer, 100).unwrap(), b"after");
    check(&writer);
}

#[test]
fn the_content_goes_with_the_last_connection() {
    let path = unique_path();
    let (first, last) = (create(&path), open(&path));
    put(&first, 1, b"here").unwrap();
    // Only what has read is in the way of a log's removal.
    assert_eq!(count(&last), 1);
    let exists = FILES.watch(&path);
    let log_exists = FILES.watch(&format!("{path}-wal"));
    first.close().unwrap();
    assert_eq!(get(&last, 1).unwrap(), b"here");
    put(&last, 2, b"too").unwrap();
    assert!(exists() && log_exists());
    last.close().unwrap();
    assert!(!exists() && !log_exists());
    assert!(FILES.names(&path).is_empty());
    assert!(open_with(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).is_err());
    assert_eq!(number(&open(&path), "PRAGMA user_version"), 0);
}

#[test]
fn a_reader_may_be_the_last_to_close() {
    let path = unique_path();
    let writer = create(&path);
    let reader = open_with(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    put(&writer, 1, b"one").unwrap();
    run(&reader, "BEGIN").unwrap();
    assert_eq!(count(&reader), 1);
    writer.close().unwrap();
    assert_eq!(get(&reader, 1).unwrap(), b"one");
    let writer = open(&path);
    put(&writer, 2, b"two").unwrap();
    assert_eq!(count(&reader), 1);
    writer.close().unwrap();
    run(&reader, "COMMIT").unwrap();
    assert_eq!(count(&reader), 2);
    let exists = FILES.watch(&path);
    reader.close().unwrap();
    assert!(!exists());
    assert!(FILES.names(&path).is_empty());
}

#[test]
fn databases_are_independent() {
    let paths = [unique_path(), unique_path()];
    let [a, b] = paths.each_ref().map(|path| create(path));
    put(&a, 1, b"a").unwrap();
    run(&a, "BEGIN IMMEDIATE").unwrap();
    put(&b, 2, b"b").unwrap();
    assert_eq!(get(&b, 1), None);
    a.close().unwrap();
    assert_eq!(get(&b, 2).unwrap(), b"b");
}

#[test]
fn two_databases_commit_together() {
    let (left, right) = (unique_path(), unique_path());
    let (connection, _) = open_as(&left, "DELETE");
    connection.execute("ATTACH ?1 AS other", [&right]).unwrap();
    run(&connection, "CREATE TABLE a (x); CREATE TABLE other.b (x)").unwrap();
    let both = "BEGIN; INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)";
    run(&connection, both).unwrap();
    run(&connection, "ROLLBACK").unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM a, b"), 0);
    run(&connection, both).unwrap();
    run(&connection, "COMMIT").unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM a, b"), 1);
    connection.close().unwrap();
    assert!(FILES.names(&left).is_empty());
    assert!(FILES.names(&right).is_empty());
}

#[test]
fn vacuum_gives_the_memory_back() {
    let path = unique_path();
    let connection = create(&path);
    for key in 0..2000 {
        put(&connection, key, &[1; 1000]).unwrap();
    }
    run(&connection, "DELETE FROM dict WHERE rowid > 10").unwrap();
    checkpoint(&connection);
    let before = size(&path);
    run(&connection, "VACUUM").unwrap();
    checkpoint(&connection);
    assert!(size(&path) < before / 10);
    assert_eq!(count(&connection), 10);
    check(&connection);
}

#[test]
fn large_results_are_sorted_in_nameless_files() {
    let path = unique_path();
    let connection = create(&path);
    run(
        &connection,
        "PRAGMA temp_store = FILE; PRAGMA cache_size = 10",
    )
    .unwrap();
    run(
        &connection,
        "CREATE TEMP TABLE t (a, b);
         INSERT INTO t WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n LIMIT 20000)
             SELECT i, printf('%0200d', (i * 7919) % 20000) FROM n;
         CREATE INDEX temp.i ON t (b);",
    )
    .unwrap();
    let least = "SELECT a FROM t ORDER BY b || a DESC LIMIT 1 OFFSET 19999";
    assert_eq!(number(&connection, least), 0);
    assert_eq!(FILES.names(&path), [path.clone(), format!("{path}-wal")]);
}

#[test]
fn the_time_and_randomness_are_the_default_layers() {
    let connection = open(&unique_path());
    assert!(number(&connection, "SELECT strftime('%Y', 'now') >= '2024'") == 1);
    let random = "SELECT hex(randomblob(16))";
    assert_ne!(text(&connection, random), text(&connection, random));
}

#[test]
fn a_connection_that_waits_gets_the_lock() {
    let path = unique_path();
    let (holder, waiter) = (create(&path), open(&path));
    waiter.busy_timeout(Duration::from_mins(1)).unwrap();
    run(&holder, "BEGIN IMMEDIATE").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || put(&waiter, 1, b"").unwrap());
        thread::sleep(Duration::from_millis(20));
        run(&holder, "COMMIT").unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn a_rollback_journal_locks_readers_and_writers() {
    for mode in ["delete", "truncate", "persist", "memory"] {
        let path = unique_path();
        let (writer, actual) = open_as(&path, mode);
        assert_eq!(actual, mode);
        run(&writer, TABLE).unwrap();
        put(&writer, 1, b"old").unwrap();
        let (reader, _) = open_as(&path, mode);

        run(&writer, "BEGIN IMMEDIATE").unwrap();
        put(&writer, 1, b"new").unwrap();
        assert!(is_busy(run(&reader, "BEGIN IMMEDIATE")));
        run(&reader, "BEGIN").unwrap();
        assert_eq!(get(&reader, 1).unwrap(), b"old");
        // The commit cannot have the file to itself, and from now on nobody new may read.
        assert!(is_busy(run(&writer, "COMMIT")));
        assert!(is_busy(run(&open(&path), "SELECT * FROM dict")));
        run(&reader, "COMMIT").unwrap();
        run(&writer, "COMMIT").unwrap();
        assert_eq!(get(&reader, 1).unwrap(), b"new");

        run(&writer, "BEGIN EXCLUSIVE").unwrap();
        put(&writer, 1, b"newest").unwrap();
        assert!(is_busy(run(&reader, "SELECT * FROM dict")));
        run(&writer, "ROLLBACK").unwrap();
        assert_eq!(get(&reader, 1).unwrap(), b"new");
        check(&reader);
    }
}

#[test]
fn a_large_transaction_spills_and_rolls_back() {
    for mode in ["wal", "delete"] {
        let path = unique_path();
        let (connection, _) = open_as(&path, mode);
        run(&connection, "PRAGMA cache_size = 5").unwrap();
        run(&connection, TABLE).unwrap();
        put(&connection, 1, b"kept").unwrap();
        run(&connection, "BEGIN IMMEDIATE").unwrap();
        for key in 0..1000 {
            put(&connection, key, &[3; 3000]).unwrap();
        }
        run(&connection, "ROLLBACK").unwrap();
        assert_eq!(
            (count(&connection), get(&connection, 1)),
            (1, Some(b"kept".to_vec()))
        );
        check(&connection);
    }
}

#[test]
fn the_journal_mode_changes_only_without_others() {
    let path = unique_path();
    let (connection, other) = (create(&path), open(&path));
    put(&connection, 1, b"one").unwrap();
    assert_eq!(count(&other), 1);
    let change = "PRAGMA journal_mode = DELETE";
    assert!(is_busy(connection.query_one(change, [], |_| Ok(()))));
    other.close().unwrap();
    assert_eq!(text(&connection, change), "delete");
    assert_eq!(FILES.names(&path), [path.as_str()]);
    assert_eq!(get(&connection, 1).unwrap(), b"one");
    assert_eq!(text(&connection, "PRAGMA journal_mode = WAL"), "wal");
    put(&connection, 2, b"two").unwrap();
    assert_eq!(count(&open(&path)), 2);
}

#[test]
fn a_connection_may_have_the_database_to_itself() {
    let path = unique_path();
    let connection = open(&path);
    run(&connection, "PRAGMA locking_mode = EXCLUSIVE").unwrap();
    assert_eq!(text(&connection, "PRAGMA journal_mode = WAL"), "wal");
    run(&connection, TABLE).unwrap();
    assert!(is_busy(run(&open(&path), "SELECT * FROM dict")));
    put(&connection, 1, b"one").unwrap();
    check(&connection);
}

#[test]
fn a_copy_of_the_files_recovers_from_the_log() {
    let path = unique_path();
    let connection = create(&path);
    for key in 0..50 {
        put(&connection, key, &[9; 500]).unwrap();
    }
    // As after a crash: a database and a log, and no index.
    let copy = unique_path();
    let files = [format!("{copy}-wal"), copy.clone()];
    let handles = files.map(|to| copy_file(&to.replace(&copy, &path), &to));
    let recovered = open(&copy);
    assert_eq!(count(&recovered), 50);
    check(&recovered);
    put(&recovered, 50, b"more").unwrap();
    assert_eq!((count(&recovered), count(&connection)), (51, 50));
    recovered.close().unwrap();
    for handle in handles {
        FILES.close(handle);
    }
    assert!(FILES.names(&copy).is_empty());
}

fn copy_file(from: &str, to: &str) -> super::files::Handle {
    use super::files::{Access, Existence, Opening, Role};
    let open = |name: &str, existence| {
        let opening = Opening {
            role: if name.ends_with("-wal") {
                Role::Companion
            } else {
                Role::Database
            },
            existence,
            access: Access::ReadWrite,
        };
        FILES.open(Some(name.as_bytes()), opening).unwrap()
    };
    let source = open(from, Existence::Required);
    let mut bytes = Vec::new();
    source.read(0, usize::MAX, |piece| bytes.extend_from_slice(piece));
    FILES.close(source);
    let target = open(to, Existence::Forbidden);
    target.write(0, &bytes).unwrap();
    target
}

#[test]
fn libraries_are_not_loaded() {
    let connection = open(&unique_path());
    run(&connection, "SELECT 1").unwrap();
    let load = "SELECT load_extension('/nowhere')";
    assert!(connection.query_one(load, [], |_| Ok(())).is_err());
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    let path = format!("{}{}", unique_path(), "x".repeat(600));
    let error = open_with(&path, flags()).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen));
}

#[test]
fn a_large_database_is_no_larger_than_a_file_would_be() {
    let path = unique_path();
    let connection = create(&path);
    let value = [5; 10_000];
    for batch in 0..50 {
        run(&connection, "BEGIN IMMEDIATE").unwrap();
        for key in 0..100 {
            put(&connection, batch * 100 + key, &value).unwrap();
        }
        run(&connection, "COMMIT").unwrap();
        if batch % 10 == 9 {
            checkpoint(&connection);
        }
    }
    assert!(size(&path) > 50_000_000 && size(&path) < 70_000_000);
    assert_eq!(count(&connection), 5000);
    assert_eq!(get(&connection, 4999).unwrap(), value);
}
