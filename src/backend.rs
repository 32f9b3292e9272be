//! The engines behind a vault: the one place to which a new engine adds its arms.

use std::path::Path;
use std::sync::Arc;

use crate::engine::{
    Columns, Direction, End, Engine, EngineStats, KeyRange, MapId, MapInfo, Obstacles, Position,
    RawEntry, RawRow, Read, RowOrder, Scan, Span, Write, WriteOp,
};
use crate::error::{Error, Location, Result};
use crate::sqlite::{Format, Target};
use crate::{memory, sqlite};

/// Runs the same expression on whichever engine it is.
macro_rules! each {
    ($self:expr, $engine:ident => $result:expr) => {
        match $self {
            Self::File($engine) => $result,
            Self::Memory($engine) => $result,
        }
    };
}

/// An open place for bytes. Clones share it.
#[derive(Clone)]
pub(crate) enum Backend {
    File(Arc<sqlite::Store>),
    Memory(Arc<memory::Store>),
}

/// Reads one state.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and the large one is the common one"
)]
pub(crate) enum Reader {
    File(sqlite::Reader),
    Memory(memory::Reader),
}

/// Writes in one transaction.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and the large one is the common one"
)]
pub(crate) enum Writer {
    File(sqlite::Writer),
    Memory(memory::Writer),
}

impl Backend {
    pub(crate) fn begin_read(&self) -> Result<Reader> {
        match self {
            Self::File(store) => store.begin_read().map(Reader::File),
            Self::Memory(store) => store.begin_read().map(Reader::Memory),
        }
    }

    pub(crate) fn begin_read_now(&self) -> Result<Reader> {
        match self {
            Self::File(store) => store.begin_read_now().map(Reader::File),
            Self::Memory(store) => store.begin_read_now().map(Reader::Memory),
        }
    }

    pub(crate) fn begin_write(&self) -> Result<Writer> {
        match self {
            Self::File(store) => store.begin_write().map(Writer::File),
            Self::Memory(store) => store.begin_write().map(Writer::Memory),
        }
    }

    #[inline]
    pub(crate) fn get<R>(
        &self,
        map: MapId,
        key: &[u8],
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        each!(self, store => store.get(map, key, f))
    }

    #[inline]
    pub(crate) fn contains(&self, map: MapId, key: &[u8]) -> Result<bool> {
        each!(self, store => store.contains(map, key))
    }

    #[inline]
    pub(crate) fn len(&self, map: MapId) -> Result<u64> {
        each!(self, store => store.len(map))
    }

    pub(crate) fn cached_len(&self, map: MapId) -> Option<u64> {
        each!(self, store => store.cached_len(map))
    }

    pub(crate) fn is_empty(&self, map: MapId) -> Result<bool> {
        each!(self, store => store.is_empty(map))
    }

    #[inline]
    pub(crate) fn apply(&self, map: MapId, op: WriteOp) -> Result<()> {
        each!(self, store => store.apply(map, op))
    }

    #[inline]
    pub(crate) fn swap<R>(
        &self,
        map: MapId,
        op: WriteOp,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        each!(self, store => store.swap(map, op, decode))
    }

    pub(crate) fn flush(&self) -> Result<()> {
        each!(self, store => store.flush())
    }

    /// Closes this handle. The last one closes what is open. An error gives the handle back.
    pub(crate) fn close(self) -> Result<(), Box<(Self, Error)>> {
        if let Err(error) = self.flush() {
            return Err(Box::new((self, error)));
        }
        match self {
            Self::File(store) => end_last(store, Engine::close, Self::File),
            Self::Memory(store) => end_last(store, Engine::close, Self::Memory),
        }
    }

    /// Returns `true` if it holds maps with names.
    pub(crate) fn has_catalogue(&self) -> bool {
        each!(self, store => store.has_catalogue())
    }

    /// Returns the order of the only map, or `None` if it holds maps with names.
    pub(crate) fn only_order(&self) -> Option<RowOrder> {
        each!(self, store => store.only_order())
    }

    /// Returns `true` if both are the same open file.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(store), Self::File(other)) => Arc::ptr_eq(store, other),
            (Self::Memory(store), Self::Memory(other)) => Arc::ptr_eq(store, other),
            (Self::File(_), Self::Memory(_)) | (Self::Memory(_), Self::File(_)) => false,
        }
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        each!(self, store => store.path())
    }

    /// Where it is.
    pub(crate) fn location(&self) -> Location {
        each!(self, store => store.location())
    }

    // ---- what files do, and memory as far as it has a meaning there -----------------

    /// Returns the size of the file and its log, or of the memory, in bytes.
    pub(crate) fn size(&self) -> Result<u64> {
        match self {
            Self::File(store) => {
                let (file, log) = store.file_sizes()?;
                Ok(file + log)
            }
            Self::Memory(store) => Ok(store.memory()),
        }
    }

    pub(crate) fn stats(&self) -> Result<EngineStats> {
        match self {
            Self::File(store) => store.stats(),
            Self::Memory(store) => Ok(store.stats()),
        }
    }

    /// Rewrites a file without its unused pages. Memory has none.
    pub(crate) fn compact(&self) -> Result<()> {
        match self {
            Self::File(store) => store.compact(),
            // As in a file, it returns an error if another write holds the lock or has failed.
            Self::Memory(store) => store.begin_write().map(drop),
        }
    }

    /// Copies one state to a new file. One of memory gets this `format`.
    pub(crate) fn backup(
        &self,
        target: Target<'_>,
        format: Format,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        match self {
            Self::File(store) => store.backup(target, progress),
            Self::Memory(store) => {
                let mut reader = store.begin_read_now()?;
                let format = if store.has_catalogue() {
                    Format::Several
                } else {
                    format
                };
                sqlite::backup_rows(&mut reader, format, target, progress)
            }
        }
    }

    /// Deletes a file, unless it is open elsewhere. An error gives the handle back.
    pub(crate) fn delete(mut self) -> Result<(), Box<(Self, Error)>> {
        let is_last = each!(&mut self, store => Arc::get_mut(store).is_some());
        if !is_last {
            let location = self.location();
            return Err(Box::new((self, Error::InUse { location })));
        }
        match self {
            Self::File(store) => end_last(store, sqlite::Store::delete, Self::File),
            Self::Memory(store) => end_last(store, Engine::close, Self::Memory),
        }
    }

    /// Writes a copy of one state of a file over whatever is at `target`.
    pub(crate) fn restore_to(&self, target: &Path) -> Result<()> {
        match self {
            Self::File(store) => store.restore_to(target),
            // A vault that was opened by its path is in a file.
            Self::Memory(_) => Ok(()),
        }
    }
}

/// Ends what is open, if this is the last handle of it. An error gives the handle back.
fn end_last<S>(
    store: Arc<S>,
    end: impl FnOnce(&mut S) -> Result<()>,
    backend: impl FnOnce(Arc<S>) -> Backend,
) -> Result<(), Box<(Backend, Error)>> {
    let Some(mut store) = Arc::into_inner(store) else {
        return Ok(());
    };
    end(&mut store).map_err(|error| Box::new((backend(Arc::new(store)), error)))
}

impl Reader {
    /// Returns the number of rows, or 0 if it cannot be counted because of damage.
    pub(crate) fn count_any(&mut self, map: MapId) -> Result<u64> {
        match self {
            Self::File(reader) => reader.count_any(map),
            Self::Memory(reader) => reader.len(map),
        }
    }

    /// Passes every row that can be reached to `f`, each once, whatever is damaged.
    pub(crate) fn reach_all(
        &mut self,
        map: MapId,
        mut f: impl FnMut(RawRow<'_>),
    ) -> Result<Obstacles> {
        match self {
            Self::File(reader) => reader.reach_all(map, f),
            Self::Memory(reader) => {
                let everything = Scan {
                    columns: Columns::Both,
                    direction: Direction::Forward,
                    span: &Span::all(map.order),
                };
                reader.scan(map, everything, |row| {
                    f(row);
                    true
                })?;
                Ok(Obstacles::default())
            }
        }
    }

    /// Returns what is wrong with the structure of a file, whatever map it concerns.
    pub(crate) fn integrity_check_of_file(&mut self) -> Result<Vec<String>> {
        match self {
            Self::File(reader) => reader.integrity_check_of_file(),
            Self::Memory(_) => Ok(Vec::new()),
        }
    }

    /// Returns which large values of a sorted map in a file belong to more or less than one key.
    pub(crate) fn check_large_values(&mut self, map: MapId) -> Result<Vec<String>> {
        match self {
            Self::File(reader) => reader.check_large_values(map),
            Self::Memory(_) => Ok(Vec::new()),
        }
    }

    /// Returns what is wrong with the structure of a file, as far as it concerns a map.
    pub(crate) fn integrity_check(&mut self, map: MapId) -> Result<Vec<String>> {
        match self {
            Self::File(reader) => reader.integrity_check(map),
            Self::Memory(_) => Ok(Vec::new()),
        }
    }
}

/// Implements [`Read`] for an enum over the engines.
macro_rules! impl_read {
    ($enum:ty) => {
        impl Read for $enum {
            #[inline]
            fn find<R>(
                &mut self,
                map: MapId,
                key: &[u8],
                f: impl FnOnce(Position, &[u8]) -> R,
            ) -> Result<Option<R>> {
                each!(self, engine => engine.find(map, key, f))
            }

            fn contains(&mut self, map: MapId, key: &[u8]) -> Result<bool> {
                each!(self, engine => engine.contains(map, key))
            }

            fn is_empty(&mut self, map: MapId) -> Result<bool> {
                each!(self, engine => engine.is_empty(map))
            }

            fn len(&mut self, map: MapId) -> Result<u64> {
                each!(self, engine => engine.len(map))
            }

            fn known_len(&mut self, map: MapId) -> Option<u64> {
                each!(self, engine => engine.known_len(map))
            }

            fn at_end(&mut self, map: MapId, end: End) -> Result<Option<RawEntry>> {
                each!(self, engine => engine.at_end(map, end))
            }

            fn find_map(&mut self, name: &str) -> Result<Option<MapInfo>> {
                each!(self, engine => engine.find_map(name))
            }

            fn maps(&mut self) -> Result<Vec<MapInfo>> {
                each!(self, engine => engine.maps())
            }

            fn scan(
                &mut self,
                map: MapId,
                scan: Scan<'_>,
                f: impl FnMut(RawRow<'_>) -> bool,
            ) -> Result<()> {
                each!(self, engine => engine.scan(map, scan, f))
            }
        }
    };
}

impl_read!(Reader);
impl_read!(Writer);

impl Write for Writer {
    #[inline]
    fn put(&mut self, map: MapId, key: &[u8], value: &[u8]) -> Result<()> {
        each!(self, engine => engine.put(map, key, value))
    }

    fn update(&mut self, map: MapId, position: Position, key: &[u8], value: &[u8]) -> Result<()> {
        each!(self, engine => engine.update(map, position, key, value))
    }

    fn set_key(
        &mut self,
        map: MapId,
        position: Position,
        keys: (&[u8], &[u8]),
        value: Option<&[u8]>,
    ) -> Result<()> {
        each!(self, engine => engine.set_key(map, position, keys, value))
    }

    fn insert_at(
        &mut self,
        map: MapId,
        position: Position,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool> {
        each!(self, engine => engine.insert_at(map, position, key, value))
    }

    fn delete(&mut self, map: MapId, key: &[u8]) -> Result<bool> {
        each!(self, engine => engine.delete(map, key))
    }

    fn delete_at(&mut self, map: MapId, position: Position, key: &[u8]) -> Result<()> {
        each!(self, engine => engine.delete_at(map, position, key))
    }

    fn clear(&mut self, map: MapId) -> Result<()> {
        each!(self, engine => engine.clear(map))
    }

    fn delete_range(&mut self, map: MapId, range: &KeyRange) -> Result<u64> {
        each!(self, engine => engine.delete_range(map, range))
    }

    fn create_map(&mut self, name: &str, order: RowOrder, checksums: bool) -> Result<MapId> {
        each!(self, engine => engine.create_map(name, order, checksums))
    }

    fn remove_map(&mut self, map: MapId) -> Result<()> {
        each!(self, engine => engine.remove_map(map))
    }

    fn rename_map(&mut self, map: MapId, name: &str) -> Result<()> {
        each!(self, engine => engine.rename_map(map, name))
    }

    fn savepoint(&mut self) -> Result<()> {
        each!(self, engine => engine.savepoint())
    }

    fn release(&mut self) -> Result<()> {
        each!(self, engine => engine.release())
    }

    fn rollback_to(&mut self) -> Result<()> {
        each!(self, engine => engine.rollback_to())
    }

    fn commit(&mut self) -> Result<()> {
        each!(self, engine => engine.commit())
    }

    fn rollback(&mut self) -> Result<()> {
        each!(self, engine => engine.rollback())
    }

    fn defer_error(&self, error: Error) {
        each!(self, engine => engine.defer_error(error));
    }
}

#[cfg(test)]
mod tests;
