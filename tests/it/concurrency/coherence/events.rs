//! What happens to the file past a handle: after it, the handle shows what is in the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use vaults::{Error, Vault};

use super::{checkpoint, options};
use crate::support::damage::{Chance, rounds};
use crate::support::{Child, Scratch, contents, listen, make, role, rows, say, sql};

const CHILD: &str = test_path!(child);

/// Values long enough for some writes to fill the log.
type Texts = Vault<u32, String>;

/// The keys that are looked at: many are never there.
const KEYS: u32 = 40;

fn text(n: usize) -> String {
    format!("{n:06}").repeat(1 + n % 40)
}

/// What a connection of another program finds.
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

/// What a handle shows, asked for key by key.
fn shown(vault: &Texts) -> BTreeMap<u32, String> {
    let look = |key: u32| {
        let value = vault.get(&key).unwrap();
        let is_there = vault.contains_key(&key).unwrap();
        assert_eq!(is_there, value.is_some(), "key {key}");
        Some((key, value?))
    };
    (0..KEYS).filter_map(look).collect()
}

// ---- another process --------------------------------------------------------------------

/// Does for each line what it says, with the file open for as long as that takes, or writes
/// without end.
#[test]
fn child() {
    let Some((role, path)) = role() else {
        return;
    };
    if role == "endless" {
        return write_without_end(&path);
    }
    say("ready");
    while let Some(line) = listen() {
        let (what, n) = line.split_once(' ').unwrap();
        let n: usize = n.parse().unwrap();
        if what == "raw" {
            raw_writes(&path, n);
        } else {
            let vault: Texts = options().open(&path).unwrap();
            write_some(&vault, n);
            vault.close().unwrap();
        }
        say("done");
    }
}

const TOGETHER: u32 = 4;

/// Keys of one transaction each time, one that comes and goes, and one that is replaced.
fn write_without_end(path: &Path) {
    let vault: Texts = options().open(path).unwrap();
    say("ready");
    for n in 1.. {
        vault
            .transaction(|tx| (0..TOGETHER).try_for_each(|key| tx.put(&key, &text(n))))
            .unwrap();
        if n % 2 == 0 {
            vault.remove(&TOGETHER).unwrap();
        } else {
            vault.put(&TOGETHER, &text(n)).unwrap();
        }
        vault.put(&(TOGETHER + 1), &text(n)).unwrap();
        say(&n.to_string());
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap() % (KEYS / 2)
}

/// One key put, one removed.
fn write_some(vault: &Texts, n: usize) {
    vault.put(&number(n), &text(n)).unwrap();
    vault.remove(&number(n * 7 + 3)).unwrap();
}

/// Rows as another program writes them, and a transaction that it takes back.
fn raw_writes(path: &Path, n: usize) {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection
        .busy_timeout(std::time::Duration::from_hours(1))
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
    /// One, its clone, another one, and one that only reads.
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

    /// Every handle shows what is in the file.
    fn agree(&self, when: &str) {
        let expected = in_the_file(&self.path);
        for (n, handle) in self.handles.iter().enumerate() {
            assert_eq!(shown(handle), expected, "handle {n} {when}");
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
    ("a write", |scene, n| write_some(&scene.handles[0], n)),
    ("a write through another handle", |scene, n| {
        write_some(&scene.handles[2], n);
    }),
    ("a write after a restart of the log", |scene, n| {
        checkpoint(&scene.path, "RESTART");
        write_some(&scene.handles[2], n);
    }),
    ("a log that is full and begins anew", |scene, n| {
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
    ("a handle that is opened anew", |scene, n| {
        scene.handles[2] = options().open(&scene.path).unwrap();
        write_some(&scene.handles[2], n);
    }),
    ("rows of another program", |scene, n| {
        raw_writes(&scene.path, n);
    }),
    ("everything removed by another program", |scene, n| {
        sql(&scene.path, "DELETE FROM dict");
        scene.agree("when nothing is there");
        write_some(&scene.handles[0], n);
    }),
    ("a process that opens, writes and closes", |scene, n| {
        scene.tell(&format!("vault {n}"));
    }),
    ("a program in a process of its own", |scene, n| {
        scene.tell(&format!("raw {n}"));
    }),
    (
        "a write by a process while nobody else has it open",
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
    ("a last close of all but one", |scene, n| {
        let last = scene.handles.remove(0);
        scene.handles.truncate(0);
        scene.tell(&format!("vault {n}"));
        let reader = options().read_only(true).open(&scene.path);
        let other = options().open(&scene.path);
        scene.handles = vec![last.clone(), last, other.unwrap(), reader.unwrap()];
    }),
];

#[test]
fn whatever_happens_a_handle_shows_what_is_in_the_file() {
    for seed in 0..rounds() as u64 {
        let mut scene = Scene::new();
        let mut chance = Chance::new(seed + 11);
        // Each once at least, then in any order.
        for n in 0..EVENTS.len() + 150 {
            let (name, happen) = EVENTS.get(n).unwrap_or(&EVENTS[chance.below(EVENTS.len())]);
            eprintln!("seed {seed}, step {n}: {name}");
            scene.agree(&format!("before step {n}, {name}"));
            happen(&mut scene, n);
            scene.agree(&format!("after step {n}, {name}"));
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
        let mut child = Child::start(CHILD, "endless", &path);
        child.expect("ready");
        let mut heard = 0;
        for _ in 0..chance.below(40) {
            heard += 1;
            child.expect(&heard.to_string());
            // Whoever reads now is not held up, and sees at least what it was told of.
            let seen = handles[heard % 3].get(&(TOGETHER + 1)).unwrap().unwrap();
            let seen: usize = seen[..6].parse().unwrap();
            assert!(
                seen >= heard,
                "kill {kill}: saw {seen}, was told of {heard}"
            );
        }
        child.kill();
        let expected = in_the_file(&path);
        for (n, handle) in handles.iter().enumerate() {
            assert_eq!(shown(handle), expected, "handle {n} after kill {kill}");
        }
        let together: Vec<_> = (0..TOGETHER).map(|key| expected.get(&key)).collect();
        assert!(
            together.iter().all(|value| *value == together[0]),
            "kill {kill}"
        );
        handles[kill % 2].put(&(TOGETHER + 2), &text(kill)).unwrap();
        let expected = in_the_file(&path);
        for (n, handle) in handles.iter().enumerate() {
            assert_eq!(
                shown(handle),
                expected,
                "handle {n} after kill {kill} and a write"
            );
        }
    }
}

// ---- a file that goes away --------------------------------------------------------------

fn remove_all(scratch: &Scratch) {
    for name in contents(&scratch.folder()).into_keys() {
        fs::remove_file(scratch.path(&name)).unwrap();
    }
}

/// A handle whose file is gone goes on to show it, or says that it is gone; it never shows another.
fn shows_the_old_file(vault: &Texts, old: &BTreeMap<u32, String>) {
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
fn a_file_that_is_replaced_or_deleted_is_not_mixed_with_another() {
    for is_replaced in [true, false] {
        let scratch = Scratch::new();
        let vault: Texts = options().open(scratch.vault()).unwrap();
        (0..20).for_each(|n| write_some(&vault, n));
        let old = shown(&vault);
        assert_eq!(old, in_the_file(&scratch.vault()));
        remove_all(&scratch);
        if is_replaced {
            make(
                scratch.vault(),
                (0..KEYS).map(|key| (key, "new".to_owned())),
            );
        }
        shows_the_old_file(&vault, &old);
        for _ in 0..2 {
            assert_is!(vault.put(&1, &text(99)), Err(Error::Moved { .. }));
            assert_is!(vault.clear(), Err(Error::Moved { .. }));
            shows_the_old_file(&vault, &old);
        }
        if is_replaced {
            let new: Texts = options().open(scratch.vault()).unwrap();
            assert_eq!(shown(&new), in_the_file(&scratch.vault()));
            write_some(&new, 7);
            assert_eq!(shown(&new), in_the_file(&scratch.vault()));
            shows_the_old_file(&vault, &old);
        }
    }
}
