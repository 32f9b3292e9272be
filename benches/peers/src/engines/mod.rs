//! One file or folder for each engine: how its users would write the same work.

mod by_hand;
mod fjall;
mod hash_map;
mod heed;
mod redb;
mod sled;
mod vault_file;
mod vaults;

use std::ops::Range;
use std::path::Path;

pub use self::vaults::open as open_vault;

use crate::data::{Key, Value};
use crate::engine::Engine;
use crate::error::{Result, Unsupported};
use crate::map::{Map, MapFile, Mode, Order};

/// Opens an engine's map in a folder of its own, which is there.
///
/// # Errors
///
/// [`Unsupported`] if the engine has no such mode, and those of the engine.
pub fn open<K: Key, V: Value>(
    engine: Engine,
    folder: &Path,
    mode: Mode,
) -> Result<Box<dyn Map<K, V>>> {
    Ok(match engine {
        Engine::Vaults if mode.order == Order::Keys => {
            Box::new(vaults::open_sorted::<K, V>(folder, mode.durability)?)
        }
        Engine::Vaults | Engine::VaultsUncached | Engine::VaultsUnverified => {
            Box::new(vaults::open::<K, V>(engine, folder, mode.durability)?)
        }
        Engine::ByHand | Engine::WithoutRowid => Box::new(by_hand::open(engine, folder, mode)?),
        Engine::Redb => Box::new(redb::open(folder, mode)?),
        Engine::Heed => Box::new(heed::open(folder, mode.durability)?),
        Engine::Fjall => Box::new(fjall::open(folder, mode)?),
        Engine::Sled => Box::new(sled::open(folder, mode)?),
        Engine::HashMap => Box::new(hash_map::open::<K, V>(mode)?),
    })
}

/// Opens some maps of an engine's file in a folder. They are created with the file.
///
/// # Errors
///
/// [`Unsupported`] if the engine has one map in a file, and those of the engine.
pub fn open_maps<K: Key, V: Value>(
    engine: Engine,
    folder: &Path,
    maps: Range<usize>,
) -> Result<Box<dyn MapFile<K, V>>> {
    Ok(match engine {
        Engine::Vaults => Box::new(vault_file::open::<K, V>(folder, maps)?),
        Engine::ByHand => Box::new(by_hand::open_maps(folder, maps)?),
        Engine::Redb => Box::new(redb::open_maps(folder, maps)?),
        Engine::Heed => Box::new(heed::open_maps(folder, maps)?),
        _ => return Err(Unsupported.into()),
    })
}
