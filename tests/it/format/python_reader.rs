//! The reader in Python, which was written from FORMAT.md alone, reads what the crate writes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::{Value as Json, json};
use vaults::{Codec, OpenOptions, Vault};

use crate::support::{Scratch, make, open, project, rows, sql};

/// Names another interpreter than `python3`, such as that of a virtual environment.
const PYTHON: &str = "VAULTS_TEST_PYTHON";

fn python() -> Command {
    let name = std::env::var_os(PYTHON).unwrap_or_else(|| "python3".into());
    let mut command = Command::new(name);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Returns `true` if there is a Python that can run the reader. Otherwise it prints the reason.
fn can_run() -> bool {
    let needs = "import msgpack, sqlite3; assert sqlite3.sqlite_version_info >= (3, 37)";
    let reason = match python().args(["-c", needs]).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("SKIPPED: the reader in Python cannot run (set {PYTHON}): {reason}");
    false
}

fn run(path: &Path, types: &[&str]) -> Output {
    let script = project().join("tests/fixtures/read_vault.py");
    python().arg(script).arg(path).args(types).output().unwrap()
}

/// Returns what the reader prints, one JSON value for each entry.
fn printed(path: &Path, types: &[&str]) -> Vec<Json> {
    let output = run(path, types);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Line(i8, i64),
    Box { width: u128 },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(clippy::option_option, reason = "MessagePack cannot hold it")]
struct Reading {
    name: String,
    grade: char,
    level: Option<Option<i32>>,
    tags: Vec<u16>,
    raw: ByteBuf,
    sizes: BTreeMap<u32, u64>,
    shape: Shape,
    pair: (bool, f32),
}

/// The type of [`Reading`], as the reader takes it.
const READING: &str = r#"["struct", {"name": "str", "grade": "char", "level": ["option", ["option", "i32"]],
    "tags": ["seq", "u16"], "raw": "bytes", "sizes": ["map", "u32", "u64"],
    "shape": ["enum", {"Nothing": null, "Circle": "f64", "Line": ["tuple", "i8", "i64"],
        "Box": ["struct", {"width": "u128"}]}],
    "pair": ["tuple", "bool", "f32"]}]"#;

/// Returns values of every kind, and for each what the reader prints of it.
fn readings() -> Vec<(Reading, Json)> {
    let shapes = [
        (Shape::Nothing, json!("Nothing")),
        (Shape::Circle(0.25), json!({"Circle": 0.25})),
        (
            Shape::Line(-128, i64::MIN),
            json!({"Line": [-128, i64::MIN]}),
        ),
        (Shape::Nothing, json!("Nothing")),
    ];
    let levels = [
        (None, json!(null)),
        (Some(Some(-70_000)), json!(-70_000)),
        (Some(Some(300)), json!(300)),
        // MessagePack cannot hold it, so this reading is bincode in every vault.
        (Some(None), json!({"some": null})),
    ];
    let mut all = Vec::new();
    for ((shape, shape_json), (level, level_json)) in shapes.into_iter().zip(levels) {
        // Checksums are computed in another way for each range of lengths.
        let name = "größe ".repeat([0, 1, 12, 90][all.len()]);
        let reading = Reading {
            name: name.clone(),
            grade: 'é',
            level,
            tags: vec![0, 250, 251, u16::MAX],
            raw: ByteBuf::from([0, 255]),
            sizes: BTreeMap::from([(1, u64::MAX), (70_000, 1 << 32)]),
            shape,
            pair: (true, -0.5),
        };
        let json = json!({
            "name": name,
            "grade": "é",
            "level": level_json,
            "tags": [0, 250, 251, u16::MAX],
            "raw": {"bytes": "00ff"},
            "sizes": {"map": [[1, u64::MAX], [70_000, 1_u64 << 32]]},
            "shape": shape_json,
            "pair": [true, -0.5],
        });
        all.push((reading, json));
    }
    all
}

#[test]
fn it_prints_every_entry_of_both_codecs_with_and_without_checksums() {
    if !can_run() {
        return;
    }
    for checksums in [false, true] {
        for codec in [Codec::MessagePack, Codec::Bincode] {
            let scratch = Scratch::new();
            let mut options = OpenOptions::new();
            options.checksums(checksums).codec(codec);
            let vault: Vault<(u32, String), Reading> = options.open(scratch.vault()).unwrap();
            let mut expected = Vec::new();
            for (n, (reading, json)) in (0..).zip(readings()) {
                let key = (n * 100, format!("key {n}"));
                expected.push(json!([[key.0, key.1], json]));
                vault.put(&key, &reading).unwrap();
            }
            vault.close().unwrap();
            let tag = if checksums { 9 } else { 0 };
            let tags: Vec<u8> = rows(&scratch.vault())
                .iter()
                .map(|(_, value)| value[tag])
                .collect();
            match codec {
                Codec::MessagePack => assert_eq!(tags, b"MMMB"),
                _ => assert_eq!(tags, b"BBBB"),
            }
            let found = printed(&scratch.vault(), &["--value", READING]);
            assert_eq!(found, expected, "{codec}, checksums: {checksums}");
        }
    }
}

#[test]
fn it_reads_keys_in_bincode_and_large_numbers() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let entries = [(Some(None), 1_u128 << 64), (Some(Some(7_u8)), 8), (None, 9)];
    let mut options = OpenOptions::new();
    let vault: Vault<Option<Option<u8>>, u128> =
        options.codec(Codec::Bincode).open(scratch.vault()).unwrap();
    vault.try_extend(entries).unwrap();
    vault.close().unwrap();
    let key = r#"["option", ["option", "u8"]]"#;
    let output = run(&scratch.vault(), &["--key", key, "--value", "\"u128\""]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "[{\"some\": null}, 18446744073709551616]\n[7, 8]\n[null, 9]\n"
    );
}

#[test]
fn it_sees_the_log_of_an_open_vault() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let vault = open::<String, u32>(scratch.vault());
    vault.put("a", &1).unwrap();
    assert_eq!(printed(&scratch.vault(), &[]), [json!(["a", 1])]);
    vault.put("b", &2).unwrap();
    assert_eq!(
        printed(&scratch.vault(), &[]),
        [json!(["a", 1]), json!(["b", 2])]
    );
}

#[test]
fn it_refuses_damage_and_other_files() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let vault: Vault<String, u32> = OpenOptions::new()
        .checksums(true)
        .open(scratch.vault())
        .unwrap();
    vault.put("a", &1).unwrap();
    vault.close().unwrap();
    sql(
        &scratch.vault(),
        "UPDATE dict SET value = CAST(substr(value, 1, 10) || x'02' AS BLOB)",
    );
    make(scratch.path("newer.db"), [(1_u8, 2_u8)]);
    sql(&scratch.path("newer.db"), "PRAGMA user_version = 3");
    for (name, reason) in [("vault.db", "is damaged"), ("newer.db", "unknown format 3")] {
        let output = run(&scratch.path(name), &[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && errors.contains(reason),
            "{errors}"
        );
    }
}
