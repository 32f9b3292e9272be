//! Tests of damaged files with several maps.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::*;
use crate::engine::MapId;
use crate::sqlite::connection::{catalogue as connection_catalogue, tables};

const PAGE: usize = 4096;

/// The rows of each map, by its name.
type Rows = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

/// What a scan has found.
#[derive(Debug, Default)]
struct Found {
    rows: Rows,
    /// The pages that could not be read, with the names of their maps.
    faults: Vec<(Option<String>, u32)>,
}

fn scan(path: &Path) -> Found {
    let mut scanner = PageScanner::open(path).unwrap();
    let names: Vec<String> = scanner.maps().iter().map(|map| map.name.clone()).collect();
    let mut found = Found::default();
    for name in &names {
        found.rows.entry(name.clone()).or_default();
    }
    scanner.scan_maps(&mut |map, recovered| {
        let name = map.map(|map| names[map].clone());
        match recovered {
            Recovered::Row(row) => {
                let rows = found.rows.entry(name.unwrap()).or_default();
                rows.entry(row.key).or_insert(row.value);
            }
            Recovered::Fault { page, .. } => found.faults.push((name, page)),
        }
        true
    });
    found
}

/// A row whose key and value say to which map it belongs.
fn row(map: u8, n: u32) -> (Vec<u8>, Vec<u8>) {
    let tag = if map.is_multiple_of(2) { b"O" } else { b"M" };
    let key = [tag, &n.to_be_bytes()[..], &[map]].concat();
    let length = if n.is_multiple_of(7) { 900 } else { 90 };
    (key, [vec![map; length], n.to_be_bytes().to_vec()].concat())
}

/// Makes a file of two maps of each kind.
fn sample(folder: &Path) -> (PathBuf, Rows) {
    let path = folder.join("app.db");
    let connection = Connection::open(&path).unwrap();
    let create = schema::create(Format::Several);
    connection
        .execute_batch(&format!("PRAGMA page_size = {PAGE}; {create}; BEGIN"))
        .unwrap();
    let mut rows = Rows::new();
    for (number, name, kind) in [
        (1, "users", "dict"),
        (2, "Users", "sorted"),
        (3, "it's", "dict"),
        (4, "dict", "sorted"),
    ] {
        let order = connection_catalogue::order_of_kind(kind).unwrap();
        let map = MapId {
            number: u32::from(number),
            order,
        };
        connection.execute_batch(&tables::create(map)).unwrap();
        connection
            .execute(
                "INSERT INTO maps (name, kind, checksums) VALUES (?1, ?2, ?3)",
                (name, kind, number % 2),
            )
            .unwrap();
        let tables::Tables { rows: table, large } = tables::Tables::of(map);
        for n in 0..300 {
            let (key, value) = row(number, n);
            if order == RowOrder::Key && value.len() > 400 {
                let sql = format!("INSERT INTO {large} VALUES (?1, ?2)");
                connection.execute(&sql, (n, &value)).unwrap();
                let sql = format!("INSERT INTO {table} VALUES (?1, ?2)");
                connection.execute(&sql, (&key, n)).unwrap();
            } else {
                let sql = format!("INSERT INTO {table} VALUES (?1, ?2)");
                connection.execute(&sql, (&key, &value)).unwrap();
            }
            rows.entry(name.to_owned()).or_default().insert(key, value);
        }
    }
    connection.execute_batch("COMMIT").unwrap();
    connection.close().unwrap();
    (path, rows)
}

/// Returns the root page of a table.
fn root(path: &Path, table: &str) -> usize {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let root: u32 = connection
        .query_one(sql, [table], |row| row.get(0))
        .unwrap();
    root as usize
}

/// Overwrites pages with zeros.
fn destroy(path: &Path, pages: &[usize]) {
    let mut bytes = fs::read(path).unwrap();
    for page in pages {
        bytes[(page - 1) * PAGE..page * PAGE].fill(0);
    }
    fs::write(path, bytes).unwrap();
}

/// Checks that each row that was found is one of its map.
fn assert_subset(found: &Rows, all: &Rows, context: &str) {
    for (name, rows) in found {
        for (key, value) in rows {
            let expected = all.get(name).and_then(|rows| rows.get(key));
            assert_eq!(Some(value), expected, "{context}: {name}");
        }
    }
}

#[test]
fn an_intact_file_has_all_maps_and_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rows) = sample(folder.path());
    let scanner = PageScanner::open(&path).unwrap();
    assert_eq!(scanner.order(), None);
    let mut maps: Vec<_> = scanner
        .maps()
        .iter()
        .map(|map| (map.name.as_str(), map.order, map.checksums))
        .collect();
    maps.sort_unstable();
    assert_eq!(
        maps,
        [
            ("Users", RowOrder::Key, Some(false)),
            ("dict", RowOrder::Key, Some(false)),
            ("it's", RowOrder::Insertion, Some(true)),
            ("users", RowOrder::Insertion, Some(true)),
        ]
    );
    let found = scan(&path);
    assert_eq!(found.rows, rows);
    assert_eq!(found.faults, []);
}

#[test]
fn a_map_that_alone_of_its_kind_is_damaged_gets_all_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (table, name) in [
        ("map_1", "users"),
        ("map_2", "Users"),
        ("map_2_large", "Users"),
    ] {
        let (path, rows) = sample(folder.path());
        let root = root(&path, table);
        destroy(&path, &[root]);
        let mut found = scan(&path);
        assert_subset(&found.rows, &rows, table);
        assert_eq!(
            found.faults[0],
            (Some(name.to_owned()), root.try_into().unwrap())
        );
        // The root of a sorted map has rows itself.
        let (lost, all) = (found.rows.remove(name).unwrap(), rows[name].len());
        assert!(lost.len() > all - 20, "{table}: {} of {all}", lost.len());
        for (other, rows) in rows.iter().filter(|(other, _)| *other != name) {
            assert_eq!(&found.rows[other], rows, "{table}: {other}");
        }
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn rows_that_could_be_of_two_maps_are_given_to_none() {
    let folder = tempfile::tempdir().unwrap();
    for (tables, names) in [
        (["map_1", "map_3"], ["users", "it's"]),
        (["map_2", "map_4"], ["Users", "dict"]),
        (["map_2_large", "map_4_large"], ["Users", "dict"]),
    ] {
        let (path, rows) = sample(folder.path());
        destroy(&path, &tables.map(|table| root(&path, table)));
        let found = scan(&path);
        assert_subset(&found.rows, &rows, tables[0]);
        for (name, rows) in &rows {
            let is_whole = found.rows[name] == *rows;
            assert_eq!(
                is_whole,
                !names.contains(&name.as_str()),
                "{tables:?}: {name}"
            );
        }
        let unknown = found.faults.iter().filter(|(map, _)| map.is_none()).count();
        assert!(
            unknown > 3 || tables[0] == "map_2_large",
            "{:?}",
            found.faults
        );
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn maps_without_a_catalogue_are_named_by_their_tables() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rows) = sample(folder.path());
    destroy(&path, &[root(&path, "maps")]);
    let found = scan(&path);
    let renamed: Rows = [
        ("map_1", "users"),
        ("map_2", "Users"),
        ("map_3", "it's"),
        ("map_4", "dict"),
    ]
    .into_iter()
    .map(|(table, name)| (table.to_owned(), rows[name].clone()))
    .collect();
    assert_eq!(found.rows, renamed);
    assert!(!found.faults.is_empty());
}

#[test]
fn no_changed_page_gives_a_row_to_another_map() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rows) = sample(folder.path());
    let intact = fs::read(&path).unwrap();
    for page in 0..intact.len() / PAGE {
        // The first bytes of a page say what it is and where its rows are.
        for at in [0, 3, 5, 8, 9, 12] {
            let mut bytes = intact.clone();
            let at = page * PAGE + at + if page == 0 { 100 } else { 0 };
            bytes[at] ^= 0x11;
            fs::write(&path, &bytes).unwrap();
            let found = scan(&path).rows;
            for (name, found) in &found {
                let number = match name.strip_prefix("map_") {
                    Some(number) => number.parse().unwrap(),
                    None => rows[name].first_key_value().unwrap().0[5],
                };
                for (key, value) in found {
                    // A row that the damage itself has changed is recognised by its checksum or its types.
                    if key.len() == 6 && value.len() >= 90 {
                        assert_eq!((key[5], value[10]), (number, number), "byte {at} of {name}");
                    }
                }
            }
        }
    }
}
