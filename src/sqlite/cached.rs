//! Reads of the newest state, from the cache if what it has is still valid, otherwise from the file.

use crate::engine::MapId;
use crate::error::Result;
use crate::sqlite::coherence::cache::CacheKey;
use crate::sqlite::coherence::{Coherence, Lookup};
use crate::sqlite::store::Store;

impl Store {
    pub(in crate::sqlite) fn get_cached<R>(
        &self,
        map: MapId,
        key: &[u8],
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        self.check_fork()?;
        let Some(coherence) = self.caching() else {
            return self.read(|session| session.rows(map).find(key, |_, value| f(value)));
        };
        let cache_key = CacheKey::new(map, key);
        let token = match coherence.lookup(cache_key) {
            Lookup::Hit(value) => return Ok(value.map(|value| f(&value))),
            Lookup::Miss(token) => token,
        };
        let mut copy = None;
        let read = self.read(|session| {
            session.rows(map).find(key, |_, value| {
                if token.is_some() {
                    copy = coherence.copy(key, value);
                }
                f(value)
            })
        })?;
        if let Some(token) = token
            && copy.is_some() == read.is_some()
        {
            coherence.fill(token, cache_key, copy);
        }
        Ok(read)
    }

    pub(in crate::sqlite) fn contains_cached(&self, map: MapId, key: &[u8]) -> Result<bool> {
        self.check_fork()?;
        let Some(coherence) = self.caching() else {
            return self.read(|session| session.rows(map).contains(key));
        };
        let cache_key = CacheKey::new(map, key);
        let token = match coherence.lookup(cache_key) {
            Lookup::Hit(value) => return Ok(value.is_some()),
            Lookup::Miss(token) => token,
        };
        let is_present = self.read(|session| session.rows(map).contains(key))?;
        if let Some(token) = token
            && !is_present
        {
            coherence.fill(token, cache_key, None);
        }
        Ok(is_present)
    }

    /// Returns the number of entries. Counts them only if another handle or process has written since the
    /// last call.
    pub(in crate::sqlite) fn cached_count(&self, map: MapId) -> Result<u64> {
        self.check_fork()?;
        self.coherence()?;
        let before = self.header();
        if let Some(length) = self.known_length(map, before) {
            return Ok(length);
        }
        let length = match self.length_since_creation() {
            Some((_, length)) => length,
            None => self.read(|session| session.rows(map).count())?,
        };
        // The number belongs to a known version only if nothing was written while it was counted.
        if let Some(header) = before
            && before == self.header()
        {
            self.set_length(map, header, length);
        }
        Ok(length)
    }

    /// Returns what a read needs to use the cache, if there is one.
    fn caching(&self) -> Option<&Coherence> {
        if self.opener.config.cache_capacity == 0 {
            return None;
        }
        // If the index cannot be opened, the read from the file returns the reason.
        let coherence = self.coherence().ok()??;
        coherence.cache().map(|_| coherence)
    }
}
