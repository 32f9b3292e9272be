//! Every way to remove or replace the files of a vault, at every stage of a writer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vaults::{Error, Snapshot, Vault};

use crate::support::{entries, open};

type Map = Vault<u32, u32>;

// ---- events -------------------------------------------------------------------------------

/// The target of an event: a file of a vault, or several files.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
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
    Unlink(Target),
    Rename(Target),
    /// Replaces the file by an empty one.
    ReplaceByEmpty(Target),
    /// Replaces the file by zeros.
    ReplaceByZeros(Target),
    /// Replaces the file by a copy of its bytes, as some copying tools do.
    ReplaceByCopy(Target),
}

const BOTH: &[Target] = &[Target::Index, Target::Log];
const ALL: &[Target] = &[Target::Index, Target::Log, Target::File];

impl Event {
    fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Unlink(Target::Folder),
            Self::Rename(Target::Folder),
            Self::ReplaceByEmpty(Target::Folder),
            Self::ReplaceByCopy(Target::Folder),
            Self::Unlink(Target::Both),
            Self::Rename(Target::Both),
            Self::ReplaceByCopy(Target::Both),
            Self::Unlink(Target::All),
            Self::Rename(Target::All),
            Self::ReplaceByCopy(Target::All),
        ];
        for target in [Target::File, Target::Log, Target::Index] {
            all.extend([
                Self::Unlink(target),
                Self::Rename(target),
                Self::ReplaceByEmpty(target),
                Self::ReplaceByZeros(target),
                Self::ReplaceByCopy(target),
            ]);
        }
        all
    }

    /// Applies the event. Returns the new path of the main file, if it still exists.
    fn apply(self, vault: &Path) -> Option<PathBuf> {
        let folder = vault.parent().unwrap();
        let path = |target| match target {
            Target::File => vault.to_path_buf(),
            Target::Log => companion(vault, "-wal"),
            Target::Index => companion(vault, "-shm"),
            Target::Both | Target::All | Target::Folder => folder.to_path_buf(),
        };
        let replace = |target, bytes: &[u8]| {
            let other = folder.join("other");
            fs::write(&other, bytes).unwrap();
            fs::rename(&other, path(target)).unwrap();
        };
        let each = |event: fn(Target) -> Self, targets: &[Target]| {
            for target in targets {
                event(*target).apply(vault);
            }
        };
        match self {
            Self::Unlink(Target::Both) => each(Self::Unlink, BOTH),
            Self::Rename(Target::Both) => each(Self::Rename, BOTH),
            Self::ReplaceByCopy(Target::Both) => each(Self::ReplaceByCopy, BOTH),
            Self::Unlink(Target::All) => each(Self::Unlink, ALL),
            Self::Rename(Target::All) => each(Self::Rename, ALL),
            Self::ReplaceByCopy(Target::All) => each(Self::ReplaceByCopy, ALL),
            Self::ReplaceByEmpty(Target::Folder) => {
                Self::Rename(Target::Folder).apply(vault);
                fs::create_dir(folder).unwrap();
            }
            Self::ReplaceByCopy(Target::Folder) => {
                Self::Rename(Target::Folder).apply(vault);
                copy_folder(&companion(folder, ".away"), folder);
            }
            Self::Unlink(Target::Folder) => fs::remove_dir_all(folder).unwrap(),
            Self::Unlink(target) => fs::remove_file(path(target)).unwrap(),
            Self::Rename(target) => {
                fs::rename(path(target), companion(&path(target), ".away")).unwrap();
            }
            Self::ReplaceByEmpty(target) => replace(target, b""),
            Self::ReplaceByZeros(target) => replace(target, &[0; 8192]),
            Self::ReplaceByCopy(target) => {
                let bytes = read(&path(target));
                replace(target, &bytes);
            }
        }
        match self {
            Self::Rename(Target::Folder)
            | Self::ReplaceByEmpty(Target::Folder)
            | Self::ReplaceByCopy(Target::Folder) => {
                Some(companion(folder, ".away").join("vault.db"))
            }
            Self::Rename(Target::File | Target::All) => Some(companion(vault, ".away")),
            Self::Unlink(Target::Folder | Target::File | Target::All)
            | Self::ReplaceByCopy(Target::File | Target::All)
            | Self::ReplaceByEmpty(Target::File)
            | Self::ReplaceByZeros(Target::File) => None,
            _ => Some(vault.to_path_buf()),
        }
    }
}

/// Copies the files of a folder in another process, for the same reason as [`read`].
fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-R").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// Reads a file in another process. Opening and closing it in this one would release its locks.
fn read(path: &Path) -> Vec<u8> {
    let output = Command::new("cat").arg(path).output();
    output.unwrap().stdout
}

fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut companion = path.to_path_buf().into_os_string();
    companion.push(suffix);
    companion.into()
}

// ---- stages -------------------------------------------------------------------------------

/// A writer, its acknowledged entries, and the event to apply.
struct Writer {
    vault: Option<Map>,
    path: PathBuf,
    event: Event,
    /// The current path of the main file.
    file: Option<PathBuf>,
    /// The entries acknowledged before the event, and after it.
    before: BTreeMap<u32, u32>,
    after: BTreeMap<u32, u32>,
    /// The entries of failed calls, which may be stored.
    failed: BTreeMap<u32, u32>,
    is_applied: bool,
    /// The errors of the call during which the event happened, and of the next ones.
    errors: Vec<Error>,
}

impl Writer {
    fn vault(&self) -> &Map {
        self.vault.as_ref().unwrap()
    }

    fn apply(&mut self) {
        self.file = self.event.apply(&self.path);
        self.is_applied = true;
    }

    fn record(&mut self, wrote: &[(u32, u32)], result: vaults::Result<()>) {
        match result {
            Ok(()) if self.is_applied => self.after.extend(wrote.iter().copied()),
            Ok(()) => self.before.extend(wrote.iter().copied()),
            Err(error) => {
                self.failed.extend(wrote.iter().copied());
                self.errors.push(error);
            }
        }
    }

    fn put(&mut self, key: u32) {
        let result = self.vault().put(&key, &key);
        self.record(&[(key, key)], result);
    }

    fn write_in_transaction(&mut self, key: u32, is_kept: bool) {
        let vault = self.vault().clone();
        let mut tx = vault.begin().unwrap();
        tx.put(&key, &key).unwrap();
        self.apply();
        let result = if is_kept { tx.commit() } else { tx.rollback() };
        self.record(&[(key, key)], result);
    }
}

/// Applies the event once, at one stage.
type Stage = fn(&mut Writer);

const STAGES: &[(&str, Stage)] = &[
    ("just opened", Writer::apply),
    ("after the first put", |writer| {
        writer.put(100);
        writer.apply();
    }),
    ("after many", |writer| {
        (100..110).for_each(|key| writer.put(key));
        writer.apply();
    }),
    ("after a read", |writer| {
        writer.put(100);
        assert_eq!(writer.vault().get(&100).unwrap(), Some(100));
        writer.apply();
    }),
    ("after a checkpoint", |writer| {
        writer.put(100);
        writer.vault().compact().unwrap();
        writer.apply();
    }),
    ("after a checkpoint and a put", |writer| {
        writer.put(100);
        writer.vault().compact().unwrap();
        writer.put(101);
        writer.apply();
    }),
    ("within the first transaction", |writer| {
        writer.write_in_transaction(100, true);
    }),
    ("within a transaction", |writer| {
        writer.put(100);
        writer.write_in_transaction(101, true);
    }),
    ("within a transaction that is rolled back", |writer| {
        writer.put(100);
        writer.write_in_transaction(101, false);
        writer.after.clear();
    }),
    ("while an entry is held", |writer| {
        writer.put(100);
        let vault = writer.vault().clone();
        let mut value = vault.get_mut(&100).unwrap().unwrap();
        *value = 7;
        writer.apply();
        let result = vaults::RefMut::commit(value);
        writer.record(&[(100, 7)], result);
    }),
    ("while an entry is held, which is dropped", |writer| {
        writer.put(100);
        let vault = writer.vault().clone();
        let mut value = vault.get_mut(&100).unwrap().unwrap();
        *value = 7;
        writer.apply();
        drop(value);
        let result = vault.flush();
        writer.record(&[(100, 7)], result);
    }),
    ("while a snapshot is kept", |writer| {
        writer.put(100);
        let snapshot: Snapshot<u32, u32> = writer.vault().snapshot().unwrap();
        writer.put(101);
        writer.apply();
        writer.put(102);
        drop(snapshot);
    }),
    ("in the middle of a load", |writer| {
        writer.put(100);
        let vault = writer.vault().clone();
        let result = vault.try_extend((200..300).map(|n| {
            if n == 250 {
                writer.apply();
            }
            (n, n)
        }));
        let wrote: Vec<_> = (200..300).map(|n| (n, n)).collect();
        writer.record(&wrote, result);
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
            writer.apply();
            let own = tx.commit();
            writer.record(&[(101, 101)], own);
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        for (key, result) in results {
            writer.record(&[(key, key)], result);
        }
    }),
];

fn check(event: Event, stage: Stage) -> Vec<String> {
    // In memory, syncs take no time. They do not matter here.
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
        is_applied: false,
        errors: Vec::new(),
    };
    stage(&mut writer);
    (1000..1003).for_each(|key| writer.put(key));
    let flushed = writer.vault().flush();
    let closed = writer.vault.take().unwrap().close().map_err(Error::from);
    let mut defects = Vec::new();
    for error in writer.errors.iter().chain(flushed.as_ref().err()) {
        // An error of an earlier destructor is returned by a later call.
        if !matches!(error, Error::Moved { .. } | Error::Deferred { .. }) {
            defects.push(format!("unexpected error {error:?}"));
        }
    }
    if flushed.is_ok() || closed.is_ok() || writer.errors.is_empty() {
        defects.push("no call returned an error".to_owned());
    }
    let found: BTreeMap<u32, u32> = match &writer.file {
        Some(file) => match Map::open(file) {
            Ok(vault) => {
                if !vault.verify().unwrap().is_ok() {
                    defects.push("the file is damaged".to_owned());
                }
                entries(&vault).into_iter().collect()
            }
            Err(error) => {
                defects.push(format!("the file cannot be opened: {error:?}"));
                return defects;
            }
        },
        None if writer.after.is_empty() => return defects,
        None => BTreeMap::new(),
    };
    let mut expected = writer.before;
    expected.extend(&writer.after);
    for (key, value) in &expected {
        let is_present = found.get(key) == Some(value)
            || writer.failed.contains_key(key) && found.get(key) == writer.failed.get(key);
        if !is_present {
            defects.push(format!(
                "{key} was acknowledged, and its value is {:?}",
                found.get(key)
            ));
        }
    }
    for key in found.keys() {
        if !expected.contains_key(key) && !writer.failed.contains_key(key) {
            defects.push(format!("{key} was never written"));
        }
    }
    defects
}

#[test]
fn acknowledged_entries_are_not_lost() {
    let events = Event::all();
    let defects: Vec<String> = std::thread::scope(|scope| {
        let halves: Vec<_> = events
            .chunks(events.len().div_ceil(2))
            .map(|events| scope.spawn(|| check_events(events)))
            .collect();
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    assert!(
        defects.is_empty(),
        "{} defects: {defects:#?}",
        defects.len()
    );
}

fn check_events(events: &[Event]) -> Vec<String> {
    let mut defects = Vec::new();
    for event in events {
        for (name, stage) in STAGES {
            for defect in check(*event, *stage) {
                defects.push(format!("{event:?} {name}: {defect}"));
            }
        }
    }
    defects
}
