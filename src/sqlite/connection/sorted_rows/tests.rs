//! Tests of the rows of a sorted map.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::engine::{MapId, RowOrder};
use crate::sqlite::connection::tables;

#[test]
fn no_large_value_is_left_without_a_key() {
    let connection = Connection::open_in_memory().unwrap();
    let map = MapId::only(RowOrder::Key);
    connection.execute_batch(&tables::create(map)).unwrap();
    let path = Arc::from(Path::new(":memory:"));
    let mut session = Session::writer(connection, path, Duration::ZERO, u64::MAX).unwrap();
    session.try_begin_write().unwrap();
    let large = [7; 10_000];
    for key in 0..100 {
        assert!(session.sorted(0).put(&[key], &large).unwrap());
    }
    for key in 0..50 {
        match key % 3 {
            0 => assert!(!session.sorted(0).put(&[key], b"small").unwrap()),
            1 => assert!(!session.sorted(0).put(&[key], &large).unwrap()),
            _ => assert!(session.sorted(0).delete(&[key]).unwrap()),
        }
    }
    let upper = KeyRange {
        lower: Bound::Included(vec![50]),
        upper: Bound::Unbounded,
    };
    assert_eq!(session.sorted(0).delete_range(&upper).unwrap(), 50);
    session.commit().unwrap();
    let mut counts = |sql: &str| -> i64 {
        session
            .with_connection(|connection| connection.query_one(sql, [], |row| row.get(0)))
            .unwrap()
    };
    assert_eq!(counts("SELECT count(*) FROM sorted_large"), 17);
    assert_eq!(counts("SELECT count(*) FROM sorted WHERE value < x''"), 17);
    assert_eq!(counts("SELECT count(*) FROM sorted"), 34);
    assert_eq!(session.sorted(0).clear().unwrap(), 34);
    assert_eq!(session.sorted(0).count().unwrap(), 0);
}

#[test]
fn a_large_value_that_is_missing_is_an_error() {
    let connection = Connection::open_in_memory().unwrap();
    let map = MapId::only(RowOrder::Key);
    connection.execute_batch(&tables::create(map)).unwrap();
    connection
        .execute_batch("INSERT INTO sorted VALUES (x'4f', 5)")
        .unwrap();
    let path = Arc::from(Path::new(":memory:"));
    let mut session = Session::writer(connection, path, Duration::ZERO, u64::MAX).unwrap();
    let found = session.sorted(0).find(b"O", |_, value| value.to_vec());
    assert!(matches!(found, Err(Error::NotABlob { .. })), "{found:?}");
    // It can be replaced and removed.
    session.sorted(0).put(b"O", b"new").unwrap();
    let found = session.sorted(0).find(b"O", |_, value| value.to_vec());
    assert_eq!(found.unwrap().unwrap(), b"new");
}
