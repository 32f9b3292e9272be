//! The versions of the file that this process has seen, and what changed between them.
//!
//! # When a cached value is valid
//!
//! SQLite's write-ahead log has an index in shared memory, which begins with two copies of a 48-byte header
//! (<https://www.sqlite.org/walformat.html#the_wal_index_header>). A process that commits holds the write lock.
//! It writes the second copy, a memory barrier, then the first, and only then returns. A reader of SQLite
//! reads the first copy, a barrier, then the second. If both are equal, they say which state it reads. This
//! module and [`wal_index`](crate::sqlite::connection::wal_index) do the same, and call equal headers one *version*.
//!
//! **Equal headers are one version.** The header holds the two salts of the log, the number of its frames
//! and a running checksum over all of them. A log only grows until it is restarted with other salts.
//! Therefore equal headers mean the same frames of the same log, over a file into which only these frames
//! are ever written. Two different logs would have to agree in 64 bits of salt and 64 bits of checksum.
//! SQLite itself relies on this not to happen.
//!
//! **A header that was read is current.** Both copies are read whole, the first one first. A commit that is
//! in progress changes the second copy before the first. If everything that was read belongs to the old
//! version, then nothing new was visible to anybody at the moment when the last copy was read. A mixture of
//! two versions differs from each in the number of commits or in the checksum, so it equals no version that
//! is known. An index that is torn, because its writer was killed, has two different copies until the next
//! reader of SQLite recovers it. Whoever learns of a commit learns of it after the header was written.
//! Because the memory is coherent, it reads that header or a later one.
//!
//! **Versions are numbered** in the order in which this process has met them. The newest is published with
//! its number. A step to the next number is either *this store's own commit*, whose keys are known, or
//! *foreign*. Everything else is foreign: any number of commits, a checkpoint that restarted the log, a
//! recovery. For each own commit, the slots of its keys are raised to the new number before the number is
//! published ([`changed`](VersionTracker)). A foreign step raises `oldest_valid` for all keys.
//!
//! **An entry is valid** if it says that `key` had `value` in the version `number`, the live header is that
//! of the published version, and neither `oldest_valid` nor the slot of the key is above `number`. Then no
//! commit oldest_valid has changed the key. Two keys that share a slot only invalidate more than they must.
//!
//! **An entry is made** from a read between two reads of the header that both showed the version `number`.
//! What SQLite read in between was that version. It does not matter how late the entry reaches the cache:
//! if the key was changed in the meantime, its slot is above the number of the entry.
//!
//! **A commit is this store's own** if the header after it is what that one commit makes of the header
//! before ([`WalIndexHeader::is_by_commit`]). Both are known: the first was read under the write lock, and
//! SQLite's hook says how many frames the log had after the commit. If another process has committed before
//! the header was read again, the frames or the salts differ, and the step counts as foreign.
//!
//! What else happens to a file:
//! - **A checkpoint** moves frames into the file and leaves the header alone. If it restarts the log, it
//!   changes the header though no entry has changed, and the cache forgets more than it must.
//! - **The last close** removes the index, but not while this store has its own connection open. For the
//!   same reason nobody can **leave WAL mode**, which needs exclusive access to the file.
//! - **A file that is replaced** is another file. The connections of this store, and so its cache, stay with
//!   the one that they have open until a write notices.
//! - **A commit that fails** leaves the header as it was, or has changed it for all to see. In the second
//!   case the next read meets it as a foreign version.

use std::array;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use crate::sqlite::connection::wal_index::{HEADER_WORDS, WalIndexHeader};

/// The number of slots. A commit of one key makes one other key in this many look changed.
const SLOTS: usize = 4096;

/// With more keys than this changed in one transaction, hardly any slot is unchanged.
const MAX_SLOTS: usize = SLOTS;

/// A version by its number, and the oldest version since which all commits were this store's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct Version {
    pub(in crate::sqlite) number: u64,
    oldest_valid: u64,
}

/// The published version, and which keys changed in which version.
pub(in crate::sqlite) struct VersionTracker {
    /// Twice the number of the published version, plus one while the next is being published. A reader takes
    /// no lock: what it has read is whole if this has stayed the same and is even (a sequence lock).
    sequence: AtomicU64,
    header: [AtomicU32; HEADER_WORDS],
    oldest_valid: AtomicU64,
    /// For each slot of keys, the last version in which this store changed one of them.
    changed: Box<[AtomicU64]>,
    /// Locked to publish; `true` while this store itself has the write lock.
    is_writing: Mutex<bool>,
}

/// The keys that a transaction has changed, by their slots.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct WriteSet {
    slots: Vec<u16>,
    all: bool,
}

impl WriteSet {
    /// Adds the key with this hash.
    pub(in crate::sqlite) fn key(&mut self, hash: u64) {
        if self.slots.len() < MAX_SLOTS {
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
    // The lowest bits choose a shard of the cache, so others are used here.
    ((hash >> 32) % SLOTS as u64) as u16
}

impl VersionTracker {
    /// Knows no version yet.
    pub(in crate::sqlite) fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            header: array::from_fn(|_| AtomicU32::new(0)),
            oldest_valid: AtomicU64::new(0),
            changed: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            is_writing: Mutex::new(false),
        }
    }

    /// Returns the published version if it has the header `live`.
    #[inline]
    pub(in crate::sqlite) fn current(&self, live: &WalIndexHeader) -> Option<Version> {
        let sequence = self.sequence.load(Ordering::Acquire);
        let is_live = self
            .header
            .iter()
            .zip(live.words())
            .all(|(published, live)| published.load(Ordering::Relaxed) == *live);
        let oldest_valid = self.oldest_valid.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let is_whole =
            sequence == self.sequence.load(Ordering::Relaxed) && sequence.is_multiple_of(2);
        (is_live && is_whole && sequence > 0).then_some(Version {
            number: sequence / 2,
            oldest_valid,
        })
    }

    /// Returns `true` if what was read of a key in the version `number` still holds in `version`, which is current.
    #[inline]
    pub(in crate::sqlite) fn is_valid(&self, number: u64, hash: u64, version: Version) -> bool {
        let changed = self
            .changed
            .get(usize::from(slot(hash)))
            .map_or(u64::MAX, |changed| changed.load(Ordering::Relaxed));
        (version.oldest_valid..=version.number).contains(&number) && changed <= number
    }

    /// Returns the current version and its header, and publishes it if it is new.
    ///
    /// Returns `None` while this store is committing, because the result of that is not known yet.
    pub(in crate::sqlite) fn refresh(
        &self,
        read: impl FnOnce() -> Option<WalIndexHeader>,
    ) -> Option<(WalIndexHeader, Version)> {
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

    /// Notes that this store has acquired the write lock in the version with the header `at`. What is committed from
    /// now on is its own.
    pub(in crate::sqlite) fn begin(&self, at: Option<WalIndexHeader>) {
        let mut is_writing = self.publishing();
        if let Some(at) = at
            && self.current(&at).is_none()
        {
            self.publish_foreign(&at);
        }
        *is_writing = true;
    }

    /// Notes that this store has committed or rolled back. `now` is the header that its commit has made, if it is
    /// certain that no other process has made it.
    pub(in crate::sqlite) fn end(&self, now: Option<WalIndexHeader>, write_set: &WriteSet) {
        let mut is_writing = self.publishing();
        *is_writing = false;
        let Some(now) = now.filter(|now| self.current(now).is_none()) else {
            return;
        };
        if write_set.all {
            return self.publish_foreign(&now);
        }
        let number = self.sequence.load(Ordering::Relaxed) / 2 + 1;
        for &slot in &write_set.slots {
            if let Some(changed) = self.changed.get(usize::from(slot)) {
                changed.store(number, Ordering::Relaxed);
            }
        }
        self.publish(&now, self.oldest_valid.load(Ordering::Relaxed));
    }

    fn publish_foreign(&self, header: &WalIndexHeader) {
        let number = self.sequence.load(Ordering::Relaxed) / 2 + 1;
        self.publish(header, number);
    }

    /// The caller holds the lock.
    fn publish(&self, header: &WalIndexHeader, oldest_valid: u64) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (published, word) in self.header.iter().zip(header.words()) {
            published.store(*word, Ordering::Relaxed);
        }
        self.oldest_valid.store(oldest_valid, Ordering::Relaxed);
        // A reader that sees the number also sees everything that was stored before it, the slots included.
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

    fn write_set(keys: &[u64]) -> WriteSet {
        let mut write_set = WriteSet::default();
        for &key in keys {
            write_set.key(key);
        }
        write_set
    }

    fn refreshed(tracker: &VersionTracker, live: WalIndexHeader) -> Version {
        tracker
            .refresh(|| Some(live))
            .map(|(_, state)| state)
            .unwrap()
    }

    /// Commits as this store, which turns the header `before` into `after`.
    fn commit(
        tracker: &VersionTracker,
        before: WalIndexHeader,
        after: WalIndexHeader,
        keys: &[u64],
    ) {
        tracker.begin(Some(before));
        tracker.end(Some(after), &write_set(keys));
    }

    #[test]
    fn an_own_commit_invalidates_only_its_keys() {
        let tracker = VersionTracker::new();
        let first = refreshed(&tracker, header(1));
        commit(&tracker, header(1), header(2), &[KEY]);
        assert_eq!(tracker.current(&header(1)), None);
        let now = tracker.current(&header(2)).unwrap();
        assert!(!tracker.is_valid(first.number, KEY, now));
        assert!(tracker.is_valid(first.number, OTHER, now));
        assert!(tracker.is_valid(now.number, KEY, now));
    }

    #[test]
    fn a_foreign_commit_invalidates_all_keys() {
        let tracker = VersionTracker::new();
        let first = refreshed(&tracker, header(1));
        assert_eq!(tracker.current(&header(2)), None);
        let now = refreshed(&tracker, header(2));
        for key in [KEY, OTHER] {
            assert!(!tracker.is_valid(first.number, key, now));
            assert!(tracker.is_valid(now.number, key, now));
        }
        // Also one before this store acquired the write lock.
        commit(&tracker, header(3), header(4), &[KEY]);
        let last = tracker.current(&header(4)).unwrap();
        assert!(!tracker.is_valid(now.number, OTHER, last));
    }

    #[test]
    fn an_entry_that_arrives_late_is_not_valid() {
        let tracker = VersionTracker::new();
        let read_in = refreshed(&tracker, header(1));
        commit(&tracker, header(1), header(2), &[KEY]);
        commit(&tracker, header(2), header(3), &[OTHER]);
        let now = tracker.current(&header(3)).unwrap();
        assert!(!tracker.is_valid(read_in.number, KEY, now));
        // An entry of a version that is not published yet is not valid in an older one.
        assert!(!tracker.is_valid(now.number, KEY, read_in));
    }

    #[test]
    fn nothing_is_published_while_this_store_commits() {
        let tracker = VersionTracker::new();
        refreshed(&tracker, header(1));
        tracker.begin(Some(header(1)));
        assert!(tracker.current(&header(1)).is_some());
        assert!(tracker.refresh(|| Some(header(2))).is_none());
        // Another process has written before the header was read, so the own commit cannot be told from it.
        tracker.end(None, &write_set(&[KEY]));
        assert_eq!(tracker.current(&header(2)), None);
        let now = refreshed(&tracker, header(2));
        assert!(!tracker.is_valid(now.number - 1, OTHER, now));
    }

    #[test]
    fn a_commit_of_all_or_very_many_keys_invalidates_all() {
        for many in [0, MAX_SLOTS as u64 + 1] {
            let tracker = VersionTracker::new();
            let first = refreshed(&tracker, header(1));
            let mut write_set = write_set(&vec![KEY; usize::try_from(many).unwrap()]);
            if many == 0 {
                write_set.all();
            }
            tracker.begin(Some(header(1)));
            tracker.end(Some(header(2)), &write_set);
            let now = tracker.current(&header(2)).unwrap();
            assert!(!tracker.is_valid(first.number, OTHER, now));
        }
    }

    #[test]
    fn no_header_is_no_version() {
        let tracker = VersionTracker::new();
        assert_eq!(tracker.current(&header(0)), None);
        assert!(tracker.refresh(|| None).is_none());
        // The first version may have any header, even one of zeros.
        assert!(tracker.refresh(|| Some(header(0))).is_some());
    }
}
