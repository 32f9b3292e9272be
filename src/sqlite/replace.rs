//! Replaces a vault, which may be damaged, by a copy of another one.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, ffi};

use crate::error::{Error, Location, Result};
use crate::sqlite::connection::failure;
use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::maintenance::backup::{OWNER, TempFile, copy_pages};
use crate::sqlite::maintenance::finish::{self, sync_folder};
use crate::sqlite::open::config::Config;
use crate::sqlite::open::paths::{self, resolve, sibling};
use crate::sqlite::reader::Reader;
use crate::sqlite::store::Store;
use crate::sqlite::{ANY_TYPES, Durability};

/// The suffixes of files that can contain changes of the main file.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// Returns `true` if the file at `path` has a log or a journal that is not empty.
pub(crate) fn has_log(path: &Path) -> bool {
    LOGS.iter()
        .any(|suffix| fs::metadata(sibling(path, suffix)).is_ok_and(|log| log.len() > 0))
}

impl Store {
    /// Replaces the file at `target`, if there is one, by a copy of the current state of this store.
    ///
    /// After a crash, `target` is either the old file with its log, or the copy without a log.
    pub(crate) fn restore_to(self: &Arc<Self>, target: &Path) -> Result<()> {
        let mut reader = Reader::begin_now(self)?;
        let target = resolve(target)?;
        let io = |error| Error::io(&target, error);
        // The copy is as private as the file that it replaces.
        let mode = paths::mode(&target).or_else(|| paths::mode(self.file()));
        let temp = paths::create_temp_sibling(&target, ".restored", mode.map(|mode| mode | OWNER))
            .map(TempFile)
            .map_err(io)?;
        copy_pages(reader.session()?, &temp.0, &mut |_, _| ())?;
        finish::sync_file(&temp.0).map_err(io)?;
        // A folder that cannot be synced is an error before anything in it is replaced.
        sync_folder(&target).map_err(io)?;
        match self.open_to_replace(&target) {
            Ok(old) => {
                old.replace_by_synced(&temp.0)?;
                sync_folder(&target).map_err(io)
            }
            Err(Error::Busy { location, .. }) => Err(Error::InUse { location }),
            Err(error) if is_damage(&error, &target) => replace_damaged(&temp.0, &target),
            Err(error) => Err(error),
        }
    }

    /// Opens the vault that is to be replaced, or creates an empty one. Closing it writes its log back.
    fn open_to_replace(&self, target: &Path) -> Result<Self> {
        let replaced = Config {
            create: true,
            mode: paths::mode(self.file()),
            busy_timeout: Duration::ZERO,
            durability: Durability::Full,
            ..self.opener.config.to_replace()
        };
        Self::open(target, replaced, ANY_TYPES)
    }

    fn replace_by_synced(mut self, copy: &Path) -> Result<()> {
        self.close_and(|path| {
            // The log must be deleted on the disk before the copy gets the name.
            sync_folder(path)?;
            fs::rename(copy, path)
        })
    }
}

/// Returns `true` if `error` means that the file is a damaged vault, and not that it is another kind of file.
fn is_damage(error: &Error, path: &Path) -> bool {
    match error {
        Error::Corrupt { .. } | Error::Io { .. } | Error::Sqlite { .. } => true,
        Error::NotAVault { source, .. } => {
            source.is_some() || fs::metadata(path).is_ok_and(|file| file.len() <= 1)
        }
        _ => false,
    }
}

/// Replaces a file that SQLite cannot read.
fn replace_damaged(copy: &Path, target: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let creation_blocked = paths::block_creation();
    let locked = Connection::open_with_flags(target, flags)
        .and_then(|connection| Ok((lock_exclusively(&connection)?, connection)))
        .map_err(|error| failure::from_sqlite(error, target, Duration::ZERO))?;
    drop(creation_blocked);
    // The connection holds the lock until the end of this function.
    let (true, _connection) = locked else {
        return Err(Error::InUse {
            location: Location::file(target),
        });
    };
    replace_with_logs(copy, target).map_err(|error| Error::io(target, error))
}

/// Renames the logs before the copy gets the name, because SQLite would write a log back into the copy. If it
/// fails, it gives them their names back.
fn replace_with_logs(copy: &Path, target: &Path) -> io::Result<()> {
    let mut renamed = Vec::new();
    let replaced = (|| {
        for log in LOGS.map(|suffix| sibling(target, suffix)) {
            if fs::symlink_metadata(&log).is_ok() {
                let old = paths::create_temp_sibling(&log, ".old", None)?;
                fs::rename(&log, &old)?;
                renamed.push((log, old));
            }
        }
        sync_folder(target)?;
        fs::rename(copy, target)
    })();
    if let Err(error) = replaced {
        for (log, old) in renamed {
            fs::rename(old, log).ok();
        }
        return Err(error);
    }
    sync_folder(target)?;
    for (_, old) in renamed {
        fs::remove_file(old)?;
    }
    // The next connection creates a new index.
    match fs::remove_file(sibling(target, "-shm")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock_exclusively(connection: &Connection) -> rusqlite::Result<bool> {
    OpenFile::main(connection)
        .ok_or(ffi::SQLITE_CANTOPEN)
        .and_then(OpenFile::lock_exclusively)
        .map_err(failure::from_code)
}
