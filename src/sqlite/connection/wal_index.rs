//! The header of the WAL index, which every commit changes, in memory that all connections to a file share.
//!
//! The unsafe code here reads this memory.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, ffi};

use crate::sqlite::connection::failure;
use crate::sqlite::connection::open_file::OpenFile;

/// The number of 32-bit words in SQLite's `WalIndexHdr`. The index begins with two copies of it.
pub(in crate::sqlite) const HEADER_WORDS: usize = 12;

/// A copy of the header of the WAL index, which identifies a state of the file. Two equal headers mean that
/// nothing was committed between them.
///
/// Every commit changes the header, by any connection of any process: <https://www.sqlite.org/walformat.html#the_wal_index_header>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct WalIndexHeader(pub(in crate::sqlite) [u32; HEADER_WORDS]);

impl WalIndexHeader {
    /// Returns the words of the header.
    pub(in crate::sqlite) const fn words(&self) -> &[u32; HEADER_WORDS] {
        &self.0
    }

    /// Returns the number of frames in the log.
    pub(in crate::sqlite) const fn frames(&self) -> u32 {
        let [_, _, _, _, frames, ..] = self.0;
        frames
    }

    /// Returns the running checksum of the last frame of the log.
    pub(in crate::sqlite) const fn frame_checksum(&self) -> (u32, u32) {
        let [_, _, _, _, _, _, first, second, ..] = self.0;
        (first, second)
    }

    /// Returns `true` if exactly one commit lies between `before` and `self`. `before` is the header when the
    /// transaction began, and `frames` is the number of frames in the log after its commit.
    ///
    /// A log grows until it is restarted, which adds one to its first salt. So a commit either adds frames or
    /// restarts the log. In both cases, the same log with the same number of frames has the same content.
    /// The number of commits (`iChange`) is not enough, because it begins at zero again when a log is
    /// recovered.
    pub(in crate::sqlite) fn is_by_commit(&self, before: &Self, frames: u32) -> bool {
        let [_, _, _, _, then, _, _, _, old_first, old_second, ..] = before.0;
        let [_, _, _, _, now, _, _, _, first, second, ..] = self.0;
        let is_same_log = (first, second) == (old_first, old_second);
        let is_next_log = u32::from_be(first) == u32::from_be(old_first).wrapping_add(1);
        let was_restarted = frames <= then;
        now == frames
            && frames > 0
            && if was_restarted {
                is_next_log
            } else {
                is_same_log
            }
    }
}

/// The two copies of the header at the beginning of a mapped WAL index, with the connection that keeps it
/// mapped. `C` owns or borrows the connection.
#[derive(Debug)]
struct MappedHeader<C> {
    words: NonNull<AtomicU32>,
    connection: C,
}

impl<C> MappedHeader<C> {
    /// Reads the first or the second copy.
    fn copy(&self, index: usize) -> WalIndexHeader {
        WalIndexHeader(std::array::from_fn(|word| {
            let word = index * HEADER_WORDS + word;
            // SAFETY: both copies are in the first 96 bytes of a region of 32 KiB, aligned for `u32`. It
            // stays mapped while the connection is open in WAL mode. `self` keeps the connection open.
            // Nothing leaves WAL mode: that of a `WalIndex` executes no statements and keeps all others
            // from leaving it, and `index_header` runs nothing else. The mapping may be read-only, which a
            // relaxed load of 32 bits allows.
            unsafe { self.words.add(word).as_ref() }.load(Ordering::Relaxed)
        }))
    }
}

/// The header of the WAL index, in memory that all connections to the file share.
///
/// It owns a connection, which keeps this memory mapped, the file in WAL mode, and the file and the log open
/// for a sync.
#[derive(Debug)]
pub(in crate::sqlite) struct WalIndex(MappedHeader<Mutex<Connection>>);

// SAFETY: the words are only read, as atomics, and the shared memory that they are in belongs to no
// thread. A connection may move between threads.
unsafe impl Send for WalIndex {}
// SAFETY: concurrent atomic reads need no exclusion, and the connection is in a mutex.
unsafe impl Sync for WalIndex {}

impl WalIndex {
    /// Maps the index of the file that `connection` has open.
    ///
    /// Returns `None` if the file is not in WAL mode. Returns `None` too if this process cannot write the index
    /// and no process that can has it open, because SQLite then reads the log without a shared index.
    pub(in crate::sqlite) fn new(connection: Connection) -> rusqlite::Result<Option<Self>> {
        // A connection opens the log and its index at its first read. This reads the least. A rollback
        // journal is open only during a write.
        connection.query_one("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))?;
        if OpenFile::log(&connection).is_none() {
            return Ok(None);
        }
        let words = OpenFile::main(&connection)
            .ok_or(ffi::SQLITE_IOERR_SHMMAP)
            .and_then(OpenFile::map_index)
            .map_err(failure::from_code)?;
        Ok(words.map(|words| {
            Self(MappedHeader {
                words,
                connection: Mutex::new(connection),
            })
        }))
    }

    /// Syncs the log and then the file to the disk, through the connection's own files. Opening and closing
    /// the file would release the locks that this process holds on it (`fcntl(2)`).
    pub(in crate::sqlite) fn sync(&self) -> rusqlite::Result<()> {
        let connection = self
            .0
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sync_file(OpenFile::log(&connection))?;
        sync_file(OpenFile::main(&connection))
    }

    /// Reads the current header. Returns `None` if a commit is changing it at this moment.
    ///
    /// A commit writes the second copy, then a barrier, then the first copy. So if the first copy is read
    /// first and both are equal, they are one header and not parts of two.
    pub(in crate::sqlite) fn header(&self) -> Option<WalIndexHeader> {
        let first = self.0.copy(0);
        fence(Ordering::SeqCst);
        let second = self.0.copy(1);
        (first == second).then_some(first)
    }
}

/// Returns the header of the WAL index that `connection` uses, if there is one. A commit may be changing it.
pub(in crate::sqlite) fn index_header(connection: &Connection) -> Option<WalIndexHeader> {
    let words = OpenFile::main(connection)?.map_index().ok()??;
    Some(MappedHeader { words, connection }.copy(0))
}

/// The offset of the write version in a file's header, and its value in WAL mode: <https://www.sqlite.org/fileformat2.html>.
const WRITE_VERSION_OFFSET: u64 = 18;
const WRITE_VERSION_WAL: u8 = 2;

/// Returns `true` if the file that `connection` has open is in WAL mode.
pub(in crate::sqlite) fn is_in_wal_mode(connection: &Connection) -> bool {
    let file = OpenFile::main(connection);
    let version = file.and_then(|file| file.read_array(WRITE_VERSION_OFFSET));
    version == Some([WRITE_VERSION_WAL])
}

fn sync_file(file: Option<OpenFile<'_>>) -> rusqlite::Result<()> {
    file.map_or(Ok(()), OpenFile::sync)
        .map_err(failure::from_code)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sqlite::connection::hooked_connection::HookedConnection;

    const PUT: &str = "INSERT INTO t VALUES (randomblob(20))";

    fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (x)")
            .unwrap();
        connection
    }

    struct File {
        _folder: tempfile::TempDir,
        writer: HookedConnection,
        other: Connection,
        index: WalIndex,
    }

    impl File {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.db");
            let file = Self {
                writer: HookedConnection::writer(open(&path), u64::MAX).unwrap(),
                other: open(&path),
                index: WalIndex::new(open(&path)).unwrap().unwrap(),
                _folder: folder,
            };
            file.commit(PUT);
            file
        }

        /// Commits, and returns the headers before and after, and the number of frames.
        fn commit(&self, sql: &str) -> (WalIndexHeader, WalIndexHeader, u32) {
            let before = self.index.header().unwrap();
            self.writer.forget_commit();
            self.writer.get().execute_batch(sql).unwrap();
            let frames = self.writer.committed_frames();
            (before, self.index.header().unwrap(), frames)
        }
    }

    #[test]
    fn a_commit_is_distinguished_from_another_ones() {
        let file = File::new();
        let (before, after, frames) = file.commit(PUT);
        assert!(after.is_by_commit(&before, frames));
        assert!(!after.is_by_commit(&before, frames + 1));
        file.other.execute_batch(PUT).unwrap();
        let later = file.index.header().unwrap();
        assert!(!later.is_by_commit(&before, frames));
    }

    #[test]
    fn the_header_counts_the_frames() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("t.db")).unwrap();
        assert!(index_header(&connection).is_none_or(|header| header.frames() == 0));
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
            .unwrap();
        assert!(index_header(&connection).unwrap().frames() > 0);
    }

    #[test]
    fn a_file_without_a_log_has_no_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        for mode in ["DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"] {
            let connection = Connection::open(&path).unwrap();
            let sql = format!("PRAGMA journal_mode = {mode}; CREATE TABLE t_{mode} (x)");
            connection.execute_batch(&sql).unwrap();
            let another = Connection::open(&path).unwrap();
            assert!(WalIndex::new(another).unwrap().is_none(), "{mode}");
        }
        assert!(!folder.path().join("t.db-shm").exists());
    }

    #[test]
    fn the_mode_of_a_file_is_in_its_header() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, is_log) in [("WAL", true), ("DELETE", false)] {
            let connection = Connection::open(folder.path().join(mode)).unwrap();
            assert!(!is_in_wal_mode(&connection), "an empty file");
            let sql = format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (x)");
            connection.execute_batch(&sql).unwrap();
            connection
                .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
                .unwrap();
            assert_eq!(is_in_wal_mode(&connection), is_log);
        }
    }

    #[test]
    fn a_commit_of_nothing_has_no_frames() {
        let file = File::new();
        let (before, after, frames) = file.commit("BEGIN IMMEDIATE; COMMIT");
        assert_eq!((before, frames), (after, 0));
        assert!(!after.is_by_commit(&before, frames));
    }

    #[test]
    fn a_commit_that_restarts_the_log_is_recognized() {
        let file = File::new();
        for _ in 0..20 {
            file.commit(PUT);
        }
        let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
        file.other.query_one(checkpoint, [], |_| Ok(())).unwrap();
        let (before, after, frames) = file.commit(PUT);
        assert!(frames < before.0[4], "the log was not restarted");
        assert!(after.is_by_commit(&before, frames));
        // Another connection restarts the log too, perhaps with as many frames.
        file.other.query_one(checkpoint, [], |_| Ok(())).unwrap();
        file.other.execute_batch(PUT).unwrap();
        let later = file.index.header().unwrap();
        for frames in 0..8 {
            assert!(!later.is_by_commit(&before, frames), "{frames} frames");
        }
    }
}
