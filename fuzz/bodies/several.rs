//! A hostile file that is opened as one of several maps.

use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;
use vaults::{Durability, OpenOptions, SortedVault, Vault, VaultFile};

use super::open::{bounded, told};

/// How the file is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Read,
    ReadAlone,
    Write,
}

/// A map of the file, of either kind.
enum Map {
    Plain(Vault<Json, Json>),
    Sorted(SortedVault<(i64, String), Json>),
}

fn open_map(file: &VaultFile, name: &str) -> Option<Map> {
    match file.vault(name) {
        Ok(vault) => Some(Map::Plain(vault)),
        Err(vaults::Error::WrongKind { .. }) => told(file.sorted_vault(name)).map(Map::Sorted),
        Err(error) => told(Err(error)),
    }
}

/// Does everything with the file at `path`, whose maps have at most so many entries. New files are `saved` and `copy`.
pub(crate) fn run(path: &Path, task: Task, most: usize, saved: &Path, copy: &Path) {
    let mut options = OpenOptions::new();
    options
        .durability(Durability::Off)
        .busy_timeout(Duration::ZERO)
        .read_only(task == Task::Read)
        .immutable(task == Task::ReadAlone);
    if let Some(file) = told(options.open_file(path)) {
        read(&file, most);
        match task {
            Task::Read => drop(told(file.backup(copy))),
            Task::ReadAlone => {}
            Task::Write => write(&file),
        }
        told(file.close());
    }
    if task == Task::ReadAlone && told(VaultFile::salvage(path, saved)).is_some() {
        let saved = VaultFile::open(saved).unwrap();
        assert!(saved.verify().unwrap().is_ok());
    }
}

fn read(file: &VaultFile, most: usize) {
    let names = told(file.names()).unwrap_or_default();
    assert!(names.len() <= 1000);
    let moment = told(file.snapshot());
    for name in &names {
        told(file.contains(name));
        match open_map(file, name) {
            Some(Map::Plain(map)) => {
                bounded(map.iter(), most);
                bounded(map.keys().rev(), most);
                told(map.len());
                told(map.get(&Json::from("a")));
                told(map.verify());
                if let Some(moment) = &moment {
                    bounded(moment.on(&map).iter(), most);
                }
            }
            Some(Map::Sorted(map)) => {
                bounded(map.iter(), most);
                bounded(map.range((0, String::new())..).rev(), most);
                told(map.len());
                told(map.verify());
                if let Some(moment) = &moment {
                    told(moment.on(&map).last_key_value());
                }
            }
            None => {}
        }
    }
    told(file.verify());
    told(file.stats());
}

fn write(file: &VaultFile) {
    let names = told(file.names()).unwrap_or_default();
    if let Some(vault) = told(file.vault::<Json, Json>("new")) {
        let (key, value) = (Json::from("new"), Json::from(1));
        told(vault.insert(key.clone(), value.clone()));
        for name in &names {
            let Some(map) = open_map(file, name) else {
                continue;
            };
            told(file.transaction(|tx| {
                tx.on(&vault).put(&key, &value)?;
                match &map {
                    Map::Plain(map) => {
                        tx.on(map).put(&key, &value)?;
                        tx.on(map).pop_first().map(drop)
                    }
                    Map::Sorted(map) => {
                        tx.on(map).put(&(7, "new".into()), &value)?;
                        tx.on(map).remove_range(..(3, String::new())).map(drop)
                    }
                }
            }));
        }
        told(vault.len());
    }
    for name in names.iter().take(2) {
        told(file.rename(name, "renamed"));
        told(file.remove("renamed"));
    }
    told(file.compact());
    told(file.verify());
}
