//! The file.

use std::path::Path;

use heed::{Env, EnvFlags, EnvOpenOptions};

use crate::error::Result;
use crate::map::Durability;

/// LMDB wants to know beforehand how large the file may become.
const MAP_BYTES: usize = 32 << 30;

/// Opens the environment in `folder`, for up to so many named databases.
#[expect(unsafe_code, reason = "heed offers no other way to open a file")]
pub fn open(folder: &Path, durability: Durability, databases: u32) -> Result<Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES).max_dbs(databases);
    let flags = match durability {
        Durability::Full => EnvFlags::empty(),
        Durability::Normal => EnvFlags::NO_META_SYNC,
        Durability::Off => EnvFlags::NO_SYNC,
    };
    // SAFETY: the file is in a temporary folder of this run, which nothing but LMDB touches, and its
    // folder is removed after the environment is closed. The flags give up safety of the data
    // in a power cut, not of memory.
    unsafe {
        options.flags(flags);
        Ok(options.open(folder)?)
    }
}
