//! The engines behind a vault. A test of what every vault does runs on each of them.

use vaults::{Durability, OpenOptions, Vault};

use super::{Key, Scratch, Value};

/// An engine, as a test asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    File,
    Memory,
}

/// Every engine: the one list.
pub(crate) const ENGINES: &[Engine] = &[Engine::File, Engine::Memory];

impl Engine {
    /// Opens a new vault; one in a file is the vault of `scratch`.
    pub(crate) fn open<K: Key, V: Value>(
        self,
        options: &OpenOptions,
        scratch: &Scratch,
    ) -> Vault<K, V> {
        match self {
            Self::File => options.open(scratch.vault()),
            Self::Memory => options.open_in_memory(),
        }
        .unwrap()
    }
}

/// Options that do not sync, for tests that write much.
pub(crate) fn fast() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.durability(Durability::Off);
    options
}

/// Runs a test on an empty vault of each engine.
pub(crate) fn on_each_engine<K: Key, V: Value>(test: impl Fn(Vault<K, V>)) {
    on_each_engine_with(&OpenOptions::new(), test);
}

/// The same, with vaults that are opened with `options`.
pub(crate) fn on_each_engine_with<K: Key, V: Value>(
    options: &OpenOptions,
    test: impl Fn(Vault<K, V>),
) {
    for engine in ENGINES {
        eprintln!("engine: {engine:?}");
        let scratch = Scratch::new();
        test(engine.open(options, &scratch));
    }
}
