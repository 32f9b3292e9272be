//! Backups on file systems that fail or cannot do everything.

use std::io;
use std::time::Duration;

use super::*;
use crate::engine::{Engine as _, MapId, RowOrder, Write as _};
use crate::sqlite::Durability;

const MAP: MapId = MapId::only(RowOrder::Insertion);

const CONFIG: Config = Config {
    durability: Durability::Off,
    busy_timeout: Duration::ZERO,
    ..Config::DEFAULT
};

fn store(path: &Path) -> Arc<Store> {
    Arc::new(Store::open(path, CONFIG, ANY_TYPES).unwrap())
}

fn keys(path: &Path) -> u64 {
    store(path).len(MAP).unwrap()
}

fn put(store: &Arc<Store>, key: &[u8]) {
    let mut transaction = store.begin_write().unwrap();
    transaction.put(MAP, key, b"M\x01").unwrap();
    transaction.commit().unwrap();
}

/// A folder with a vault of one entry, `old.db`, and a finished copy of two, `copy`.
fn folder() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
    put(&store(&path("old.db")), b"M\x01");
    let source = store(&path("source.db"));
    put(&source, b"M\x02");
    put(&source, b"M\x03");
    let copy = path("copy");
    let target = Target {
        path: &copy,
        replace: false,
    };
    source.backup(target, &mut |_, _| ()).unwrap();
    (folder, source)
}

/// Gives the copy in the folder another name.
fn rename_copy(
    system: FileSystem,
    folder: &tempfile::TempDir,
    name: &str,
    replace: bool,
) -> Result<()> {
    let folder = folder.path().canonicalize().unwrap();
    let path = &folder.join(name);
    let target = Target { path, replace };
    rename(system, &folder.join("copy"), target, &CONFIG)
}

#[test]
fn a_folder_that_fails_to_sync_costs_nothing_that_was_there() {
    let (folder, _source) = folder();
    let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
    let failing = FileSystem {
        sync_folder: |_| Err(io::Error::other("the disk has failed")),
        ..FileSystem::SYSTEM
    };
    for (name, replace) in [("old.db", true), ("new.db", true), ("new.db", false)] {
        let put = rename_copy(failing, &folder, name, replace);
        assert!(matches!(put, Err(Error::Io { .. })), "{put:?}");
        assert!(path("copy").exists(), "{name}");
        assert!(!path("new.db").exists());
        assert_eq!(keys(&path("old.db")), 1);
    }
}

#[test]
fn a_file_system_that_can_move_nothing_costs_nothing() {
    let (folder, _source) = folder();
    let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
    let failing = FileSystem {
        renames: &[|_, _| Err(io::ErrorKind::Unsupported.into())],
        ..FileSystem::SYSTEM
    };
    let put = rename_copy(failing, &folder, "new.db", false);
    assert!(matches!(put, Err(Error::Io { .. })), "{put:?}");
    assert!(path("copy").exists() && !path("new.db").exists());
}

#[test]
fn each_way_of_moving_makes_a_backup() {
    for n in 0..FileSystem::SYSTEM.renames.len() {
        let (folder, _source) = folder();
        let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
        let system = FileSystem {
            renames: &FileSystem::SYSTEM.renames[n..],
            ..FileSystem::SYSTEM
        };
        let taken = rename_copy(system, &folder, "old.db", false);
        assert!(
            matches!(taken, Err(Error::AlreadyExists { .. })),
            "{taken:?}"
        );
        rename_copy(system, &folder, "new.db", false).unwrap();
        assert_eq!((keys(&path("new.db")), keys(&path("old.db"))), (2, 1));
        assert!(!path("copy").exists());
    }
}
