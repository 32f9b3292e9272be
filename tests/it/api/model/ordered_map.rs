//! The model: a `HashMap` that knows the order of its keys.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;

use crate::support::orders::TestOrder;

pub(super) type Entries<V> = VecDeque<(String, V)>;

#[derive(Clone, Debug)]
pub(super) struct Model<V> {
    pub(super) map: HashMap<String, V>,
    pub(super) order: Vec<String>,
    place_of: fn(&[String], &String) -> usize,
}

impl<V: Clone> Model<V> {
    pub(super) fn new<O: TestOrder<String>>() -> Self {
        Self {
            map: HashMap::new(),
            order: Vec::new(),
            place_of: O::place_of,
        }
    }

    pub(super) fn insert(&mut self, key: String, value: V) -> Option<V> {
        let old = self.map.insert(key.clone(), value);
        if old.is_none() {
            self.order.insert((self.place_of)(&self.order, &key), key);
        }
        old
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        let old = self.map.remove(key)?;
        self.order.retain(|other| other != key);
        Some(old)
    }

    pub(super) fn entry(&self, key: &str) -> Option<(String, V)> {
        Some((key.to_owned(), self.map.get(key)?.clone()))
    }

    pub(super) fn take(&mut self, key: Option<String>) -> Option<(String, V)> {
        let key = key?;
        let value = self.remove(&key)?;
        Some((key, value))
    }

    pub(super) fn entries(&self) -> Entries<V> {
        let entry = |key: &String| self.entry(key).unwrap();
        self.order.iter().map(entry).collect()
    }

    pub(super) fn clear(&mut self) {
        self.map.clear();
        self.order.clear();
    }

    /// Does what `extract_if` does, up to `limit` entries.
    pub(super) fn extract(&mut self, limit: usize, f: impl FnMut(&mut V) -> bool) -> Entries<V> {
        self.extract_in(|_| true, limit, f)
    }

    /// Does what `extract_if` does with the keys for which `is_chosen` is true.
    pub(super) fn extract_in(
        &mut self,
        is_chosen: impl Fn(&String) -> bool,
        limit: usize,
        mut f: impl FnMut(&mut V) -> bool,
    ) -> Entries<V> {
        let mut taken = VecDeque::new();
        let mut keys = self.order.clone();
        keys.retain(is_chosen);
        for key in keys {
            if taken.len() == limit {
                break;
            }
            if f(self.map.get_mut(&key).unwrap()) {
                taken.extend(self.take(Some(key)));
            }
        }
        taken
    }
}
