//! What SQLite offers and rusqlite does not wrap: the head of the shared-memory index of a file, and
//! the last inserted rowid.
//!
//! This module is about nothing but calling SQLite's C interface.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, ffi};

use crate::sqlite::connection::failure;
use crate::sqlite::connection::open_file::OpenFile;

/// Number of 32-bit words in SQLite's `WalIndexHdr`, of which the index holds two copies.
pub(in crate::sqlite) const HEADER_WORDS: usize = 12;

/// The state of a vault: equal headers mean that nothing was committed in between.
///
/// It is a copy of the write-ahead log's index header, which every commit by every
/// connection of every process changes: <https://www.sqlite.org/walformat.html#the_wal_index_header>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct WalIndexHeader(pub(in crate::sqlite) [u32; HEADER_WORDS]);

impl WalIndexHeader {
    /// The header as its words.
    pub(in crate::sqlite) const fn words(&self) -> &[u32; HEADER_WORDS] {
        &self.0
    }

    /// The number of frames in the log.
    pub(in crate::sqlite) const fn frames(&self) -> u32 {
        let [_, _, _, _, frames, ..] = self.0;
        frames
    }

    /// The running checksum that the last frame of the log ends with.
    pub(in crate::sqlite) const fn frame_checksum(&self) -> (u32, u32) {
        let [_, _, _, _, _, _, first, second, ..] = self.0;
        (first, second)
    }

    /// True if `self` is what one commit has made of `before`, the header when its transaction began, and
    /// nobody has committed since. `frames` is what SQLite said of the log after that commit.
    ///
    /// A log only grows until it is begun anew, which adds one to its first salt. So a commit ends with
    /// more frames than there were, or has begun the log anew; and in either the same log with the
    /// same number of frames holds nothing else. The number of commits (`iChange`) would not do: a log
    /// that is recovered, after a process was killed, counts them from zero again.
    pub(in crate::sqlite) fn is_by_commit(&self, before: &Self, frames: u32) -> bool {
        let [_, _, _, _, then, _, _, _, old_first, old_second, ..] = before.0;
        let [_, _, _, _, now, _, _, _, first, second, ..] = self.0;
        let is_same_log = (first, second) == (old_first, old_second);
        let is_next_log = u32::from_be(first) == u32::from_be(old_first).wrapping_add(1);
        let had_begun_anew = frames <= then;
        now == frames
            && frames > 0
            && if had_begun_anew {
                is_next_log
            } else {
                is_same_log
            }
    }
}

/// The live header, in memory that every connection to the file shares.
///
/// It has a connection of its own, which does nothing but keep that memory mapped, the file in
/// WAL mode, and both files open for a sync.
#[derive(Debug)]
pub(in crate::sqlite) struct WalIndex {
    words: NonNull<AtomicU32>,
    connection: Mutex<Connection>,
}

// SAFETY: the words are only read, as atomics, and the mapping they lie in is shared memory
// that does not belong to a thread; a connection may move between threads.
unsafe impl Send for WalIndex {}
// SAFETY: concurrent atomic reads need no exclusion, and the connection is behind a lock.
unsafe impl Sync for WalIndex {}

impl WalIndex {
    /// Finds the index of the file that `connection` has open.
    ///
    /// `None` when the file is not in WAL mode, and when nobody who can write has the index open while
    /// this process cannot write it: SQLite then reads the log by itself, and nothing is shared.
    pub(in crate::sqlite) fn new(connection: Connection) -> rusqlite::Result<Option<Self>> {
        // A connection opens the log and its index when it first reads, which this does without
        // reading the schema. A journal that is not a log is open only while something is written.
        connection.query_one("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))?;
        if OpenFile::log(&connection).is_none() {
            return Ok(None);
        }
        let words = OpenFile::main(&connection)
            .ok_or(ffi::SQLITE_IOERR_SHMMAP)
            .and_then(OpenFile::index)
            .map_err(failure::from_code)?;
        Ok(words.map(|words| Self {
            words,
            connection: Mutex::new(connection),
        }))
    }

    /// Syncs the log and then the file to the disk.
    ///
    /// It goes through SQLite's own handles: opening and closing the file once more would
    /// drop the locks that this process holds on it (`fcntl(2)`).
    pub(in crate::sqlite) fn sync(&self) -> rusqlite::Result<()> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sync_file(OpenFile::log(&connection))?;
        sync_file(OpenFile::main(&connection))
    }

    /// The header as it is now, or `None` if a commit is changing it this instant.
    ///
    /// A committer writes the second copy, a barrier, then the first: two equal copies, the
    /// first read first, are one header and not parts of two.
    pub(in crate::sqlite) fn header(&self) -> Option<WalIndexHeader> {
        let first = self.copy(0);
        fence(Ordering::SeqCst);
        let second = self.copy(HEADER_WORDS);
        (first == second).then_some(WalIndexHeader(first))
    }

    fn copy(&self, offset: usize) -> [u32; HEADER_WORDS] {
        std::array::from_fn(|word| {
            // SAFETY: both copies lie within the first 96 bytes of a region of 32 KiB, aligned
            // for u32, which stays mapped while the connection is open in WAL mode: `self` owns
            // the connection, and nobody can leave WAL mode while it is there. The mapping may
            // be read-only, which a relaxed load of 32 bits allows.
            unsafe { self.words.add(offset + word).as_ref() }.load(Ordering::Relaxed)
        })
    }
}

/// Where a file says how it is written, and the answer for a log: <https://www.sqlite.org/fileformat2.html>.
const WRITE_VERSION_OFFSET: u64 = 18;
const WRITE_VERSION_LOG: u8 = 2;

/// True if the file that `connection` has open is in WAL mode.
pub(in crate::sqlite) fn is_in_wal_mode(connection: &Connection) -> bool {
    let file = OpenFile::main(connection);
    let version = file.and_then(|file| file.read_array(WRITE_VERSION_OFFSET));
    version == Some([WRITE_VERSION_LOG])
}

fn sync_file(file: Option<OpenFile<'_>>) -> rusqlite::Result<()> {
    file.map_or(Ok(()), OpenFile::sync)
        .map_err(failure::from_code)
}

/// A rowid that SQLite never chooses: a new one is 1, or more than another one.
const NO_ROWID: i64 = i64::MIN;

/// Forgets the last inserted rowid, so that the next statement shows whether it inserted.
pub(in crate::sqlite) fn forget_last_insert(connection: &Connection) {
    // SAFETY: the handle is that of a live connection, which `&Connection` (not `Sync`)
    // keeps from being used by another thread meanwhile.
    unsafe { ffi::sqlite3_set_last_insert_rowid(connection.handle(), NO_ROWID) }
}

/// The rowid that SQLite chose since [`forget_last_insert`], if it inserted a row.
pub(in crate::sqlite) fn last_insert(connection: &Connection) -> Option<i64> {
    let rowid = connection.last_insert_rowid();
    (rowid != NO_ROWID).then_some(rowid)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sqlite::write::checkpoint::Watched;

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
        writer: Watched,
        other: Connection,
        index: WalIndex,
    }

    impl File {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.db");
            let file = Self {
                writer: Watched::writer(open(&path), u64::MAX).unwrap(),
                other: open(&path),
                index: WalIndex::new(open(&path)).unwrap().unwrap(),
                _folder: folder,
            };
            file.commit(PUT);
            file
        }

        /// The headers before and after a commit, and the frames after it.
        fn commit(&self, sql: &str) -> (WalIndexHeader, WalIndexHeader, u32) {
            let before = self.index.header().unwrap();
            self.writer.forget_commit();
            self.writer.connection().execute_batch(sql).unwrap();
            let frames = self.writer.committed_frames();
            (before, self.index.header().unwrap(), frames)
        }
    }

    #[test]
    fn a_commit_is_told_from_that_of_another() {
        let file = File::new();
        let (before, after, frames) = file.commit(PUT);
        assert!(after.is_by_commit(&before, frames));
        assert!(!after.is_by_commit(&before, frames + 1));
        file.other.execute_batch(PUT).unwrap();
        let later = file.index.header().unwrap();
        assert!(!later.is_by_commit(&before, frames));
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
    fn the_mode_of_a_file_is_in_its_head() {
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
    fn a_commit_that_begins_the_log_anew_is_known() {
        let file = File::new();
        for _ in 0..20 {
            file.commit(PUT);
        }
        let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
        file.other.query_one(checkpoint, [], |_| Ok(())).unwrap();
        let (before, after, frames) = file.commit(PUT);
        assert!(frames < before.0[4], "the log was not begun anew");
        assert!(after.is_by_commit(&before, frames));
        // Once more, by another: the log has as many frames as after ours, perhaps, but is not ours.
        file.other.query_one(checkpoint, [], |_| Ok(())).unwrap();
        file.other.execute_batch(PUT).unwrap();
        let later = file.index.header().unwrap();
        for frames in 0..8 {
            assert!(!later.is_by_commit(&before, frames), "{frames} frames");
        }
    }
}
