//! Reading through the cache: what a read needs to know of the shared index, in one place.

pub(in crate::sqlite) mod cache;
pub(in crate::sqlite) mod states;

use std::sync::Arc;

use self::cache::{Cache, Cached};
use self::states::{State, States, Touched};
use crate::error::Result;
use crate::sqlite::connection::raw::{WalIndex, WalIndexHeader};
use crate::sqlite::connection::session::Lookup;
use crate::sqlite::{Store, lock};

/// The live state of the file, and what this process knows of earlier ones.
pub(in crate::sqlite) struct Coherence {
    pub(in crate::sqlite) index: WalIndex,
    cached: Option<(States, Cache)>,
}

/// The beginning of a transaction that this store is in the middle of.
#[derive(Debug)]
pub(in crate::sqlite) struct Began {
    /// The state at the beginning, where it could be known.
    pub(in crate::sqlite) at: Option<WalIndexHeader>,
}

/// The right to tell the cache what was read: the state before the read.
#[derive(Clone, Copy)]
struct Ticket {
    live: WalIndexHeader,
    state: State,
}

/// What the cache has to say of a key.
enum Answer {
    Known(Option<Arc<[u8]>>),
    Unknown(Option<Ticket>),
}

impl Coherence {
    pub(in crate::sqlite) fn new(index: WalIndex, cache_capacity: usize) -> Self {
        Self {
            index,
            cached: Cache::new(cache_capacity).map(|cache| (States::new(), cache)),
        }
    }

    pub(in crate::sqlite) fn cache(&self) -> Option<&Cache> {
        self.cached.as_ref().map(|(_, cache)| cache)
    }

    /// This store has just begun a write transaction.
    pub(in crate::sqlite) fn begin(&self) -> Began {
        let at = self.index.header();
        if let Some((states, _)) = &self.cached {
            states.begin(at);
        }
        Began { at }
    }

    /// It has ended: with a commit that made the header `now`, or otherwise.
    pub(in crate::sqlite) fn end(&self, now: Option<WalIndexHeader>, touched: &Touched) {
        if let Some((states, _)) = &self.cached {
            states.end(now, touched);
        }
    }

    fn ask(&self, states: &States, cache: &Cache, hash: u64, key: &[u8]) -> Answer {
        let Some(live) = self.index.header() else {
            return Answer::Unknown(None);
        };
        let Some(state) = states.current(&live) else {
            let observed = states.observe(|| self.index.header());
            return Answer::Unknown(observed.map(|(live, state)| Ticket { live, state }));
        };
        match cache.get(hash, key) {
            Some(cached) if states.still_holds(cached.number, hash, state) => {
                Answer::Known(cached.value)
            }
            _ => Answer::Unknown(Some(Ticket { live, state })),
        }
    }

    /// Keeps what was read after `ticket` was given, if it is of that state.
    fn keep(&self, cache: &Cache, ticket: Ticket, hash: u64, key: &[u8], value: Option<Arc<[u8]>>) {
        if self.index.header() == Some(ticket.live) {
            let number = ticket.state.number;
            cache.insert(hash, key, Cached { number, value });
        }
    }
}

/// From memory, if what is there is still true; else from the file.
impl Lookup for &Store {
    fn get<R>(&mut self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.check_fork()?;
        let Some((coherence, states, cache)) = self.caching() else {
            return self.read(|session| session.get(key, f));
        };
        let hash = cache::hash(key);
        let ticket = match coherence.ask(states, cache, hash, key) {
            Answer::Known(value) => {
                cache.count_hit();
                return Ok(value.map(|value| f(&value)));
            }
            Answer::Unknown(ticket) => ticket,
        };
        cache.count_miss();
        let mut copy = None;
        let read = self.read(|session| {
            session.get(key, |value| {
                if ticket.is_some() && cache.takes(key, value) {
                    copy = Some(Arc::from(value));
                }
                f(value)
            })
        })?;
        if let Some(ticket) = ticket
            && copy.is_some() == read.is_some()
        {
            coherence.keep(cache, ticket, hash, key, copy);
        }
        Ok(read)
    }

    fn contains(&mut self, key: &[u8]) -> Result<bool> {
        self.check_fork()?;
        let Some((coherence, states, cache)) = self.caching() else {
            return self.read(|session| session.contains(key));
        };
        let hash = cache::hash(key);
        let ticket = match coherence.ask(states, cache, hash, key) {
            Answer::Known(value) => {
                cache.count_hit();
                return Ok(value.is_some());
            }
            Answer::Unknown(ticket) => ticket,
        };
        cache.count_miss();
        let is_there = self.read(|session| session.contains(key))?;
        if let Some(ticket) = ticket
            && !is_there
        {
            coherence.keep(cache, ticket, hash, key, None);
        }
        Ok(is_there)
    }
}

impl Store {
    /// The state of the file, if anybody has asked for the index yet.
    pub(in crate::sqlite) fn header(&self) -> Option<WalIndexHeader> {
        self.coherence.get()?.as_ref()?.index.header()
    }

    /// It costs a connection, which a vault that is only written to never needs.
    pub(in crate::sqlite) fn coherence(&self) -> Result<Option<&Coherence>> {
        if let Some(coherence) = self.coherence.get() {
            return Ok(coherence.as_ref());
        }
        let capacity = self.opener.config.cache_capacity;
        let index = self.opener.index()?;
        let coherence = index.map(|index| Coherence::new(index, capacity));
        Ok(self.coherence.get_or_init(|| coherence).as_ref())
    }

    /// The cache, once somebody has read.
    pub(in crate::sqlite) fn cache(&self) -> Option<&Cache> {
        self.coherence.get()?.as_ref()?.cache()
    }

    /// The caller has just begun a write transaction. `None` if nobody has asked for the state yet.
    pub(in crate::sqlite) fn began(&self) -> Option<Began> {
        self.coherence.get()?.as_ref().map(Coherence::begin)
    }

    /// The caller has committed `touched` keys, which added `growth` entries: carries over what is
    /// still true.
    pub(in crate::sqlite) fn committed(
        &self,
        began: &Began,
        frames: u32,
        touched: &Touched,
        growth: i64,
    ) {
        let now = self.header();
        let own = now.filter(|now| {
            began
                .at
                .is_some_and(|before| now.is_by_commit(&before, frames))
        });
        if let Some(before) = began.at
            && now != began.at
        {
            let mut known = lock(&self.length);
            *known = match (*known, own) {
                (Some((header, length)), Some(now)) if header == before => {
                    Some((now, length.saturating_add_signed(growth)))
                }
                // Somebody else wrote after the commit: to be counted when it is asked for.
                _ => None,
            };
        }
        self.ended_write(own, touched);
    }

    /// The caller's write transaction is over.
    pub(in crate::sqlite) fn ended_write(&self, now: Option<WalIndexHeader>, touched: &Touched) {
        if let Some(Some(coherence)) = self.coherence.get() {
            coherence.end(now, touched);
        }
    }

    /// What a cached read needs, where there is a cache.
    fn caching(&self) -> Option<(&Coherence, &States, &Cache)> {
        if self.opener.config.cache_capacity == 0 {
            return None;
        }
        // Without an index it is read from the file, which says what is wrong, if something is.
        let coherence = self.coherence().ok()??;
        let (states, cache) = coherence.cached.as_ref()?;
        Some((coherence, states, cache))
    }
}
