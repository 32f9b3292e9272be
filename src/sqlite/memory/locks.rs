//! The two kinds of lock that SQLite takes on a file.
//!
//! Both are plain values that say yes or no at once; whoever owns them puts them behind a mutex.

/// How many locks there are on the shared memory of a write-ahead log.
const SLOTS: u8 = 8;

/// Somebody else has a lock that excludes the one asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

/// How much of a file one handle has locked: <https://www.sqlite.org/lockingv3.html#locking>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Nothing.
    #[default]
    Unlocked,
    /// It reads. Any number of handles may.
    Shared,
    /// It is going to write. One handle may, while others read.
    Reserved,
    /// It waits for the readers to leave, and new ones are kept out.
    Pending,
    /// It writes, alone.
    Exclusive,
}

/// The locks that all handles of one file have on it.
#[derive(Debug, Default)]
pub(super) struct FileLocks {
    /// How many handles have a shared lock or more.
    holders: usize,
    /// The level of the one handle that has more than a shared lock.
    writer: Level,
}

impl FileLocks {
    pub(super) const fn new() -> Self {
        Self {
            holders: 0,
            writer: Level::Unlocked,
        }
    }

    /// Raises the lock of a handle that has `own` to `wanted`.
    ///
    /// A refusal leaves `own` as it is, but for one case: a reserved lock that cannot become
    /// exclusive stays pending, so that the readers of today are the last it waits for.
    pub(super) fn raise(&mut self, own: &mut Level, wanted: Level) -> Result<(), Busy> {
        if wanted <= *own {
            return Ok(());
        }
        match wanted {
            Level::Unlocked | Level::Shared => self.share(own),
            Level::Reserved => self.reserve(own),
            Level::Pending | Level::Exclusive => self.exclude(own),
        }
    }

    fn share(&mut self, own: &mut Level) -> Result<(), Busy> {
        if self.writer >= Level::Pending {
            return Err(Busy);
        }
        self.holders += 1;
        *own = Level::Shared;
        Ok(())
    }

    fn reserve(&mut self, own: &mut Level) -> Result<(), Busy> {
        // SQLite never asks for it without a shared lock.
        if *own != Level::Shared || self.writer != Level::Unlocked {
            return Err(Busy);
        }
        self.set(own, Level::Reserved);
        Ok(())
    }

    fn exclude(&mut self, own: &mut Level) -> Result<(), Busy> {
        let others_write = *own == Level::Shared && self.writer != Level::Unlocked;
        if *own == Level::Unlocked || others_write {
            return Err(Busy);
        }
        if *own == Level::Reserved {
            self.set(own, Level::Pending);
        }
        if self.holders > 1 {
            return Err(Busy);
        }
        self.set(own, Level::Exclusive);
        Ok(())
    }

    fn set(&mut self, own: &mut Level, level: Level) {
        *own = level;
        self.writer = level;
    }

    /// Lowers the lock of a handle that has `own` to a shared one or none.
    pub(super) fn lower(&mut self, own: &mut Level, wanted: Level) {
        let wanted = wanted.min(Level::Shared);
        if *own <= wanted {
            return;
        }
        if *own > Level::Shared {
            self.writer = Level::Unlocked;
        }
        if wanted == Level::Unlocked {
            self.holders = self.holders.saturating_sub(1);
        }
        *own = wanted;
    }

    /// True if some handle is going to write, or writes.
    pub(super) fn is_reserved(&self) -> bool {
        self.writer >= Level::Reserved
    }
}

/// A range of the slots, as a set of bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotRange(u8);

impl SlotRange {
    /// The range of `count` slots from `first` on, if there are so many.
    pub(super) fn new(first: u8, count: u8) -> Option<Self> {
        let end = first.checked_add(count)?;
        let valid = count > 0 && end <= SLOTS;
        valid.then(|| Self((u8::MAX >> (SLOTS - count)) << first))
    }

    const ALL: Self = Self(u8::MAX);
}

/// How a slot is locked.
#[derive(Clone, Copy, Debug)]
pub(super) enum SlotMode {
    /// Together with others that do the same.
    Shared,
    /// Alone.
    Exclusive,
}

/// The slots that one handle has locked.
#[derive(Debug, Default)]
pub(super) struct HeldSlots {
    shared: u8,
    exclusive: u8,
}

/// The locks that all handles have on the slots of one shared memory:
/// <https://www.sqlite.org/walformat.html#wal_locks>.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// How many handles share each slot.
    sharers: [usize; SLOTS as usize],
    /// Which slots somebody has alone.
    exclusive: u8,
}

impl Slots {
    /// Locks the whole range for a handle that has `held`, or nothing of it.
    ///
    /// A slot does not go from shared to exclusive or back without being unlocked.
    pub(super) fn lock(
        &mut self,
        held: &mut HeldSlots,
        SlotRange(range): SlotRange,
        mode: SlotMode,
    ) -> Result<(), Busy> {
        match mode {
            SlotMode::Shared => self.share(held, range & !held.shared),
            SlotMode::Exclusive => self.exclude(held, range),
        }
    }

    fn share(&mut self, held: &mut HeldSlots, range: u8) -> Result<(), Busy> {
        if self.exclusive & range != 0 {
            return Err(Busy);
        }
        self.each(range, |sharers| *sharers += 1);
        held.shared |= range;
        Ok(())
    }

    fn exclude(&mut self, held: &mut HeldSlots, range: u8) -> Result<(), Busy> {
        let mut free = self.exclusive & range == 0;
        self.each(range, |sharers| free &= *sharers == 0);
        if !free {
            return Err(Busy);
        }
        self.exclusive |= range;
        held.exclusive |= range;
        Ok(())
    }

    /// Unlocks what the handle has of the range.
    pub(super) fn unlock(&mut self, held: &mut HeldSlots, SlotRange(range): SlotRange) {
        self.each(range & held.shared, |sharers| {
            *sharers = sharers.saturating_sub(1);
        });
        self.exclusive &= !(range & held.exclusive);
        held.shared &= !range;
        held.exclusive &= !range;
    }

    /// Unlocks all that the handle has.
    pub(super) fn unlock_all(&mut self, held: &mut HeldSlots) {
        self.unlock(held, SlotRange::ALL);
    }

    fn each(&mut self, range: u8, mut apply: impl FnMut(&mut usize)) {
        for (slot, sharers) in self.sharers.iter_mut().enumerate() {
            if range >> slot & 1 == 1 {
                apply(sharers);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Level::{Exclusive, Pending, Reserved, Shared, Unlocked};
    use super::*;

    fn range(first: u8, count: u8) -> SlotRange {
        SlotRange::new(first, count).unwrap()
    }

    #[test]
    fn many_read_while_one_prepares_to_write() {
        let mut locks = FileLocks::new();
        let (mut a, mut b, mut c) = (Unlocked, Unlocked, Unlocked);
        locks.raise(&mut a, Shared).unwrap();
        locks.raise(&mut b, Shared).unwrap();
        assert!(!locks.is_reserved());
        locks.raise(&mut a, Reserved).unwrap();
        assert!(locks.is_reserved());
        assert_eq!(locks.raise(&mut b, Reserved), Err(Busy));
        assert_eq!(locks.raise(&mut b, Exclusive), Err(Busy));
        assert_eq!(b, Shared);
        locks.raise(&mut c, Shared).unwrap();
        locks.lower(&mut a, Shared);
        assert!(!locks.is_reserved());
        locks.raise(&mut b, Reserved).unwrap();
    }

    #[test]
    fn a_pending_lock_keeps_new_readers_out_until_the_old_ones_left() {
        let mut locks = FileLocks::new();
        let (mut writer, mut reader, mut late) = (Unlocked, Unlocked, Unlocked);
        locks.raise(&mut reader, Shared).unwrap();
        locks.raise(&mut writer, Shared).unwrap();
        locks.raise(&mut writer, Reserved).unwrap();
        assert_eq!(locks.raise(&mut writer, Exclusive), Err(Busy));
        assert_eq!(writer, Pending);
        assert_eq!(locks.raise(&mut late, Shared), Err(Busy));
        assert_eq!(late, Unlocked);
        locks.lower(&mut reader, Unlocked);
        locks.raise(&mut writer, Exclusive).unwrap();
        assert_eq!(locks.raise(&mut late, Shared), Err(Busy));
        locks.lower(&mut writer, Unlocked);
        locks.raise(&mut late, Shared).unwrap();
        locks.raise(&mut late, Exclusive).unwrap();
    }

    #[test]
    fn a_shared_lock_that_cannot_become_exclusive_stays_shared() {
        let mut locks = FileLocks::new();
        let (mut a, mut b, mut c) = (Unlocked, Unlocked, Unlocked);
        locks.raise(&mut a, Shared).unwrap();
        locks.raise(&mut b, Shared).unwrap();
        assert_eq!(locks.raise(&mut a, Exclusive), Err(Busy));
        assert_eq!(a, Shared);
        locks.raise(&mut c, Shared).unwrap();
    }

    #[test]
    fn what_is_held_already_is_granted_and_unlocking_twice_is_harmless() {
        let mut locks = FileLocks::new();
        let (mut a, mut b) = (Unlocked, Unlocked);
        locks.raise(&mut a, Shared).unwrap();
        locks.raise(&mut a, Exclusive).unwrap();
        locks.raise(&mut a, Reserved).unwrap();
        assert_eq!(a, Exclusive);
        locks.lower(&mut a, Unlocked);
        locks.lower(&mut a, Unlocked);
        assert_eq!(locks.raise(&mut b, Reserved), Err(Busy));
        assert_eq!(locks.raise(&mut b, Exclusive), Err(Busy));
        assert_eq!((locks.holders, b), (0, Unlocked));
    }

    #[test]
    fn slots_are_shared_or_exclusive() {
        let mut slots = Slots::default();
        let (mut a, mut b) = (HeldSlots::default(), HeldSlots::default());
        let lock = |slots: &mut Slots, held: &mut HeldSlots, mode| {
            slots.lock(held, range(3, 1), mode).is_ok()
        };
        assert!(lock(&mut slots, &mut a, SlotMode::Shared));
        assert!(lock(&mut slots, &mut a, SlotMode::Shared));
        assert!(lock(&mut slots, &mut b, SlotMode::Shared));
        assert!(!lock(&mut slots, &mut b, SlotMode::Exclusive));
        slots.unlock(&mut a, range(3, 1));
        slots.unlock(&mut a, range(3, 1));
        assert!(!lock(&mut slots, &mut a, SlotMode::Exclusive));
        slots.unlock(&mut b, range(3, 1));
        assert!(lock(&mut slots, &mut a, SlotMode::Exclusive));
        assert!(!lock(&mut slots, &mut b, SlotMode::Shared));
        assert!(!lock(&mut slots, &mut b, SlotMode::Exclusive));
        slots.unlock(&mut b, range(0, 8));
        assert!(!lock(&mut slots, &mut b, SlotMode::Shared));
        slots.unlock_all(&mut a);
        assert!(lock(&mut slots, &mut b, SlotMode::Shared));
    }

    #[test]
    fn a_range_is_locked_as_a_whole_or_not_at_all() {
        let mut slots = Slots::default();
        let (mut a, mut b) = (HeldSlots::default(), HeldSlots::default());
        slots.lock(&mut a, range(5, 1), SlotMode::Shared).unwrap();
        let refused = slots.lock(&mut b, range(3, 5), SlotMode::Exclusive);
        assert_eq!(refused, Err(Busy));
        slots
            .lock(&mut b, range(3, 2), SlotMode::Exclusive)
            .unwrap();
        slots
            .lock(&mut b, range(6, 2), SlotMode::Exclusive)
            .unwrap();
        assert_eq!(b.exclusive, 0b1101_1000);
        slots.unlock(&mut b, range(4, 3));
        assert_eq!(b.exclusive, 0b1000_1000);
        assert_eq!(slots.exclusive, 0b1000_1000);
        assert_eq!(slots.sharers, [0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn ranges_end_with_the_slots() {
        assert_eq!(range(0, 8).0, 0xFF);
        assert_eq!(range(7, 1).0, 0x80);
        assert_eq!(range(0, 1).0, 0x01);
        for (first, count) in [(0, 0), (0, 9), (7, 2), (8, 1), (255, 1), (1, 255)] {
            assert!(SlotRange::new(first, count).is_none());
        }
    }
}
