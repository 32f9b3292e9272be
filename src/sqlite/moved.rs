//! Refuses writes to files that no longer have their names, and saves commits that are only in a log
//! without a name.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::error::Result;
use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::wal_index::index_header;
use crate::sqlite::file_format::{number, read_at};
use crate::sqlite::names::{NameState, NameStates};
use crate::sqlite::open::Opener;
use crate::sqlite::open::paths::Identity;

/// The header of a log.
type LogHeader = [u8; 32];
/// The header of a frame in a log.
type FrameHeader = [u8; 24];

/// How often a log is compared again because another connection has changed it during the comparison.
const MAX_COMPARISONS: usize = 16;

impl Opener {
    /// Returns an error before a write if a file no longer has its name.
    pub(in crate::sqlite) fn check_before(&self, session: &mut Session) -> Result<()> {
        self.refuse_unless_own(self.names.check_before_write(), session)
    }

    /// Returns an error after a commit if it is not in the files of the store's names.
    ///
    /// `frames` is the number of frames in the log after the commit.
    pub(in crate::sqlite) fn check_after(&self, session: &mut Session, frames: u32) -> Result<()> {
        let names = &self.names;
        let mut states = names.check_after_commit();
        if states.are_own() && !names.knows_log() && frames > 0 {
            let found = session.with_connection(|connection| {
                Ok(compare_logs(connection, names.log_path(), frames))
            })?;
            match found {
                LogComparison::Same(identity) => names.record_log(Some(identity)),
                LogComparison::Unknown => {}
                LogComparison::Different => {
                    names.record_log(None);
                    states = names.check();
                }
            }
        }
        self.refuse_unless_own(states, session)
    }

    /// Returns an error outside a write if a file no longer has its name.
    pub(in crate::sqlite) fn check_idle(&self, session: &mut Session) -> Result<()> {
        self.refuse_unless_own(self.names.check_after_commit(), session)
    }

    /// Returns an error if a file no longer has its name, while another thread writes.
    pub(in crate::sqlite) fn check_names(&self) -> Result<()> {
        let states = self.names.check_after_commit();
        if states.are_own() {
            return Ok(());
        }
        Err(self.names.moved(states))
    }

    fn refuse_unless_own(&self, states: NameStates, session: &mut Session) -> Result<()> {
        if states.are_own() {
            return Ok(());
        }
        self.save_log(states, session);
        Err(self.names.moved(states))
    }

    /// Writes a log without a name back to the file, if that is certain to do no harm.
    fn save_log(&self, states: NameStates, session: &mut Session) {
        if self.config.is_read_only() || !can_save_log(states) {
            return;
        }
        // If it fails, the next write and the closing of the store try it again.
        let _ = session
            .with_connection(|connection| save_log(connection, states, self.names.log_path()));
    }

    /// Keeps the closing of the last connection from changing files that belong to another vault.
    ///
    /// SQLite would write the log back, and delete the file that has the log's name.
    pub(in crate::sqlite) fn prepare_close(&self, session: &mut Session) {
        let states = self.names.check();
        if states.are_own() {
            return;
        }
        self.save_log(states, session);
        let _ = session.with_connection(|connection| {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        });
    }
}

/// Returns `true` if no other connection can find the log, and writing it back is certain to do no harm.
///
/// - If the index was replaced, other connections may have written to the same log through the new one. Then
///   it is not known which frames are the newest.
/// - Any connection that opens the file creates a log and an index. If both are missing, there is no such
///   connection.
/// - A file without a name cannot be opened, so its log can be written back, unless one of the names
///   belongs to another file.
/// - If only the main file was replaced, connections to the new file use this log.
fn can_save_log(states: NameStates) -> bool {
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

/// Writes the log back to the file. `path` is the name that the log had.
fn save_log(connection: &Connection, states: NameStates, path: &Path) -> rusqlite::Result<()> {
    // If the index belongs to another log by now, this one cannot be read.
    if !index_agrees_with_log(connection) {
        return Ok(());
    }
    let is_busy: i64 =
        connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if is_busy != 0 || states.log != NameState::Replaced {
        return Ok(());
    }
    // The file that has the log's name now is older than the main file, or is not a log. The next
    // connection would write its frames over the saved ones, so it is emptied. The lock keeps other
    // connections from writing to it.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    if index_header(connection).is_some_and(|header| header.frames() == 0) {
        empty_file(path).ok();
    }
    connection.execute_batch("ROLLBACK")
}

/// Returns `true` if the last frame that the index knows is in the log that `connection` has open.
fn index_agrees_with_log(connection: &Connection) -> bool {
    let Some(header) = index_header(connection) else {
        return false;
    };
    if header.frames() == 0 {
        return true;
    }
    let Some(at) = last_frame_offset(connection, header.frames()) else {
        return false;
    };
    let frame: Option<FrameHeader> = read_log(connection, at);
    frame.is_some_and(|frame| {
        let word = |at| number(&frame, at, 4);
        let (first, second) = header.frame_checksum();
        (word(16), word(20)) == (Some(first), Some(second))
    })
}

/// Returns the offset of the last of `frames` frames in the log that `connection` has open.
fn last_frame_offset(connection: &Connection, frames: u32) -> Option<u64> {
    let header: LogHeader = read_log(connection, 0)?;
    let page_bytes = u64::from(number(&header, 8, 4)?);
    let before = u64::from(frames.checked_sub(1)?);
    let frame_bytes = size_of::<FrameHeader>() as u64 + page_bytes;
    Some(size_of::<LogHeader>() as u64 + before * frame_bytes)
}

/// Whether the log of a name is the log that a connection has open.
enum LogComparison {
    /// It is. Its identity is known now.
    Same(Identity),
    /// It is another file, or there is none.
    Different,
    /// It could not be read, or the log was emptied, which happens only after its commits were written to
    /// the main file. The next commit compares again.
    Unknown,
}

/// Compares the log that `connection` has open with the file at `path`, just after a commit that ended with
/// frame `frames`.
///
/// The checksum of the commit's last frame is new, so only the log that it was written to contains it.
fn compare_logs(connection: &Connection, path: &Path, frames: u32) -> LogComparison {
    for _ in 0..MAX_COMPARISONS {
        if log_bytes(connection) == Some(0) {
            return LogComparison::Unknown;
        }
        let Some(at) = last_frame_offset(connection, frames) else {
            return LogComparison::Unknown;
        };
        let read = || -> Option<FrameHeader> { read_log(connection, at) };
        let Some(before) = read() else {
            return LogComparison::Unknown;
        };
        let (identity, frame) = match read_frame(path, at) {
            Ok(read) => read,
            Err(error) if is_missing(&error) => return LogComparison::Different,
            Err(_) => return LogComparison::Unknown,
        };
        if before == frame {
            return LogComparison::Same(identity);
        }
        // Unless another connection has restarted the log since `before` was read.
        if read() == Some(before) {
            return LogComparison::Different;
        }
    }
    LogComparison::Unknown
}

/// Returns `true` if the file does not exist or is too short.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, UnexpectedEof};
    matches!(error.kind(), NotFound | UnexpectedEof)
}

/// Reads the header of the frame at the offset `at` of the log at `path`. Closing a log releases no locks,
/// because SQLite locks only the main file and the index.
fn read_frame(path: &Path, at: u64) -> io::Result<(Identity, FrameHeader)> {
    let mut file = File::open(path)?;
    let mut frame = FrameHeader::default();
    read_at(&mut file, at, &mut frame)?;
    Ok((Identity::of(&file.metadata()?), frame))
}

/// Truncates a regular file to zero bytes.
fn empty_file(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(());
    }
    File::options().write(true).open(path)?.set_len(0)
}

fn log_bytes(connection: &Connection) -> Option<u64> {
    OpenFile::log(connection)?.len().ok()
}

fn read_log<const N: usize>(connection: &Connection, at: u64) -> Option<[u8; N]> {
    OpenFile::log(connection)?.read_array(at)
}
