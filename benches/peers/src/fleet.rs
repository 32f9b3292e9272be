//! The same map in every engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::Result;
use crate::data::{Key, Value};
use crate::engine::{Durability, Engine, Map, Role, Unsupported};
use crate::engines;

/// Entries that are stored in one step when a map is filled.
const STEP: usize = 500_000;

/// A map in each engine, all with the same entries.
pub struct Fleet<K, V> {
    root: PathBuf,
    /// The number of entries: those of `0..entries`.
    pub entries: u64,
    /// Whether a variant of `vaults` has its file, not a copy of it.
    variants_share: bool,
    maps: BTreeMap<Engine, Box<dyn Map<K, V>>>,
}

impl<K: Key, V: Value> Fleet<K, V> {
    /// No maps yet, in a folder for them.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            entries: 0,
            variants_share: false,
            maps: BTreeMap::new(),
        }
    }

    /// Lets variants of `vaults` open its file. They can then be asked to read, and not to write what
    /// it has to read by itself.
    pub fn sharing(mut self) -> Self {
        self.variants_share = true;
        self
    }

    /// The folder of an engine.
    pub fn folder(&self, engine: Engine) -> PathBuf {
        let owner = match engine {
            Engine::VaultsUncached | Engine::VaultsUnverified if self.variants_share => {
                Engine::Vaults
            }
            _ => engine,
        };
        self.root.join(owner.tag())
    }

    /// Opens every map that has this durability; the rest stay closed.
    pub fn open(&mut self, engines: &[Engine], durability: Durability) -> Result<()> {
        self.close();
        for &engine in engines {
            read_below(&self.folder(engine))?;
        }
        for &engine in engines {
            self.open_one(engine, durability)?;
        }
        Ok(())
    }

    /// Opens every map as a user would who asks for no sync: `Off`, or else `Normal`.
    pub fn open_loosely(&mut self, engines: &[Engine]) -> Result<()> {
        self.open(engines, Durability::Off)?;
        for &engine in engines {
            if !self.maps.contains_key(&engine) {
                self.open_one(engine, Durability::Normal)?;
            }
        }
        Ok(())
    }

    fn open_one(&mut self, engine: Engine, durability: Durability) -> Result<()> {
        // What is in memory alone stays open.
        if self.maps.contains_key(&engine) {
            return Ok(());
        }
        let folder = self.folder(engine);
        fs::create_dir_all(&folder)?;
        match engines::open(engine, &folder, durability, Role::Alone) {
            Ok(map) => {
                map.settle();
                self.maps.insert(engine, map);
            }
            Err(error) if error.is::<Unsupported>() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Closes every map that has a file.
    pub fn close(&mut self) {
        self.maps.retain(|engine, _| *engine == Engine::HashMap);
    }

    /// The open map of an engine.
    pub fn map(&self, engine: Engine) -> Result<&dyn Map<K, V>> {
        let map = self.maps.get(&engine).ok_or(Unsupported)?;
        Ok(map.as_ref())
    }

    /// Adds entries to the open maps until there are so many.
    pub fn fill(&mut self, engines: &[Engine], entries: u64) -> Result<()> {
        let numbers = in_key_order::<K>(self.entries..entries);
        for &engine in engines {
            let map = self.map(engine)?;
            for step in numbers.chunks(STEP) {
                let mut entries = step.iter().map(|&n| (K::of(n), V::of(n)));
                map.extend(&mut entries)?;
            }
            map.settle();
        }
        self.entries = entries;
        Ok(())
    }

    /// Gives the variants of `vaults` a copy of its closed file.
    pub fn copy_for_variants(&self) -> Result<()> {
        for variant in Engine::ALL.into_iter().filter(|engine| engine.is_variant()) {
            copy_files(&self.folder(Engine::Vaults), &self.folder(variant))?;
        }
        Ok(())
    }
}

/// Numbers in the order of their keys, in which every tree loads fastest.
fn in_key_order<K: Key>(numbers: std::ops::Range<u64>) -> Vec<u64> {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_by_cached_key(|&n| K::of(n).bytes().into_owned());
    numbers
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// Reads every file once, so that the system has it in memory: a disk is not what is compared. It
/// must not be open: closing a file gives up all locks that the process has on it.
fn read_below(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.is_dir() {
            read_below(&path)?;
        } else {
            io::copy(&mut fs::File::open(path)?, &mut io::sink())?;
        }
    }
    Ok(())
}

/// Bytes in the files below a folder, as the disk counts them: LMDB's file has holes.
pub fn bytes_below(folder: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;

    let mut bytes = 0;
    for file in fs::read_dir(folder)? {
        let file = file?;
        let metadata = file.metadata()?;
        bytes += if metadata.is_dir() {
            bytes_below(&file.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(bytes)
}
