//! The exact bytes of keys, values and the file, which no version may change.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use vaults::{Codec, OpenOptions, Vault};

use crate::support::damage::python_fixture;
use crate::support::{Key, Scratch, Value, make, open, put_row, rows, sql};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Point {
    x: i32,
    label: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(u8),
    Line(u8, u8),
    Box { width: u8 },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Meters(u16);

/// Stores each value and compares the bytes, then stores the bytes and compares the value.
fn values_in<V>(codec: Codec, cases: &[(V, &[u8])])
where
    V: Value + Debug + PartialEq,
{
    let scratch = Scratch::new();
    let path = scratch.vault();
    let mut options = OpenOptions::new();
    let vault: Vault<String, V> = options.codec(codec).open(&path).unwrap();
    for (value, _) in cases {
        vault.put(&format!("{value:?}"), value).unwrap();
    }
    vault.close().unwrap();
    for ((value, expected), (_, stored)) in cases.iter().zip(rows(&path)) {
        assert_eq!(shown(&stored), shown(expected), "{value:?}");
    }
    sql(&path, "DELETE FROM dict");
    for (n, (_, bytes)) in cases.iter().enumerate() {
        put_row(&path, &[b'M', u8::try_from(n).unwrap()], bytes);
    }
    let read: Vec<V> = open::<u8, V>(&path).values().map(Result::unwrap).collect();
    assert!(read.iter().eq(cases.iter().map(|case| &case.0)), "{read:?}");
}

fn values<V: Value + Debug + PartialEq>(cases: &[(V, &[u8])]) {
    values_in(Codec::MessagePack, cases);
}

/// Does the same for keys, which are looked up by their bytes.
fn keys_in<K: Key + Debug>(codec: Codec, cases: &[(K, &[u8])]) {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let mut options = OpenOptions::new();
    let vault: Vault<K, u8> = options.codec(codec).open(&path).unwrap();
    for (key, _) in cases {
        vault.put(key, &0).unwrap();
    }
    vault.close().unwrap();
    for ((key, expected), (stored, _)) in cases.iter().zip(rows(&path)) {
        assert_eq!(shown(&stored), shown(expected), "{key:?}");
    }
    sql(&path, "DELETE FROM dict");
    for (_, bytes) in cases {
        put_row(&path, bytes, b"M\x07");
    }
    let vault: Vault<K, u8> = open(&path);
    for (key, _) in cases {
        assert_eq!(vault.get(key).unwrap(), Some(7), "{key:?}");
    }
    let read: Vec<K> = vault.keys().map(Result::unwrap).collect();
    assert!(read.iter().eq(cases.iter().map(|case| &case.0)), "{read:?}");
}

fn keys<K: Key + Debug>(cases: &[(K, &[u8])]) {
    keys_in(Codec::MessagePack, cases);
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Returns a tag of MessagePack, a header, and a string of `length` letters.
fn text(head: &[u8], length: usize) -> Vec<u8> {
    [b"M", head, "a".repeat(length).as_bytes()].concat()
}

// ---- values and keys in MessagePack -----------------------------------------------------

#[test]
fn strings() {
    let letters = |length| "a".repeat(length);
    let cases = [
        (0, text(b"\xa0", 0)),
        (31, text(b"\xbf", 31)),
        (32, text(b"\xd9\x20", 32)),
        (255, text(b"\xd9\xff", 255)),
        (256, text(b"\xda\x01\x00", 256)),
        (65_535, text(b"\xda\xff\xff", 65_535)),
        (65_536, text(b"\xdb\x00\x01\x00\x00", 65_536)),
    ];
    let cases: Vec<(String, &[u8])> = cases
        .iter()
        .map(|(length, bytes)| (letters(*length), &bytes[..]))
        .collect();
    values(&cases);
    keys(&cases);
    keys(&[("größe".to_owned(), b"M\xa7gr\xc3\xb6\xc3\x9fe")]);
    keys(&[("\0".to_owned(), b"M\xa1\0")]);
}

#[test]
fn unsigned_integers() {
    let cases: &[(u64, &[u8])] = &[
        (0, b"M\x00"),
        (127, b"M\x7f"),
        (128, b"M\xcc\x80"),
        (255, b"M\xcc\xff"),
        (256, b"M\xcd\x01\x00"),
        (65_535, b"M\xcd\xff\xff"),
        (65_536, b"M\xce\x00\x01\x00\x00"),
        (4_294_967_295, b"M\xce\xff\xff\xff\xff"),
        (4_294_967_296, b"M\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
        (u64::MAX, b"M\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
    ];
    values(cases);
    keys(cases);
    keys::<u8>(&[(7, b"M\x07"), (200, b"M\xcc\xc8")]);
    keys::<u16>(&[(7, b"M\x07"), (200, b"M\xcc\xc8")]);
    keys::<u32>(&[(7, b"M\x07"), (65_536, b"M\xce\x00\x01\x00\x00")]);
    keys::<usize>(&[(7, b"M\x07")]);
}

#[test]
fn signed_integers() {
    let cases: &[(i64, &[u8])] = &[
        (0, b"M\x00"),
        (127, b"M\x7f"),
        (128, b"M\xcc\x80"),
        (32_768, b"M\xcd\x80\x00"),
        (2_147_483_648, b"M\xce\x80\x00\x00\x00"),
        (i64::MAX, b"M\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
        (-1, b"M\xff"),
        (-32, b"M\xe0"),
        (-33, b"M\xd0\xdf"),
        (-128, b"M\xd0\x80"),
        (-129, b"M\xd1\xff\x7f"),
        (-32_768, b"M\xd1\x80\x00"),
        (-32_769, b"M\xd2\xff\xff\x7f\xff"),
        (-2_147_483_648, b"M\xd2\x80\x00\x00\x00"),
        (-2_147_483_649, b"M\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"),
        (i64::MIN, b"M\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
    ];
    values(cases);
    keys(cases);
    keys::<i8>(&[(-1, b"M\xff"), (-128, b"M\xd0\x80")]);
    keys::<i16>(&[(-129, b"M\xd1\xff\x7f")]);
    keys::<i32>(&[(-32_769, b"M\xd2\xff\xff\x7f\xff")]);
}

#[test]
fn integers_of_128_bits() {
    let small = b"M\xc4\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07";
    let ones = b"M\xc4\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    keys::<u128>(&[(7, small), (u128::MAX, ones)]);
    keys::<i128>(&[(7, small), (-1, ones)]);
    values::<u128>(&[(7, small), (u128::MAX, ones)]);
}

#[test]
fn bool_char_and_unit() {
    values(&[(true, b"M\xc3"), (false, b"M\xc2")]);
    keys(&[(true, b"M\xc3"), (false, b"M\xc2")]);
    keys(&[('a', b"M\xa1a"), ('ß', b"M\xa2\xc3\x9f")]);
    values(&[((), b"M\xc0")]);
}

#[test]
fn floats() {
    values::<f64>(&[
        (1.5, b"M\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
        (f64::NEG_INFINITY, b"M\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"),
    ]);
    values::<f32>(&[(1.5, b"M\xca\x3f\xc0\x00\x00")]);
}

#[test]
fn tuples_and_lists() {
    let pair = |n, word: &str| (n, word.to_owned());
    keys(&[(pair(1_u8, "a"), b"M\x92\x01\xa1a")]);
    values(&[(pair(1_u8, "a"), b"M\x92\x01\xa1a")]);
    keys(&[([1_u16, 300], b"M\x92\x01\xcd\x01\x2c")]);
    keys(&[(vec![1_u8, 2, 3], b"M\x93\x01\x02\x03"), (vec![], b"M\x90")]);
    let sixteen = [b"M\xdc\x00\x10", [1_u8; 16].as_slice()].concat();
    values(&[(vec![1_u8; 16], &sixteen)]);
    values(&[(BTreeMap::from([(1_u8, 2_u8)]), b"M\x81\x01\x02")]);
}

#[test]
fn byte_strings() {
    use serde_bytes::ByteBuf;
    keys(&[(ByteBuf::from(b"\x00\xff"), b"M\xc4\x02\x00\xff")]);
    let long = [b"M\xc5\x01\x00", [9_u8; 256].as_slice()].concat();
    values(&[(ByteBuf::from([9; 256]), &long)]);
}

#[test]
fn structs_and_enums() {
    let point = Point {
        x: -1,
        label: "p".into(),
    };
    let cases: &[(Point, &[u8])] = &[(point, b"M\x82\xa1x\xff\xa5label\xa1p")];
    values(cases);
    keys(cases);
    let cases: &[(Shape, &[u8])] = &[
        (Shape::Nothing, b"M\xa7Nothing"),
        (Shape::Circle(3), b"M\x81\xa6Circle\x03"),
        (Shape::Line(1, 2), b"M\x81\xa4Line\x92\x01\x02"),
        (Shape::Box { width: 4 }, b"M\x81\xa3Box\x81\xa5width\x04"),
    ];
    values(cases);
    keys(cases);
    keys(&[(Meters(5), b"M\x05")]);
}

#[test]
fn options() {
    values(&[(Some(7_u8), b"M\x07"), (None, b"M\xc0")]);
    keys(&[(Some(7_u8), b"M\x07"), (None, b"M\xc0")]);
}

// ---- bincode ----------------------------------------------------------------------------

#[test]
fn a_none_inside_a_some_uses_bincode() {
    let cases: &[(Option<Option<u8>>, &[u8])] = &[
        (None, b"M\xc0"),
        (Some(None), b"B\x01\x00"),
        (Some(Some(7)), b"M\x07"),
    ];
    values(cases);
    keys(cases);
    values(&[(Some(()), b"B\x01"), (None, b"M\xc0")]);
    values(&[(
        vec![Some(None), Some(Some("a".to_owned())), None],
        b"B\x03\x01\x00\x01\x01\x01a\x00",
    )]);
}

#[test]
fn bincode_as_the_preferred_codec() {
    values_in::<u32>(
        Codec::Bincode,
        &[
            (250, b"B\xfa"),
            (251, b"B\xfb\xfb\x00"),
            (65_536, b"B\xfc\x00\x00\x01\x00"),
        ],
    );
    values_in::<i32>(Codec::Bincode, &[(-1, b"B\x01"), (1, b"B\x02")]);
    values_in::<u64>(
        Codec::Bincode,
        &[(u64::MAX, b"B\xfd\xff\xff\xff\xff\xff\xff\xff\xff")],
    );
    values_in(Codec::Bincode, &[("cat".to_owned(), b"B\x03cat")]);
    let point = Point {
        x: -1,
        label: "p".into(),
    };
    values_in(Codec::Bincode, &[(point, b"B\x01\x01p")]);
    let box_of_four = Shape::Box { width: 4 };
    values_in(
        Codec::Bincode,
        &[
            (Shape::Circle(3), b"B\x01\x03"),
            (box_of_four, b"B\x03\x04"),
        ],
    );
    values_in(Codec::Bincode, &[(Some(Some(7_u8)), b"B\x01\x01\x07")]);
    // Bincode does not support types that are read by asking the data for its type.
    values_in(
        Codec::Bincode,
        &[(serde_json::json!([1, "a"]), b"M\x92\x01\xa1a")],
    );
}

#[test]
fn keys_do_not_depend_on_the_codec_of_the_values() {
    keys_in(Codec::Bincode, &[("cat".to_owned(), b"M\xa3cat")]);
    keys_in(Codec::Bincode, &[(300_u64, b"M\xcd\x01\x2c")]);
}

// ---- the file ---------------------------------------------------------------------------

fn query<T: rusqlite::types::FromSql>(path: &Path, sql: &str) -> T {
    let connection = Connection::open(path).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn the_file_header_and_the_schema() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    make(&path, [(1_u8, 2_u8)]);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(&bytes[..16], b"SQLite format 3\0");
    assert_eq!(
        &bytes[18..20],
        [2, 2],
        "write-ahead logging, to write and to read"
    );
    assert_eq!(&bytes[56..60], [0, 0, 0, 1], "UTF-8");
    assert_eq!(
        &bytes[60..64],
        [0, 0, 0, 1],
        "the format version, in `user_version`"
    );
    assert_eq!(
        &bytes[68..72],
        b"VALT",
        "the magic number, in `application_id`"
    );
    assert_eq!(query::<String>(&path, "PRAGMA journal_mode"), "wal");
    assert_eq!(
        query::<String>(&path, "SELECT group_concat(sql, ';') FROM sqlite_schema"),
        "CREATE TABLE dict (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT"
    );
    assert_eq!(rows(&path), [(b"M\x01".to_vec(), b"M\x02".to_vec())]);
}

#[test]
fn rows_are_numbered_in_the_order_of_insertion() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let vault = open::<String, u8>(&path);
    for (key, value) in [("b", 1), ("a", 2), ("b", 3), ("c", 4)] {
        vault.put(key, &value).unwrap();
    }
    vault.remove("a").unwrap();
    vault.put("a", &5).unwrap();
    vault.close().unwrap();
    let order = "SELECT group_concat(rowid || ':' || hex(key) || ':' || hex(value)) \
                 FROM (SELECT rowid, * FROM dict ORDER BY rowid)";
    assert_eq!(
        query::<String>(&path, order),
        "1:4DA162:4D03,3:4DA163:4D04,4:4DA161:4D05"
    );
}

#[test]
fn the_file_of_the_python_package() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let ddl = "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)";
    sql(&path, ddl);
    put_row(&path, b"M\xa3one", b"M\x01");
    let vault = open::<String, u32>(&path);
    assert_eq!(vault.get("one").unwrap(), Some(1));
    assert_eq!(vault.insert("one".into(), 2).unwrap(), Some(1));
    vault.put("two", &200).unwrap();
    vault.close().unwrap();
    // The file keeps the marks of the package, which can still open it.
    assert_eq!(query::<String>(&path, "SELECT sql FROM sqlite_schema"), ddl);
    assert_eq!(query::<i64>(&path, "PRAGMA application_id"), 0);
    assert_eq!(query::<i64>(&path, "PRAGMA user_version"), 0);
    assert_eq!(
        rows(&path),
        [
            (b"M\xa3one".to_vec(), b"M\x02".to_vec()),
            (b"M\xa3two".to_vec(), b"M\xcc\xc8".to_vec()),
        ]
    );
}

#[test]
fn the_fixture_matches_the_format_of_the_python_package() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    python_fixture(&path);
    let ddl = "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)";
    assert_eq!(query::<String>(&path, "SELECT sql FROM sqlite_schema"), ddl);
    assert_eq!(query::<String>(&path, "PRAGMA journal_mode"), "delete");
    assert_eq!(query::<i64>(&path, "PRAGMA application_id"), 0);
    let before = rows(&path);
    assert_eq!(before.len(), 17);
    // The bytes written by Python equal those written here.
    let vault = open::<String, rmpv::Value>(&path);
    for key in vault
        .keys()
        .map(Result::unwrap)
        .filter(|key| key != "pickled")
    {
        let value = vault.get(&key).unwrap().unwrap();
        vault.put(&key, &value).unwrap();
    }
    vault.close().unwrap();
    assert_eq!(rows(&path), before);
}
