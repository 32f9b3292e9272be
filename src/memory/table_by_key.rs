//! The entries of a map in the order of its keys.

use imbl::OrdMap;

use crate::engine::{Direction, End, KeyRange, Position, RawEntry, RawRow, Scan, Span};
use crate::error::{Error, Result, preview};
use crate::memory::entry::{Bytes, check_size, entry_bytes};

/// The approximate memory of an entry besides its key and value: a place in a map and two allocations.
const ENTRY_OVERHEAD_BYTES: u64 = 64;

/// The entries of one map. Cloning it takes constant time.
#[derive(Clone, Default)]
pub(super) struct TableByKey {
    entries: OrdMap<Bytes, Bytes>,
    /// The size of all keys and values.
    bytes: u64,
}

impl TableByKey {
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn memory(&self) -> u64 {
        self.bytes + self.len() * ENTRY_OVERHEAD_BYTES
    }

    #[inline]
    pub(super) fn get(&self, key: &[u8]) -> Option<&Bytes> {
        self.entries.get(key)
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn at_end(&self, end: End) -> Option<RawEntry> {
        let (key, value) = match end {
            End::First => self.entries.get_min(),
            End::Last => self.entries.get_max(),
        }?;
        Some(RawEntry {
            position: Position::NONE,
            key: key.to_vec(),
            value: value.to_vec(),
        })
    }

    /// Passes the rows of `scan` to `f`, in their order, until `f` returns `false`.
    pub(super) fn scan(&self, scan: Scan<'_>, mut f: impl FnMut(RawRow<'_>) -> bool) {
        let Span::Keys(range) = scan.span else {
            return;
        };
        if range.is_empty() {
            return;
        }
        let mut pass =
            |(key, value): (&Bytes, &Bytes)| f(RawRow::new(Position::NONE, key, value, None));
        let entries = self.entries.range::<_, [u8]>(range.bounds());
        match scan.direction {
            Direction::Forward => entries.take_while(|entry| pass(*entry)).for_each(drop),
            Direction::Backward => entries
                .rev()
                .take_while(|entry| pass(*entry))
                .for_each(drop),
        }
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        check_size(key, value)?;
        let value = Bytes::from(value);
        if let Some(old) = self.entries.get_mut(key) {
            self.bytes += value.len() as u64;
            self.bytes -= old.len() as u64;
            *old = value;
            return Ok(());
        }
        self.bytes += entry_bytes(key, &value);
        self.entries.insert(Bytes::from(key), value);
        Ok(())
    }

    /// Gives the row with the key `old` the key `new`, and another value if there is one.
    pub(super) fn set_key(
        &mut self,
        (old, new): (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        if old != new && self.contains(new) {
            return Err(Error::DuplicateKey { key: preview(new) });
        }
        let value = match (value, self.get(old)) {
            (Some(value), _) => Bytes::from(value),
            (None, Some(value)) => Bytes::clone(value),
            (None, None) => return Ok(()),
        };
        check_size(new, &value)?;
        self.delete(old);
        self.put(new, &value)
    }

    /// Writes an entry whose key is new. Returns `false` if the key is taken.
    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        if self.contains(key) {
            return Ok(false);
        }
        self.put(key, value).map(|()| true)
    }

    /// Removes an entry. Returns `false` if it is not present.
    pub(super) fn delete(&mut self, key: &[u8]) -> bool {
        let Some(value) = self.entries.remove(key) else {
            return false;
        };
        self.bytes -= entry_bytes(key, &value);
        true
    }

    /// Removes the entries whose keys are in `range`, and returns their number.
    pub(super) fn delete_range(&mut self, range: &KeyRange) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let entries = self.entries.range::<_, [u8]>(range.bounds());
        let keys: Vec<Bytes> = entries.map(|(key, _)| Bytes::clone(key)).collect();
        for key in &keys {
            self.delete(key);
        }
        keys.len() as u64
    }
}
