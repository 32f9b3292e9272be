//! Writes the seed corpus of the fuzzer: whole vaults, and values of every shape.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;
use vaults::{Codec, OpenOptions, Vault, VaultFile};

#[allow(dead_code, reason = "a seed needs only its encoding")]
#[path = "../bodies/mod.rs"]
mod bodies;

use bodies::open::{MEND, NUMBERS, SEVERAL, WRITE, input};

fn main() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let keep = |name: &str, bytes: &[u8]| {
        fs::write(seeds.join("open").join(name), bytes).expect("a seed is written");
    };
    let read = |path: &Path| fs::read(path).unwrap_or_default();
    let log = |path: &Path| read(&path.with_extension("db-wal"));

    for (name, page_bytes, checksums) in [
        ("small-pages", 512, false),
        ("checksums", 512, true),
        ("pages", 4096, false),
    ] {
        let path = path(&format!("{name}.db"));
        // The first writer determines the page size.
        let connection = Connection::open(&path).expect("a file");
        let pages = format!("PRAGMA page_size = {page_bytes}; VACUUM");
        connection.execute_batch(&pages).expect("a page size");
        drop(connection);
        let vault: Vault<u32, String> = OpenOptions::new()
            .checksums(checksums)
            .open(&path)
            .expect("a vault");
        vault
            .try_extend((0..20).map(|n| (n, "x".repeat(n as usize * 7))))
            .expect("entries");
        vault.put(&20, &"overflow".repeat(200)).expect("an entry");
        vault.remove(&3).expect("a removal");
        let in_log = input(MEND | NUMBERS | WRITE, &read(&path), &log(&path));
        if page_bytes == 512 {
            keep(&format!("{name}-log"), &in_log);
        }
        vault.close().expect("closing");
        keep(name, &input(NUMBERS, &read(&path), &[]));
    }
    keep_several(&path("several.db"), &keep);
    let of_python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/python.db");
    keep("python", &input(0, &read(&of_python), &[]));
    keep("empty", &input(0, &[], &[]));

    let keep = |name: &str, choice: u8, blob: &[u8]| {
        let bytes = [&[choice], blob].concat();
        fs::write(seeds.join("decode").join(name), bytes).expect("a seed is written");
    };
    let path = path("values.db");
    for (n, value) in [
        json!({"leaf": null, "branches": [{"leaf": null, "branches": []}], "name": "a"}),
        json!({"Pair": [1, {"List": ["Nothing", {"Number": -1}]}]}),
        json!({"kind": "Named", "next": {"kind": "Nothing"}, "number": -5}),
        json!({"kind": "Pair", "content": [{"kind": "Number", "content": 7}, "c"]}),
        json!([1, 2.5, true, null, "x", {"next": [1]}, {"a": {"b": []}}]),
        json!({"number": 1, "note": "n", "size": 2, "more": [1, 2]}),
        json!({"a": {}, "b": {}}),
        json!([null, null, null]),
        json!([1.5, 2.5, "c", "text", [1, 2, 3], [1, 2, 3], {"secs": 1, "nanos": 2}]),
        json!({"sets": {"a": [1, 2, 3], "b": [-1]}, "crossed": [{"a": 1, "b": 1}]}),
        json!({"sets": {}, "crossed": [{"a": 1, "b": 2}]}),
    ]
    .into_iter()
    .enumerate()
    {
        let vault: Vault<String, serde_json::Value> = Vault::open(&path).expect("a vault");
        vault.put("k", &value).expect("an entry");
        vault.close().expect("closing");
        keep(&format!("json-{n}"), 0, &blob(&path));
    }
    for (n, value) in [vec![Some(None), None, Some(Some(1_u128))], vec![]]
        .into_iter()
        .enumerate()
    {
        fs::remove_file(&path).expect("the file exists");
        let vault: Vault<String, Vec<Option<Option<u128>>>> = OpenOptions::new()
            .codec(Codec::Bincode)
            .open(&path)
            .expect("a vault");
        vault.put("k", &value).expect("an entry");
        vault.close().expect("closing");
        keep(&format!("bincode-{n}"), 1, &blob(&path));
    }
    keep("claims-units", 0, b"B\xfd\xff\xff\xff\xff\xff\xff\xff\xff");
    keep("claims-an-array", 0, b"M\xdd\xff\xff\xff\xff");
    keep("claims-a-map", 0, b"M\xdf\xff\xff\xff\xff");
    keep("claims-bytes", 0, b"M\xc6\xff\xff\xff\xff");
    keep("deep", 0, &[&b"M"[..], &[0x91; 300]].concat());
    keep("deep-somes", 1, &[&b"B"[..], &[1; 600]].concat());
    keep("pickle", 0, b"P\x80\x04N.");
    keep("key-text", 2, b"M\xa1k");
    keep("key-variant", 2, b"M\x81\xa6Number\x05");
    keep("key-bincode", 2, b"B\x01\x00");
    keep_sorted_keys(&seeds);
}

/// Files of several maps: an intact one, one whose catalogue lies, and one with a log.
fn keep_several(path: &Path, keep: &dyn Fn(&str, &[u8])) {
    let connection = Connection::open(path).expect("a file");
    connection
        .execute_batch("PRAGMA page_size = 512; VACUUM")
        .expect("a page size");
    drop(connection);
    let file = VaultFile::open(path).expect("a file of several maps");
    let plain = file
        .vault::<String, String>("it's \"plain\"")
        .expect("a map");
    let sorted = file
        .sorted_vault::<(i64, String), u32>("sorted")
        .expect("a map");
    for n in 0..12_u32 {
        plain
            .put(&n.to_string(), &"x".repeat(n as usize * 60))
            .expect("an entry");
        sorted
            .put(&(n.into(), "y".repeat(3)), &n)
            .expect("an entry");
    }
    let log = fs::read(path.with_extension("db-wal")).unwrap_or_default();
    let bytes = fs::read(path).expect("a file");
    keep("several-log", &input(MEND | SEVERAL | WRITE, &bytes, &log));
    drop((plain, sorted));
    file.close().expect("closing");
    let bytes = fs::read(path).expect("a file");
    keep("several", &input(SEVERAL, &bytes, &[]));
    let connection = Connection::open(path).expect("a file");
    connection
        .execute_batch(
            "UPDATE maps SET kind = 'tree' WHERE number = 1; DELETE FROM maps WHERE number = 2",
        )
        .expect("a lie");
    connection.close().expect("closing");
    let bytes = fs::read(path).expect("a file");
    keep("several-lie", &input(SEVERAL, &bytes, &[]));
}

/// Writes keys of sorted vaults. The first byte is the length of the first of two keys, or zero.
fn keep_sorted_keys(seeds: &Path) {
    let keys: &[(&str, &[u8])] = &[
        ("text", b"\x00Oabc\x00"),
        ("text-with-zero", b"\x00Oa\x01\x01b\x01\x02\x00"),
        ("set", b"\x00O\x01\x80\x01\x81\x00"),
        ("set-descending", b"\x00O\x01\x81\x01\x80\x00"),
        (
            "set-twice",
            b"\x06O\x01\x80\x01\x81\x00O\x01\x81\x01\x80\x00",
        ),
        ("two-texts", b"\x03Oa\x00Ob\x00"),
        ("text-and-number", b"\x00Oa\x00\x82\x01\x00"),
        ("number", b"\x00O\x82\x01\x00"),
        ("number-negative", b"\x00O~\xfe"),
        ("number-padded", b"\x00O\x82\x00\x01"),
        ("two-numbers", b"\x02O\x80O\x81\x01"),
        (
            "wide",
            b"\x00O\x90\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80",
        ),
        ("byte", b"\x00O\x07"),
        ("unit", b"\x00O"),
        ("empty", b"\x00"),
        ("other-tag", b"\x00M\xa1k"),
        ("sequence", b"\x00O\x01\x01a\x01\x00\x00"),
        ("map", b"\x00O\x01\x00\x81\x01\x01\x7f\x00"),
        ("map-descending", b"\x00O\x01\x01\x81\x01\x00\x7f\x00"),
        ("variant", b"\x00O\x01\x85"),
        ("variant-pair", b"\x00O\x02\x81\x07\x00"),
        ("variant-long", b"\x00O\xff\x00\x00\x00\x01\x85"),
        ("options", b"\x00O\x01\x01\x01\x00"),
        ("text-without-end", b"\x00Oabc"),
        ("after-the-end", b"\x00Oa\x00b"),
    ];
    let keep = |name: &str, bytes: &[u8]| {
        fs::write(seeds.join("sorted").join(name), bytes).expect("a seed is written");
    };
    for (name, bytes) in keys {
        keep(name, bytes);
    }
    keep("deep", &[&b"\0O"[..], &[1; 300]].concat());
    keep("many", &[&b"\0O"[..], &[1, 0].repeat(200)].concat());
}

/// Returns the value of the only row.
fn blob(path: &Path) -> Vec<u8> {
    let connection = Connection::open(path).expect("a file");
    connection
        .query_row("SELECT value FROM dict", [], |row| row.get(0))
        .expect("a row")
}
