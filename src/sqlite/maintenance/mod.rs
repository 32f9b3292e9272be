//! What is done to the whole file: checking, copying, compacting, counting.

pub(in crate::sqlite) mod finish;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use self::finish::FileSystem;
use crate::error::{Error, Result};
use crate::sqlite::coherence::cache::Cache;
use crate::sqlite::connection::session::Session;
use crate::sqlite::open::config::{Config, Existence, Location};
use crate::sqlite::open::paths::{self, resolve};
use crate::sqlite::{ANY_TYPES, ReadTransaction, Store, lock};

/// How many faults SQLite's own check lists before it stops.
const MAX_FAULTS: u32 = 100;

/// Whoever makes a copy has to write it.
pub(in crate::sqlite) const OWNER: u32 = 0o600;

/// How many pages are copied between two reports of progress.
const BACKUP_STEP_PAGES: i32 = 256;

/// Sizes and numbers that SQLite and the file system know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) file_bytes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) page_bytes: u64,
    pub(crate) pages: u64,
    pub(crate) free_pages: u64,
    pub(crate) readers_open: usize,
    pub(crate) readers_idle: usize,
    pub(crate) cache_hits: u64,
    pub(crate) cache_misses: u64,
    pub(crate) cache_bytes: u64,
}

impl Store {
    /// What SQLite finds wrong with the file: the structure of its trees, and that the index
    /// and the table agree. Empty if all is well.
    pub(crate) fn integrity_check(transaction: &mut ReadTransaction) -> Result<Vec<String>> {
        let sql = format!("PRAGMA integrity_check({MAX_FAULTS})");
        transaction.session()?.with_connection(|connection| {
            let mut lines: Vec<String> = connection
                .prepare(&sql)?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            lines.retain(|line| line != "ok");
            Ok(lines)
        })
    }

    pub(crate) fn figures(self: &Arc<Self>) -> Result<Figures> {
        let (file_bytes, log_bytes) = self.file_sizes()?;
        // In one transaction, for the figures must be of one state.
        let mut transaction = ReadTransaction::begin(self)?;
        let (page_bytes, pages, free_pages) =
            transaction.session()?.with_connection(|connection| {
                let figure = |pragma: &str| {
                    let figure: i64 = connection.query_one(pragma, [], |row| row.get(0))?;
                    Ok::<_, rusqlite::Error>(figure.unsigned_abs())
                };
                Ok((
                    figure("PRAGMA page_size")?,
                    figure("PRAGMA page_count")?,
                    figure("PRAGMA freelist_count")?,
                ))
            })?;
        drop(transaction);
        let cache = self.cache();
        let (cache_hits, cache_misses) = cache.map_or((0, 0), Cache::counts);
        Ok(Figures {
            cache_hits,
            cache_misses,
            cache_bytes: cache.map_or(0, Cache::bytes),
            file_bytes,
            log_bytes,
            page_bytes,
            pages,
            free_pages,
            readers_open: Arc::strong_count(&self.reader_token) - 1,
            readers_idle: lock(&self.readers).len(),
        })
    }

    /// Writes the file anew without its free pages, and empties the log.
    pub(crate) fn compact(&self) -> Result<()> {
        let session = self.with_writer(|session| {
            session.check_extent()?;
            if !session.renumber()? {
                return Ok(false);
            }
            match session.with_connection(vacuum) {
                Ok(()) => Ok(true),
                Err(Error::Busy { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })?;
        self.release_writer(session);
        Ok(())
    }

    /// Copies one state of the vault into a new file at `target`, which appears there whole or
    /// not at all.
    pub(crate) fn backup(
        self: &Arc<Self>,
        target: &Path,
        replace: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        // The copy is of the state that this transaction keeps, however long it takes.
        let mut transaction = ReadTransaction::begin_now(self)?;
        let target = resolve(target)?;
        // The copy is as private as the file, from the beginning.
        let mode = self.path().and_then(paths::mode).map(|mode| mode | OWNER);
        let unfinished = paths::create_temp_sibling(&target, ".unfinished", mode)
            .map(Unfinished)
            .map_err(|error| Error::io(&target, error))?;
        copy(transaction.session()?, &unfinished.0, progress)?;
        self.put_in_place(FileSystem::SYSTEM, &unfinished.0, &target, replace)
    }

    /// Gives a copy its name: that of a vault which it replaces, or one that nothing has.
    fn put_in_place(
        &self,
        system: FileSystem,
        unfinished: &Path,
        target: &Path,
        replace: bool,
    ) -> Result<()> {
        let io = |error| Error::io(target, error);
        finish::sync_file(unfinished).map_err(io)?;
        // A folder that cannot be synced is found out before anything in it is replaced.
        (system.sync_folder)(target).map_err(io)?;
        if replace && target.exists() {
            // Nobody may have open what is replaced, and it has to be a vault.
            let replaced = Config {
                location: Location::File(target.to_path_buf()),
                existence: Existence::Required,
                checksums: false,
                immutable: false,
                read_only: false,
                mode: None,
                ..self.opener.config.clone()
            };
            let old = Store::open(replaced, ANY_TYPES)?;
            old.replace_by(unfinished)?;
        } else {
            system
                .rename_new(unfinished, target)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => Error::AlreadyExists {
                        path: target.to_path_buf(),
                    },
                    _ => Error::io(target, error),
                })?;
        }
        (system.sync_folder)(target).map_err(io)
    }
}

/// A file that is removed again, whatever happens, unless it was put in its place.
pub(in crate::sqlite) struct Unfinished(pub(in crate::sqlite) PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

fn vacuum(connection: &Connection) -> rusqlite::Result<()> {
    // The copy that is made on the way may be as large as the file: not in memory.
    connection.execute_batch("PRAGMA temp_store = FILE")?;
    let done = connection.execute_batch("VACUUM");
    connection.execute_batch("PRAGMA temp_store = MEMORY")?;
    done?;
    // A reader may keep the log from being emptied now; then a later checkpoint does.
    connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Copies what `session` sees to a new file.
pub(in crate::sqlite) fn copy(
    session: &mut Session,
    path: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    session.with_connection(|source| {
        let mut target = Connection::open_with_flags(path, flags)?;
        let backup = Backup::new(source, &mut target)?;
        loop {
            let step = backup.step(BACKUP_STEP_PAGES)?;
            let state = backup.progress();
            let total = u64::from(state.pagecount.unsigned_abs());
            progress(total - u64::from(state.remaining.unsigned_abs()), total);
            // The source keeps its state and nobody knows of the target: nothing to wait for.
            if step == StepResult::Done {
                break;
            }
        }
        drop(backup);
        target.close().map_err(|(_, error)| error)
    })
}

#[cfg(test)]
mod tests;
