//! Encoded values in memory, bounded by their bytes.
//!
//! It knows nothing of what is true: each entry says in which state of the file it was read.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};
use twox_hash::XxHash3_64;

/// What an entry takes beside its key and its value: allocations, hash table, order of eviction.
const ENTRY_BYTES: usize = 128;

/// For the number of parts that the cache makes of itself, and the memory of what was evicted.
const TYPICAL_ENTRY_BYTES: usize = 512;

/// A value that would take more than this part of the cache would drive out too much else.
const LARGEST_SHARE: usize = 64;

/// So that threads do not count in the same memory.
const COUNTERS: usize = 16;

/// The counter of the next thread that counts.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Keys come from outside: nobody must be able to choose ones that collide.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));

/// A key's place in the cache, and in what is known of changes.
#[inline]
pub(in crate::sqlite) fn hash(key: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(*SEED, key)
}

/// What a key had in one state of the file.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct Cached {
    pub(in crate::sqlite) number: u64,
    /// `None` if it was not there.
    pub(in crate::sqlite) value: Option<Arc<[u8]>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Key {
    hash: u64,
    bytes: Box<[u8]>,
}

struct Sought<'a> {
    hash: u64,
    bytes: &'a [u8],
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.bytes == *key.bytes
    }
}

/// The hash was made before: this hands it on.
#[derive(Clone, Copy, Default)]
struct Given(u64);

impl Hasher for Given {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Clone, Copy)]
struct Bytes;

impl Weighter<Key, Cached> for Bytes {
    fn weight(&self, key: &Key, cached: &Cached) -> u64 {
        let value = cached.value.as_ref().map_or(0, |value| value.len());
        (ENTRY_BYTES + key.bytes.len() + value) as u64
    }
}

#[repr(align(64))]
#[derive(Default)]
struct Counter {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// A cache of encoded values. Threads that ask for different keys hardly meet in it.
pub(in crate::sqlite) struct Cache {
    entries: QuickCache<Key, Cached, Bytes, BuildHasherDefault<Given>>,
    counters: [Counter; COUNTERS],
    largest: usize,
}

impl Cache {
    /// A cache of at most so many bytes; `None` if that is none, or too few for a table.
    pub(in crate::sqlite) fn new(capacity_bytes: usize) -> Option<Self> {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(capacity_bytes / TYPICAL_ENTRY_BYTES)
            .weight_capacity(capacity_bytes as u64)
            .build()
            .ok()
            .filter(|_| capacity_bytes > 0)?;
        Some(Self {
            entries: QuickCache::with_options(
                options,
                Bytes,
                BuildHasherDefault::default(),
                DefaultLifecycle::default(),
            ),
            counters: Default::default(),
            largest: capacity_bytes / LARGEST_SHARE,
        })
    }

    #[inline]
    pub(in crate::sqlite) fn get(&self, hash: u64, key: &[u8]) -> Option<Cached> {
        self.entries.get(&Sought { hash, bytes: key })
    }

    /// True if an entry of this size is worth keeping.
    pub(in crate::sqlite) const fn takes(&self, key: &[u8], value: &[u8]) -> bool {
        key.len() + value.len() <= self.largest
    }

    pub(in crate::sqlite) fn insert(&self, hash: u64, key: &[u8], cached: Cached) {
        let bytes = Box::from(key);
        self.entries.insert(Key { hash, bytes }, cached);
    }

    #[inline]
    pub(in crate::sqlite) fn count_hit(&self) {
        self.count(|counter| &counter.hits);
    }

    #[inline]
    pub(in crate::sqlite) fn count_miss(&self) {
        self.count(|counter| &counter.misses);
    }

    fn count(&self, of: impl FnOnce(&Counter) -> &AtomicU64) {
        thread_local! {
            static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % COUNTERS;
        }
        // A thread that is ending counts with the first.
        let mine = MINE.try_with(|mine| *mine).unwrap_or(0);
        if let Some(counter) = self.counters.get(mine) {
            of(counter).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often a read was answered from here, and how often it was not.
    pub(in crate::sqlite) fn counts(&self) -> (u64, u64) {
        self.counters
            .iter()
            .fold((0, 0), |(hits, misses), counter| {
                (
                    hits + counter.hits.load(Ordering::Relaxed),
                    misses + counter.misses.load(Ordering::Relaxed),
                )
            })
    }

    /// Bytes that the entries take.
    pub(in crate::sqlite) fn bytes(&self) -> u64 {
        self.entries.weight()
    }
}
