//! Restoring a vault from a backup.

use std::fs;
use std::path::Path;

use vaults::{Error, Vault};

use crate::support::{
    Child, Scratch, contents, entries, listen, make, numbers, open, role, say, sql,
};

type Map = Vault<u32, u32>;

/// Makes a vault with 20 entries, and a backup with the first 10 of them.
fn vault_and_backup() -> Scratch {
    let scratch = Scratch::new();
    make(scratch.path("backup.db"), numbers(10));
    make(scratch.vault(), numbers(20));
    scratch
}

/// Writes entries in a child process that is then killed, so that they are only in the log.
#[test]
fn a_writer_to_be_killed() {
    let Some((_, path)) = role() else {
        return;
    };
    let vault: Map = open(path);
    vault.try_extend((20..30).map(|n| (n, n))).unwrap();
    say("written");
    listen();
}

fn leave_a_log(path: &Path) {
    let mut child = Child::start(test_path!(a_writer_to_be_killed), "writer", path);
    child.expect("written");
    child.kill();
    assert!(fs::metadata(path.with_extension("db-wal")).unwrap().len() > 0);
}

fn names(scratch: &Scratch) -> Vec<String> {
    contents(&scratch.folder()).into_keys().collect()
}

#[test]
fn a_backup_replaces_an_intact_or_damaged_vault() {
    type Damage = fn(&Path);
    let cases: [(&str, Damage); 9] = [
        ("a vault", |_| {}),
        ("no file", |path| fs::remove_file(path).unwrap()),
        ("no file, but a log", |path| {
            leave_a_log(path);
            fs::remove_file(path).unwrap();
        }),
        ("an empty file", |path| fs::write(path, "").unwrap()),
        ("one byte", |path| fs::write(path, "x").unwrap()),
        ("the log of a killed writer", leave_a_log),
        ("text with a log", |path| {
            leave_a_log(path);
            fs::write(path, "this was a vault once").unwrap();
        }),
        ("zeros with a log", |path| {
            leave_a_log(path);
            fs::write(path, [0; 8192]).unwrap();
        }),
        ("half of a file, and a journal", |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2 + 100]).unwrap();
            fs::write(path.with_extension("db-journal"), [7; 1000]).unwrap();
        }),
    ];
    for (name, damage) in cases {
        let scratch = vault_and_backup();
        damage(&scratch.vault());
        let backup = fs::read(scratch.path("backup.db")).unwrap();
        let vault = Map::restore(scratch.path("backup.db"), scratch.vault())
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(entries(&vault).into_iter().eq(numbers(10)), "{name}");
        assert!(vault.verify().unwrap().is_ok(), "{name}");
        vault.put(&77, &77).unwrap();
        vault.close().unwrap();
        assert_eq!(names(&scratch), ["backup.db", "vault.db"], "{name}");
        assert!(fs::read(scratch.path("backup.db")).unwrap() == backup);
        assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 11);
    }
}

#[test]
fn a_backup_with_a_log_is_restored_with_its_log() {
    let scratch = vault_and_backup();
    leave_a_log(&scratch.path("backup.db"));
    let before = contents(&scratch.folder());
    let vault = Map::restore(scratch.path("backup.db"), scratch.vault()).unwrap();
    assert_eq!(vault.len().unwrap(), 20);
    assert_eq!(vault.get(&29).unwrap(), Some(29));
    let after = contents(&scratch.folder());
    for name in ["backup.db", "backup.db-wal"] {
        assert!(before[name] == after[name], "{name}");
    }
    // A backup that is open is restored in one state, too.
    let live: Map = open(scratch.path("live.db"));
    live.try_extend(numbers(5)).unwrap();
    drop(vault);
    let vault = Map::restore(scratch.path("live.db"), scratch.vault()).unwrap();
    assert_eq!(vault.len().unwrap(), 5);
    live.put(&5, &5).unwrap();
    assert_eq!(vault.len().unwrap(), 5);
}

#[test]
fn an_open_vault_is_not_replaced() {
    let scratch = vault_and_backup();
    let held: Map = open(scratch.vault());
    let restore = || Map::restore(scratch.path("backup.db"), scratch.vault());
    assert_is!(restore(), Err(Error::InUse { .. }));
    held.put(&99, &99).unwrap();
    assert_eq!(held.len().unwrap(), 21);
    let folder = names(&scratch);
    assert!(
        !folder.iter().any(|name| name.contains("restored")),
        "{folder:?}"
    );
    held.close().unwrap();
    assert_eq!(restore().unwrap().len().unwrap(), 10);
}

#[test]
fn a_refused_restore_changes_nothing() {
    let scratch = vault_and_backup();
    make(scratch.path("other.db"), [("a".to_owned(), "b".to_owned())]);
    fs::write(scratch.path("text.db"), "not a vault").unwrap();
    sql(&scratch.path("foreign.db"), "CREATE TABLE t (x)");
    fs::create_dir(scratch.path("folder.db")).unwrap();
    std::os::unix::fs::symlink(scratch.vault(), scratch.path("link.db")).unwrap();
    let before = contents(&scratch.folder());
    let restore = |from: &str, to: &str| Map::restore(scratch.path(from), scratch.path(to));
    assert_is!(
        restore("missing.db", "vault.db"),
        Err(Error::NotFound { .. })
    );
    assert_is!(
        restore("other.db", "vault.db"),
        Err(Error::TypeMismatch { .. })
    );
    assert_is!(restore("text.db", "vault.db"), Err(Error::NotAVault { .. }));
    assert_is!(
        restore("foreign.db", "vault.db"),
        Err(Error::NotAVault { .. })
    );
    assert_is!(
        restore("backup.db", "foreign.db"),
        Err(Error::NotAVault { .. })
    );
    assert_is!(
        restore("backup.db", "folder.db"),
        Err(Error::InvalidPath { .. })
    );
    assert_is!(
        restore("backup.db", "link.db"),
        Err(Error::InvalidPath { .. })
    );
    assert_is!(
        restore("backup.db", "backup.db"),
        Err(Error::InvalidPath { .. })
    );
    assert_is!(
        restore("backup.db", "nowhere/v.db"),
        Err(Error::InvalidPath { .. })
    );
    assert!(contents(&scratch.folder()) == before);
}

#[test]
fn the_restored_file_keeps_the_permissions_of_the_replaced_one() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = vault_and_backup();
    crate::support::set_mode(&scratch.vault(), 0o600);
    drop(Map::restore(scratch.path("backup.db"), scratch.vault()).unwrap());
    let mode = fs::metadata(scratch.vault()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
