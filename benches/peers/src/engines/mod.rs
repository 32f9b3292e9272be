//! One file an engine: how its users would write the same work.

mod by_hand;
mod fjall;
mod hash_map;
mod heed;
mod redb;
mod sled;
mod vaults;

use std::path::Path;

pub use self::vaults::open as open_vault;

use crate::Result;
use crate::data::{Key, Value};
use crate::engine::{Durability, Engine, Map, Role};

/// Opens an engine's map in a folder of its own, which is there.
///
/// # Errors
///
/// [`Unsupported`](crate::engine::Unsupported) if it has no such durability or cannot be shared, and
/// those of the engine.
pub fn open<K: Key, V: Value>(
    engine: Engine,
    folder: &Path,
    durability: Durability,
    role: Role,
) -> Result<Box<dyn Map<K, V>>> {
    Ok(match engine {
        Engine::Vaults | Engine::VaultsUncached | Engine::VaultsUnverified => {
            Box::new(vaults::open::<K, V>(engine, folder, durability)?)
        }
        Engine::ByHand => Box::new(by_hand::open(folder, durability)?),
        Engine::Redb => Box::new(redb::open(folder, durability, role)?),
        Engine::Heed => Box::new(heed::open(folder, durability)?),
        Engine::Fjall => Box::new(fjall::open(folder, durability, role)?),
        Engine::Sled => Box::new(sled::open(folder, durability, role)?),
        Engine::HashMap => Box::new(hash_map::open::<K, V>(role)?),
    })
}
