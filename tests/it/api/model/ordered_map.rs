//! The model: a `HashMap` that remembers the order of insertion.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;

pub(super) type Entries<V> = VecDeque<(String, V)>;

#[derive(Debug)]
pub(super) struct Model<V> {
    pub(super) map: HashMap<String, V>,
    pub(super) order: Vec<String>,
}

impl<V: Clone> Model<V> {
    pub(super) fn new() -> Self {
        Self {
            map: HashMap::new(),
            order: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, key: String, value: V) -> Option<V> {
        let old = self.map.insert(key.clone(), value);
        if old.is_none() {
            self.order.push(key);
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
        *self = Self::new();
    }

    /// Does what `extract_if` does, up to `limit` entries.
    pub(super) fn extract(
        &mut self,
        limit: usize,
        mut f: impl FnMut(&mut V) -> bool,
    ) -> VecDeque<(String, V)> {
        let mut taken = VecDeque::new();
        for key in self.order.clone() {
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
