//! The write-ahead log: written back to the file as it grows, and kept below its size limit.
//!
//! After a commit the log is written back as far as readers allow, without waiting, as SQLite
//! itself does. That bounds nothing: a writer begins the log anew only in a moment in which no
//! reader uses it and nobody else writes it back, and readers that overlap leave none. So the
//! write that finds the log at its limit holds the write lock and waits for those readers
//! before it begins (`RESTART`, <https://www.sqlite.org/c3ref/wal_checkpoint_v2.html>).

use std::cell::{Cell, OnceCell};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::engine::{Deadline, lock};

/// How long the log gets before a commit writes it back: SQLite's own default
/// (<https://www.sqlite.org/wal.html#automatic_checkpoint>).
const CHECKPOINT_FRAMES: u32 = 1000;

/// The parts of a log: <https://www.sqlite.org/walformat.html>.
const LOG_HEADER_BYTES: u64 = 32;
const FRAME_HEADER_BYTES: u64 = 24;

/// SQLite's default. It is assumed where the size of a page cannot be read: the write that follows
/// meets the reason.
const DEFAULT_PAGE_BYTES: u64 = 4096;

/// After a wait in vain nobody waits again for this many times as long, at most.
const LONGEST_PAUSE_FACTOR: u32 = 64;

/// How long SQLite waits for readers at a time.
const SHORTEST_ROUND: Duration = Duration::from_millis(1);
const LONGEST_ROUND: Duration = Duration::from_millis(64);

/// What SQLite says instead of a number of frames when it has not looked at the log.
const NOT_KNOWN: i64 = -1;

/// A connection, and what it knows of the log if it is written to.
pub(in crate::sqlite) struct HookedConnection {
    connection: Connection,
    log: Option<WalHook>,
}

struct WalHook {
    lengths: Arc<Lengths>,
    limit_bytes: u64,
    limit_frames: OnceCell<u32>,
    /// What the connection's busy handler asks: set only while the log is being begun anew.
    waiting: Arc<Mutex<Option<Deadline>>>,
    refusal: Cell<Option<Refusal>>,
}

/// Numbers of frames in the log, as a commit has found them.
#[derive(Debug, Default)]
struct Lengths {
    /// After the commit that was watched last; zero if it had nothing to write.
    committed: AtomicU32,
    /// After the newest commit that wrote something.
    newest: AtomicU32,
}

/// A wait for readers that was in vain.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    /// How many frames could be written back: as many as the reader that was waited for allows.
    written_back: i64,
    waited: Duration,
    /// How long nobody waits again.
    pause: Duration,
    at: Instant,
}

/// What came of beginning the log anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restart {
    Done,
    /// A reader, or another checkpoint, was in the way, and this many frames are written back.
    Busy {
        written_back: i64,
    },
}

impl HookedConnection {
    /// A connection that is only read from.
    pub(in crate::sqlite) const fn reader(connection: Connection) -> Self {
        Self {
            connection,
            log: None,
        }
    }

    /// A connection that is written to: its commits are watched, and keep the log short.
    pub(in crate::sqlite) fn writer(
        mut connection: Connection,
        log_size_limit: u64,
    ) -> rusqlite::Result<Self> {
        // A log that has outgrown the limit is cut when it is begun anew.
        let limit = i64::try_from(log_size_limit).unwrap_or(i64::MAX);
        connection.pragma_update_and_check(None, "journal_size_limit", limit, |_| Ok(()))?;
        let lengths = Arc::new(Lengths::default());
        let hook = Arc::clone(&lengths);
        connection.wal_hook(Some(move |wal: &mut Wal, frames: i32| {
            hook.note(frames.unsigned_abs());
            if frames.unsigned_abs() >= CHECKPOINT_FRAMES {
                // The commit stands whatever comes of this, and the next one tries again.
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
            log: Some(WalHook {
                lengths,
                limit_bytes: log_size_limit,
                limit_frames: OnceCell::new(),
                waiting,
                refusal: Cell::new(None),
            }),
        })
    }

    pub(in crate::sqlite) const fn get(&self) -> &Connection {
        &self.connection
    }

    /// Forgets the last commit.
    pub(in crate::sqlite) fn forget_commit(&self) {
        if let Some(log) = &self.log {
            log.lengths.committed.store(0, Ordering::Relaxed);
        }
    }

    /// The number of frames after the last commit; zero if it had nothing to write.
    pub(in crate::sqlite) fn committed_frames(&self) -> u32 {
        let lengths = self.log.as_ref().map(|log| &log.lengths);
        lengths.map_or(0, |lengths| lengths.committed.load(Ordering::Relaxed))
    }

    /// True if the log had reached its limit after the newest commit of this connection.
    #[inline]
    pub(in crate::sqlite) fn is_log_full(&self) -> bool {
        self.log.as_ref().is_some_and(|log| {
            let newest = log.lengths.newest.load(Ordering::Relaxed);
            newest > 0 && newest >= log.limit_frames(&self.connection)
        })
    }

    /// Writes the log back and lets the next write begin it anew, waiting for readers for at most
    /// `wait`. A reader that has outlasted such a wait is not waited for again.
    ///
    /// A log that cannot be begun anew grows: that is no reason to refuse a write.
    #[cold]
    pub(in crate::sqlite) fn restart_log(&self, wait: Duration) {
        let Some(log) = &self.log else {
            return;
        };
        let mut restart = log.restart(&self.connection, Duration::ZERO);
        if let Restart::Busy { written_back } = restart
            && log.is_worth_waiting(written_back, wait)
        {
            let start = Instant::now();
            restart = log.restart(&self.connection, wait);
            log.note_wait(restart, start.elapsed());
        }
        if restart == Restart::Done {
            log.refusal.set(None);
            log.lengths.newest.store(0, Ordering::Relaxed);
        }
    }

    pub(in crate::sqlite) fn close(self) -> rusqlite::Result<()> {
        self.connection.close().map_err(|(_, error)| error)
    }
}

impl Lengths {
    fn note(&self, frames: u32) {
        self.committed.store(frames, Ordering::Relaxed);
        self.newest.store(frames, Ordering::Relaxed);
    }
}

impl WalHook {
    /// With how many frames the log has reached its limit.
    #[inline]
    fn limit_frames(&self, connection: &Connection) -> u32 {
        *self.limit_frames.get_or_init(|| {
            let page = connection.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0));
            let page = page.map_or(DEFAULT_PAGE_BYTES, i64::unsigned_abs);
            let room = self.limit_bytes.saturating_sub(LOG_HEADER_BYTES);
            u32::try_from(room.div_ceil(page + FRAME_HEADER_BYTES)).unwrap_or(u32::MAX)
        })
    }

    /// Writes the log back and waits until nobody reads from it, in rounds that become longer.
    ///
    /// Not in one: SQLite decides once for which readers it waits, by the five marks that all
    /// readers share. New readers may come to use a mark that it waits for, although they are of
    /// the newest state and would be in nobody's way, and it would wait for all of those too.
    fn restart(&self, connection: &Connection, wait: Duration) -> Restart {
        let mut deadline = Deadline::new(wait);
        let mut round = SHORTEST_ROUND;
        loop {
            *lock(&self.waiting) = Some(Deadline::new(round.min(deadline.remaining())));
            // A method would not tell how many frames are written back when somebody is in the way.
            let result = connection.query_one("PRAGMA wal_checkpoint(RESTART)", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(2)?))
            });
            *lock(&self.waiting) = None;
            // The write that follows meets what is wrong, if it is in its way.
            let (busy, written_back) = result.unwrap_or((1, NOT_KNOWN));
            if busy == 0 {
                return Restart::Done;
            }
            // Another checkpoint runs: SQLite does not wait for its end.
            let is_over = if written_back == NOT_KNOWN {
                !deadline.sleep()
            } else {
                deadline.remaining().is_zero()
            };
            if is_over {
                return Restart::Busy { written_back };
            }
            round = (round * 2).min(LONGEST_ROUND);
        }
    }

    /// False if `wait` would be for a reader that has outlasted such a wait, or comes too soon
    /// after one in vain.
    fn is_worth_waiting(&self, written_back: i64, wait: Duration) -> bool {
        let is_news = |refusal: Refusal| {
            let is_other = refusal.written_back != written_back || wait > refusal.waited * 2;
            is_other && refusal.at.elapsed() >= refusal.pause
        };
        !wait.is_zero() && self.refusal.get().is_none_or(is_news)
    }

    fn note_wait(&self, restart: Restart, waited: Duration) {
        let Restart::Busy { written_back } = restart else {
            return;
        };
        let pause = self.refusal.get().map_or(waited, |before| {
            (before.pause * 2).clamp(waited, waited * LONGEST_PAUSE_FACTOR)
        });
        self.refusal.set(Some(Refusal {
            written_back,
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

        /// The number of frames after one more commit.
        fn put(&self) -> u32 {
            self.writer.forget_commit();
            self.writer.get().execute_batch(PUT).unwrap();
            self.writer.committed_frames()
        }

        /// A reader of the newest state, until it is dropped.
        fn reader(&self) -> Connection {
            let reader = connect(&self.path);
            reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
            reader
        }

        fn refusal(&self) -> Option<Refusal> {
            self.writer.log.as_ref().unwrap().refusal.get()
        }
    }

    fn until_over(refusal: Refusal) {
        while refusal.at.elapsed() < refusal.pause {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_log_is_written_back_as_by_sqlite_itself() {
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
    fn a_full_log_is_begun_anew() {
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
        let first = file.refusal().expect("the reader is there");
        assert!(first.waited >= SHORT);
        for _ in 0..10 {
            file.put();
            assert!(file.writer.is_log_full());
            // At once, or the test would take as long.
            file.writer.restart_log(first.waited * 2);
            assert_eq!(file.refusal().unwrap().at, first.at);
        }
        // Whoever has much more time may find that the reader ends.
        until_over(first);
        file.writer.restart_log(first.waited * 3);
        let second = file.refusal().unwrap();
        assert!(second.at > first.at && second.pause >= first.pause * 2);
        drop(reader);
        file.writer.restart_log(Duration::ZERO);
        assert!(file.refusal().is_none());
        assert!(file.put() < 5);
    }

    #[test]
    fn another_reader_is_waited_for_when_the_pause_is_over() {
        let file = File::new(0);
        file.put();
        let first = file.reader();
        file.put();
        file.writer.restart_log(SHORT);
        let refusal = file.refusal().unwrap();
        let second = file.reader();
        file.put();
        drop(first);
        until_over(refusal);
        file.writer.restart_log(SHORT);
        assert!(file.refusal().unwrap().at > refusal.at);
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
            other.busy_timeout(Duration::from_mins(1)).unwrap();
            other.query_one("PRAGMA wal_checkpoint(RESTART)", [], |row| {
                row.get::<_, i64>(0)
            })
        });
        std::thread::scope(|scope| {
            scope.spawn(|| drop(reader));
            file.writer.restart_log(Duration::from_mins(1));
        });
        assert!(file.refusal().is_none());
        // Ours may have come first.
        other.join().unwrap().unwrap();
        assert!(file.put() < 5);
    }

    /// Reads without a gap: each read begins before the one before has ended.
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
                    file.writer.restart_log(Duration::from_mins(1));
                }
                greatest = greatest.max(file.put());
            }
            stop.store(true, Ordering::Relaxed);
            greatest
        });
        assert!(file.refusal().is_none());
        // A reader may take a mark that was written back just before the log was to begin anew.
        assert!(greatest <= 20 + 10, "{greatest} frames");
    }
}
