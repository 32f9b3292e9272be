//! What FORMAT.md says is what the crate writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use vaults::{Codec, OpenOptions, SortedVault, Vault, VaultFile};

use crate::support::{Key, Scratch, Value, project, rows};

#[derive(Serialize, Deserialize)]
struct Point {
    x: i32,
    label: String,
}

#[derive(Serialize, Deserialize)]
#[allow(clippy::option_option, reason = "MessagePack cannot hold it")]
struct Reading {
    sensor: String,
    grade: char,
    level: Option<Option<i32>>,
    tags: Vec<u16>,
}

fn paper() -> String {
    let path = project().join("FORMAT.md");
    fs::read_to_string(path).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let space = if text.is_empty() { "" } else { " " };
        write!(text, "{space}{byte:02X}").unwrap();
    }
    text
}

/// Stores one entry, and returns it as a block of the paper.
fn entry<K: Key, V: Value>(options: &OpenOptions, key: &K, value: &V) -> String {
    let scratch = Scratch::new();
    let vault: Vault<K, V> = options.open(scratch.vault()).unwrap();
    vault.put(key, value).unwrap();
    vault.close().unwrap();
    block(&rows(&scratch.vault()))
}

/// Stores one entry in a sorted vault, and returns it as a block of the paper.
fn sorted_entry<K: Key + Ord, V: Value>(key: &K, value: &V) -> String {
    let scratch = Scratch::new();
    let vault: SortedVault<K, V> = SortedVault::open(scratch.vault()).unwrap();
    vault.put(key, value).unwrap();
    vault.close().unwrap();
    let connection = Connection::open(scratch.vault()).unwrap();
    let row = connection
        .query_one("SELECT key, value FROM sorted", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    block(&[row])
}

/// Returns the only row as a block of the paper.
fn block(rows: &[(Vec<u8>, Vec<u8>)]) -> String {
    let [(key, value)] = rows else {
        panic!("{} rows", rows.len());
    };
    format!("key    {}\nvalue  {}\n", hex(key), hex(value))
}

/// Returns what an example of the paper consists of: its block, and the bytes in its table.
fn examples(paper: &str) -> Vec<(String, String)> {
    let (_, examples) = paper.split_once("\n## Examples\n").unwrap();
    let examples = examples.split("\n## ").next().unwrap();
    let sections = examples.split("\n### ").skip(1);
    sections
        .map(|section| {
            let (_, rest) = section.split_once("```hex\n").unwrap();
            let (block, rest) = rest.split_once("```").unwrap();
            let cells = rest
                .lines()
                .filter(|line| line.starts_with("| `"))
                .map(|line| line.split('|').nth(1).unwrap().replace('`', ""));
            let bytes = cells.collect::<Vec<_>>().join(" ");
            let bytes = bytes.split_whitespace().collect::<Vec<_>>().join(" ");
            (block.to_owned(), bytes)
        })
        .collect()
}

#[test]
fn the_examples_are_what_the_crate_writes() {
    let default = OpenOptions::new();
    let mut checksums = OpenOptions::new();
    checksums.checksums(true);
    let point = Point {
        x: -1,
        label: "p".into(),
    };
    let reading = Reading {
        sensor: "t1".into(),
        grade: 'é',
        level: Some(None),
        tags: vec![7, 251],
    };
    let written = [
        entry(&default, &"origin".to_owned(), &point),
        entry(&default, &300_u32, &reading),
        entry(&checksums, &"cat".to_owned(), &300_u64),
        sorted_entry(&("a\u{1}".to_owned(), -300_i64), &true),
    ];
    let examples = examples(&paper());
    let blocks: Vec<&str> = examples.iter().map(|(block, _)| block.as_str()).collect();
    assert_eq!(blocks, written);
    for (block, table) in &examples {
        let bytes = block.replace("key", "").replace("value", "");
        let bytes = bytes.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(*table, bytes, "the table below the bytes");
    }
}

#[test]
fn the_statement_and_the_numbers_are_those_of_a_new_file() {
    let paper = paper();
    for (format, checksums, is_sorted) in [
        (1, false, false),
        (2, true, false),
        (3, false, true),
        (4, true, true),
    ] {
        let scratch = Scratch::new();
        let mut options = OpenOptions::new();
        options.checksums(checksums);
        if is_sorted {
            let vault: SortedVault<u8, u8> = options.open_sorted(scratch.vault()).unwrap();
            vault.close().unwrap();
        } else {
            let vault: Vault<u8, u8> = options.open(scratch.vault()).unwrap();
            vault.close().unwrap();
        }
        let connection = Connection::open(scratch.vault()).unwrap();
        let one = |sql: &str| -> i64 { connection.query_one(sql, [], |row| row.get(0)).unwrap() };
        let id = format!("`0x{:08X}`", one("PRAGMA application_id"));
        assert!(paper.contains(&id), "{id}");
        assert_eq!(one("PRAGMA user_version"), format);
        assert_eq!(one("PRAGMA page_size"), 4096);
        let mut tables = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table'")
            .unwrap();
        let tables = tables.query_map([], |row| row.get(0)).unwrap();
        for sql in tables.map(Result::<String, _>::unwrap) {
            assert!(paper.contains(&format!("```sql\n{sql}\n```")), "{sql}");
        }
    }
}

#[test]
fn the_catalogue_is_that_of_a_new_file() {
    let (paper, scratch) = (paper(), Scratch::new());
    let file = VaultFile::open(scratch.vault()).unwrap();
    drop(file.vault::<u8, u8>("a b").unwrap());
    drop(file.sorted_vault::<u8, u8>("users").unwrap());
    file.close().unwrap();
    let connection = Connection::open(scratch.vault()).unwrap();
    let version: i64 = connection
        .query_one("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 5);
    let tables: Vec<(String, String)> = connection
        .prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        )
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let names: Vec<&str> = tables.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["maps", "map_1", "map_2", "map_2_large"]);
    for ((_, sql), only) in tables
        .iter()
        .zip(["maps", "dict", "sorted", "sorted_large"])
    {
        let sql = sql
            .replace("map_2_large", only)
            .replace("map_1", only)
            .replace("map_2", only);
        assert!(paper.contains(&format!("```sql\n{sql}\n```")), "{sql}");
    }
    let select = "SELECT number, kind, checksums FROM maps WHERE name = 'users'";
    assert!(paper.contains(select));
    let found: (i64, String, i64) = connection
        .query_one(select, [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(found, (2, "sorted".to_owned(), 0));
}

/// Returns the bytes of a value, tag included.
fn value<V: Value>(codec: Codec, value: &V) -> String {
    let mut options = OpenOptions::new();
    options.codec(codec);
    let entry = entry(&options, &0_u8, value);
    entry.split_once("value  ").unwrap().1.trim_end().to_owned()
}

#[derive(Serialize, Deserialize)]
struct Unit;

#[derive(Serialize, Deserialize)]
struct Meters(u16);

#[derive(Serialize, Deserialize)]
enum Shape {
    Nothing,
    Line(u8, u8),
    Box { width: u8 },
}

#[test]
fn the_rows_of_the_table_of_message_pack() {
    let value = |bytes: String, expected: &str| assert_eq!(bytes, format!("4D {expected}"));
    let of = Codec::MessagePack;
    value(self::value(of, &Unit), "90");
    value(self::value(of, &Meters(300)), "CD 01 2C");
    value(self::value(of, &'é'), "A2 C3 A9");
    value(self::value(of, &Shape::Nothing), "A7 4E 6F 74 68 69 6E 67");
    value(
        self::value(of, &Shape::Line(1, 2)),
        "81 A4 4C 69 6E 65 92 01 02",
    );
    value(self::value(of, &vec![1_u8, 2]), "92 01 02");
    let uuid = uuid::Uuid::from_u128(7);
    value(
        self::value(of, &uuid),
        "C4 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 07",
    );
}

#[test]
fn the_rows_of_the_table_of_bincode() {
    let value = |bytes: String, expected: &str| assert_eq!(bytes, format!("42 {expected}").trim());
    let of = Codec::Bincode;
    value(self::value(of, &true), "01");
    value(self::value(of, &-1_i8), "FF");
    value(self::value(of, &-126_i16), "FB FB 00");
    value(self::value(of, &i16::MIN), "FB FF FF");
    value(self::value(of, &65_536_u64), "FC 00 00 01 00");
    value(
        self::value(of, &(1_u128 << 64)),
        "FE 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00",
    );
    value(self::value(of, &1.5_f32), "00 00 C0 3F");
    value(self::value(of, &1.5_f64), "00 00 00 00 00 00 F8 3F");
    value(self::value(of, &'é'), "C3 A9");
    value(self::value(of, &Unit), "");
    value(self::value(of, &Meters(7)), "07");
    value(self::value(of, &[7_u8, 8]), "07 08");
    value(
        self::value(of, &BTreeMap::from([(1_u8, "a".to_owned())])),
        "01 01 01 61",
    );
    value(self::value(of, &Shape::Line(5, 6)), "01 05 06");
    value(self::value(of, &Shape::Box { width: 5 }), "02 05");
    let bytes = serde_bytes::ByteBuf::from([9, 9]);
    value(self::value(of, &bytes), "02 09 09");
}
