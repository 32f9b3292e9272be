//! Handles whose files are no longer theirs, and what others do with the names meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use vaults::{Durability, Error, OpenOptions, Vault};

use crate::support::{Child, Scratch, entries, listen, make, numbers, open, role, say};

type Map = Vault<u32, u32>;

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.to_path_buf().into_os_string();
    beside.push(suffix);
    beside.into()
}

/// Another process, which does as it is told with the same vault.
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

struct Other(Child);

impl Other {
    fn start(path: &Path) -> Self {
        Self(Child::start(test_path!(another_process), "other", path))
    }

    fn does(&mut self, what: &str) {
        self.0.tell(what);
        self.0.expect("done");
    }
}

#[test]
fn a_log_that_is_deleted_loses_nothing() {
    let scratch = Scratch::new();
    let vault: Map = open(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let log = beside(&scratch.vault(), "-wal");
    fs::remove_file(&log).unwrap();
    for key in 10..20 {
        let error = vault.put(&key, &key).unwrap_err();
        assert_is!(&error, Error::Moved { path, moved } if *path == scratch.vault() && *moved == log);
        let text = error.to_string();
        assert!(
            text.contains("vault.db-wal") && text.contains("open it again"),
            "{text}"
        );
    }
    assert_is!(vault.flush(), Err(Error::Moved { .. }));
    // It is in the file already, before the handle is closed.
    let copy = scratch.path("copy.db");
    let bytes = std::process::Command::new("cat")
        .arg(scratch.vault())
        .output();
    fs::write(&copy, bytes.unwrap().stdout).unwrap();
    let found = entries(&open::<u32, u32>(&copy));
    assert!(found.into_iter().take(10).eq(numbers(10)));
    assert_is!(vault.close(), Err(Error::Moved { .. }));
    let found = entries(&open::<u32, u32>(scratch.vault()));
    assert!(found.into_iter().take(10).eq(numbers(10)));
}

#[test]
fn flushing_tells_of_a_log_that_is_gone() {
    for durability in [Durability::Full, Durability::Normal, Durability::Off] {
        let scratch = Scratch::new();
        let mut options = OpenOptions::new();
        let vault: Map = options
            .durability(durability)
            .open(scratch.vault())
            .unwrap();
        vault.put(&1, &1).unwrap();
        fs::remove_file(beside(&scratch.vault(), "-wal")).unwrap();
        assert_is!(vault.flush(), Err(Error::Moved { .. }));
        drop(vault);
        assert_eq!(entries(&open::<u32, u32>(scratch.vault())), [(1, 1)]);
    }
}

#[test]
fn a_process_that_drops_its_own_locks() {
    let scratch = Scratch::new();
    let vault: Map = open(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    // Closing a file gives up every lock that this process has on it: so does copying the folder.
    for suffix in ["", "-wal", "-shm"] {
        drop(fs::File::open(beside(&scratch.vault(), suffix)).unwrap());
    }
    let mut other = Other::start(&scratch.vault());
    other.does("open");
    other.does("put 10");
    // It takes itself for the last one, and deletes the log.
    other.does("close");
    assert!(!beside(&scratch.vault(), "-wal").exists());
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
fn an_index_that_another_process_has_made_anew() {
    for is_told in [false, true] {
        let scratch = Scratch::new();
        let vault: Map = open(scratch.vault());
        vault.try_extend(numbers(10)).unwrap();
        fs::remove_file(beside(&scratch.vault(), "-shm")).unwrap();
        let mut other = Other::start(&scratch.vault());
        other.does("open");
        other.does("put 10");
        if is_told {
            // It must not be written where the other has written.
            assert_is!(vault.put(&99, &99), Err(Error::Moved { .. }));
            other.does("put 11");
            assert_is!(vault.flush(), Err(Error::Moved { .. }));
        }
        other.does("close");
        // Neither by closing it.
        drop(vault);
        other.0.finish();
        let vault: Map = open(scratch.vault());
        let expected = if is_told { 12 } else { 11 };
        assert!(entries(&vault).into_iter().eq(numbers(expected)));
        assert!(vault.verify().unwrap().is_ok());
    }
}

#[test]
fn a_new_vault_of_the_same_name_is_not_deleted() {
    type Event = fn(&Path);
    let events: [(&str, Event); 3] = [
        ("renamed", |path| {
            fs::rename(path, beside(path, ".away")).unwrap();
        }),
        ("renamed with its log", |path| {
            for suffix in ["", "-wal", "-shm"] {
                fs::rename(
                    beside(path, suffix),
                    beside(path, &format!(".away{suffix}")),
                )
                .unwrap();
            }
        }),
        ("deleted", |path| {
            for suffix in ["", "-wal", "-shm"] {
                fs::remove_file(beside(path, suffix)).unwrap();
            }
        }),
    ];
    for (name, event) in events {
        let scratch = Scratch::new();
        let path = scratch.vault();
        let old: Map = open(&path);
        old.put(&1, &1).unwrap();
        event(&path);
        let mut other = Other::start(&path);
        if name == "renamed" {
            // The old log and its index have names of the new file: nobody can open it yet.
            assert_is!(old.delete(), Err(Error::Moved { .. }));
            assert_eq!(entries(&open::<u32, u32>(beside(&path, ".away"))), [(1, 1)]);
            continue;
        }
        other.does("open");
        other.does("put 7");
        assert_is!(old.delete(), Err(Error::Moved { .. }));
        other.does("put 8");
        other.does("close");
        other.0.finish();
        assert_eq!(
            entries(&open::<u32, u32>(&path)),
            [(7, 7), (8, 8)],
            "{name}"
        );
    }
}

#[test]
fn reads_of_a_replaced_file_say_that_it_was_replaced() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let vault: Map = open(&path);
    vault.try_extend(numbers(2000)).unwrap();
    vault.compact().unwrap();
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(beside(&path, suffix)).unwrap();
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
fn names_that_come_back_are_believed() {
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
fn a_second_handle_does_not_open_what_is_half_gone() {
    let scratch = Scratch::new();
    let vault: Map = open(scratch.vault());
    vault.put(&1, &1).unwrap();
    fs::remove_file(beside(&scratch.vault(), "-shm")).unwrap();
    let second = Map::open(scratch.vault());
    assert_is!(second, Err(Error::Moved { moved, .. }) if *moved == beside(&scratch.vault(), "-shm"));
    drop(vault);
    make(scratch.vault(), [(2, 2)]);
    assert_eq!(
        entries(&open::<u32, u32>(scratch.vault())),
        [(1, 1), (2, 2)]
    );
}
