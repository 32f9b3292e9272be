//! Every reason to refuse a file, on every kind of file. No byte changes, and no file is created or
//! removed.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use vaults::maintenance::VerifyProblem;
use vaults::{Error, OpenOptions, Vault};

use crate::support::{Scratch, contents, make, numbers, open, put_row, refused, sql};

/// The table of the Python package.
const PYTHON: &str = "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)";

/// This many entries need several pages.
const COUNT: u32 = 2000;

// ---- files ----------------------------------------------------------------------------------

/// Copies a file in use and its companions, as a killed process would leave them.
fn copy_in_use(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        if fs::exists(name(from)).unwrap() {
            fs::copy(name(from), name(to)).unwrap();
        }
    }
}

/// Makes the files that a process leaves if it is killed after running this script.
fn killed(path: &Path, script: &str) {
    let source = Scratch::new();
    copy_in_use(path, &source.vault());
    let connection = Connection::open(source.vault()).unwrap();
    connection.execute_batch(script).unwrap();
    copy_in_use(&source.vault(), path);
}

fn python(path: &Path) {
    sql(
        path,
        &format!("{PYTHON}; INSERT INTO dict VALUES (x'4d01', x'4d02'), (x'4d05', x'4d06')"),
    );
}

/// Leaves the journal of a transaction that has already written to the file.
fn leave_hot_journal(path: &Path, table: &str) {
    sql(
        path,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO {table}
             SELECT unhex(printf('4dcd%04x', i)), unhex(printf('4dce%08x', i + 100000)) FROM n"
        ),
    );
    killed(
        path,
        &format!(
            "PRAGMA cache_size = 1; BEGIN; DELETE FROM {table};
             INSERT INTO {table} VALUES (x'00', zeroblob(9000)), (x'01', zeroblob(90000))"
        ),
    );
    let journal = fs::read(format!("{}-journal", path.display())).unwrap();
    assert!(journal.len() > 4096 && journal[0] != 0);
}

fn python_with_hot_journal(path: &Path) {
    python(path);
    leave_hot_journal(path, "dict");
}

/// Makes a vault with half of its entries in a log that was not written back.
fn vault_with_log(path: &Path) {
    let source = Scratch::new();
    make(source.vault(), numbers(COUNT / 2));
    let vault = open::<u32, u32>(source.vault());
    vault.try_extend(numbers(COUNT)).unwrap();
    copy_in_use(&source.vault(), path);
}

fn vault_with_log_and_no_index(path: &Path) {
    vault_with_log(path);
    fs::remove_file(format!("{}-shm", path.display())).unwrap();
}

fn newer(path: &Path) {
    make(path, numbers(3));
    sql(path, "PRAGMA user_version = 9");
}

fn newer_with_log(path: &Path) {
    make(path, numbers(3));
    killed(path, "PRAGMA user_version = 9");
}

fn foreign(path: &Path) {
    sql(path, "CREATE TABLE users (id, name)");
}

fn foreign_with_log(path: &Path) {
    killed(
        path,
        "PRAGMA journal_mode = WAL; CREATE TABLE users (id, name); INSERT INTO users VALUES (1, 2)",
    );
}

fn foreign_with_hot_journal(path: &Path) {
    foreign(path);
    leave_hot_journal(path, "users");
}

fn text(path: &Path) {
    fs::write(path, "Dear diary, today I lost my keys.\n".repeat(300)).unwrap();
}

/// Damages the file of a vault with a log.
fn with_log(path: &Path, spoil: fn(&Path)) {
    vault_with_log(path);
    spoil(path);
}

fn zeroed(path: &Path) {
    let size = fs::metadata(path).map_or(8192, |file| file.len());
    fs::write(path, vec![0; usize::try_from(size).unwrap()]).unwrap();
}

fn short(path: &Path) {
    let file = fs::read(path).unwrap();
    fs::write(path, &file[..8192]).unwrap();
}

fn empty(path: &Path) {
    fs::write(path, "").unwrap();
}

// ---- the table ------------------------------------------------------------------------------

fn kind(result: &vaults::Result<()>) -> &'static str {
    match result {
        Ok(()) => "opens",
        Err(Error::TypeMismatch { .. }) => "types",
        Err(Error::NotAVault { .. }) => "not a vault",
        Err(Error::NewerFormat { .. }) => "newer",
        Err(Error::Corrupt { .. }) => "corrupt",
        Err(Error::InvalidOptions { .. }) => "options",
        Err(Error::AlreadyExists { .. }) => "exists",
        Err(_) => "something else",
    }
}

type Open = fn(&Path) -> vaults::Result<()>;

/// The ways to open a file, each with an option or a type that a vault of numbers refuses.
const WAYS: [(&str, Open); 8] = [
    ("key type", |path| {
        Vault::<String, u32>::open(path).map(drop)
    }),
    ("value type", |path| {
        Vault::<u32, Vec<String>>::open(path).map(drop)
    }),
    ("wide keys", |path| Vault::<i128, u32>::open(path).map(drop)),
    ("key type, reading", |path| {
        let mut options = OpenOptions::new();
        options.read_only(true).open::<String, u32>(path).map(drop)
    }),
    ("checksums", |path| {
        let mut options = OpenOptions::new();
        options.checksums(true).open::<u32, u32>(path).map(drop)
    }),
    ("create_new", |path| {
        let mut options = OpenOptions::new();
        options.create_new(true).open::<u32, u32>(path).map(drop)
    }),
    ("no create", |path| {
        let mut options = OpenOptions::new();
        options.create(false).open::<String, u32>(path).map(drop)
    }),
    ("types from memory", |path| {
        Vault::<(), ()>::open(path).map(drop)
    }),
];

/// The expected result of all ways but `create_new`.
enum Expect {
    All(&'static str),
    /// A vault of numbers. Its types and options are refused.
    Vault,
    /// An empty file. It can become a vault.
    Empty,
}

fn check(name: &str, make_file: impl Fn(&Path), expect: &Expect) {
    for (way, open) in WAYS {
        let scratch = Scratch::new();
        make_file(&scratch.vault());
        let expected = match (way, expect) {
            ("create_new", _) => "exists",
            (_, Expect::All(kind)) => kind,
            ("checksums", Expect::Vault) => "options",
            (_, Expect::Vault) => "types",
            ("key type, reading" | "no create", Expect::Empty) => "not a vault",
            (_, Expect::Empty) => "opens",
        };
        if expected == "opens" {
            assert_eq!(kind(&open(&scratch.vault())), expected, "{name}, {way}");
            continue;
        }
        let error = refused(&scratch, || open(&scratch.vault()));
        assert_eq!(kind(&Err(error)), expected, "{name}, {way}");
    }
}

#[test]
fn a_vault_of_different_types() {
    check("a vault", |path| make(path, numbers(COUNT)), &Expect::Vault);
    check("Python's", python, &Expect::Vault);
}

#[test]
fn a_vault_with_the_log_of_a_killed_writer() {
    check("with a log", vault_with_log, &Expect::Vault);
    let without = vault_with_log_and_no_index;
    check("with a log and no index", without, &Expect::Vault);
}

#[test]
fn a_python_file_with_a_hot_journal() {
    check("Python's", python_with_hot_journal, &Expect::Vault);
}

#[test]
fn a_newer_format() {
    check("newer", newer, &Expect::All("newer"));
    check("newer, with a log", newer_with_log, &Expect::All("newer"));
}

#[test]
fn a_foreign_file() {
    let not = Expect::All("not a vault");
    check("foreign", foreign, &not);
    check("foreign, with a log", foreign_with_log, &not);
    check("foreign, with a journal", foreign_with_hot_journal, &not);
}

#[test]
fn a_file_that_is_not_a_sqlite_file() {
    let not = Expect::All("not a vault");
    check("text", text, &not);
    check("zeroed", zeroed, &not);
    check("empty", empty, &Expect::Empty);
    let with_journal = |path: &Path| {
        python_with_hot_journal(path);
        text(path);
    };
    check("text with a journal", with_journal, &not);
    let with_nonsense = |path: &Path| {
        text(path);
        fs::write(format!("{}-wal", path.display()), "no log at all").unwrap();
    };
    check("text with text as a log", with_nonsense, &not);
}

#[test]
fn a_damaged_file_with_an_intact_log() {
    let damaged = Expect::All("corrupt");
    for (name, spoil) in [
        ("zeroed", zeroed as fn(&Path)),
        ("short", short),
        ("empty", empty),
        ("text", text),
    ] {
        check(name, |path| with_log(path, spoil), &damaged);
        // The entries in the log can be salvaged.
        let scratch = Scratch::new();
        with_log(&scratch.vault(), spoil);
        let error = Vault::<u32, u32>::open(scratch.vault()).unwrap_err();
        assert_is!(&error, Error::Corrupt { source, .. } if source.to_string().contains("salvage"));
        let before = contents(&scratch.folder());
        let saved = Vault::<u32, u32>::salvage(scratch.vault(), scratch.path("saved.db")).unwrap();
        assert!(
            saved.saved >= u64::from(COUNT) / 2,
            "{name}: {}",
            saved.saved
        );
        let mut after = contents(&scratch.folder());
        after.retain(|name, _| before.contains_key(name));
        assert!(after == before, "{name}");
    }
}

#[test]
fn a_truncated_file_without_a_log() {
    let make_short = |path: &Path| {
        make(path, numbers(COUNT));
        short(path);
    };
    check("short", make_short, &Expect::All("corrupt"));
}

// ---- recovery of accepted files -----------------------------------------------------------

#[test]
fn an_accepted_file_is_recovered_from_its_log_or_journal() {
    let scratch = Scratch::new();
    vault_with_log(&scratch.vault());
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.len().unwrap(), usize::try_from(COUNT).unwrap());
    vault.close().unwrap();
    // A transaction that deleted everything is rolled back.
    let scratch = Scratch::new();
    python_with_hot_journal(&scratch.vault());
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.len().unwrap(), 2003);
    assert_eq!(vault.get(&3000).unwrap(), Some(103_000));
    assert!(vault.verify().unwrap().is_ok());
    assert!(!scratch.path("vault.db-journal").exists());
}

// ---- files in use -----------------------------------------------------------------------------

#[test]
fn a_file_in_use_and_its_log_are_not_changed() {
    for setup in [PYTHON, "CREATE TABLE users (key, value)"] {
        let scratch = Scratch::new();
        let owner = Connection::open(scratch.vault()).unwrap();
        let table = setup.split(' ').nth(2).unwrap();
        owner
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; {setup};
                 INSERT INTO {table} VALUES (x'4d01', x'4d01'), (x'4d02', x'4d02')"
            ))
            .unwrap();
        for (way, open) in WAYS {
            let before = contents(&scratch.folder());
            assert!(open(&scratch.vault()).is_err(), "{setup}, {way}");
            let after = contents(&scratch.folder());
            assert!(before.keys().eq(after.keys()), "{setup}, {way}");
            for name in ["vault.db", "vault.db-wal"] {
                assert!(after[name] == before[name], "{setup}, {way}: {name}");
            }
        }
        let sql = format!("INSERT INTO {table} VALUES (x'4d03', x'4d03')");
        owner.execute_batch(&sql).unwrap();
    }
}

// ---- types ------------------------------------------------------------------------------------

fn python_rows(rows: &[(&[u8], &[u8])]) -> Scratch {
    let scratch = Scratch::new();
    sql(&scratch.vault(), PYTHON);
    for (key, value) in rows {
        put_row(&scratch.vault(), key, value);
    }
    scratch
}

#[test]
fn keys_in_another_encoding_are_refused() {
    let scratch = python_rows(&[(b"M\x01", b"M\x05")]);
    let error = refused(&scratch, || Vault::<i128, u32>::open(scratch.vault()));
    assert_is!(&error, Error::TypeMismatch { found, .. } if found.contains("first entry"));
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.contains(r#""M\x01""#) && source.contains("i128"),
        "{source}"
    );
    // `bytes` of Python, read as a list of numbers.
    let scratch = python_rows(&[(b"M\xc4\x01a", b"M\x05")]);
    let error = refused(&scratch, || Vault::<Vec<u8>, u32>::open(scratch.vault()));
    assert_is!(error, Error::TypeMismatch { .. });
    let bytes = open::<serde_bytes::ByteBuf, u32>(scratch.vault());
    assert_eq!(
        bytes.get(&serde_bytes::ByteBuf::from(b"a")).unwrap(),
        Some(5)
    );
    // Only the last entry has a different encoding.
    let scratch = python_rows(&[(b"M\x01", b"M\x05"), (b"M\xcc\x02", b"M\x05")]);
    let error = refused(&scratch, || Vault::<u32, u32>::open(scratch.vault()));
    assert_is!(&error, Error::TypeMismatch { found, .. } if found.contains("last entry"));
}

#[test]
fn verify_lists_keys_in_another_encoding() {
    let scratch = python_rows(&[
        (b"M\x01", b"M\x05"),
        (b"M\xcc\x02", b"M\x05"),
        (b"M\xcd\x00\x03", b"M\x05"),
        (b"M\x04", b"M\x05"),
    ]);
    let vault = open::<u32, u32>(scratch.vault());
    let report = vault.verify().unwrap();
    assert_eq!((report.entries, report.problems.len()), (4, 2));
    for problem in &report.problems {
        assert_is!(problem, VerifyProblem::Entry(Error::KeyEncoding { .. }));
        assert!(problem.to_string().contains("look-ups miss"), "{problem}");
    }
}

#[test]
fn a_vault_is_refused_only_if_its_first_and_last_entries_do_not_match() {
    let good: (&[u8], &[u8]) = (b"M\x01", b"M\x05");
    let text: (&[u8], &[u8]) = (b"M\x02", b"M\xa1a");
    let pickle: (&[u8], &[u8]) = (b"M\x03", b"P\x80\x04.");
    let unknown: (&[u8], &[u8]) = (b"M\x04", b"Z\x80\x04.");
    for (first, last, opens) in [
        (good, text, true),
        (text, good, true),
        (pickle, good, true),
        (pickle, unknown, true),
        (unknown, pickle, true),
        (text, pickle, false),
        (unknown, text, false),
    ] {
        let scratch = python_rows(&[first, last]);
        if opens {
            let vault = open::<u32, u32>(scratch.vault());
            let problems = vault.iter().filter(Result::is_err).count();
            assert!((1..=2).contains(&problems));
        } else {
            let error = refused(&scratch, || Vault::<u32, u32>::open(scratch.vault()));
            assert_is!(error, Error::TypeMismatch { .. });
        }
    }
}

#[test]
fn a_null_as_the_first_key_is_one_bad_row() {
    let scratch = python_rows(&[]);
    sql(
        &scratch.vault(),
        "INSERT INTO dict VALUES (NULL, x'4d01'), (x'4d01', x'4d05')",
    );
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.get(&1).unwrap(), Some(5));
}

#[test]
fn a_damaged_first_entry_is_one_bad_row() {
    let scratch = Scratch::new();
    let mut options = OpenOptions::new();
    options.checksums(true);
    let vault = options.open::<u32, u32>(scratch.vault()).unwrap();
    vault.try_extend(numbers(9)).unwrap();
    vault.close().unwrap();
    sql(
        &scratch.vault(),
        "UPDATE dict SET value = x'4d0700000000' WHERE rowid = (SELECT min(rowid) FROM dict)",
    );
    let vault = open::<u32, u32>(scratch.vault());
    assert_is!(vault.get(&0), Err(Error::Checksum { .. }));
    assert_eq!(vault.get(&8).unwrap(), Some(8));
}

// ---- tables of SQLite and other tools ---------------------------------------------------------

#[test]
fn a_file_with_sqlite_statistics() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(COUNT));
    sql(&scratch.vault(), "ANALYZE");
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.get(&7).unwrap(), Some(7));
    vault.put(&7, &8).unwrap();
    assert!(vault.verify().unwrap().is_ok());
    vault.compact().unwrap();
    vault.close().unwrap();
    sql(&scratch.vault(), "PRAGMA optimize = 0x10002");
    assert_eq!(open::<u32, u32>(scratch.vault()).get(&7).unwrap(), Some(8));
}

#[test]
fn the_statements_in_the_error_remove_foreign_tables() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    sql(
        &scratch.vault(),
        "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);
         CREATE TABLE _litestream_lock (id INTEGER)",
    );
    let error = refused(&scratch, || Vault::<u32, u32>::open(scratch.vault()));
    let text = error.to_string();
    let statements = text.split('`').nth(1).unwrap();
    sql(&scratch.vault(), statements);
    assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 3);
}
