//! Encoded values in memory, bounded by their bytes.
//!
//! It does not know what is valid: each entry says in which version of the file it was read.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};
use twox_hash::XxHash3_64;

use crate::engine::MapId;

/// The memory of an entry besides its key and value: allocations, hash table, order of eviction.
const ENTRY_BYTES: usize = 128;

/// From this the cache computes the number of its shards and how many evicted keys it remembers.
const TYPICAL_ENTRY_BYTES: usize = 512;

/// A value that takes more than this share of the cache is not cached, because it would evict too many others.
const LARGEST_SHARE: usize = 64;

/// The number of counters, so that threads rarely count in the same cache line.
const COUNTERS: usize = 16;

/// The index of the counter that the next new thread uses.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A random seed, so that an attacker who chooses the keys cannot choose ones that collide.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));

/// A key of a map, with its hash, by which the cache and the [version tracker](super::version_tracker) find it.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct CacheKey<'a> {
    pub(in crate::sqlite) hash: u64,
    map: u32,
    bytes: &'a [u8],
}

impl<'a> CacheKey<'a> {
    #[inline]
    pub(in crate::sqlite) fn new(map: MapId, bytes: &'a [u8]) -> Self {
        let seed = SEED.wrapping_add(u64::from(map.number));
        Self {
            hash: XxHash3_64::oneshot_with_seed(seed, bytes),
            map: map.number,
            bytes,
        }
    }
}

/// The value of a key in one version of the file.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct Cached {
    pub(in crate::sqlite) number: u64,
    /// `None` if the key was not present.
    pub(in crate::sqlite) value: Option<Arc<[u8]>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Key {
    hash: u64,
    map: u32,
    bytes: Box<[u8]>,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for CacheKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Key> for CacheKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.map == key.map && *self.bytes == *key.bytes
    }
}

/// Passes on a hash that was computed before.
#[derive(Clone, Copy, Default)]
struct PassThrough(u64);

impl Hasher for PassThrough {
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

/// A sharded cache of encoded values: threads that look up different keys rarely wait for each other.
pub(in crate::sqlite) struct Cache {
    entries: QuickCache<Key, Cached, Bytes, BuildHasherDefault<PassThrough>>,
    counters: [Counter; COUNTERS],
    largest: usize,
}

impl Cache {
    /// Returns a cache of at most `capacity_bytes`, or `None` if that is zero or too small for a table.
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
    pub(in crate::sqlite) fn get(&self, key: CacheKey<'_>) -> Option<Cached> {
        self.entries.get(&key)
    }

    /// Returns `true` if an entry of this size may be cached.
    pub(in crate::sqlite) const fn accepts(&self, key: &[u8], value: &[u8]) -> bool {
        key.len() + value.len() <= self.largest
    }

    pub(in crate::sqlite) fn insert(&self, key: CacheKey<'_>, cached: Cached) {
        let key = Key {
            hash: key.hash,
            map: key.map,
            bytes: Box::from(key.bytes),
        };
        self.entries.insert(key, cached);
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
        // A thread that is ending uses the first counter.
        let mine = MINE.try_with(|mine| *mine).unwrap_or(0);
        if let Some(counter) = self.counters.get(mine) {
            of(counter).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the numbers of hits and misses.
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

    /// Returns the memory of the entries in bytes.
    pub(in crate::sqlite) fn bytes(&self) -> u64 {
        self.entries.weight()
    }
}
