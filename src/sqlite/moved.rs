//! What a store does when its files no longer have their names: it refuses, and saves what is only
//! in an unlinked log.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::engine::Refusal;
use crate::error::{Error, Result};
use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::connection::raw::WalIndexHeader;
use crate::sqlite::connection::session::Session;
use crate::sqlite::file_format::{number, read_at};
use crate::sqlite::names::{NameState, NameStates, NameTracker};
use crate::sqlite::open::paths::Identity;
use crate::sqlite::{Store, fork};

/// The beginning of a log, and of each frame in it.
type LogHeader = [u8; 32];
type FrameHeader = [u8; 24];

/// How often a log is read again that others write while it is compared.
const MOST_READS: usize = 16;

impl Store {
    /// Refuses a write to files that others would not find, or that others have replaced.
    pub(in crate::sqlite) fn check_before(&self, session: &mut Session) -> Result<()> {
        let Some(names) = self.opener.names() else {
            return Ok(());
        };
        self.refuse_unless_own(names, names.check_before_write(), session)
    }

    /// Decides whether a commit can be acknowledged: whether it is in the files of those names.
    ///
    /// `frames` is how many the log had after it.
    pub(in crate::sqlite) fn check_after(&self, session: &mut Session, frames: u32) -> Result<()> {
        let Some(names) = self.opener.names() else {
            return Ok(());
        };
        let mut states = names.check_after_commit();
        if states.are_own() && !names.knows_log() && frames > 0 {
            let found = session.with_connection(|connection| {
                Ok(find_commit(connection, names.log_path(), frames))
            })?;
            match found {
                Found::There(identity) => names.keep_log(Some(identity)),
                Found::Unknown => {}
                Found::Elsewhere => {
                    names.keep_log(None);
                    states = names.check();
                }
            }
        }
        self.refuse_unless_own(names, states, session)
    }

    /// Refuses if the files no longer have their names, where no write is under way.
    pub(in crate::sqlite) fn check_names(&self) -> Result<()> {
        let Some(names) = self.opener.names() else {
            return Ok(());
        };
        match self.writer.try_acquire() {
            Ok(Some(mut session)) => {
                let checked =
                    self.refuse_unless_own(names, names.check_after_commit(), &mut session);
                self.writer.release(session);
                checked
            }
            // Who has it looks, too.
            Ok(None) | Err(Refusal::Reentrant | Refusal::TimedOut) => {
                let states = names.check_after_commit();
                if states.are_own() {
                    return Ok(());
                }
                Err(names.moved(states))
            }
        }
    }

    fn refuse_unless_own(
        &self,
        names: &NameTracker,
        states: NameStates,
        session: &mut Session,
    ) -> Result<()> {
        if states.are_own() {
            return Ok(());
        }
        self.save_log(names, states, session);
        Err(names.moved(states))
    }

    /// Writes a log that others cannot find back to the file, if that is sure to do no harm.
    fn save_log(&self, names: &NameTracker, states: NameStates, session: &mut Session) {
        if self.opener.config.read_only || !is_to_be_saved(states) {
            return;
        }
        // What cannot be saved now is tried again by the next write, and when the store is closed.
        let _ =
            session.with_connection(|connection| save_log(connection, states, names.log_path()));
    }

    /// Sees to it that closing the last connection does no harm to the files of others.
    ///
    /// It would write the log back, and delete the file that has its name.
    pub(in crate::sqlite) fn prepare_close(&self, session: &mut Session) {
        let Some(names) = self.opener.names() else {
            return;
        };
        let states = names.check();
        if states.are_own() {
            return;
        }
        self.save_log(names, states, session);
        let _ = session.with_connection(|connection| {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        });
    }
}

impl Store {
    /// True in a child of the process that opened it.
    #[inline]
    pub(in crate::sqlite) fn is_forked(&self) -> bool {
        fork::count() != self.forks
    }

    /// SQLite's locks and its memory are the parent's: nothing may be done with them here.
    #[inline]
    pub(in crate::sqlite) fn check_fork(&self) -> Result<()> {
        if self.is_forked() {
            return Err(self.forked());
        }
        Ok(())
    }

    #[cold]
    fn forked(&self) -> Error {
        Error::Forked {
            path: self.name().to_path_buf(),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.is_forked() {
            // The connections are the parent's. Closing them here could write to its files.
            std::mem::forget((self.coherence.take(), self.take_readers()));
            return std::mem::forget(self.writer.take());
        }
        if let Some(mut session) = self.writer.take() {
            self.prepare_close(&mut session);
            // It is closed last, so that it is the one that empties the log.
            self.coherence.take();
            drop(self.take_readers());
        }
    }
}

impl Session {
    /// The same session, of files with these names.
    pub(in crate::sqlite) fn named(mut self, names: Option<Arc<NameTracker>>) -> Self {
        self.names = names;
        self
    }

    /// The error of a file that SQLite reads and that cannot be right.
    pub(in crate::sqlite) fn corrupt(&self, reason: &'static str) -> Error {
        self.explain(Error::Corrupt {
            path: self.path.to_path_buf(),
            source: reason.into(),
        })
    }

    /// Puts the reason in the place of an error which may be the effect of files that moved.
    #[cold]
    pub(in crate::sqlite) fn explain(&self, error: Error) -> Error {
        match &self.names {
            Some(names) => names.explain(error),
            None => error,
        }
    }
}

/// True if the log holds what nobody else can find, and to write it back can do no harm.
///
/// Where the index is another's, others may have written to the same log, and nobody knows what is
/// newest. Who opens the file makes a log and an index, so nobody did if there is neither. Nobody
/// opens a file whose name is gone: its log can be written back while none of the three names is
/// another's. Where another file has the name of the file and the log still has its own, whoever
/// opened that file works with this log.
fn is_to_be_saved(states: NameStates) -> bool {
    matches!(
        (states.file, states.log, states.index),
        (_, NameState::Missing | NameState::Replaced, NameState::Own)
            | (
                NameState::Missing,
                NameState::Own | NameState::Missing,
                NameState::Own | NameState::Missing
            )
            | (NameState::Own, NameState::Missing, NameState::Missing)
    )
}

fn save_log(connection: &Connection, states: NameStates, path: &Path) -> rusqlite::Result<()> {
    // An index that has gone on with another log says nothing of this one.
    if !index_agrees_with_log(connection) {
        return Ok(());
    }
    let is_busy: i64 =
        connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if is_busy != 0 || states.log != NameState::Replaced {
        return Ok(());
    }
    // What has the log's name now is older than the file, or no log at all: whoever opened the file
    // next would write it over what was just saved. Nobody writes to it while this has the lock.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    if index_header(connection).is_some_and(|header| header.frames() == 0) {
        empty_file(path).ok();
    }
    connection.execute_batch("ROLLBACK")
}

/// True if the last frame that the index knows is in the log that `connection` has open.
fn index_agrees_with_log(connection: &Connection) -> bool {
    let Some(header) = index_header(connection) else {
        return false;
    };
    if header.frames() == 0 {
        return true;
    }
    let Some(at) = last_frame(connection, header.frames()) else {
        return false;
    };
    let frame: Option<FrameHeader> = read_log(connection, at);
    frame.is_some_and(|frame| {
        let word = |at| number(&frame, at, 4);
        let (first, second) = header.frame_checksum();
        (word(16), word(20)) == (Some(first), Some(second))
    })
}

/// Where the last of so many frames begins in the log that `connection` has open.
fn last_frame(connection: &Connection, frames: u32) -> Option<u64> {
    let header: LogHeader = read_log(connection, 0)?;
    let page_bytes = u64::from(number(&header, 8, 4)?);
    let before = u64::from(frames.checked_sub(1)?);
    let frame_bytes = size_of::<FrameHeader>() as u64 + page_bytes;
    Some(size_of::<LogHeader>() as u64 + before * frame_bytes)
}

/// Where a commit was found.
enum Found {
    /// In the log of that name, which is this file.
    There(Identity),
    /// It is not in the log of that name.
    Elsewhere,
    /// The log was emptied after it, which comes after it was written to the file; or it cannot be read
    /// now. The next commit is looked for.
    Unknown,
}

/// Looks for a commit that ended with the given number of frames in the log at `path`.
///
/// The bytes of the commit are new, so the file that has them is the one that was written to.
fn find_commit(connection: &Connection, path: &Path, frames: u32) -> Found {
    for _ in 0..MOST_READS {
        if log_bytes(connection) == Some(0) {
            return Found::Unknown;
        }
        let Some(at) = last_frame(connection, frames) else {
            return Found::Unknown;
        };
        let read = || -> Option<FrameHeader> { read_log(connection, at) };
        let Some(before) = read() else {
            return Found::Unknown;
        };
        let (identity, found) = match read_frame(path, at) {
            Ok(read) => read,
            Err(error) if is_not_there(&error) => return Found::Elsewhere,
            Err(_) => return Found::Unknown,
        };
        if before == found {
            return Found::There(identity);
        }
        // Somebody may have begun the log anew meanwhile.
        if read() == Some(before) {
            return Found::Elsewhere;
        }
    }
    Found::Unknown
}

/// True if there is no such file, or it is too short.
fn is_not_there(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, UnexpectedEof};
    matches!(error.kind(), NotFound | UnexpectedEof)
}

/// Nobody locks a log by itself, so it may be opened and closed.
fn read_frame(path: &Path, at: u64) -> io::Result<(Identity, FrameHeader)> {
    let mut file = File::open(path)?;
    let mut frame = FrameHeader::default();
    read_at(&mut file, at, &mut frame)?;
    Ok((Identity::of(&file.metadata()?), frame))
}

fn empty_file(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(());
    }
    File::options().write(true).open(path)?.set_len(0)
}

fn index_header(connection: &Connection) -> Option<WalIndexHeader> {
    OpenFile::main(connection)?.index_header()
}

fn log_bytes(connection: &Connection) -> Option<u64> {
    OpenFile::log(connection)?.len().ok()
}

fn read_log<const N: usize>(connection: &Connection, at: u64) -> Option<[u8; N]> {
    OpenFile::log(connection)?.read_array(at)
}
