//! Every event at every moment of a writer's life.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vaults::{Error, Snapshot, Vault};

use crate::support::{entries, open};

type Map = Vault<u32, u32>;

// ---- events -------------------------------------------------------------------------------

/// One of the files of a vault, or all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Thing {
    File,
    Log,
    Index,
    /// The log and the index.
    Both,
    /// The file, the log and the index.
    All,
    Folder,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Unlink(Thing),
    Rename(Thing),
    /// By an empty file.
    ReplaceByEmpty(Thing),
    /// By a file of zeros.
    ReplaceByZeros(Thing),
    /// By a copy of its own bytes, as some tools for copying do.
    ReplaceByCopy(Thing),
}

const BOTH: &[Thing] = &[Thing::Index, Thing::Log];
const ALL: &[Thing] = &[Thing::Index, Thing::Log, Thing::File];

impl Event {
    fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Unlink(Thing::Folder),
            Self::Rename(Thing::Folder),
            Self::ReplaceByEmpty(Thing::Folder),
            Self::ReplaceByCopy(Thing::Folder),
            Self::Unlink(Thing::Both),
            Self::Rename(Thing::Both),
            Self::ReplaceByCopy(Thing::Both),
            Self::Unlink(Thing::All),
            Self::Rename(Thing::All),
            Self::ReplaceByCopy(Thing::All),
        ];
        for thing in [Thing::File, Thing::Log, Thing::Index] {
            all.extend([
                Self::Unlink(thing),
                Self::Rename(thing),
                Self::ReplaceByEmpty(thing),
                Self::ReplaceByZeros(thing),
                Self::ReplaceByCopy(thing),
            ]);
        }
        all
    }

    /// Where the main file is afterwards, if it is anywhere.
    fn happen(self, vault: &Path) -> Option<PathBuf> {
        let folder = vault.parent().unwrap();
        let path = |thing| match thing {
            Thing::File => vault.to_path_buf(),
            Thing::Log => beside(vault, "-wal"),
            Thing::Index => beside(vault, "-shm"),
            Thing::Both | Thing::All | Thing::Folder => folder.to_path_buf(),
        };
        let replace = |thing, bytes: &[u8]| {
            let other = folder.join("other");
            fs::write(&other, bytes).unwrap();
            fs::rename(&other, path(thing)).unwrap();
        };
        let each = |event: fn(Thing) -> Self, things: &[Thing]| {
            for thing in things {
                event(*thing).happen(vault);
            }
        };
        match self {
            Self::Unlink(Thing::Both) => each(Self::Unlink, BOTH),
            Self::Rename(Thing::Both) => each(Self::Rename, BOTH),
            Self::ReplaceByCopy(Thing::Both) => each(Self::ReplaceByCopy, BOTH),
            Self::Unlink(Thing::All) => each(Self::Unlink, ALL),
            Self::Rename(Thing::All) => each(Self::Rename, ALL),
            Self::ReplaceByCopy(Thing::All) => each(Self::ReplaceByCopy, ALL),
            Self::ReplaceByEmpty(Thing::Folder) => {
                Self::Rename(Thing::Folder).happen(vault);
                fs::create_dir(folder).unwrap();
            }
            Self::ReplaceByCopy(Thing::Folder) => {
                Self::Rename(Thing::Folder).happen(vault);
                copy_folder(&beside(folder, ".away"), folder);
            }
            Self::Unlink(Thing::Folder) => fs::remove_dir_all(folder).unwrap(),
            Self::Unlink(thing) => fs::remove_file(path(thing)).unwrap(),
            Self::Rename(thing) => fs::rename(path(thing), beside(&path(thing), ".away")).unwrap(),
            Self::ReplaceByEmpty(thing) => replace(thing, b""),
            Self::ReplaceByZeros(thing) => replace(thing, &[0; 8192]),
            Self::ReplaceByCopy(thing) => {
                let bytes = read(&path(thing));
                replace(thing, &bytes);
            }
        }
        match self {
            Self::Rename(Thing::Folder)
            | Self::ReplaceByEmpty(Thing::Folder)
            | Self::ReplaceByCopy(Thing::Folder) => Some(beside(folder, ".away").join("vault.db")),
            Self::Rename(Thing::File | Thing::All) => Some(beside(vault, ".away")),
            Self::Unlink(Thing::Folder | Thing::File | Thing::All)
            | Self::ReplaceByCopy(Thing::File | Thing::All)
            | Self::ReplaceByEmpty(Thing::File)
            | Self::ReplaceByZeros(Thing::File) => None,
            _ => Some(vault.to_path_buf()),
        }
    }
}

/// Copies the files in a folder by another process, as [`read`] does.
fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-R").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// The bytes of a file that this process must not open, for that would drop its locks.
fn read(path: &Path) -> Vec<u8> {
    let output = Command::new("cat").arg(path).output();
    output.unwrap().stdout
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.to_path_buf().into_os_string();
    beside.push(suffix);
    beside.into()
}

// ---- moments ------------------------------------------------------------------------------

/// A writer, what it was told, and the event that is to happen.
struct Writer {
    vault: Option<Map>,
    path: PathBuf,
    event: Event,
    /// Where the main file is now.
    file: Option<PathBuf>,
    /// What was acknowledged before the event, and after it.
    before: BTreeMap<u32, u32>,
    after: BTreeMap<u32, u32>,
    /// What may be there: its call failed.
    failed: BTreeMap<u32, u32>,
    has_happened: bool,
    /// The call in which the event happened, or the next, was an error.
    errors: Vec<Error>,
}

impl Writer {
    fn vault(&self) -> &Map {
        self.vault.as_ref().unwrap()
    }

    fn happen(&mut self) {
        self.file = self.event.happen(&self.path);
        self.has_happened = true;
    }

    fn told(&mut self, wrote: &[(u32, u32)], result: vaults::Result<()>) {
        match result {
            Ok(()) if self.has_happened => self.after.extend(wrote.iter().copied()),
            Ok(()) => self.before.extend(wrote.iter().copied()),
            Err(error) => {
                self.failed.extend(wrote.iter().copied());
                self.errors.push(error);
            }
        }
    }

    fn put(&mut self, key: u32) {
        let result = self.vault().put(&key, &key);
        self.told(&[(key, key)], result);
    }

    fn within(&mut self, key: u32, is_kept: bool) {
        let vault = self.vault().clone();
        let mut tx = vault.begin().unwrap();
        tx.put(&key, &key).unwrap();
        self.happen();
        let result = if is_kept { tx.commit() } else { tx.rollback() };
        self.told(&[(key, key)], result);
    }
}

/// Lets the event happen, once.
type Moment = fn(&mut Writer);

const MOMENTS: &[(&str, Moment)] = &[
    ("just opened", Writer::happen),
    ("after the first put", |writer| {
        writer.put(100);
        writer.happen();
    }),
    ("after many", |writer| {
        (100..110).for_each(|key| writer.put(key));
        writer.happen();
    }),
    ("after a read", |writer| {
        writer.put(100);
        assert_eq!(writer.vault().get(&100).unwrap(), Some(100));
        writer.happen();
    }),
    ("after a checkpoint", |writer| {
        writer.put(100);
        writer.vault().compact().unwrap();
        writer.happen();
    }),
    ("after a checkpoint and a put", |writer| {
        writer.put(100);
        writer.vault().compact().unwrap();
        writer.put(101);
        writer.happen();
    }),
    ("within the first transaction", |writer| {
        writer.within(100, true);
    }),
    ("within a transaction", |writer| {
        writer.put(100);
        writer.within(101, true);
    }),
    ("within a transaction that is rolled back", |writer| {
        writer.put(100);
        writer.within(101, false);
        writer.after.clear();
    }),
    ("while an entry is held", |writer| {
        writer.put(100);
        let vault = writer.vault().clone();
        let mut value = vault.get_mut(&100).unwrap().unwrap();
        *value = 7;
        writer.happen();
        let result = vaults::RefMut::commit(value);
        writer.told(&[(100, 7)], result);
    }),
    ("while an entry is held, which is dropped", |writer| {
        writer.put(100);
        let vault = writer.vault().clone();
        let mut value = vault.get_mut(&100).unwrap().unwrap();
        *value = 7;
        writer.happen();
        drop(value);
        let result = vault.flush();
        writer.told(&[(100, 7)], result);
    }),
    ("while a snapshot is kept", |writer| {
        writer.put(100);
        let snapshot: Snapshot<u32, u32> = writer.vault().snapshot().unwrap();
        writer.put(101);
        writer.happen();
        writer.put(102);
        drop(snapshot);
    }),
    ("in the middle of a load", |writer| {
        writer.put(100);
        let vault = writer.vault().clone();
        let result = vault.try_extend((200..300).map(|n| {
            if n == 250 {
                writer.happen();
            }
            (n, n)
        }));
        let wrote: Vec<_> = (200..300).map(|n| (n, n)).collect();
        writer.told(&wrote, result);
    }),
    ("while threads share a commit", |writer| {
        writer.put(100);
        let vault = writer.vault().clone();
        let mut tx = vault.begin().unwrap();
        tx.put(&101, &101).unwrap();
        let results = std::thread::scope(|scope| {
            let threads: Vec<_> = (200..204)
                .map(|key| {
                    let vault = &vault;
                    scope.spawn(move || (key, vault.put(&key, &key)))
                })
                .collect();
            writer.happen();
            let own = tx.commit();
            writer.told(&[(101, 101)], own);
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        for (key, result) in results {
            writer.told(&[(key, key)], result);
        }
    }),
];

fn try_out(event: Event, moment: Moment) -> Vec<String> {
    // A sync costs nothing in memory, and is not what this is about.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    };
    let folder = scratch.path().canonicalize().unwrap().join("a");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("vault.db");
    let vault: Map = open(&path);
    vault.put(&1, &1).unwrap();
    vault.close().unwrap();
    let mut writer = Writer {
        vault: Some(open(&path)),
        path: path.clone(),
        event,
        file: Some(path),
        before: BTreeMap::from([(1, 1)]),
        after: BTreeMap::new(),
        failed: BTreeMap::new(),
        has_happened: false,
        errors: Vec::new(),
    };
    moment(&mut writer);
    (1000..1003).for_each(|key| writer.put(key));
    let flushed = writer.vault().flush();
    let closed = writer.vault.take().unwrap().close();
    let mut wrong = Vec::new();
    for error in writer.errors.iter().chain(flushed.as_ref().err()) {
        // An earlier call's, from its destructor, comes within another.
        if !matches!(error, Error::Moved { .. } | Error::Deferred { .. }) {
            wrong.push(format!("an error says {error:?}"));
        }
    }
    if flushed.is_ok() || closed.is_ok() || writer.errors.is_empty() {
        wrong.push("nobody was told".to_owned());
    }
    let found: BTreeMap<u32, u32> = match &writer.file {
        Some(file) => match Map::open(file) {
            Ok(vault) => {
                if !vault.verify().unwrap().is_ok() {
                    wrong.push("it is damaged".to_owned());
                }
                entries(&vault).into_iter().collect()
            }
            Err(error) => {
                wrong.push(format!("it does not open: {error:?}"));
                return wrong;
            }
        },
        None if writer.after.is_empty() => return wrong,
        None => BTreeMap::new(),
    };
    let mut expected = writer.before;
    expected.extend(&writer.after);
    for (key, value) in &expected {
        let is_there = found.get(key) == Some(value)
            || writer.failed.contains_key(key) && found.get(key) == writer.failed.get(key);
        if !is_there {
            wrong.push(format!(
                "{key} was acknowledged and is {:?}",
                found.get(key)
            ));
        }
    }
    for key in found.keys() {
        if !expected.contains_key(key) && !writer.failed.contains_key(key) {
            wrong.push(format!("{key} was never written"));
        }
    }
    wrong
}

#[test]
fn what_was_acknowledged_is_there() {
    let events = Event::all();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let halves: Vec<_> = events
            .chunks(events.len().div_ceil(2))
            .map(|events| scope.spawn(|| try_all(events)))
            .collect();
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{} faults: {wrong:#?}", wrong.len());
}

fn try_all(events: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    for event in events {
        for (name, moment) in MOMENTS {
            for fault in try_out(*event, *moment) {
                wrong.push(format!("{event:?} {name}: {fault}"));
            }
        }
    }
    wrong
}
