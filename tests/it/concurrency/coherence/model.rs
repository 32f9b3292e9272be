//! The entries that every handle must show, in the order of the vault.

use std::ops::{Deref, DerefMut};

use crate::support::orders::TestOrder;

/// The entries, and where a new one belongs.
pub(super) struct Model {
    entries: Vec<(u32, u32)>,
    place_of: fn(&[u32], &u32) -> usize,
}

impl Model {
    pub(super) fn new<O: TestOrder<u32>>(entries: Vec<(u32, u32)>) -> Self {
        Self {
            entries,
            place_of: O::place_of,
        }
    }
}

impl Deref for Model {
    type Target = Vec<(u32, u32)>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl DerefMut for Model {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.entries
    }
}

pub(super) fn get(model: &Model, key: u32) -> Option<u32> {
    let entry = model.iter().find(|entry| entry.0 == key);
    entry.map(|entry| entry.1)
}

pub(super) fn put(model: &mut Model, key: u32, value: u32) {
    if let Some(entry) = model.iter_mut().find(|entry| entry.0 == key) {
        entry.1 = value;
        return;
    }
    let keys: Vec<u32> = model.iter().map(|entry| entry.0).collect();
    let place = (model.place_of)(&keys, &key);
    model.insert(place, (key, value));
}
