//! Files that exist in memory only: what is in them, who has them open, who has locked them.
//!
//! Nobody waits for a lock in a circle: whoever has what a handle owns may take one more, of the
//! file or of its shared memory; the names and all others are locked on their own.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};

use crate::sqlite::memory::content::{Content, OutOfMemory};
use crate::sqlite::memory::locks::{Busy, FileLocks, HeldSlots, Level, SlotMode, SlotRange, Slots};
use crate::sqlite::memory::regions::{Missing, Regions};

/// All files by their names.
pub(super) struct Files {
    names: Mutex<BTreeMap<Vec<u8>, Named>>,
}

struct Named {
    file: Arc<File>,
    /// How many handles opened the file under this name.
    handles: usize,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A database: it goes when its last handle closes, and its companions go with it.
    Database,
    /// A log or journal, named after its database and a dash. Between two handles it stays.
    Companion,
}

/// What opening does when the file is there, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existence {
    /// It has to be there.
    Required,
    /// It is created if it is not there.
    Optional,
    /// It must not be there.
    Forbidden,
}

/// Whether a handle may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It may read.
    ReadOnly,
    /// It may read and write.
    ReadWrite,
}

/// How to open a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) role: Role,
    pub(super) existence: Existence,
    pub(super) access: Access,
}

impl Files {
    pub(super) const fn new() -> Self {
        Self {
            names: Mutex::new(BTreeMap::new()),
        }
    }

    /// Opens the file of that name, or a nameless one that only the handle knows.
    ///
    /// `None` if it exists and must not, or the other way round.
    pub(super) fn open(&self, name: Option<&[u8]>, opening: Opening) -> Option<Handle> {
        let Some(name) = name else {
            return Some(Handle::new(Arc::new(File::new()), None, opening));
        };
        let mut names = lock(&self.names);
        match opening.existence {
            Existence::Required if !names.contains_key(name) => return None,
            Existence::Forbidden if names.contains_key(name) => return None,
            _ => {}
        }
        let entry = names.entry(name.to_vec()).or_insert_with(Named::new);
        entry.handles += 1;
        let file = Arc::clone(&entry.file);
        Some(Handle::new(file, Some(name.to_vec()), opening))
    }

    /// Closes a handle, and frees what nobody can reach any more.
    pub(super) fn close(&self, handle: Handle) {
        handle.unlock(Level::Unlocked);
        handle.unmap();
        let unreachable = self.forget(&handle);
        // Freeing a large file takes a while, and nobody has to wait for it.
        drop((handle, unreachable));
    }

    fn forget(&self, handle: &Handle) -> Vec<Arc<File>> {
        let Some(name) = &handle.name else {
            return Vec::new();
        };
        let mut names = lock(&self.names);
        if let Some(entry) = names.get_mut(name) {
            // Since the handle was opened, the name may have gone to another file.
            if Arc::ptr_eq(&entry.file, &handle.file) {
                entry.handles = entry.handles.saturating_sub(1);
            }
            if entry.handles > 0 {
                return Vec::new();
            }
        }
        match handle.role {
            Role::Companion => Vec::new(),
            Role::Database => take_with_companions(&mut names, name),
        }
    }

    /// Takes the name from a file, which lives on for those who have it open.
    ///
    /// False if there is no such file.
    pub(super) fn delete(&self, name: &[u8]) -> bool {
        let named = lock(&self.names).remove(name);
        named.is_some()
    }

    /// The size of a file, if it exists.
    pub(super) fn size(&self, name: &[u8]) -> Option<usize> {
        let file = lock(&self.names).get(name)?.file.clone();
        Some(read(&file.content).len())
    }
}

/// Removes a database and the files that are named after it.
fn take_with_companions(names: &mut BTreeMap<Vec<u8>, Named>, name: &[u8]) -> Vec<Arc<File>> {
    let prefix = [name, b"-"].concat();
    let companions = (Bound::Included(prefix.as_slice()), Bound::Unbounded);
    let mut doomed: Vec<Vec<u8>> = names
        .range::<[u8], _>(companions)
        .map(|(name, _)| name.clone())
        .take_while(|name| name.starts_with(&prefix))
        .collect();
    doomed.push(name.to_vec());
    let taken = doomed.iter().filter_map(|name| names.remove(name));
    taken.map(|named| named.file).collect()
}

impl Named {
    fn new() -> Self {
        Self {
            file: Arc::new(File::new()),
            handles: 0,
        }
    }
}

/// A file, however many have it open.
struct File {
    content: RwLock<Content>,
    locks: Mutex<FileLocks>,
    /// Those who have it mapped own it, so it goes with the last of them.
    shared: Mutex<Weak<SharedMemory>>,
}

impl File {
    const fn new() -> Self {
        Self {
            content: RwLock::new(Content::new()),
            locks: Mutex::new(FileLocks::new()),
            shared: Mutex::new(Weak::new()),
        }
    }

    /// The shared memory, which is new and empty if nobody has it mapped.
    fn shared_memory(&self) -> Arc<SharedMemory> {
        let mut shared = lock(&self.shared);
        shared.upgrade().unwrap_or_else(|| {
            let memory = Arc::new(SharedMemory::default());
            *shared = Arc::downgrade(&memory);
            memory
        })
    }
}

/// The index of a write-ahead log, which is memory that all connections write to.
#[derive(Default)]
struct SharedMemory {
    slots: Mutex<Slots>,
    regions: Mutex<Regions>,
}

/// Why something could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Others have locked it.
    Busy,
    /// There is no memory left.
    OutOfMemory,
    /// The handle was opened for reading.
    ReadOnly,
    /// No shared memory is mapped.
    NotMapped,
}

impl From<Busy> for Refusal {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl From<OutOfMemory> for Refusal {
    fn from(OutOfMemory: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// A file that is open.
///
/// One connection uses it, as a rule from one thread at a time, but nothing here relies on that.
pub(super) struct Handle {
    file: Arc<File>,
    name: Option<Vec<u8>>,
    role: Role,
    access: Access,
    owned: Mutex<Owned>,
}

/// What a handle holds of its file.
#[derive(Default)]
struct Owned {
    level: Level,
    memory: Option<Arc<SharedMemory>>,
    slots: HeldSlots,
}

impl Handle {
    fn new(file: Arc<File>, name: Option<Vec<u8>>, opening: Opening) -> Self {
        Self {
            file,
            name,
            role: opening.role,
            access: opening.access,
            owned: Mutex::default(),
        }
    }

    /// Hands over the bytes from `offset` on, piece by piece: `count` of them, or as many as
    /// there are.
    pub(super) fn read(&self, offset: usize, count: usize, sink: impl FnMut(&[u8])) {
        read(&self.file.content).read(offset, count, sink);
    }

    /// Writes all of the bytes or none.
    pub(super) fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), Refusal> {
        self.check_access()?;
        Ok(write(&self.file.content).write(offset, bytes)?)
    }

    /// Cuts the file off, or lengthens it with zeros.
    pub(super) fn resize(&self, len: usize) -> Result<(), Refusal> {
        self.check_access()?;
        Ok(write(&self.file.content).resize(len)?)
    }

    fn check_access(&self) -> Result<(), Refusal> {
        match self.access {
            Access::ReadOnly => Err(Refusal::ReadOnly),
            Access::ReadWrite => Ok(()),
        }
    }

    /// The size of the file.
    pub(super) fn len(&self) -> usize {
        read(&self.file.content).len()
    }

    /// Raises the handle's lock on the file.
    pub(super) fn lock(&self, level: Level) -> Result<(), Refusal> {
        let mut owned = lock(&self.owned);
        Ok(lock(&self.file.locks).raise(&mut owned.level, level)?)
    }

    /// Lowers the handle's lock on the file.
    pub(super) fn unlock(&self, level: Level) {
        let mut owned = lock(&self.owned);
        lock(&self.file.locks).lower(&mut owned.level, level);
    }

    /// True if some handle is going to write to the file, or writes.
    pub(super) fn is_reserved(&self) -> bool {
        lock(&self.file.locks).is_reserved()
    }

    /// Where a region of the shared memory begins: `REGION_BYTES` that are all zeros at first.
    ///
    /// It stays there until the last handle that called this has unmapped it.
    pub(super) fn map(
        &self,
        index: usize,
        missing: Missing,
    ) -> Result<Option<NonNull<AtomicU32>>, Refusal> {
        let mut owned = lock(&self.owned);
        let memory = owned
            .memory
            .get_or_insert_with(|| self.file.shared_memory());
        Ok(lock(&memory.regions).get(index, missing)?)
    }

    /// Gives the shared memory up, with all slots that the handle has locked.
    pub(super) fn unmap(&self) {
        let mut owned = lock(&self.owned);
        let Owned { memory, slots, .. } = &mut *owned;
        if let Some(memory) = memory.take() {
            lock(&memory.slots).unlock_all(slots);
        }
    }

    /// Locks slots of the shared memory.
    pub(super) fn lock_slots(&self, range: SlotRange, mode: SlotMode) -> Result<(), Refusal> {
        self.with_slots(|slots, held| slots.lock(held, range, mode))?
            .map_err(Refusal::from)
    }

    /// Unlocks slots of the shared memory.
    pub(super) fn unlock_slots(&self, range: SlotRange) -> Result<(), Refusal> {
        self.with_slots(|slots, held| slots.unlock(held, range))
    }

    fn with_slots<T>(
        &self,
        apply: impl FnOnce(&mut Slots, &mut HeldSlots) -> T,
    ) -> Result<T, Refusal> {
        let mut owned = lock(&self.owned);
        let Owned { memory, slots, .. } = &mut *owned;
        let memory = memory.as_ref().ok_or(Refusal::NotMapped)?;
        Ok(apply(&mut lock(&memory.slots), slots))
    }
}

// Nothing panics while it holds one of these; if it did, what they protect would still be whole.

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl Files {
    /// The names that begin like this.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        let names = lock(&self.names);
        let names = names.keys().map(|name| String::from_utf8_lossy(name));
        let wanted = names.filter(|name| name.starts_with(prefix));
        wanted.map(String::from).collect()
    }

    /// Tells whether the content of the file of that name is still in memory.
    pub(super) fn watch(&self, name: &str) -> impl Fn() -> bool + use<> {
        let names = lock(&self.names);
        let file = names.get(name.as_bytes()).map(|n| Arc::downgrade(&n.file));
        move || file.as_ref().is_some_and(|file| file.strong_count() > 0)
    }
}

#[cfg(test)]
mod tests;
