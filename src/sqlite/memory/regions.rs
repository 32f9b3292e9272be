//! Memory that connections share, in regions that never move.

use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

use crate::sqlite::memory::content::OutOfMemory;

/// The size of a region: <https://www.sqlite.org/walformat.html#the_wal_index_file_format>.
pub(super) const REGION_BYTES: usize = 32 * 1024;

/// What to do about a region that does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Say so.
    Report,
    /// Create it, and those before it.
    Create,
}

/// The regions of one shared memory.
#[derive(Default)]
pub(super) struct Regions(Vec<Region>);

impl Regions {
    /// Where a region begins: `REGION_BYTES` that are all zeros at first.
    ///
    /// It stays there as long as the regions exist.
    pub(super) fn get(
        &mut self,
        index: usize,
        missing: Missing,
    ) -> Result<Option<NonNull<AtomicU32>>, OutOfMemory> {
        while missing == Missing::Create && self.0.len() <= index {
            self.0.try_reserve(1).map_err(|_| OutOfMemory)?;
            self.0.push(Region::new()?);
        }
        Ok(self.0.get(index).map(Region::start))
    }
}

/// One region: a vector that is never resized, so that it never moves.
///
/// SQLite reads and writes it through a raw pointer, from several threads at once and by a
/// protocol of its own. Atomics are memory that may change while others have a reference to
/// it; Rust does not look at what is in them.
struct Region(Vec<Word>);

/// Part of a region. The alignment is what SQLite's own allocator guarantees.
#[derive(Default)]
#[repr(align(8))]
#[allow(dead_code, reason = "only SQLite looks into it, through the address")]
struct Word([AtomicU32; 2]);

impl Region {
    const WORDS: usize = REGION_BYTES / size_of::<Word>();

    fn new() -> Result<Self, OutOfMemory> {
        let mut words = Vec::new();
        words
            .try_reserve_exact(Self::WORDS)
            .map_err(|_| OutOfMemory)?;
        words.resize_with(Self::WORDS, Word::default);
        Ok(Self(words))
    }

    fn start(&self) -> NonNull<AtomicU32> {
        // From the slice and not from its first element: the pointer is good for all of it.
        NonNull::from(self.0.as_slice()).cast()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn regions_are_created_on_request_and_stay_in_place() {
        let mut regions = Regions::default();
        assert_eq!(regions.get(0, Missing::Report), Ok(None));
        let first = regions.get(0, Missing::Create).unwrap();
        assert!(first.is_some_and(|start| start.cast::<u64>().is_aligned()));
        assert_eq!(regions.get(1, Missing::Report), Ok(None));
        let last = regions.get(100, Missing::Create).unwrap();
        assert_eq!(regions.get(100, Missing::Report), Ok(last));
        assert_eq!(regions.get(0, Missing::Create), Ok(first));
        assert_eq!(regions.0.len(), 101);
    }

    #[test]
    fn a_region_is_zeros() {
        let Region(words) = Region::new().unwrap();
        assert_eq!(size_of_val(words.as_slice()), REGION_BYTES);
        let mut words = words.iter().flat_map(|Word(pair)| pair);
        assert!(words.all(|word| word.load(Ordering::Relaxed) == 0));
    }
}
