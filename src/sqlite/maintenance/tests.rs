//! Backups on file systems that fail or cannot do everything.

use std::io;
use std::time::Duration;

use super::*;
use crate::sqlite::Durability;

fn store(path: &Path) -> Arc<Store> {
    let config = Config {
        location: Location::File(path.to_path_buf()),
        existence: Existence::Created,
        read_only: false,
        immutable: false,
        checksums: false,
        mode: None,
        durability: Durability::Off,
        busy_timeout: Duration::ZERO,
        cache_capacity: 0,
        log_size_limit: u64::MAX,
    };
    Arc::new(Store::open(config, ANY_TYPES).unwrap())
}

fn keys(path: &Path) -> u64 {
    store(path).len().unwrap()
}

fn put(store: &Arc<Store>, key: &[u8]) {
    let mut transaction = store.begin_write().unwrap();
    transaction.put(key, b"M\x01").unwrap();
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
    source.backup(&path("copy"), false, &mut |_, _| ()).unwrap();
    (folder, source)
}

#[test]
fn a_folder_that_fails_to_sync_costs_nothing_that_was_there() {
    let (folder, source) = folder();
    let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
    let failing = FileSystem {
        sync_folder: |_| Err(io::Error::other("the disk has failed")),
        ..FileSystem::SYSTEM
    };
    for (name, replace) in [("old.db", true), ("new.db", true), ("new.db", false)] {
        let put = source.put_in_place(failing, &path("copy"), &path(name), replace);
        assert!(matches!(put, Err(Error::Io { .. })), "{put:?}");
        assert!(path("copy").exists(), "{name}");
        assert!(!path("new.db").exists());
        assert_eq!(keys(&path("old.db")), 1);
    }
}

#[test]
fn a_file_system_that_can_move_nothing_costs_nothing() {
    let (folder, source) = folder();
    let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
    let failing = FileSystem {
        renames: &[|_, _| Err(io::ErrorKind::Unsupported.into())],
        ..FileSystem::SYSTEM
    };
    let put = source.put_in_place(failing, &path("copy"), &path("new.db"), false);
    assert!(matches!(put, Err(Error::Io { .. })), "{put:?}");
    assert!(path("copy").exists() && !path("new.db").exists());
}

#[test]
fn each_way_of_moving_makes_a_backup() {
    for n in 0..FileSystem::SYSTEM.renames.len() {
        let (folder, source) = folder();
        let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
        let system = FileSystem {
            renames: &FileSystem::SYSTEM.renames[n..],
            ..FileSystem::SYSTEM
        };
        let taken = source.put_in_place(system, &path("copy"), &path("old.db"), false);
        assert!(
            matches!(taken, Err(Error::AlreadyExists { .. })),
            "{taken:?}"
        );
        source
            .put_in_place(system, &path("copy"), &path("new.db"), false)
            .unwrap();
        assert_eq!((keys(&path("new.db")), keys(&path("old.db"))), (2, 1));
        assert!(!path("copy").exists());
    }
}
