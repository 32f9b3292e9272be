//! Changes of the file that bypass a handle. After each, the handle shows the content of the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use vaults::{Error, Vault};

use super::{checkpoint, options};
use crate::support::damage::{Chance, rounds};
use crate::support::{Child, Scratch, contents, listen, make, role, rows, say, sql};

const CHILD: &str = test_path!(child);

/// A vault with values that are long enough for some writes to fill the log.
type Texts = Vault<u32, String>;

/// The keys that are read. Many are never stored.
const KEYS: u32 = 40;

fn text(n: usize) -> String {
    format!("{n:06}").repeat(1 + n % 40)
}

/// Returns the entries that a connection of another program reads.
fn in_the_file(path: &Path) -> BTreeMap<u32, String> {
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> T {
        let (tag, payload) = bytes.split_first().unwrap();
        assert_eq!(*tag, b'M');
        rmp_serde::from_slice(payload).unwrap()
    }
    let rows = rows(path).into_iter();
    rows.map(|(key, value)| (decode(&key), decode(&value)))
        .collect()
}

fn encoded<T: serde::Serialize>(value: &T) -> Vec<u8> {
    [b"M".as_slice(), &rmp_serde::to_vec(value).unwrap()].concat()
}

/// Returns the entries that a handle returns key by key.
fn entries_by_get(vault: &Texts) -> BTreeMap<u32, String> {
    let look = |key: u32| {
        let value = vault.get(&key).unwrap();
        let is_there = vault.contains_key(&key).unwrap();
        assert_eq!(is_there, value.is_some(), "key {key}");
        Some((key, value?))
    };
    (0..KEYS).filter_map(look).collect()
}

// ---- another process --------------------------------------------------------------------

/// Executes each line from the parent, with the file open for that time only. In the role
/// `unlimited writer`, writes until it is killed.
#[test]
fn child() {
    let Some((role, path)) = role() else {
        return;
    };
    if role == "unlimited writer" {
        return write_until_killed(&path);
    }
    say("ready");
    while let Some(line) = listen() {
        let (what, n) = line.split_once(' ').unwrap();
        let n: usize = n.parse().unwrap();
        if what == "raw" {
            raw_writes(&path, n);
        } else {
            let vault: Texts = options().open(&path).unwrap();
            put_and_remove(&vault, n);
            vault.close().unwrap();
        }
        say("done");
    }
}

const KEYS_IN_TRANSACTION: u32 = 4;

/// Writes some keys in one transaction, then inserts or removes one key, then replaces another one.
fn write_until_killed(path: &Path) {
    let vault: Texts = options().open(path).unwrap();
    say("ready");
    for n in 1.. {
        vault
            .transaction(|tx| (0..KEYS_IN_TRANSACTION).try_for_each(|key| tx.put(&key, &text(n))))
            .unwrap();
        if n % 2 == 0 {
            vault.remove(&KEYS_IN_TRANSACTION).unwrap();
        } else {
            vault.put(&KEYS_IN_TRANSACTION, &text(n)).unwrap();
        }
        vault.put(&(KEYS_IN_TRANSACTION + 1), &text(n)).unwrap();
        say(&n.to_string());
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap() % (KEYS / 2)
}

/// Puts one key and removes another.
fn put_and_remove(vault: &Texts, n: usize) {
    vault.put(&number(n), &text(n)).unwrap();
    vault.remove(&number(n * 7 + 3)).unwrap();
}

/// Writes rows as another program, and a transaction that it rolls back.
fn raw_writes(path: &Path, n: usize) {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection
        .busy_timeout(std::time::Duration::from_secs(3600))
        .unwrap();
    let put = "INSERT OR REPLACE INTO dict (key, value) VALUES (?1, ?2)";
    let row = |n: usize| (encoded(&number(n)), encoded(&text(n)));
    connection.execute(put, row(n)).unwrap();
    let remove = "DELETE FROM dict WHERE key = ?1";
    connection.execute(remove, [row(n + 5).0]).unwrap();
    let update = "UPDATE dict SET value = ?2 WHERE key = ?1";
    connection.execute(update, row(n + 9)).unwrap();
    let transaction = connection.transaction().unwrap();
    transaction.execute(put, row(n + 11)).unwrap();
    transaction.rollback().unwrap();
    connection.close().unwrap();
}

// ---- events -----------------------------------------------------------------------------

struct Scene {
    path: PathBuf,
    /// A handle, its clone, a second handle, and a read-only one.
    handles: Vec<Texts>,
    child: Child,
    _scratch: Scratch,
}

impl Scene {
    fn new() -> Self {
        let scratch = Scratch::new();
        let path = scratch.vault();
        let mut child = Child::start(CHILD, "other", &path);
        child.expect("ready");
        let open = || -> Texts { options().open(&path).unwrap() };
        let vault = open();
        let reader = options().read_only(true).open(&path);
        Self {
            handles: vec![vault.clone(), vault, open(), reader.unwrap()],
            child,
            path,
            _scratch: scratch,
        }
    }

    fn tell(&mut self, line: &str) {
        self.child.tell(line);
        self.child.expect("done");
    }

    /// Asserts that every handle shows the content of the file.
    fn assert_agree(&self, when: &str) {
        let expected = in_the_file(&self.path);
        for (n, handle) in self.handles.iter().enumerate() {
            assert_eq!(entries_by_get(handle), expected, "handle {n} {when}");
        }
    }
}

type Event = (&'static str, fn(&mut Scene, usize));

const EVENTS: &[Event] = &[
    ("a passive checkpoint", |scene, _| {
        checkpoint(&scene.path, "PASSIVE");
    }),
    ("a full checkpoint", |scene, _| {
        checkpoint(&scene.path, "FULL");
    }),
    ("a restarted log", |scene, _| {
        checkpoint(&scene.path, "RESTART");
    }),
    ("a truncated log", |scene, _| {
        checkpoint(&scene.path, "TRUNCATE");
    }),
    ("a write", |scene, n| put_and_remove(&scene.handles[0], n)),
    ("a write through another handle", |scene, n| {
        put_and_remove(&scene.handles[2], n);
    }),
    ("a write after a restart of the log", |scene, n| {
        checkpoint(&scene.path, "RESTART");
        put_and_remove(&scene.handles[2], n);
    }),
    ("a full log that is restarted", |scene, n| {
        let large = "x".repeat(2_000_000);
        for key in [0, 1, 2] {
            scene.handles[2].put(&key, &format!("{n}{large}")).unwrap();
        }
        for key in [0, 1, 2] {
            scene.handles[2].put(&key, &text(n)).unwrap();
        }
    }),
    ("a compaction", |scene, _| {
        scene.handles[0].compact().unwrap();
    }),
    ("a compaction through another handle", |scene, _| {
        scene.handles[2].compact().unwrap();
    }),
    ("a vacuum by another program", |scene, _| {
        sql(&scene.path, "VACUUM");
    }),
    ("a handle that is opened again", |scene, n| {
        scene.handles[2] = options().open(&scene.path).unwrap();
        put_and_remove(&scene.handles[2], n);
    }),
    ("rows of another program", |scene, n| {
        raw_writes(&scene.path, n);
    }),
    ("everything removed by another program", |scene, n| {
        sql(&scene.path, "DELETE FROM dict");
        scene.assert_agree("when nothing is there");
        put_and_remove(&scene.handles[0], n);
    }),
    ("a process that opens, writes and closes", |scene, n| {
        scene.tell(&format!("vault {n}"));
    }),
    ("a program in a process of its own", |scene, n| {
        scene.tell(&format!("raw {n}"));
    }),
    (
        "a write by a process while the file has no other user",
        |scene, n| {
            scene.handles.truncate(0);
            scene.tell(&format!("vault {n}"));
            scene.tell(&format!("raw {}", n + 1));
            let vault: Texts = options().open(&scene.path).unwrap();
            let reader = options().read_only(true).open(&scene.path);
            let other = options().open(&scene.path);
            scene.handles = vec![vault.clone(), vault, other.unwrap(), reader.unwrap()];
        },
    ),
    ("a close of all handles but one", |scene, n| {
        let last = scene.handles.remove(0);
        scene.handles.truncate(0);
        scene.tell(&format!("vault {n}"));
        let reader = options().read_only(true).open(&scene.path);
        let other = options().open(&scene.path);
        scene.handles = vec![last.clone(), last, other.unwrap(), reader.unwrap()];
    }),
];

#[test]
fn after_every_event_each_handle_shows_the_content_of_the_file() {
    for seed in 0..rounds() as u64 {
        let mut scene = Scene::new();
        let mut chance = Chance::new(seed + 11);
        // First each event once, then in random order.
        for n in 0..EVENTS.len() + 150 {
            let (name, happen) = EVENTS.get(n).unwrap_or(&EVENTS[chance.below(EVENTS.len())]);
            eprintln!("seed {seed}, step {n}: {name}");
            scene.assert_agree(&format!("before step {n}, {name}"));
            happen(&mut scene, n);
            scene.assert_agree(&format!("after step {n}, {name}"));
        }
        let Scene { handles, child, .. } = scene;
        child.finish();
        drop(handles);
    }
}

// ---- processes that are killed ----------------------------------------------------------

#[test]
fn a_process_killed_in_the_middle_of_its_commits() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let open = || -> Texts { options().open(&path).unwrap() };
    let handles = [
        open(),
        open(),
        options().read_only(true).open(&path).unwrap(),
    ];
    let mut chance = Chance::new(5);
    for kill in 0..12 * rounds() {
        let mut child = Child::start(CHILD, "unlimited writer", &path);
        child.expect("ready");
        let mut acknowledged = 0;
        for _ in 0..chance.below(40) {
            acknowledged += 1;
            child.expect(&acknowledged.to_string());
            // Reading is not blocked, and shows at least the version that was acknowledged.
            let seen = handles[acknowledged % 3]
                .get(&(KEYS_IN_TRANSACTION + 1))
                .unwrap()
                .unwrap();
            let seen: usize = seen[..6].parse().unwrap();
            assert!(
                seen >= acknowledged,
                "kill {kill}: read {seen}, {acknowledged} was acknowledged"
            );
        }
        child.kill();
        let expected = in_the_file(&path);
        for (n, handle) in handles.iter().enumerate() {
            assert_eq!(
                entries_by_get(handle),
                expected,
                "handle {n} after kill {kill}"
            );
        }
        let together: Vec<_> = (0..KEYS_IN_TRANSACTION)
            .map(|key| expected.get(&key))
            .collect();
        assert!(
            together.iter().all(|value| *value == together[0]),
            "kill {kill}"
        );
        handles[kill % 2]
            .put(&(KEYS_IN_TRANSACTION + 2), &text(kill))
            .unwrap();
        let expected = in_the_file(&path);
        for (n, handle) in handles.iter().enumerate() {
            assert_eq!(
                entries_by_get(handle),
                expected,
                "handle {n} after kill {kill} and a write"
            );
        }
    }
}

// ---- a removed file ---------------------------------------------------------------------

fn remove_all(scratch: &Scratch) {
    for name in contents(&scratch.folder()).into_keys() {
        fs::remove_file(scratch.path(&name)).unwrap();
    }
}

/// Asserts that a handle whose file is gone still shows its content or returns an error, and never
/// shows another file.
fn assert_shows_the_old_file(vault: &Texts, old: &BTreeMap<u32, String>) {
    for key in 0..KEYS {
        match vault.get(&key) {
            Ok(value) => assert_eq!(value.as_ref(), old.get(&key), "key {key}"),
            Err(Error::Moved { .. } | Error::NotFound { .. }) => {}
            Err(error) => panic!("key {key}: {error:?}"),
        }
    }
}

#[cfg(unix)]
#[test]
fn a_replaced_or_deleted_file_is_not_mixed_with_another() {
    for is_replaced in [true, false] {
        let scratch = Scratch::new();
        let vault: Texts = options().open(scratch.vault()).unwrap();
        (0..20).for_each(|n| put_and_remove(&vault, n));
        let old = entries_by_get(&vault);
        assert_eq!(old, in_the_file(&scratch.vault()));
        remove_all(&scratch);
        if is_replaced {
            make(
                scratch.vault(),
                (0..KEYS).map(|key| (key, "new".to_owned())),
            );
        }
        assert_shows_the_old_file(&vault, &old);
        for _ in 0..2 {
            assert_is!(vault.put(&1, &text(99)), Err(Error::Moved { .. }));
            assert_is!(vault.clear(), Err(Error::Moved { .. }));
            assert_shows_the_old_file(&vault, &old);
        }
        if is_replaced {
            let new: Texts = options().open(scratch.vault()).unwrap();
            assert_eq!(entries_by_get(&new), in_the_file(&scratch.vault()));
            put_and_remove(&new, 7);
            assert_eq!(entries_by_get(&new), in_the_file(&scratch.vault()));
            assert_shows_the_old_file(&vault, &old);
        }
    }
}
