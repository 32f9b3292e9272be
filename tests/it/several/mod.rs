//! Files of several maps.

mod catalogue;
mod files;
mod locks;
mod model;
mod transactions;

use vaults::{OpenOptions, VaultFile};

use crate::support::Scratch;
use crate::support::engines::{ENGINES, Engine, fast};

/// Runs a test on an empty file of each engine.
fn on_each_engine(test: impl Fn(&VaultFile)) {
    for engine in ENGINES {
        eprintln!("engine: {engine:?}");
        let scratch = Scratch::new();
        test(&open(*engine, &fast(), &scratch));
    }
}

/// Opens the file of `scratch` if the engine is persistent, else a new one in memory.
fn open(engine: Engine, options: &OpenOptions, scratch: &Scratch) -> VaultFile {
    match engine {
        Engine::File => options.open_file(scratch.vault()),
        Engine::Memory => options.open_file_in_memory(),
    }
    .unwrap()
}
