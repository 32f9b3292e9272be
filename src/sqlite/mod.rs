//! Bytes in one table of one SQLite file.
//!
//! This is the one place that names `rusqlite`, and it knows nothing of `K` and `V`: little
//! is compiled again for each pair of types, and another engine could stand in its place.
//!
//! One connection writes, behind a lock that knows its owner; a pool of connections reads. In
//! WAL mode readers never wait for the writer, and a read transaction keeps its state while
//! others commit.

mod coherence;
mod connection;
mod file_format;
mod fork;
mod maintenance;
mod memory;
mod moved;
mod names;
mod open;
mod read;
mod recovery;
mod replace;
mod trace;
mod view;
mod write;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

pub(crate) use crate::engine::{Columns, Direction, End};
pub(crate) use connection::row::{RawEntry, RawRow};
pub(crate) use connection::session::{Lookup, Session};
pub use open::config::Durability;
pub(crate) use open::config::{Config, Existence, Location};
pub(crate) use open::{ANY_TYPES, Ends, TypeCheck};
pub(crate) use read::{Cursor, Pages, ReadTransaction};
pub(crate) use recovery::page_scanner::{PageScanner, Recovered, RecoveredRow};
pub(crate) use replace::has_log;
pub(crate) use write::group::Change;
pub(crate) use write::load::Load;
pub(crate) use write::scope::Scope;
pub(crate) use write::transaction::{Savepoint, WriteTransaction};

use self::coherence::Coherence;
use self::connection::raw::WalIndexHeader;
use self::open::Opener;
use self::write::group::Work;
use crate::engine::Deadline;
use crate::engine::{DeferredErrors, FairMutex, Refusal};
use crate::error::{Error, Result};

/// How long a write waits for readers when the log is full, whatever the busy timeout.
const LONGEST_WAIT_FOR_READERS: Duration = Duration::from_secs(30);

/// How many connections for reading are kept open while nobody reads.
const MAX_IDLE_READERS: usize = 8;

/// An open vault, as bytes.
pub(crate) struct Store {
    opener: Opener,
    checksums: bool,
    /// Shows the state of the file, once it was asked for; not there where a file is not in WAL
    /// mode.
    coherence: OnceLock<Option<Coherence>>,
    readers: Mutex<Vec<Session>>,
    /// Every connection for reading holds a clone, to be counted.
    reader_token: Arc<()>,
    /// The threads that have begun a read transaction, once for each that lives.
    reading_threads: Mutex<Vec<ThreadId>>,
    /// The number of entries, and the state in which it was true.
    length: Mutex<Option<(WalIndexHeader, u64)>>,
    /// Errors of destructors, for calls that write to return.
    deferred: DeferredErrors,
    /// What [`fork::watch`] said when it was opened.
    forks: u32,
    /// The writer's connection; a read-only store keeps the one it was opened with. It is
    /// closed last, so that it is the one that empties the log.
    writer: FairMutex<Session, Work>,
}

impl Store {
    /// Opens a file or creates it, and checks that it is a vault.
    ///
    /// `check` looks at the first and the last entry: it knows the types. A file that is refused is
    /// left as it was.
    pub(crate) fn open(config: Config, check: TypeCheck<'_>) -> Result<Self> {
        let _span = trace::opening(config.given_path());
        let forks = fork::watch();
        let opener = Opener::new(config)?;
        let (session, checksums) = opener.open_first(check)?;
        Ok(Self {
            opener,
            checksums,
            coherence: OnceLock::new(),
            readers: Mutex::new(Vec::new()),
            reader_token: Arc::new(()),
            reading_threads: Mutex::new(Vec::new()),
            length: Mutex::new(None),
            deferred: DeferredErrors::default(),
            forks,
            writer: FairMutex::new(session),
        })
    }

    /// The absolute path, or `None` in memory.
    pub(crate) fn path(&self) -> Option<&Path> {
        (!self.opener.is_in_memory()).then_some(&*self.opener.path)
    }

    /// True if every value has a checksum.
    pub(crate) const fn has_checksums(&self) -> bool {
        self.checksums
    }

    /// The path, or what stands for it in an error.
    pub(crate) fn name(&self) -> &Path {
        self.path().unwrap_or(Path::new(":memory:"))
    }

    // ---- reading ------------------------------------------------------------------

    /// Reads outside a transaction: each statement sees the newest state.
    #[inline]
    pub(crate) fn read<R>(&self, f: impl FnOnce(&mut Session) -> Result<R>) -> Result<R> {
        let mut session = self.reader()?;
        let result = f(&mut session);
        self.give_back_reader(session);
        result
    }

    fn reader(&self) -> Result<Session> {
        self.check_fork()?;
        let idle = lock(&self.readers).pop();
        if let Some(session) = idle {
            return Ok(session);
        }
        self.opener.reader(Arc::clone(&self.reader_token))
    }

    fn give_back_reader(&self, session: Session) {
        let mut idle = lock(&self.readers);
        if idle.len() < MAX_IDLE_READERS {
            idle.push(session);
        }
    }

    /// The number of entries. It scans the index only if somebody else has written since the
    /// last time.
    pub(crate) fn len(&self) -> Result<u64> {
        self.check_fork()?;
        self.coherence()?;
        let before = self.header();
        if let Some(length) = self.known_length(before) {
            return Ok(length);
        }
        let length = self.read(Session::count)?;
        // Only if nobody wrote while it counted is the number true of a known state.
        if let Some(header) = before
            && before == self.header()
        {
            *lock(&self.length) = Some((header, length));
        }
        Ok(length)
    }

    /// The number of entries in the state `at`, if it is known.
    fn known_length(&self, at: Option<WalIndexHeader>) -> Option<u64> {
        let (header, length) = (*lock(&self.length))?;
        (Some(header) == at).then_some(length)
    }

    // ---- writing ------------------------------------------------------------------

    /// Begins a write transaction, waiting for other threads and processes for at most
    /// the busy timeout, both together.
    pub(crate) fn begin_write(self: &Arc<Self>) -> Result<WriteTransaction> {
        let mut deadline = self.start_waiting()?;
        let session = self.acquire_writer(&deadline)?;
        self.begin(session, &mut deadline)
    }

    /// Begins a write transaction on the writer's connection.
    fn begin(
        self: &Arc<Self>,
        session: Session,
        deadline: &mut Deadline,
    ) -> Result<WriteTransaction> {
        let mut wait = session
            .watched()
            .is_log_full()
            .then(|| self.wait_for_readers(deadline.remaining()));
        let session = self.keep_trying(session, deadline, |session| {
            if let Some(wait) = wait.take() {
                session.watched().restart_log(wait);
            }
            session.try_begin_write()
        })?;
        Ok(WriteTransaction::new(Arc::clone(self), session))
    }

    /// How much of the time that is left a full log may be waited for.
    ///
    /// All others who want to write wait too: what remains is for them. A read transaction that
    /// this thread has begun itself cannot end before the write, unless another thread has it.
    fn wait_for_readers(&self, left: Duration) -> Duration {
        let is_own = lock(&self.reading_threads).contains(&thread::current().id());
        let wait = if is_own { left / 64 } else { left / 8 * 7 };
        wait.min(LONGEST_WAIT_FOR_READERS)
    }

    /// Does something with the writer's connection, again and again while another process has
    /// the lock that it needs (`false`), and keeps the connection.
    fn with_writer(&self, f: impl FnMut(&mut Session) -> Result<bool>) -> Result<Session> {
        let mut deadline = self.start_waiting()?;
        let session = self.acquire_writer(&deadline)?;
        self.keep_trying(session, &mut deadline, f)
    }

    /// The time for which the writer can be waited for, if there is one.
    fn start_waiting(&self) -> Result<Deadline> {
        self.take_deferred_error()?;
        if self.opener.config.read_only {
            return Err(Error::ReadOnly {
                path: self.name().to_path_buf(),
                source: None,
            });
        }
        Ok(Deadline::new(self.opener.config.busy_timeout))
    }

    fn acquire_writer(&self, deadline: &Deadline) -> Result<Session> {
        self.writer
            .acquire(deadline.remaining())
            .map_err(|refusal| self.refused(&refusal, deadline))
    }

    fn refused(&self, refusal: &Refusal, deadline: &Deadline) -> Error {
        match refusal {
            Refusal::Reentrant => Error::Reentrant {
                path: self.name().to_path_buf(),
            },
            Refusal::TimedOut => self.busy(deadline),
        }
    }

    fn keep_trying(
        &self,
        mut session: Session,
        deadline: &mut Deadline,
        mut f: impl FnMut(&mut Session) -> Result<bool>,
    ) -> Result<Session> {
        let done = self.check_before(&mut session).and_then(|()| {
            while !f(&mut session)? {
                if !deadline.sleep() {
                    return Err(self.busy(deadline));
                }
            }
            Ok(())
        });
        trace::waited(self.name(), deadline.elapsed());
        match done {
            Ok(()) => Ok(session),
            Err(error) => {
                self.writer.release(session);
                Err(error)
            }
        }
    }

    fn busy(&self, deadline: &Deadline) -> Error {
        Error::Busy {
            path: self.name().to_path_buf(),
            waited: deadline.elapsed(),
        }
    }

    fn release_writer(&self, session: Session) {
        self.writer.release(session);
    }

    /// Syncs everything that was committed, whatever the durability.
    pub(crate) fn flush(&self) -> Result<()> {
        self.take_deferred_error()?;
        if self.opener.config.read_only {
            return Ok(());
        }
        if self.opener.config.durability != Durability::Full
            && let Some(coherence) = self.coherence()?
        {
            coherence
                .index
                .sync()
                .map_err(|error| self.opener.failed(error))?;
        }
        self.check_names()
    }

    // ---- errors that could not be returned ----------------------------------------

    /// Keeps the error of a destructor, for the next call that writes to return.
    pub(crate) fn defer_error(&self, error: Error) {
        self.deferred.push(error);
    }

    /// Returns an error of an earlier destructor, each once.
    #[inline]
    pub(crate) fn take_deferred_error(&self) -> Result<()> {
        self.check_fork()?;
        self.deferred.take(self.name())
    }

    /// The error of a transaction that an earlier error has ended.
    fn ended(&self) -> Error {
        Error::Ended {
            path: self.name().to_path_buf(),
        }
    }

    /// The number of entries, if it is known without a look at the file.
    pub(crate) fn cached_len(&self) -> Option<u64> {
        self.known_length(self.header())
    }

    // ---- the whole file -----------------------------------------------------------

    /// Bytes in the file and in its log.
    pub(crate) fn file_sizes(&self) -> Result<(u64, u64)> {
        let Some(path) = self.path() else {
            let bytes = self.read(Session::bytes)?;
            return Ok((bytes.unsigned_abs(), 0));
        };
        if self.opener.is_replaced() {
            return Err(self.opener.moved());
        }
        let file = fs::metadata(path).map_err(|error| self.io(error))?.len();
        match fs::metadata(self.opener.log_path()) {
            Ok(log) => Ok((file, log.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((file, 0)),
            Err(error) => Err(self.io(error)),
        }
    }

    fn io(&self, error: std::io::Error) -> Error {
        Error::io(self.name(), error)
    }

    /// Closes every connection and says if that went wrong.
    pub(crate) fn close(mut self) -> Result<()> {
        self.take_deferred_error()?;
        self.coherence.take();
        for session in self.take_readers() {
            session.close()?;
        }
        let Some(mut session) = self.writer.take() else {
            return Ok(());
        };
        self.prepare_close(&mut session);
        session.close()
    }

    fn take_readers(&mut self) -> Vec<Session> {
        let readers = self.readers.get_mut();
        std::mem::take(readers.unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes the store and removes its file, unless somebody else has it open.
    pub(crate) fn delete(self) -> Result<()> {
        if self.opener.is_in_memory() {
            return self.close();
        }
        self.close_and(|path| fs::remove_file(path))
    }

    /// Closes the store and puts another file in its place, unless somebody else has it open.
    fn replace_by(self, file: &Path) -> Result<()> {
        self.close_and(|path| fs::rename(file, path))
    }

    /// Closes the store, and lets `f` do away with the file while nobody else can have it open.
    fn close_and(mut self, f: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
        self.take_deferred_error()?;
        let path = self.name().to_path_buf();
        if self.opener.config.read_only {
            return Err(Error::ReadOnly { path, source: None });
        }
        // What has these names may be another vault by now.
        self.check_names()?;
        self.coherence.take();
        drop(self.take_readers());
        let Some(mut session) = self.writer.take() else {
            return Err(Error::InUse { path });
        };
        if let Err(error) = session.with_connection(lock_exclusively) {
            self.prepare_close(&mut session);
            return Err(match error {
                Error::Busy { path, .. } => Error::InUse { path },
                other => other,
            });
        }
        // Still under the exclusive lock: who opens the file meanwhile waits, and then finds
        // that it has been moved away.
        if self.opener.is_replaced() {
            return Err(self.opener.moved());
        }
        f(&path).map_err(|error| Error::io(&path, error))?;
        session.close()
    }
}

/// Leaves WAL mode, which fails while anyone else has the file open, and locks it.
fn lock_exclusively(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these guard is replaced whole, so a panic elsewhere cannot leave it half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True if a header with this application id and format belongs to a vault with checksums.
pub(crate) const fn declares_checksums((id, format): (u32, u32)) -> bool {
    id == open::schema::APPLICATION_ID.cast_unsigned()
        && format == open::schema::CHECKSUMS.cast_unsigned()
}

/// The permissions of the file at `path`, where the system has such a thing.
pub(crate) fn permissions(path: &Path) -> Option<u32> {
    open::paths::mode(path)
}
