//! Handles whose files were removed or replaced, while other processes use the same names.

use std::fs;
use std::path::{Path, PathBuf};

use vaults::{Durability, Error, OpenOptions, Vault};

use crate::support::{Child, Scratch, entries, listen, make, numbers, open, role, say};

type Map = Vault<u32, u32>;

fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut companion = path.to_path_buf().into_os_string();
    companion.push(suffix);
    companion.into()
}

/// Runs in another process, and follows the commands of the parent on the same vault.
#[test]
fn another_process() {
    let Some((_, path)) = role() else {
        return;
    };
    let mut vault: Option<Map> = None;
    while let Some(line) = listen() {
        match line.split_once(' ') {
            None if line == "open" => vault = Some(open(&path)),
            None => vault.take().unwrap().close().unwrap(),
            Some((_, key)) => {
                let key = key.parse().unwrap();
                vault.as_ref().unwrap().put(&key, &key).unwrap();
            }
        }
        say("done");
    }
}

struct OtherProcess(Child);

impl OtherProcess {
    fn start(path: &Path) -> Self {
        Self(Child::start(test_path!(another_process), "other", path))
    }

    fn execute(&mut self, what: &str) {
        self.0.tell(what);
        self.0.expect("done");
    }
}

#[test]
fn a_deleted_log_loses_no_entry() {
    let scratch = Scratch::new();
    let vault: Map = open(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let log = companion(&scratch.vault(), "-wal");
    fs::remove_file(&log).unwrap();
    for key in 10..20 {
        let error = vault.put(&key, &key).unwrap_err();
        assert_is!(&error, Error::Moved { location, moved, .. } if *location == *scratch.vault() && *moved == log);
        let text = error.to_string();
        assert!(
            text.contains("vault.db-wal") && text.contains("open it again"),
            "{text}"
        );
    }
    assert_is!(vault.flush(), Err(Error::Moved { .. }));
    // The entries are in the file before the handle is closed.
    let copy = scratch.path("copy.db");
    let bytes = std::process::Command::new("cat")
        .arg(scratch.vault())
        .output();
    fs::write(&copy, bytes.unwrap().stdout).unwrap();
    let found = entries(&open::<u32, u32>(&copy));
    assert!(found.into_iter().take(10).eq(numbers(10)));
    assert_is!(vault.close().map_err(Error::from), Err(Error::Moved { .. }));
    let found = entries(&open::<u32, u32>(scratch.vault()));
    assert!(found.into_iter().take(10).eq(numbers(10)));
}

#[test]
fn flush_reports_a_deleted_log() {
    for durability in [Durability::Full, Durability::Normal, Durability::Off] {
        let scratch = Scratch::new();
        let mut options = OpenOptions::new();
        let vault: Map = options
            .durability(durability)
            .open(scratch.vault())
            .unwrap();
        vault.put(&1, &1).unwrap();
        fs::remove_file(companion(&scratch.vault(), "-wal")).unwrap();
        assert_is!(vault.flush(), Err(Error::Moved { .. }));
        drop(vault);
        assert_eq!(entries(&open::<u32, u32>(scratch.vault())), [(1, 1)]);
    }
}

#[test]
fn a_process_that_releases_its_own_locks() {
    let scratch = Scratch::new();
    let vault: Map = open(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    // Closing a file, as after copying the folder, releases all locks of this process on it.
    for suffix in ["", "-wal", "-shm"] {
        drop(fs::File::open(companion(&scratch.vault(), suffix)).unwrap());
    }
    let mut other = OtherProcess::start(&scratch.vault());
    other.execute("open");
    other.execute("put 10");
    // The other process finds no other user, so it deletes the log.
    other.execute("close");
    assert!(!companion(&scratch.vault(), "-wal").exists());
    for key in 20..30 {
        assert_is!(vault.put(&key, &key), Err(Error::Moved { .. }));
    }
    drop(vault);
    other.0.finish();
    let vault: Map = open(scratch.vault());
    assert!(entries(&vault).into_iter().eq(numbers(11)));
    assert!(vault.verify().unwrap().is_ok());
}

#[test]
fn an_index_that_another_process_has_recreated() {
    for writes_again in [false, true] {
        let scratch = Scratch::new();
        let vault: Map = open(scratch.vault());
        vault.try_extend(numbers(10)).unwrap();
        fs::remove_file(companion(&scratch.vault(), "-shm")).unwrap();
        let mut other = OtherProcess::start(&scratch.vault());
        other.execute("open");
        other.execute("put 10");
        if writes_again {
            // The handle must not write to the log, which the other process has written to.
            assert_is!(vault.put(&99, &99), Err(Error::Moved { .. }));
            other.execute("put 11");
            assert_is!(vault.flush(), Err(Error::Moved { .. }));
        }
        other.execute("close");
        // Closing it must not write there either.
        drop(vault);
        other.0.finish();
        let vault: Map = open(scratch.vault());
        let expected = if writes_again { 12 } else { 11 };
        assert!(entries(&vault).into_iter().eq(numbers(expected)));
        assert!(vault.verify().unwrap().is_ok());
    }
}

#[test]
fn a_new_vault_of_the_same_name_is_not_deleted() {
    type Event = fn(&Path);
    let events: [(&str, Event); 3] = [
        ("renamed", |path| {
            fs::rename(path, companion(path, ".away")).unwrap();
        }),
        ("renamed with its log", |path| {
            for suffix in ["", "-wal", "-shm"] {
                fs::rename(
                    companion(path, suffix),
                    companion(path, &format!(".away{suffix}")),
                )
                .unwrap();
            }
        }),
        ("deleted", |path| {
            for suffix in ["", "-wal", "-shm"] {
                fs::remove_file(companion(path, suffix)).unwrap();
            }
        }),
    ];
    for (name, event) in events {
        let scratch = Scratch::new();
        let path = scratch.vault();
        let old: Map = open(&path);
        old.put(&1, &1).unwrap();
        event(&path);
        let mut other = OtherProcess::start(&path);
        if name == "renamed" {
            // The old log and index have the names for the new file, so no process can open it yet.
            assert_is!(old.delete().map_err(Error::from), Err(Error::Moved { .. }));
            assert_eq!(
                entries(&open::<u32, u32>(companion(&path, ".away"))),
                [(1, 1)]
            );
            continue;
        }
        other.execute("open");
        other.execute("put 7");
        assert_is!(old.delete().map_err(Error::from), Err(Error::Moved { .. }));
        other.execute("put 8");
        other.execute("close");
        other.0.finish();
        assert_eq!(
            entries(&open::<u32, u32>(&path)),
            [(7, 7), (8, 8)],
            "{name}"
        );
    }
}

#[test]
fn reads_report_a_replaced_file() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let vault: Map = open(&path);
    vault.try_extend(numbers(2000)).unwrap();
    vault.compact().unwrap();
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(companion(&path, suffix)).unwrap();
    }
    fs::write(&path, vec![b'x'; 100_000]).unwrap();
    let results = [
        vault.get(&7).map(drop),
        vault.contains_key(&7).map(drop),
        vault.len().map(drop),
        vault.iter().next().unwrap().map(drop),
        vault.keys().next().unwrap().map(drop),
        vault
            .snapshot()
            .and_then(|snapshot| snapshot.get(&7))
            .map(drop),
        vault.stats().map(drop),
    ];
    for result in results {
        assert_is!(result, Ok(()) | Err(Error::Moved { .. }));
    }
    assert_is!(vault.iter().next(), Some(Err(Error::Moved { .. })));
}

#[test]
fn a_file_that_is_renamed_back_can_be_used() {
    let scratch = Scratch::new();
    let vault: Map = open(scratch.vault());
    vault.put(&1, &1).unwrap();
    let away = scratch.path("away");
    fs::rename(scratch.vault(), &away).unwrap();
    assert_is!(vault.put(&2, &2), Err(Error::Moved { .. }));
    fs::rename(&away, scratch.vault()).unwrap();
    vault.put(&3, &3).unwrap();
    vault.close().unwrap();
    let found = entries(&open::<u32, u32>(scratch.vault()));
    assert_eq!(found, [(1, 1), (3, 3)]);
}

#[test]
fn a_second_handle_does_not_open_a_file_without_its_index() {
    let scratch = Scratch::new();
    let vault: Map = open(scratch.vault());
    vault.put(&1, &1).unwrap();
    fs::remove_file(companion(&scratch.vault(), "-shm")).unwrap();
    let second = Map::open(scratch.vault());
    assert_is!(second, Err(Error::Moved { moved, .. }) if *moved == companion(&scratch.vault(), "-shm"));
    drop(vault);
    make(scratch.vault(), [(2, 2)]);
    assert_eq!(
        entries(&open::<u32, u32>(scratch.vault())),
        [(1, 1), (2, 2)]
    );
}
