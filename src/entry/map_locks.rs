//! Which maps of a transaction are in use by a view.

use std::cell::RefCell;
use std::rc::Rc;

use crate::engine::MapId;

/// The maps that are in use: changed by one view, or iterated over by some, as with a `RefCell`.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapLocks(Rc<RefCell<Vec<(u32, Use)>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// A scope that may write lives.
    Exclusive,
    /// This number of iterators live.
    Shared(usize),
}

impl MapLocks {
    /// Returns `true` if a map is not in use.
    #[inline]
    pub(crate) fn is_free(&self, map: MapId) -> bool {
        let used = self.0.borrow();
        used.is_empty() || used.iter().all(|(number, _)| *number != map.number)
    }

    /// Takes a map that is not in use. Returns `false` if it is.
    pub(crate) fn take(&self, map: MapId) -> bool {
        let is_free = self.is_free(map);
        if is_free {
            self.0.borrow_mut().push((map.number, Use::Exclusive));
        }
        is_free
    }

    /// Gives back a map that was taken.
    pub(crate) fn give_back(&self, map: MapId) {
        self.0
            .borrow_mut()
            .retain(|used| *used != (map.number, Use::Exclusive));
    }

    /// Notes an iterator over a map. Returns `None` if a scope has the map.
    pub(crate) fn share(&self, map: MapId) -> Option<SharedUse> {
        let mut used = self.0.borrow_mut();
        match used.iter_mut().find(|(number, _)| *number == map.number) {
            Some((_, Use::Exclusive)) => return None,
            Some((_, Use::Shared(count))) => *count += 1,
            None => used.push((map.number, Use::Shared(1))),
        }
        drop(used);
        Some(SharedUse {
            locks: self.clone(),
            map,
        })
    }
}

/// An iterator over a map, until it is dropped.
#[derive(Debug)]
pub(crate) struct SharedUse {
    locks: MapLocks,
    map: MapId,
}

impl Drop for SharedUse {
    fn drop(&mut self) {
        let mut used = self.locks.0.borrow_mut();
        for (number, usage) in used.iter_mut() {
            if let Use::Shared(count) = usage
                && *number == self.map.number
            {
                *count -= 1;
            }
        }
        used.retain(|(_, usage)| *usage != Use::Shared(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RowOrder;

    #[test]
    fn a_map_is_used_by_one_scope_or_by_iterators() {
        let locks = MapLocks::default();
        let map = |number| MapId {
            number,
            order: RowOrder::Key,
        };
        assert!(locks.take(map(1)));
        assert!(!locks.take(map(1)));
        assert!(locks.share(map(1)).is_none());
        assert!(locks.take(map(2)));
        locks.give_back(map(1));
        assert!(!locks.is_free(map(2)));
        let first = locks.share(map(1)).unwrap();
        let second = locks.share(map(1)).unwrap();
        assert!(!locks.take(map(1)));
        drop(first);
        assert!(!locks.is_free(map(1)));
        drop(second);
        assert!(locks.is_free(map(1)));
        assert!(locks.take(map(1)));
    }
}
