//! A connection with hooks that keep the write-ahead log below its size limit.
//!
//! After a commit, a checkpoint copies the log to the file as far as readers allow, without waiting, as
//! SQLite itself does. That alone does not bound the log: a writer restarts it only at a moment when no
//! reader uses it and no other checkpoint runs, and readers that overlap leave no such moment. Therefore a
//! write that finds the log at its limit holds the write lock and waits for those readers before it begins
//! (`RESTART`, <https://www.sqlite.org/c3ref/wal_checkpoint_v2.html>).

use std::cell::{Cell, OnceCell};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::engine::{Deadline, lock};

/// The length of the log at which a commit runs a checkpoint: SQLite's own default
/// (<https://www.sqlite.org/wal.html#automatic_checkpoint>).
const CHECKPOINT_FRAMES: u32 = 1000;

/// The parts of a log: <https://www.sqlite.org/walformat.html>.
const LOG_HEADER_BYTES: u64 = 32;
const FRAME_HEADER_BYTES: u64 = 24;

/// SQLite's default. It is assumed if the size of a page cannot be read; the write that follows returns the
/// reason.
const DEFAULT_PAGE_BYTES: u64 = 4096;

/// After a wait in vain, the pause until the next wait is at most this many times as long.
const LONGEST_PAUSE_FACTOR: u32 = 64;

/// The shortest and the longest time that SQLite waits for readers at a time.
const SHORTEST_ROUND: Duration = Duration::from_millis(1);
const LONGEST_ROUND: Duration = Duration::from_millis(64);

/// What SQLite returns instead of a number of frames if it has not read the log.
const NOT_KNOWN: i64 = -1;

/// A connection and, if it is written to, its hooks.
pub(in crate::sqlite) struct HookedConnection {
    connection: Connection,
    hook: Option<WalHook>,
}

struct WalHook {
    lengths: Arc<Lengths>,
    limit_bytes: u64,
    limit_frames: OnceCell<u32>,
    /// The deadline that the busy handler of the connection uses. Set only while the log is being restarted.
    waiting: Arc<Mutex<Option<Deadline>>>,
    vain_wait: Cell<Option<VainWait>>,
}

/// Numbers of frames in the log after commits.
#[derive(Debug, Default)]
struct Lengths {
    /// After the last commit, or zero if it had nothing to write.
    committed: AtomicU32,
    /// After the newest commit that wrote something.
    newest: AtomicU32,
}

/// A wait for readers that was in vain.
#[derive(Clone, Copy, Debug)]
struct VainWait {
    /// The number of frames that could be copied to the file, which the slowest reader determines.
    copied: i64,
    waited: Duration,
    /// How long no other write waits.
    pause: Duration,
    at: Instant,
}

/// The result of restarting the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restart {
    Done,
    /// A reader or another checkpoint prevented it, and this many frames are copied to the file.
    Busy {
        copied: i64,
    },
}

impl HookedConnection {
    /// Returns a connection for reading, without hooks.
    pub(in crate::sqlite) const fn reader(connection: Connection) -> Self {
        Self {
            connection,
            hook: None,
        }
    }

    /// Returns a connection for writing, whose commits keep the log short.
    pub(in crate::sqlite) fn writer(
        mut connection: Connection,
        log_size_limit: u64,
    ) -> rusqlite::Result<Self> {
        // A log that has outgrown the limit is truncated when it is restarted.
        let limit = i64::try_from(log_size_limit).unwrap_or(i64::MAX);
        connection.pragma_update_and_check(None, "journal_size_limit", limit, |_| Ok(()))?;
        let lengths = Arc::new(Lengths::default());
        let of_hook = Arc::clone(&lengths);
        connection.wal_hook(Some(move |wal: &mut Wal, frames: i32| {
            of_hook.note(frames.unsigned_abs());
            if frames.unsigned_abs() >= CHECKPOINT_FRAMES {
                // The commit stands even if this fails, and the next commit tries again.
                wal.checkpoint().ok();
            }
            Ok(())
        }))?;
        let waiting = Arc::new(Mutex::new(None::<Deadline>));
        let handler = Arc::clone(&waiting);
        connection.busy_handler(Some(move |_| {
            lock(&handler).as_mut().is_some_and(Deadline::sleep)
        }))?;
        Ok(Self {
            connection,
            hook: Some(WalHook {
                lengths,
                limit_bytes: log_size_limit,
                limit_frames: OnceCell::new(),
                waiting,
                vain_wait: Cell::new(None),
            }),
        })
    }

    pub(in crate::sqlite) const fn get(&self) -> &Connection {
        &self.connection
    }

    /// Forgets the last commit.
    pub(in crate::sqlite) fn forget_commit(&self) {
        if let Some(hook) = &self.hook {
            hook.lengths.committed.store(0, Ordering::Relaxed);
        }
    }

    /// Returns the number of frames after the last commit, or zero if it had nothing to write.
    pub(in crate::sqlite) fn committed_frames(&self) -> u32 {
        let lengths = self.hook.as_ref().map(|hook| &hook.lengths);
        lengths.map_or(0, |lengths| lengths.committed.load(Ordering::Relaxed))
    }

    /// Returns `true` if the log had reached its limit after the newest commit of this connection.
    #[inline]
    pub(in crate::sqlite) fn is_log_full(&self) -> bool {
        self.hook.as_ref().is_some_and(|hook| {
            let newest = hook.lengths.newest.load(Ordering::Relaxed);
            newest > 0 && newest >= hook.limit_frames(&self.connection)
        })
    }

    /// Runs a checkpoint after which the next write restarts the log. Waits for readers for at most `wait`, but
    /// not again for a reader that has outlasted such a wait.
    ///
    /// If the log cannot be restarted, it grows. A write is not refused for that.
    #[cold]
    pub(in crate::sqlite) fn restart_log(&self, wait: Duration) {
        let Some(hook) = &self.hook else {
            return;
        };
        let mut restart = hook.restart(&self.connection, Duration::ZERO);
        if let Restart::Busy { copied } = restart
            && hook.is_worth_waiting(copied, wait)
        {
            let start = Instant::now();
            restart = hook.restart(&self.connection, wait);
            hook.note_wait(restart, start.elapsed());
        }
        if restart == Restart::Done {
            hook.vain_wait.set(None);
            hook.lengths.newest.store(0, Ordering::Relaxed);
        }
    }

    /// Closes the connection, or gives it back with the error.
    pub(in crate::sqlite) fn close(self) -> Result<(), Box<(Self, rusqlite::Error)>> {
        let Self { connection, hook } = self;
        connection
            .close()
            .map_err(|(connection, error)| Box::new((Self { connection, hook }, error)))
    }
}

impl Lengths {
    fn note(&self, frames: u32) {
        self.committed.store(frames, Ordering::Relaxed);
        self.newest.store(frames, Ordering::Relaxed);
    }
}

impl WalHook {
    /// Returns the number of frames at which the log has reached its limit.
    #[inline]
    fn limit_frames(&self, connection: &Connection) -> u32 {
        *self.limit_frames.get_or_init(|| {
            let page = connection.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0));
            let page = page.map_or(DEFAULT_PAGE_BYTES, i64::unsigned_abs);
            let room = self.limit_bytes.saturating_sub(LOG_HEADER_BYTES);
            u32::try_from(room.div_ceil(page + FRAME_HEADER_BYTES)).unwrap_or(u32::MAX)
        })
    }

    /// Runs a checkpoint and waits until no reader uses the log, in rounds that become longer.
    ///
    /// One long round would not do. SQLite decides once for which readers it waits, by the five read marks that
    /// all readers share. New readers may reuse a mark that it waits for, although they read the newest state
    /// and do not prevent the restart, and it would wait for all of those too.
    fn restart(&self, connection: &Connection, wait: Duration) -> Restart {
        let mut deadline = Deadline::new(wait);
        let mut round = SHORTEST_ROUND;
        loop {
            *lock(&self.waiting) = Some(Deadline::new(round.min(deadline.remaining())));
            // The method of rusqlite would not return the number of frames if a reader prevents the restart.
            let result = connection.query_one("PRAGMA wal_checkpoint(RESTART)", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(2)?))
            });
            *lock(&self.waiting) = None;
            // If something is wrong with the file, the write that follows returns it.
            let (busy, copied) = result.unwrap_or((1, NOT_KNOWN));
            if busy == 0 {
                return Restart::Done;
            }
            // Another checkpoint runs, and SQLite does not wait for its end.
            let is_over = if copied == NOT_KNOWN {
                !deadline.sleep()
            } else {
                deadline.remaining().is_zero()
            };
            if is_over {
                return Restart::Busy { copied };
            }
            round = (round * 2).min(LONGEST_ROUND);
        }
    }

    /// Returns `false` if `wait` would be for a reader that has outlasted such a wait, or comes too soon after a
    /// wait in vain.
    fn is_worth_waiting(&self, copied: i64, wait: Duration) -> bool {
        let is_news = |vain_wait: VainWait| {
            let is_other = vain_wait.copied != copied || wait > vain_wait.waited * 2;
            is_other && vain_wait.at.elapsed() >= vain_wait.pause
        };
        !wait.is_zero() && self.vain_wait.get().is_none_or(is_news)
    }

    fn note_wait(&self, restart: Restart, waited: Duration) {
        let Restart::Busy { copied } = restart else {
            return;
        };
        let pause = self.vain_wait.get().map_or(waited, |before| {
            (before.pause * 2).clamp(waited, waited * LONGEST_PAUSE_FACTOR)
        });
        self.vain_wait.set(Some(VainWait {
            copied,
            waited,
            pause,
            at: Instant::now(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::AtomicBool;

    use super::*;

    const PUT: &str = "INSERT INTO t VALUES (randomblob(20))";
    const SHORT: Duration = Duration::from_millis(5);

    struct File {
        path: PathBuf,
        writer: HookedConnection,
        _folder: tempfile::TempDir,
    }

    fn connect(path: &Path) -> Connection {
        Connection::open(path).unwrap()
    }

    impl File {
        fn new(log_size_limit: u64) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.db");
            let connection = connect(&path);
            connection
                .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
                .unwrap();
            Self {
                writer: HookedConnection::writer(connection, log_size_limit).unwrap(),
                path,
                _folder: folder,
            }
        }

        /// Commits, and returns the number of frames after it.
        fn put(&self) -> u32 {
            self.writer.forget_commit();
            self.writer.get().execute_batch(PUT).unwrap();
            self.writer.committed_frames()
        }

        /// Returns a reader of the newest state.
        fn reader(&self) -> Connection {
            let reader = connect(&self.path);
            reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
            reader
        }

        fn vain_wait(&self) -> Option<VainWait> {
            self.writer.hook.as_ref().unwrap().vain_wait.get()
        }
    }

    fn until_over(vain_wait: VainWait) {
        while vain_wait.at.elapsed() < vain_wait.pause {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_log_is_copied_as_by_sqlite_itself() {
        let file = File::new(u64::MAX);
        let (mut longest, mut restarts, mut before) = (0, 0, 0);
        for _ in 0..3 * 600 {
            let frames = file.put();
            longest = longest.max(frames);
            restarts += u32::from(frames < before);
            before = frames;
        }
        let limit = CHECKPOINT_FRAMES;
        assert!((limit..limit + 50).contains(&longest), "{longest} frames");
        assert!(restarts >= 1);
        assert!(!file.writer.is_log_full());
    }

    #[test]
    fn a_full_log_is_restarted() {
        let file = File::new(20 * (4096 + 24));
        assert!(!file.writer.is_log_full());
        while !file.writer.is_log_full() {
            assert!(file.put() <= 21);
        }
        file.writer.restart_log(Duration::ZERO);
        assert!(!file.writer.is_log_full());
        assert!(file.put() < 5);
    }

    #[test]
    fn a_reader_that_has_outlasted_a_wait_is_not_waited_for_again() {
        let file = File::new(0);
        file.put();
        let reader = file.reader();
        file.put();
        file.writer.restart_log(SHORT);
        let first = file.vain_wait().expect("the reader is there");
        assert!(first.waited >= SHORT);
        for _ in 0..10 {
            file.put();
            assert!(file.writer.is_log_full());
            // It returns at once. Otherwise the test would take as long.
            file.writer.restart_log(first.waited * 2);
            assert_eq!(file.vain_wait().unwrap().at, first.at);
        }
        // A write with much more time waits again, because the reader may end.
        until_over(first);
        file.writer.restart_log(first.waited * 3);
        let second = file.vain_wait().unwrap();
        assert!(second.at > first.at && second.pause >= first.pause * 2);
        drop(reader);
        file.writer.restart_log(Duration::ZERO);
        assert!(file.vain_wait().is_none());
        assert!(file.put() < 5);
    }

    #[test]
    fn another_reader_is_waited_for_when_the_pause_is_over() {
        let file = File::new(0);
        file.put();
        let first = file.reader();
        file.put();
        file.writer.restart_log(SHORT);
        let vain_wait = file.vain_wait().unwrap();
        let second = file.reader();
        file.put();
        drop(first);
        until_over(vain_wait);
        file.writer.restart_log(SHORT);
        assert!(file.vain_wait().unwrap().at > vain_wait.at);
        drop(second);
    }

    #[test]
    fn another_checkpoint_is_waited_for() {
        let file = File::new(0);
        file.put();
        // A checkpoint that waits for a reader, in another connection, until the reader ends.
        let reader = file.reader();
        file.put();
        let path = file.path.clone();
        let other = std::thread::spawn(move || {
            let other = connect(&path);
            other.busy_timeout(Duration::from_secs(60)).unwrap();
            other.query_one("PRAGMA wal_checkpoint(RESTART)", [], |row| {
                row.get::<_, i64>(0)
            })
        });
        std::thread::scope(|scope| {
            scope.spawn(|| drop(reader));
            file.writer.restart_log(Duration::from_secs(60));
        });
        assert!(file.vain_wait().is_none());
        // The checkpoint of the writer may have come first.
        other.join().unwrap().unwrap();
        assert!(file.put() < 5);
    }

    /// Reads without a gap: each read begins before the previous one has ended.
    fn read_without_a_gap(path: &Path, stop: &AtomicBool) {
        let mut readers = [connect(path), connect(path)];
        let begin = |reader: &Connection| {
            reader
                .execute_batch("BEGIN; SELECT count(*) FROM t")
                .unwrap();
        };
        begin(&readers[0]);
        while !stop.load(Ordering::Relaxed) {
            begin(&readers[1]);
            std::thread::sleep(Duration::from_micros(500));
            readers[0].execute_batch("COMMIT").unwrap();
            readers.swap(0, 1);
        }
    }

    #[test]
    fn readers_that_overlap_are_waited_for() {
        let file = File::new(20 * (4096 + 24));
        file.put();
        let stop = AtomicBool::new(false);
        let greatest = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| read_without_a_gap(&file.path, &stop));
            }
            let mut greatest = 0;
            for _ in 0..400 {
                if file.writer.is_log_full() {
                    file.writer.restart_log(Duration::from_secs(60));
                }
                greatest = greatest.max(file.put());
            }
            stop.store(true, Ordering::Relaxed);
            greatest
        });
        assert!(file.vain_wait().is_none());
        // A reader may take a mark that was copied just before the restart.
        assert!(greatest <= 20 + 10, "{greatest} frames");
    }
}
