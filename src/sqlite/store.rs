//! An open file: the connection that writes, the connections that read, and who may use them.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::engine::{Deadline, DeferredErrors, FairMutex, MapId, ProcessId, Refusal, lock};
use crate::error::{Error, Location, Result};
use crate::sqlite::coherence::version_tracker::WriteSet;
use crate::sqlite::coherence::{Began, Coherence};
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::wal_index::WalIndexHeader;
use crate::sqlite::lengths::Lengths;
use crate::sqlite::open::config::Config;
use crate::sqlite::open::format::Format;
use crate::sqlite::open::open_first::FirstConnection;
use crate::sqlite::open::{Opener, TypeCheck};
use crate::sqlite::own_length::OwnLength;
use crate::sqlite::trace;
use crate::sqlite::write::transaction::{Outcome, WriteTransaction};
use crate::sqlite::write::work::Work;

/// The longest time that a write waits for readers when the log is full, whatever the busy timeout.
const LONGEST_WAIT_FOR_READERS: Duration = Duration::from_secs(30);

/// The number of idle connections for reading that are kept open.
const MAX_IDLE_READERS: usize = 8;

/// An open file.
pub(crate) struct Store {
    pub(in crate::sqlite) opener: Opener,
    format: Format,
    /// Created by the first read. `None` for a file that is not in WAL mode.
    coherence: OnceLock<Option<Coherence>>,
    idle_readers: Mutex<Vec<Session>>,
    /// Each connection for reading holds a clone, so that they can be counted.
    reader_token: Arc<()>,
    /// The threads that have begun a read transaction, once for each open one.
    reading_threads: Mutex<Vec<ThreadId>>,
    lengths: Mutex<Lengths>,
    /// The number of entries of the only map, if this store has created the vault.
    own_length: Option<OwnLength>,
    deferred: DeferredErrors,
    process: ProcessId,
    /// The connection that writes; a read-only store keeps the one that it was opened with. It is closed
    /// last, so that closing it empties the log.
    pub(in crate::sqlite) writer: FairMutex<Session, Work>,
}

impl Store {
    /// Opens a file or creates it, and checks that it is a vault.
    ///
    /// `check` gets the first and the last entry, because it knows the types. A file that is refused is left
    /// as it was.
    pub(crate) fn open(path: &Path, config: Config, check: TypeCheck<'_>) -> Result<Self> {
        let _span = trace::opening(path);
        let process = ProcessId::current();
        let opener = Opener::new(path, config)?;
        let FirstConnection { session, file } = opener.open_first(check)?;
        let mut store = Self {
            opener,
            format: file.format,
            coherence: OnceLock::new(),
            idle_readers: Mutex::new(Vec::new()),
            reader_token: Arc::new(()),
            reading_threads: Mutex::new(Vec::new()),
            lengths: Mutex::default(),
            own_length: None,
            deferred: DeferredErrors::default(),
            process,
            writer: FairMutex::new(session),
        };
        if file.is_new
            && let Ok(Some(mut session)) = store.writer.try_acquire()
        {
            store.own_length = file
                .format
                .only_map()
                .and_then(|map| OwnLength::of_new(&mut session, map.only()));
            store.writer.release(session);
        }
        Ok(store)
    }

    /// The absolute path.
    pub(in crate::sqlite) fn file(&self) -> &Path {
        &self.opener.path
    }

    pub(in crate::sqlite) fn location_of_file(&self) -> Location {
        Location::file(self.file())
    }

    /// Returns `true` if every value of the only map has a checksum.
    pub(crate) fn has_checksums(&self) -> bool {
        self.format.only_map().is_some_and(|map| map.checksums)
    }

    pub(in crate::sqlite) const fn format(&self) -> Format {
        self.format
    }

    pub(in crate::sqlite) const fn process(&self) -> ProcessId {
        self.process
    }

    #[inline]
    pub(in crate::sqlite) fn check_fork(&self) -> Result<()> {
        self.process.check(|| self.location_of_file())
    }

    // ---- reading ------------------------------------------------------------------

    /// Reads outside a transaction: each statement sees the newest state.
    #[inline]
    pub(in crate::sqlite) fn read<R>(
        &self,
        f: impl FnOnce(&mut Session) -> Result<R>,
    ) -> Result<R> {
        let mut session = self.take_reader()?;
        let result = f(&mut session);
        self.give_back_reader(session);
        result
    }

    /// Returns an idle connection for reading, or a new one.
    pub(in crate::sqlite) fn take_reader(&self) -> Result<Session> {
        self.check_fork()?;
        let idle = lock(&self.idle_readers).pop();
        if let Some(session) = idle {
            return Ok(session);
        }
        self.opener.reader(Arc::clone(&self.reader_token))
    }

    pub(in crate::sqlite) fn give_back_reader(&self, session: Session) {
        let mut idle = lock(&self.idle_readers);
        if idle.len() < MAX_IDLE_READERS {
            idle.push(session);
        }
    }

    /// Returns the numbers of open and of idle connections for reading.
    pub(in crate::sqlite) fn reader_counts(&self) -> (usize, usize) {
        let open = Arc::strong_count(&self.reader_token) - 1;
        (open, lock(&self.idle_readers).len())
    }

    /// Notes that this thread has begun a read transaction.
    pub(in crate::sqlite) fn begin_reading(&self) -> ThreadId {
        let thread = thread::current().id();
        lock(&self.reading_threads).push(thread);
        thread
    }

    /// Notes the end of a read transaction that `thread` began.
    pub(in crate::sqlite) fn end_reading(&self, thread: ThreadId) {
        let mut reading = lock(&self.reading_threads);
        if let Some(index) = reading.iter().position(|reading| *reading == thread) {
            reading.swap_remove(index);
        }
    }

    // ---- the version of the file --------------------------------------------------

    /// Returns what shows the version of the file, and opens it if this is the first read.
    ///
    /// It costs a connection, which a vault that is only written to does not need.
    pub(in crate::sqlite) fn coherence(&self) -> Result<Option<&Coherence>> {
        if let Some(coherence) = self.coherence.get() {
            return Ok(coherence.as_ref());
        }
        let capacity = self.opener.config.cache_capacity;
        let index = self.opener.index()?;
        let coherence = index.map(|index| Coherence::new(index, capacity));
        Ok(self.coherence.get_or_init(|| coherence).as_ref())
    }

    /// Returns the same, if something was read before.
    pub(in crate::sqlite) fn known_coherence(&self) -> Option<&Coherence> {
        self.coherence.get()?.as_ref()
    }

    /// Returns the header of the version of the file, if something was read before.
    pub(in crate::sqlite) fn header(&self) -> Option<WalIndexHeader> {
        self.known_coherence()?.index.header()
    }

    /// Returns the same. The number of entries of that version is known too, if this store has created the vault
    /// and no other connection has written to it.
    pub(in crate::sqlite) fn known_version(&self) -> Option<WalIndexHeader> {
        let header = self.header();
        if header.is_some() || self.own_length.is_none() {
            return header;
        }
        // This opens what shows the version, once.
        self.coherence().ok()?;
        let before = self.header()?;
        let (map, length) = self.length_since_creation()?;
        if self.header() == Some(before) {
            self.set_length(map, before, length);
        }
        Some(before)
    }

    /// Returns the number of entries of a map in the version `at`, if it is cached.
    pub(in crate::sqlite) fn known_length(
        &self,
        map: MapId,
        at: Option<WalIndexHeader>,
    ) -> Option<u64> {
        lock(&self.lengths).get(map.number, at?)
    }

    pub(in crate::sqlite) fn set_length(&self, map: MapId, at: WalIndexHeader, length: u64) {
        lock(&self.lengths).set(map.number, at, length);
    }

    /// Returns the only map of a vault that this store has created, and its number of entries, unless another
    /// connection has written to it or is writing now.
    pub(in crate::sqlite) fn length_since_creation(&self) -> Option<(MapId, u64)> {
        // The write lock is not taken for a number that is known to be stale.
        let own_length = self.own_length.as_ref().filter(|own| !own.is_stale())?;
        let mut session = self.writer.try_acquire().ok()??;
        let length = own_length.get(&mut session);
        self.writer.release(session);
        Some((own_length.map, length?))
    }

    // ---- the write lock -----------------------------------------------------------

    /// Begins a call that writes: returns a deferred error or, at once, that nothing can be written.
    pub(in crate::sqlite) fn start_waiting(&self) -> Result<Deadline> {
        self.take_deferred_error()?;
        if self.opener.config.is_read_only() {
            return Err(Error::ReadOnly {
                location: self.location_of_file(),
                source: None,
            });
        }
        Ok(Deadline::new(self.opener.config.busy_timeout))
    }

    pub(in crate::sqlite) fn acquire_writer(&self, deadline: &Deadline) -> Result<Session> {
        self.writer
            .acquire(deadline.remaining())
            .map_err(|refusal| self.refused(&refusal, deadline))
    }

    pub(in crate::sqlite) fn refused(&self, refusal: &Refusal, deadline: &Deadline) -> Error {
        match refusal {
            Refusal::Reentrant => Error::Reentrant {
                location: self.location_of_file(),
            },
            Refusal::TimedOut => self.busy(deadline),
        }
    }

    fn busy(&self, deadline: &Deadline) -> Error {
        Error::Busy {
            location: self.location_of_file(),
            waited: deadline.elapsed(),
        }
    }

    /// Runs `f` with the connection that writes, and again while another process has the lock that it needs
    /// (`false`).
    pub(in crate::sqlite) fn with_writer(
        &self,
        f: impl FnMut(&mut Session) -> Result<bool>,
    ) -> Result<()> {
        let mut deadline = self.start_waiting()?;
        let session = self.acquire_writer(&deadline)?;
        let session = self.keep_trying(session, &mut deadline, f)?;
        self.writer.release(session);
        Ok(())
    }

    fn keep_trying(
        &self,
        mut session: Session,
        deadline: &mut Deadline,
        mut f: impl FnMut(&mut Session) -> Result<bool>,
    ) -> Result<Session> {
        let done = self.opener.check_before(&mut session).and_then(|()| {
            while !f(&mut session)? {
                if !deadline.sleep() {
                    return Err(self.busy(deadline));
                }
            }
            Ok(())
        });
        trace::waited(self.file(), deadline.elapsed());
        match done {
            Ok(()) => Ok(session),
            Err(error) => {
                self.writer.release(session);
                Err(error)
            }
        }
    }

    // ---- write transactions -------------------------------------------------------

    /// Begins a write transaction on the connection that writes.
    pub(in crate::sqlite) fn begin(
        &self,
        session: Session,
        deadline: &mut Deadline,
    ) -> Result<WriteTransaction> {
        let mut wait = session
            .hooked()
            .is_log_full()
            .then(|| self.wait_for_readers(deadline.remaining()));
        let session = self.keep_trying(session, deadline, |session| {
            if let Some(wait) = wait.take() {
                session.hooked().restart_log(wait);
            }
            session.try_begin_write()
        })?;
        let span = trace::transaction(self.file());
        let began = self.known_coherence().map(Coherence::begin_write);
        Ok(WriteTransaction::new(session, self.process, began, span))
    }

    /// Returns how much of the remaining time a write may wait for readers when the log is full.
    ///
    /// The other writers wait too, and the rest of the time is for them. A read transaction that this thread
    /// has begun itself cannot end before the write, unless another thread has it.
    fn wait_for_readers(&self, remaining: Duration) -> Duration {
        let is_own = lock(&self.reading_threads).contains(&thread::current().id());
        let wait = if is_own {
            remaining / 64
        } else {
            remaining / 8 * 7
        };
        wait.min(LONGEST_WAIT_FOR_READERS)
    }

    /// Commits, updates what is cached, and checks that the commit is in the files of those names.
    pub(in crate::sqlite) fn commit(&self, transaction: &mut WriteTransaction) -> Result<()> {
        let outcome = transaction.commit()?;
        self.note_commit(&outcome);
        self.opener
            .check_after(transaction.connection(), outcome.frames)
    }

    /// Carries over what is still valid after a commit of this store.
    fn note_commit(&self, outcome: &Outcome) {
        if let Some(own_length) = &self.own_length {
            own_length.add(outcome.changes.of(own_length.map.number).growth);
        }
        let Some(Began { header: before }) = outcome.began else {
            return;
        };
        let now = self.header();
        let own = now
            .filter(|now| before.is_some_and(|before| now.is_by_commit(&before, outcome.frames)));
        if now != before
            && let Some(before) = before
        {
            lock(&self.lengths).note_commit(before, own, outcome.changes.as_slice());
        }
        self.note_end(own, &outcome.write_set);
    }

    fn note_end(&self, now: Option<WalIndexHeader>, write_set: &WriteSet) {
        if let Some(coherence) = self.known_coherence() {
            coherence.end_write(now, write_set);
        }
    }

    /// Ends a transaction, rolls it back unless it was committed, and gives the write lock to the next
    /// thread.
    pub(in crate::sqlite) fn end(&self, mut transaction: WriteTransaction) {
        if self.process.is_parent() {
            // It is the parent's transaction.
            return std::mem::forget(transaction);
        }
        if transaction.undo() {
            self.note_end(None, &WriteSet::default());
        }
        self.writer.release(transaction.into_session());
    }

    /// Returns the error of a transaction that has ended.
    #[cold]
    pub(in crate::sqlite) fn ended(&self) -> Error {
        Error::Ended {
            location: self.location_of_file(),
        }
    }

    // ---- errors of destructors ----------------------------------------------------

    /// Keeps the error of a destructor for the next write to return.
    pub(in crate::sqlite) fn defer_error(&self, error: Error) {
        self.deferred.push(error);
    }

    /// Returns the oldest error of a destructor, once.
    #[inline]
    pub(in crate::sqlite) fn take_deferred_error(&self) -> Result<()> {
        self.check_fork()?;
        self.deferred.take(|| self.location_of_file())
    }

    // ---- closing ------------------------------------------------------------------

    /// Continues as `store`, which has the same file open. Errors of destructors are kept.
    pub(in crate::sqlite) fn replace_by_reopened(&mut self, mut store: Self) {
        store.deferred = std::mem::take(&mut self.deferred);
        *self = store;
    }

    /// Closes the connection that writes, or keeps it open and returns the error.
    pub(in crate::sqlite) fn close_writer(&self, session: Session) -> Result<()> {
        session.close().map_err(|failed| {
            let (session, error) = *failed;
            self.writer.release(session);
            error
        })
    }

    /// Drops what shows the version of the file.
    pub(in crate::sqlite) fn close_coherence(&mut self) {
        self.coherence.take();
    }

    /// Returns the idle connections for reading, to close them.
    pub(in crate::sqlite) fn take_readers(&mut self) -> Vec<Session> {
        let readers = self.idle_readers.get_mut();
        std::mem::take(readers.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.process.is_parent() {
            // The connections are the parent's. Closing them here could write to its files.
            std::mem::forget((self.coherence.take(), self.take_readers()));
            return std::mem::forget(self.writer.take());
        }
        if let Some(mut session) = self.writer.take() {
            self.opener.prepare_close(&mut session);
            // It is closed last, so that closing it empties the log.
            self.coherence.take();
            drop(self.take_readers());
        }
    }
}
