//! Putting a backup in the place of a vault.

use std::fs;
use std::path::Path;

use vaults::{Error, Vault};

use crate::support::{
    Child, Scratch, contents, entries, listen, make, numbers, open, role, say, sql,
};

type Map = Vault<u32, u32>;

/// A vault with 10 entries, a backup of it, and 10 more entries since.
fn scene() -> Scratch {
    let scratch = Scratch::new();
    make(scratch.path("backup.db"), numbers(10));
    make(scratch.vault(), numbers(20));
    scratch
}

/// A process that is killed with its newest entries in the log.
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
fn the_backup_takes_the_place_of_what_is_there() {
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
        ("text beside a log", |path| {
            leave_a_log(path);
            fs::write(path, "this was a vault once").unwrap();
        }),
        ("zeros beside a log", |path| {
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
        let scratch = scene();
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
fn a_backup_with_a_log_beside_it_is_restored_with_it() {
    let scratch = scene();
    leave_a_log(&scratch.path("backup.db"));
    let before = contents(&scratch.folder());
    let vault = Map::restore(scratch.path("backup.db"), scratch.vault()).unwrap();
    assert_eq!(vault.len().unwrap(), 20);
    assert_eq!(vault.get(&29).unwrap(), Some(29));
    let after = contents(&scratch.folder());
    for name in ["backup.db", "backup.db-wal"] {
        assert!(before[name] == after[name], "{name}");
    }
    // One that is open is restored in one state, too.
    let live: Map = open(scratch.path("live.db"));
    live.try_extend(numbers(5)).unwrap();
    drop(vault);
    let vault = Map::restore(scratch.path("live.db"), scratch.vault()).unwrap();
    assert_eq!(vault.len().unwrap(), 5);
    live.put(&5, &5).unwrap();
    assert_eq!(vault.len().unwrap(), 5);
}

#[test]
fn what_is_open_is_not_replaced() {
    let scratch = scene();
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
fn what_is_refused_is_left_as_it_was() {
    let scratch = scene();
    make(scratch.path("other.db"), [("a".to_owned(), "b".to_owned())]);
    fs::write(scratch.path("text.db"), "no vault at all").unwrap();
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
fn the_copy_is_as_private_as_what_it_replaces() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = scene();
    crate::support::set_mode(&scratch.vault(), 0o600);
    Map::restore(scratch.path("backup.db"), scratch.vault()).unwrap();
    let mode = fs::metadata(scratch.vault()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
