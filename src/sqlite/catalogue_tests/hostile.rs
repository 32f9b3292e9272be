//! Files whose catalogue or schema is hostile.

use super::*;

#[test]
fn a_catalogue_that_lies_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (n, (sql, part)) in [
        ("DROP TABLE map_1", "has no table \"map_1\""),
        ("DROP TABLE map_2_large", "has no table \"map_2_large\""),
        (
            "UPDATE maps SET kind = 'tree' WHERE number = 1",
            "unknown kind \"tree\"",
        ),
        (
            "UPDATE maps SET kind = 'sorted' WHERE number = 1",
            "the table \"map_1\"",
        ),
        (
            "UPDATE maps SET kind = 'dict' WHERE number = 2",
            "other columns",
        ),
        ("UPDATE maps SET checksums = 2", "has 2 for its checksums"),
        (
            "UPDATE maps SET number = -1 WHERE number = 1",
            "has the number -1",
        ),
        (
            "UPDATE maps SET number = 4294967296 WHERE number = 1",
            "has the number 4294967296",
        ),
        (
            "UPDATE maps SET number = 9 WHERE number = 1",
            "has no table \"map_9\"",
        ),
        (
            "UPDATE maps SET name = '' WHERE number = 1",
            "cannot be the name",
        ),
        (
            "UPDATE maps SET name = 'a' || char(0) WHERE number = 1",
            "cannot be the name",
        ),
        (
            "UPDATE maps SET name = replace(hex(zeroblob(128)), '00', 'ab') WHERE number = 1",
            "cannot be the name",
        ),
        ("DELETE FROM maps WHERE number = 1", "the table \"map_1\""),
        (
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)",
            "the table \"dict\"",
        ),
        ("CREATE INDEX i ON map_1 (value)", "the index \"i\""),
        (
            "CREATE TRIGGER t AFTER INSERT ON map_1 BEGIN DELETE FROM map_2; END",
            "the trigger \"t\"",
        ),
        ("CREATE VIEW v AS SELECT 1", "the view \"v\""),
        ("ALTER TABLE maps RENAME TO other", "no catalogue"),
        ("ALTER TABLE maps ADD COLUMN more ANY", "no catalogue"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{n}.db"));
        let store = open(&path).unwrap();
        create(&store, "it's \"one\"", RowOrder::Insertion);
        create(&store, "two", RowOrder::Key);
        drop(store);
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        connection.close().unwrap();
        let before = std::fs::read(&path).unwrap();
        match open(&path).map(drop) {
            Err(Error::NotAVault { reason, .. }) => {
                assert!(reason.contains(part), "{sql}: {reason}");
            }
            other => panic!("{sql}: {other:?}"),
        }
        assert_eq!(std::fs::read(&path).unwrap(), before, "{sql}");
    }
}

#[test]
fn a_schema_that_is_too_large_is_refused_soon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let store = open(&path).unwrap();
    create(&store, "m1", RowOrder::Insertion);
    drop(store);
    let connection = Connection::open(&path).unwrap();
    // A hundred thousand maps, which share a root page.
    connection
        .execute_batch(
            "PRAGMA writable_schema = ON; BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO maps SELECT i, 'm' || i, 'dict', 0 FROM n;
             WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO sqlite_schema SELECT 'table', 'map_' || i, 'map_' || i,
                 (SELECT rootpage FROM sqlite_schema WHERE name = 'map_1'),
                 'CREATE TABLE map_' || i || ' (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID' FROM n;
             COMMIT",
        )
        .unwrap();
    drop(connection);
    match open(&path).map(drop) {
        Err(Error::NotAVault { reason, .. }) => assert!(reason.contains("1000 maps"), "{reason}"),
        other => panic!("{other:?}"),
    }
}
