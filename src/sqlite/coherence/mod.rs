//! The read cache, and what tells whether a cached value is still valid.

pub(in crate::sqlite) mod cache;
pub(in crate::sqlite) mod version_tracker;

use std::sync::Arc;

use self::cache::{Cache, CacheKey, Cached};
use self::version_tracker::{Version, VersionTracker, WriteSet};
use crate::sqlite::connection::wal_index::{WalIndex, WalIndexHeader};

/// The index of the log, which shows the current version of the file, and the cache, if there is one.
pub(in crate::sqlite) struct Coherence {
    pub(in crate::sqlite) index: WalIndex,
    cached: Option<(VersionTracker, Cache)>,
}

/// The beginning of a write transaction.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct Began {
    /// The header at that time, if it could be read.
    pub(in crate::sqlite) header: Option<WalIndexHeader>,
}

/// The right to fill the cache with what is read next: the version before the read.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct ReadToken {
    live: WalIndexHeader,
    version: Version,
}

/// The result of looking a key up in the cache.
pub(in crate::sqlite) enum Lookup {
    /// The value that the key has, or `None` if it is not present.
    Hit(Option<Arc<[u8]>>),
    /// The cache does not know. Without a token, what is read cannot be cached.
    Miss(Option<ReadToken>),
}

impl Coherence {
    pub(in crate::sqlite) fn new(index: WalIndex, cache_capacity: usize) -> Self {
        Self {
            index,
            cached: Cache::new(cache_capacity).map(|cache| (VersionTracker::new(), cache)),
        }
    }

    pub(in crate::sqlite) fn cache(&self) -> Option<&Cache> {
        self.cached.as_ref().map(|(_, cache)| cache)
    }

    /// Notes that this store has just begun a write transaction.
    pub(in crate::sqlite) fn begin_write(&self) -> Began {
        let header = self.index.header();
        if let Some((versions, _)) = &self.cached {
            versions.begin(header);
        }
        Began { header }
    }

    /// Notes the end of that transaction. `now` is the header that its commit has made, if that is known.
    pub(in crate::sqlite) fn end_write(&self, now: Option<WalIndexHeader>, write_set: &WriteSet) {
        if let Some((versions, _)) = &self.cached {
            versions.end(now, write_set);
        }
    }

    /// Looks a key up in the cache, and counts a hit or a miss.
    pub(in crate::sqlite) fn lookup(&self, key: CacheKey<'_>) -> Lookup {
        let Some((versions, cache)) = &self.cached else {
            return Lookup::Miss(None);
        };
        let found = self.lookup_in(versions, cache, key);
        match found {
            Lookup::Hit(_) => cache.count_hit(),
            Lookup::Miss(_) => cache.count_miss(),
        }
        found
    }

    fn lookup_in(&self, versions: &VersionTracker, cache: &Cache, key: CacheKey<'_>) -> Lookup {
        let Some(live) = self.index.header() else {
            return Lookup::Miss(None);
        };
        let Some(version) = versions.current(&live) else {
            let current = versions.refresh(|| self.index.header());
            return Lookup::Miss(current.map(|(live, version)| ReadToken { live, version }));
        };
        match cache.get(key) {
            Some(cached) if versions.is_valid(cached.number, key.hash, version) => {
                Lookup::Hit(cached.value)
            }
            _ => Lookup::Miss(Some(ReadToken { live, version })),
        }
    }

    /// Returns a copy of a value that was read, if it may be cached.
    pub(in crate::sqlite) fn copy(&self, key: &[u8], value: &[u8]) -> Option<Arc<[u8]>> {
        self.cache()
            .filter(|cache| cache.accepts(key, value))
            .map(|_| Arc::from(value))
    }

    /// Caches what was read with `token`, if the version has not changed since.
    pub(in crate::sqlite) fn fill(
        &self,
        token: ReadToken,
        key: CacheKey<'_>,
        value: Option<Arc<[u8]>>,
    ) {
        let Some(cache) = self.cache() else {
            return;
        };
        if self.index.header() == Some(token.live) {
            let number = token.version.number;
            cache.insert(key, Cached { number, value });
        }
    }
}
