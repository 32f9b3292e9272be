//! Which states of the file this process has seen, and what changed between them.
//!
//! # What makes a cached value true
//!
//! SQLite's write-ahead log has an index in shared memory, which begins with two copies of a
//! 48-byte header (<https://www.sqlite.org/walformat.html#the_wal_index_header>). A committer, holding the
//! write lock, writes the second copy, a memory barrier, then the first, and only then returns. A
//! reader of SQLite takes the first copy, a barrier, the second; if both are the same, they say which state
//! it reads. This module and [`raw`](crate::sqlite::connection::raw) do the same, and call equal headers one *state*.
//!
//! **Equal headers are one state.** The header holds the log's two salts, the number of its frames and
//! a running checksum over all of them. A log only grows until it is begun anew, with other salts. So
//! equal headers mean the same frames of the same log, over a file into which nothing is ever
//! written but these frames. Two different logs would have to agree in 64 bits of salt and
//! 64 bits of checksum, which SQLite itself relies on not to happen.
//!
//! **A header that is read is of now.** Both copies are read whole, the first one first. Were
//! a commit under way meanwhile, it has changed the second copy before the first: so if all that was
//! read is the old state's, then at the moment when the last copy was read nothing new was visible to
//! anybody. A mixture of two states differs from each in the number of commits or in the checksum,
//! so it equals no state that is known, and an index that is torn because its writer was killed has two
//! different copies until the next reader of SQLite recovers it. Whoever learns of a commit, by whatever way,
//! learns of it after the header was written, and the memory is coherent: it reads that header or a later one.
//!
//! **States are numbered**, in the order in which this process has met them. The newest is published
//! with its number. A step to the next number is either *this store's own commit*, whose
//! keys are known, or *foreign*: anything else, however many commits, a checkpoint that began the
//! log anew, a recovery. For each step of its own, the numbers of the keys' slots are raised to the new
//! number before that is published ([`changed`](States)); a foreign one raises `since` for all keys.
//!
//! **An entry is true** if it says `key` had `value` in the state `number`, the live header
//! is that of the published state, and neither `since` nor the key's slot is beyond `number`: then no
//! commit between has touched the key. Two keys that share a slot only forget more than they must.
//!
//! **An entry is made** from a read between two looks at the header which both showed the state `number`: what
//! SQLite read between them was that state. It does not matter how late the entry reaches the cache:
//! if the key was changed meanwhile, its slot is beyond the entry's number.
//!
//! **A commit is this store's own** if the header afterwards is what that one commit has made of the header
//! before ([`WalIndexHeader::is_by_commit`]). Both are known: the first was read under the write lock, and SQLite's hook says how
//! many frames the log had after the commit. If another process has committed before we looked, the
//! frames or the salts differ, and the step counts as foreign.
//!
//! What else happens to a file:
//! - **A checkpoint** moves frames into the file and leaves the header alone, or begins the log anew, which changes
//!   it though no entry has changed: the cache forgets what it could have kept.
//! - **The last close** removes the index, but not while this store has its own connection
//!   open. For the same reason nobody can **leave WAL mode**, which needs the file to itself.
//! - **A file that is replaced** is another file: this store's connections, and so its cache, stay with the one
//!   that they have open, until a write finds out.
//! - **A commit that fails** leaves the header as it was, or has changed it for all to see; then it is met
//!   as a foreign state.

use std::array;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use crate::sqlite::connection::raw::{HEADER_WORDS, WalIndexHeader};

/// A commit of one key makes one in so many of the other keys look changed.
const SLOTS: usize = 4096;

/// With more keys than this changed in one transaction, hardly a slot is untouched.
const MOST_TOUCHED: usize = SLOTS;

/// A state by its number, and the oldest one that has been this process's alone since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct State {
    pub(in crate::sqlite) number: u64,
    since: u64,
}

/// The published state, and what has changed when.
pub(in crate::sqlite) struct States {
    /// Twice the number of the published state; one more while the next is being published. It is the
    /// lock of a reader that only looks: what it has read counts if this has stayed the same and even.
    sequence: AtomicU64,
    header: [AtomicU32; HEADER_WORDS],
    since: AtomicU64,
    /// For each slot of keys, the last state in which one of them was changed by this store.
    changed: Box<[AtomicU64]>,
    /// Held to publish; true while this store itself has the write lock.
    is_writing: Mutex<bool>,
}

/// The keys that a transaction has changed, by their slots.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Touched {
    slots: Vec<u16>,
    all: bool,
}

impl Touched {
    /// Adds the key with this hash.
    pub(in crate::sqlite) fn key(&mut self, hash: u64) {
        if self.slots.len() < MOST_TOUCHED {
            self.slots.push(slot(hash));
        } else {
            self.all = true;
        }
    }

    /// Adds every key.
    pub(in crate::sqlite) const fn all(&mut self) {
        self.all = true;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "there are fewer slots")]
const fn slot(hash: u64) -> u16 {
    // The lowest bits choose a shard of the cache: others are taken here.
    ((hash >> 32) % SLOTS as u64) as u16
}

impl States {
    /// No state is known yet.
    pub(in crate::sqlite) fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            header: array::from_fn(|_| AtomicU32::new(0)),
            since: AtomicU64::new(0),
            changed: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            is_writing: Mutex::new(false),
        }
    }

    /// The published state, if it is the one with the header `live`.
    #[inline]
    pub(in crate::sqlite) fn current(&self, live: &WalIndexHeader) -> Option<State> {
        let sequence = self.sequence.load(Ordering::Acquire);
        let is_live = self
            .header
            .iter()
            .zip(live.words())
            .all(|(published, live)| published.load(Ordering::Relaxed) == *live);
        let since = self.since.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let is_whole =
            sequence == self.sequence.load(Ordering::Relaxed) && sequence.is_multiple_of(2);
        (is_live && is_whole && sequence > 0).then_some(State {
            number: sequence / 2,
            since,
        })
    }

    /// True if what was so for a key in the state `number` is so in `state`, which is current.
    #[inline]
    pub(in crate::sqlite) fn still_holds(&self, number: u64, hash: u64, state: State) -> bool {
        let changed = self
            .changed
            .get(usize::from(slot(hash)))
            .map_or(u64::MAX, |changed| changed.load(Ordering::Relaxed));
        (state.since..=state.number).contains(&number) && changed <= number
    }

    /// The state of now, published if it is a new one, with its header.
    ///
    /// `None` while this store is committing: what came of that is not known yet.
    pub(in crate::sqlite) fn observe(
        &self,
        read: impl FnOnce() -> Option<WalIndexHeader>,
    ) -> Option<(WalIndexHeader, State)> {
        let is_writing = self.publishing();
        let live = read()?;
        if self.current(&live).is_none() {
            if *is_writing {
                return None;
            }
            self.publish_foreign(&live);
        }
        Some((live, self.current(&live)?))
    }

    /// This store has got the write lock, in the state `at`: what is committed from now on is its own.
    pub(in crate::sqlite) fn begin(&self, at: Option<WalIndexHeader>) {
        let mut is_writing = self.publishing();
        if let Some(at) = at
            && self.current(&at).is_none()
        {
            self.publish_foreign(&at);
        }
        *is_writing = true;
    }

    /// This store has committed, or not. `now` is the header that its commit has made, if it is certain that
    /// nobody else has made it.
    pub(in crate::sqlite) fn end(&self, now: Option<WalIndexHeader>, touched: &Touched) {
        let mut is_writing = self.publishing();
        *is_writing = false;
        let Some(now) = now.filter(|now| self.current(now).is_none()) else {
            return;
        };
        if touched.all {
            return self.publish_foreign(&now);
        }
        let number = self.sequence.load(Ordering::Relaxed) / 2 + 1;
        for &slot in &touched.slots {
            if let Some(changed) = self.changed.get(usize::from(slot)) {
                changed.store(number, Ordering::Relaxed);
            }
        }
        self.publish(&now, self.since.load(Ordering::Relaxed));
    }

    fn publish_foreign(&self, header: &WalIndexHeader) {
        let number = self.sequence.load(Ordering::Relaxed) / 2 + 1;
        self.publish(header, number);
    }

    /// Only with the lock held.
    fn publish(&self, header: &WalIndexHeader, since: u64) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (published, word) in self.header.iter().zip(header.words()) {
            published.store(*word, Ordering::Relaxed);
        }
        self.since.store(since, Ordering::Relaxed);
        // Whoever sees the number sees all that was stored before: the changed slots, too.
        self.sequence.store(sequence + 2, Ordering::Release);
    }

    fn publishing(&self) -> std::sync::MutexGuard<'_, bool> {
        self.is_writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 7 << 32;
    const OTHER: u64 = 8 << 32;

    fn header(frames: u32) -> WalIndexHeader {
        let mut words = [0; HEADER_WORDS];
        (words[2], words[4], words[6]) = (frames, frames, frames.wrapping_mul(0x9e37_79b9));
        WalIndexHeader(words)
    }

    fn touched(keys: &[u64]) -> Touched {
        let mut touched = Touched::default();
        for &key in keys {
            touched.key(key);
        }
        touched
    }

    fn observed(states: &States, live: WalIndexHeader) -> State {
        states
            .observe(|| Some(live))
            .map(|(_, state)| state)
            .unwrap()
    }

    /// This store commits, which makes the header `after` of `before`.
    fn commit(states: &States, before: WalIndexHeader, after: WalIndexHeader, keys: &[u64]) {
        states.begin(Some(before));
        states.end(Some(after), &touched(keys));
    }

    #[test]
    fn an_own_commit_forgets_its_keys_alone() {
        let states = States::new();
        let first = observed(&states, header(1));
        commit(&states, header(1), header(2), &[KEY]);
        assert_eq!(states.current(&header(1)), None);
        let now = states.current(&header(2)).unwrap();
        assert!(!states.still_holds(first.number, KEY, now));
        assert!(states.still_holds(first.number, OTHER, now));
        assert!(states.still_holds(now.number, KEY, now));
    }

    #[test]
    fn a_foreign_commit_forgets_all() {
        let states = States::new();
        let first = observed(&states, header(1));
        assert_eq!(states.current(&header(2)), None);
        let now = observed(&states, header(2));
        for key in [KEY, OTHER] {
            assert!(!states.still_holds(first.number, key, now));
            assert!(states.still_holds(now.number, key, now));
        }
        // One that came before this store got the write lock, too.
        commit(&states, header(3), header(4), &[KEY]);
        let last = states.current(&header(4)).unwrap();
        assert!(!states.still_holds(now.number, OTHER, last));
    }

    #[test]
    fn an_entry_that_comes_late_is_not_believed() {
        let states = States::new();
        let read_in = observed(&states, header(1));
        commit(&states, header(1), header(2), &[KEY]);
        commit(&states, header(2), header(3), &[OTHER]);
        let now = states.current(&header(3)).unwrap();
        assert!(!states.still_holds(read_in.number, KEY, now));
        // And one of a state that is not published yet is not believed by who still looks at an older one.
        assert!(!states.still_holds(now.number, KEY, read_in));
    }

    #[test]
    fn nothing_is_learnt_while_this_store_commits() {
        let states = States::new();
        observed(&states, header(1));
        states.begin(Some(header(1)));
        assert!(states.current(&header(1)).is_some());
        assert!(states.observe(|| Some(header(2))).is_none());
        // Somebody else has written before it looked: its own commit is not to be told from that.
        states.end(None, &touched(&[KEY]));
        assert_eq!(states.current(&header(2)), None);
        let now = observed(&states, header(2));
        assert!(!states.still_holds(now.number - 1, OTHER, now));
    }

    #[test]
    fn a_commit_of_everything_or_of_very_much_forgets_all() {
        for many in [0, MOST_TOUCHED as u64 + 1] {
            let states = States::new();
            let first = observed(&states, header(1));
            let mut touched = touched(&vec![KEY; usize::try_from(many).unwrap()]);
            if many == 0 {
                touched.all();
            }
            states.begin(Some(header(1)));
            states.end(Some(header(2)), &touched);
            let now = states.current(&header(2)).unwrap();
            assert!(!states.still_holds(first.number, OTHER, now));
        }
    }

    #[test]
    fn no_header_is_no_state() {
        let states = States::new();
        assert_eq!(states.current(&header(0)), None);
        assert!(states.observe(|| None).is_none());
        // The first state may have any header, one of zeros included.
        assert!(states.observe(|| Some(header(0))).is_some());
    }
}
