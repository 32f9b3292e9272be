//! The engines behind a vault. A test of behaviour that all vaults share runs on each of them.

use vaults::{Durability, OpenOptions, Vault};

use super::orders::TestOrder;
use super::{Key, Scratch, Value};

/// A kind of vault that a test can open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    File,
    Memory,
}

/// All engines. Every test of behaviour that they share runs on each engine in this list.
pub(crate) const ENGINES: &[Engine] = &[Engine::File, Engine::Memory];

impl Engine {
    /// Whether a vault has its entries when it is opened again.
    pub(crate) fn is_persistent(self) -> bool {
        match self {
            Self::File => true,
            Self::Memory => false,
        }
    }

    /// Opens the vault of `scratch` if the engine is persistent, else a new vault.
    pub(crate) fn open<K, V: Value, O: TestOrder<K>>(
        self,
        options: &OpenOptions,
        scratch: &Scratch,
    ) -> Vault<K, V, O> {
        match self {
            Self::File => O::open(options, &scratch.vault()),
            Self::Memory => O::open_in_memory(options),
        }
        .unwrap()
    }

    /// Opens two handles of one vault: opened twice if the engine is persistent, else a vault and
    /// its clone.
    pub(crate) fn open_two<K, V: Value, O: TestOrder<K>>(
        self,
        options: &OpenOptions,
        scratch: &Scratch,
    ) -> [Vault<K, V, O>; 2] {
        let first = self.open(options, scratch);
        let second = if self.is_persistent() {
            self.open(options, scratch)
        } else {
            first.clone()
        };
        [first, second]
    }
}

/// Options that do not sync, for tests that write a lot.
pub(crate) fn fast() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.durability(Durability::Off);
    options
}

/// Runs a test on an empty vault of each engine.
pub(crate) fn on_each_engine<K: Key, V: Value>(test: impl Fn(Vault<K, V>)) {
    on_each_engine_with(&OpenOptions::new(), test);
}

/// Runs a test on an empty vault of each engine, opened with `options`.
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
