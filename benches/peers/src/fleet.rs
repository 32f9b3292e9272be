//! The same map in every engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::engines;
use crate::error::{Result, Unsupported};
use crate::files;
use crate::map::{Durability, Map, Mode, Order};

/// Entries that are stored in one step when a map is filled.
const STEP: usize = 500_000;

/// A map in each engine, all with the same entries.
pub struct Fleet<K, V> {
    root: PathBuf,
    /// The number of entries: those of `0..entries`.
    pub entries: u64,
    order: Order,
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
            order: Order::Any,
            variants_share: false,
            maps: BTreeMap::new(),
        }
    }

    /// Has its maps in the order of their keys.
    pub fn sorted(mut self) -> Self {
        self.order = Order::Keys;
        self
    }

    /// Lets variants of `vaults` open its file. They can then be asked to read, and not to write what
    /// it has to read by itself.
    pub fn sharing(mut self) -> Self {
        self.variants_share = true;
        self
    }

    /// The folder of an engine.
    pub fn folder(&self, engine: Engine) -> PathBuf {
        let shares = self.variants_share && engine.is_variant();
        let owner = if shares { Engine::Vaults } else { engine };
        self.root.join(owner.tag())
    }

    /// Opens every map that has this durability. The rest stay closed.
    pub fn open(&mut self, engines: &[Engine], durability: Durability) -> Result<()> {
        self.close();
        for &engine in engines {
            files::read_below(&self.folder(engine))?;
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
        let mode = Mode {
            durability,
            order: self.order,
            ..Mode::default()
        };
        match engines::open(engine, &folder, mode) {
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
    ///
    /// Every tree loads fastest in the order of the keys. Where that order is what is measured, the
    /// entries come in another, because a table with rowids has its rows as they came.
    pub fn fill(&mut self, entries: u64) -> Result<()> {
        let numbers = match self.order {
            Order::Any => in_key_order::<K>(self.entries..entries),
            Order::Keys => (self.entries..entries).collect(),
        };
        for map in self.maps.values() {
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
        for variant in Engine::all().filter(|engine| engine.is_variant()) {
            files::copy(&self.folder(Engine::Vaults), &self.folder(variant))?;
        }
        Ok(())
    }
}

/// Numbers in the order of their keys.
fn in_key_order<K: Key>(numbers: std::ops::Range<u64>) -> Vec<u64> {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_by_cached_key(|&n| K::of(n).bytes().into_owned());
    numbers
}
