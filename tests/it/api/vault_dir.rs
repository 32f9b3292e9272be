//! `VaultDir`: which names are allowed, and which files they can reach.

use std::fs;
use std::path::Path;

use vaults::maintenance::IfExists;
use vaults::os::unix::OpenOptionsExt as _;
use vaults::{Error, OpenOptions, Vault, VaultDir, VaultFile};

use crate::support::{Scratch, contents, make, refused, sql};

fn dir(scratch: &Scratch) -> VaultDir {
    VaultDir::new(scratch.folder()).unwrap()
}

#[test]
fn a_name_is_a_file_in_the_folder() {
    let scratch = Scratch::new();
    let dir = VaultDir::new(scratch.path("deep/down")).unwrap();
    assert_eq!(dir.path(), scratch.path("deep/down/vaults"));
    let vault = dir.open::<String, u32>("my_data").unwrap();
    assert_eq!(
        vault.path(),
        Some(&*scratch.path("deep/down/vaults/my_data.db"))
    );
    vault.put("a", &1).unwrap();
    drop(vault);
    assert_eq!(
        dir.open::<String, u32>("my_data")
            .unwrap()
            .get("a")
            .unwrap(),
        Some(1)
    );
    let again = VaultDir::new(scratch.path("deep/down")).unwrap();
    assert_eq!(again.names().unwrap(), ["my_data"]);
}

/// Returns the longest name whose log and journal have names that file systems allow.
fn longest() -> String {
    "x".repeat(255 - ".db-journal".len())
}

#[test]
fn bad_names_are_refused_by_every_method() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    let long = longest() + "x";
    // One byte too long, though not in characters.
    let long_bytes = "я".repeat(122) + "x";
    let mut names = vec![
        "",
        ".",
        "..",
        ".hidden",
        ".db",
        "a/b",
        "/a",
        "/",
        "a/",
        "../a",
        "a/../../b",
        "..\\a",
        "a\\b",
        "\\",
        "\\\\server\\share",
        "nul\0",
        "\0",
        "../a\0.db",
        &long,
        &long_bytes,
    ];
    if cfg!(windows) {
        names.extend([
            "a:b", "C:", "a*", "a?", "a<", "a>", "a|", "\"", "a\n", "\u{1}",
        ]);
    }
    for name in names {
        let errors = [
            dir.open::<u32, u32>(name).map(drop),
            dir.open_with::<u32, u32>(name, &OpenOptions::new())
                .map(drop),
            dir.contains(name).map(drop),
            dir.remove(name).map(drop),
        ];
        for error in errors {
            assert_is!(&error, Err(Error::InvalidName { name: reported, .. }) if reported == name);
            let text = error.unwrap_err().to_string();
            assert!(text.contains("1 to 244 bytes without `/`, `\\`"), "{text}");
            assert!(!text.contains('\n') && !text.contains('\0'), "{text:?}");
        }
    }
    assert!(contents(dir.path()).is_empty());
    assert_eq!(contents(&scratch.folder()).len(), 1);
}

#[test]
fn good_names() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    let (long, long_bytes) = (longest(), "я".repeat(122));
    let mut names = vec![
        // Names need not contain letters. They may have a meaning for a shell, for SQLite or in a
        // URI, or look like the name of the log of another vault.
        "a",
        "A1",
        "_",
        "-",
        "a.b",
        "a..",
        "a.db",
        "a.db.db",
        "0",
        "con",
        "a-wal",
        "a.db-wal",
        "a.db-journal",
        "my data",
        " ",
        "данные",
        "ü",
        "日本",
        "~",
        "%2e%2e%2f",
        "file",
        "-- x",
        "'; DROP TABLE dict",
        "{}",
        "$HOME",
        "#",
        "&",
        ":memory",
        "e\u{301}",
        "-\u{202e}-",
        &long,
        &long_bytes,
    ];
    if !cfg!(windows) {
        names.extend([
            "user:1",
            "file:a",
            ":memory:",
            "a?mode=memory",
            "C:",
            "a*",
            "a\n",
            "\u{7f}",
            "\"",
            "<>|",
        ]);
    }
    for name in &names {
        assert!(!dir.contains(name).unwrap(), "{name:?}");
        let vault = dir.open::<u32, String>(name).unwrap();
        vault.put(&1, &(*name).to_owned()).unwrap();
        assert_eq!(
            vault.path(),
            Some(&*dir.path().join(format!("{name}.db"))),
            "{name:?}"
        );
        assert!(dir.contains(name).unwrap());
    }
    names.sort_unstable();
    // `names` is the inverse of `open`.
    assert_eq!(dir.names().unwrap(), names);
    for name in dir.names().unwrap() {
        let vault = dir.open::<u32, String>(&name).unwrap();
        assert_eq!(vault.get(&1).unwrap(), Some(name));
    }
    assert_eq!(
        contents(&scratch.folder()).len(),
        1,
        "all are in the folder"
    );
    for name in names {
        assert!(dir.remove(name).unwrap());
        assert!(!dir.contains(name).unwrap());
    }
    assert!(contents(dir.path()).is_empty());
}

#[test]
fn a_long_name_can_be_opened_in_every_way() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    let name = longest();
    // As the Python package leaves it, with a rollback journal. The journal has the longest name of
    // all files.
    let path = dir.path().join(format!("{name}.db"));
    sql(
        &path,
        "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)",
    );
    dir.open::<u32, u32>(&name).unwrap().put(&1, &1).unwrap();
    assert!(dir.remove(&name).unwrap());
    for checksums in [false, true] {
        let vault = dir
            .open_with::<u32, u32>(&name, OpenOptions::new().checksums(checksums))
            .unwrap();
        vault.put(&1, &1).unwrap();
        vault.compact().unwrap();
        vault.close().unwrap();
        assert!(dir.remove(&name).unwrap());
    }
    // Copy from it and to it. The unfinished copy has a temporary name.
    let vault = dir
        .open_with::<u32, u32>(&name, OpenOptions::new().mode(0o600))
        .unwrap();
    vault.put(&1, &1).unwrap();
    let other = dir.path().join(format!("{}.db", name.replace('x', "y")));
    vault.backup(&other).unwrap();
    vault
        .backup_with(&other, IfExists::Replace, |_| ())
        .unwrap();
    drop(Vault::<u32, u32>::restore(&path, &other).unwrap());
    vault.close().unwrap();
    fs::write(&other, "damaged").unwrap();
    let restored = Vault::<u32, u32>::restore(&path, &other).unwrap();
    assert_eq!(restored.get(&1).unwrap(), Some(1));
    restored.delete().unwrap();
    assert!(dir.remove(&name).unwrap());
    assert!(contents(dir.path()).is_empty());
}

#[test]
fn only_vaults_are_listed() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    let open = dir.open::<u32, u32>("open").unwrap();
    open.put(&1, &1).unwrap();
    for name in [
        ".hidden.db",
        "notes.txt",
        "db",
        ".db",
        "a.DB",
        "a.db-wal",
        "a.db.new",
    ] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    fs::create_dir(dir.path().join("folder.db")).unwrap();
    assert_eq!(dir.names().unwrap(), ["open"]);
    for name in ["notes", "folder", "a"] {
        assert!(!dir.contains(name).unwrap(), "{name}");
    }
}

#[test]
fn a_vault_of_any_kind_is_removed() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    dir.open_sorted::<u32, u32>("sorted")
        .unwrap()
        .put(&1, &1)
        .unwrap();
    let file = VaultFile::open(dir.path().join("several.db")).unwrap();
    drop(file.vault::<u32, u32>("a").unwrap());
    drop(file);
    assert_eq!(dir.names().unwrap(), ["several", "sorted"]);
    for name in ["several", "sorted"] {
        assert!(dir.remove(name).unwrap());
        assert!(!dir.remove(name).unwrap());
    }
    assert!(dir.names().unwrap().is_empty());
}

/// The Python package allowed any file name.
#[test]
fn names_of_python_vaults_are_listed() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    let mut names = vec!["my data", "данные"];
    if !cfg!(windows) {
        names.insert(1, "user:1");
    }
    for name in &names {
        let path = dir.path().join(format!("{name}.db"));
        sql(
            &path,
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB);
             INSERT INTO dict VALUES (x'4d01', x'4d05');",
        );
    }
    assert_eq!(dir.names().unwrap(), names);
    for name in names {
        let vault = dir.open::<u32, u32>(name).unwrap();
        assert_eq!(vault.get(&1).unwrap(), Some(5));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_name_that_is_not_utf_8_is_skipped() {
    use std::os::unix::ffi::OsStrExt;
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    drop(dir.open::<u32, u32>("text").unwrap());
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe.db");
    fs::write(dir.path().join(odd), "").unwrap();
    assert_eq!(dir.names().unwrap(), ["text"]);
}

#[test]
fn the_file_system_decides_whether_case_matters() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    dir.open::<u32, u32>("Data").unwrap().put(&1, &1).unwrap();
    let ignores_case = dir.path().join("DATA.DB").exists();
    assert_eq!(dir.contains("data").unwrap(), ignores_case);
    assert_eq!(dir.names().unwrap(), ["Data"]);
    let other = dir.open::<u32, u32>("data").unwrap();
    assert_eq!(other.is_empty().unwrap(), !ignores_case);
}

#[test]
fn removing() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    assert!(!dir.remove("absent").unwrap());
    assert!(contents(dir.path()).is_empty(), "nothing was created");

    let vault = dir.open::<u32, String>("mine").unwrap();
    vault.put(&1, &"one".into()).unwrap();
    assert_is!(dir.remove("mine"), Err(Error::InUse { location, .. }) if location.path().unwrap().ends_with("mine.db"));
    assert_eq!(vault.get(&1).unwrap().as_deref(), Some("one"));
    vault.put(&2, &"two".into()).unwrap();
    drop(vault);
    assert!(dir.remove("mine").unwrap(), "whatever the types are");
    assert!(contents(dir.path()).is_empty(), "the log is removed too");
    assert!(dir.open::<u32, String>("mine").unwrap().is_empty().unwrap());
}

#[test]
fn a_file_that_is_not_a_vault_is_not_removed() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    let path = dir.path().join("text.db");
    fs::write(&path, "This is no vault.").unwrap();
    assert_is!(dir.remove("text"), Err(Error::NotAVault { .. }));
    assert_eq!(fs::read(&path).unwrap(), b"This is no vault.");
}

#[test]
fn options_apply_to_the_vaults() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    let mut options = OpenOptions::new();
    options.create(false);
    assert_is!(
        dir.open_with::<u32, u32>("new", &options),
        Err(Error::NotFound { .. })
    );
    assert!(!dir.contains("new").unwrap());
    options.create_new(true);
    drop(dir.open_with::<u32, u32>("new", &options).unwrap());
    assert_is!(
        dir.open_with::<u32, u32>("new", &options),
        Err(Error::AlreadyExists { .. })
    );
    let mut read_only = OpenOptions::new();
    read_only.read_only(true);
    let vault = dir.open_with::<u32, u32>("new", &read_only).unwrap();
    assert_is!(vault.put(&1, &1), Err(Error::ReadOnly { .. }));
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_folder() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    make(scratch.path("outside.db"), [(1_u32, 1_u32)]);
    let link = dir.path().join("link.db");
    std::os::unix::fs::symlink(scratch.path("outside.db"), &link).unwrap();
    let error = refused(&scratch, || dir.open::<u32, u32>("link"));
    assert_is!(error, Error::InvalidPath { .. });
    assert_is!(dir.remove("link"), Err(Error::InvalidPath { .. }));
    assert!(Path::exists(&scratch.path("outside.db")));
    assert!(dir.names().unwrap().is_empty());
    assert!(!dir.contains("link").unwrap());
}

#[test]
fn a_folder_that_cannot_be_created() {
    let scratch = Scratch::new();
    fs::write(scratch.path("file"), "").unwrap();
    let error = refused(&scratch, || VaultDir::new(scratch.path("file")));
    assert_is!(&error, Error::Io { location, .. } if location.path().unwrap().ends_with("file/vaults"));
}

#[test]
fn vaults_of_one_folder_are_separate() {
    let scratch = Scratch::new();
    let dir = dir(&scratch);
    let a: Vault<u32, u32> = dir.open("a").unwrap();
    let b: Vault<String, bool> = dir.clone().open("b").unwrap();
    a.put(&1, &1).unwrap();
    b.put("x", &true).unwrap();
    assert_eq!((a.len().unwrap(), b.len().unwrap()), (1, 1));
    assert_is!(dir.open::<u32, u32>("b"), Err(Error::TypeMismatch { .. }));
}
