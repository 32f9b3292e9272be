//! Whether the keys of a sorted map compare as their bytes do.
//!
//! An encoder sees one key at a time, so it cannot know that a type compares in another way than it serializes, as
//! `Reverse` does. Two keys that are next to each other show it.

use std::any::type_name;
use std::cmp::Ordering;

use crate::engine::{Columns, Direction, KeyRange, MapId, Read, Scan, Span};
use crate::error::{EntryPart, Error, Result, preview};

/// Whether each write and each iteration of a sorted map checks that its keys compare as their bytes do. A write takes
/// two more look-ups then, and an iterator decodes each key three times.
pub(crate) const CHECKS_KEY_ORDER: bool = cfg!(debug_assertions);

/// Decodes two stored keys and compares them.
pub(crate) type CompareKeys = fn(&[u8], &[u8]) -> Result<Ordering>;

/// How the keys of a sorted map compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyComparison {
    compare: CompareKeys,
    type_name: fn() -> &'static str,
}

impl KeyComparison {
    /// Returns the comparison of keys of the type `K`.
    pub(crate) fn new<K>(compare: CompareKeys) -> Self {
        Self {
            compare,
            type_name: type_name::<K>,
        }
    }

    /// Returns an error unless a stored key is less than another, as its bytes are. Keys that cannot be decoded
    /// say nothing.
    pub(crate) fn check(self, lesser: &[u8], greater: &[u8]) -> Result<()> {
        match (self.compare)(lesser, greater) {
            Ok(Ordering::Less) | Err(_) => Ok(()),
            Ok(_) => Err(self.out_of_order(lesser, greater)),
        }
    }

    /// Returns an error unless `key` and its neighbours in a map compare as their bytes do.
    pub(crate) fn check_neighbours(
        self,
        reader: &mut impl Read,
        map: MapId,
        key: &[u8],
    ) -> Result<()> {
        if let Some(before) = neighbour(reader, map, key, Direction::Backward)? {
            self.check(&before, key)?;
        }
        if let Some(after) = neighbour(reader, map, key, Direction::Forward)? {
            self.check(key, &after)?;
        }
        Ok(())
    }

    #[cold]
    fn out_of_order(self, lesser: &[u8], greater: &[u8]) -> Error {
        let (lesser, greater) = (preview(lesser), preview(greater));
        Error::Encode {
            part: EntryPart::Key,
            type_name: (self.type_name)(),
            source: format!(
                "the encoded key {lesser} sorts before {greater}, but the order of the type is another: \
                 use a key that serializes in its order"
            )
            .into(),
        }
    }
}

/// Checks that the keys of an iterator are in their order, from both ends.
#[derive(Debug)]
pub(crate) struct OrderCheck {
    comparison: Option<KeyComparison>,
    /// The last key from each end.
    front: Option<Vec<u8>>,
    back: Option<Vec<u8>>,
}

impl OrderCheck {
    /// Returns a check by `comparison`, if iterators check the order.
    pub(crate) fn new(comparison: Option<KeyComparison>) -> Self {
        Self {
            comparison: comparison.filter(|_| CHECKS_KEY_ORDER),
            front: None,
            back: None,
        }
    }

    /// Returns an error unless `key` follows the one before it in that direction.
    #[inline]
    pub(crate) fn check(&mut self, key: &[u8], direction: Direction) -> Result<()> {
        let Some(comparison) = self.comparison else {
            return Ok(());
        };
        match direction {
            Direction::Forward => {
                let before = self.front.replace(key.to_vec());
                before.map_or(Ok(()), |before| comparison.check(&before, key))
            }
            Direction::Backward => {
                let after = self.back.replace(key.to_vec());
                after.map_or(Ok(()), |after| comparison.check(key, &after))
            }
        }
    }
}

/// Returns the stored key that follows `key` in that direction.
fn neighbour(
    reader: &mut impl Read,
    map: MapId,
    key: &[u8],
    direction: Direction,
) -> Result<Option<Vec<u8>>> {
    let mut found = None;
    let scan = Scan {
        columns: Columns::Key,
        direction,
        span: &Span::Keys(KeyRange::ALL.after(key, direction)),
    };
    reader.scan(map, scan, |row| {
        found = Some(row.key_or_empty().to_vec());
        false
    })?;
    Ok(found)
}
