//! Vaults in the order of their keys.

mod files;
mod keys;
mod ranges;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use vaults::SortedVault;

use crate::support::{Scratch, Value, fast};

/// The traits of a key of a sorted vault.
trait SortedKey: Serialize + DeserializeOwned + Ord + Debug {}
impl<T: Serialize + DeserializeOwned + Ord + Debug> SortedKey for T {}

/// Runs a test on an empty sorted vault of each engine.
fn on_each_engine<K: SortedKey, V: Value>(test: impl Fn(SortedVault<K, V>)) {
    let scratch = Scratch::new();
    test(fast().open_sorted(scratch.vault()).unwrap());
    test(fast().open_sorted_in_memory().unwrap());
}

/// Returns all items, of which none may be an error.
fn all<T>(items: impl IntoIterator<Item = vaults::Result<T>>) -> Vec<T> {
    items.into_iter().map(Result::unwrap).collect()
}
