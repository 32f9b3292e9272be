//! Copying a vault to a new file, which appears complete or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::engine::{Columns, Cursor, Direction, MapId, MapInfo, Read};
use crate::error::{Error, Location, Result};
use crate::sqlite::ANY_TYPES;
use crate::sqlite::connection::failure;
use crate::sqlite::connection::session::Session;
use crate::sqlite::maintenance::finish::{self, FileSystem};
use crate::sqlite::open::config::Config;
use crate::sqlite::open::format::Format;
use crate::sqlite::open::paths::{self, resolve};
use crate::sqlite::open::schema;
use crate::sqlite::reader::Reader;
use crate::sqlite::store::Store;

/// A process that makes a copy must be able to write it.
pub(in crate::sqlite) const OWNER: u32 = 0o600;

/// The number of pages, or of rows, that are copied between two reports of progress.
const STEP_PAGES: i32 = 256;
const STEP_ROWS: u64 = 1024;

/// Is called with the number that is done and the number in total.
type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Where a backup goes.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a Path,
    /// Whether it may replace a vault.
    pub(crate) replace: bool,
}

/// A file that is removed when this is dropped, unless it was renamed before.
pub(in crate::sqlite) struct TempFile(pub(in crate::sqlite) PathBuf);

impl Drop for TempFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

impl Store {
    /// Copies one state of the vault to a new file.
    pub(crate) fn backup(
        self: &Arc<Self>,
        target: Target<'_>,
        progress: Progress<'_>,
    ) -> Result<()> {
        // The copy is of the state of this transaction, however long it takes.
        let mut reader = Reader::begin_now(self)?;
        // The copy is as private as the file, from the beginning.
        let mode = paths::mode(self.file()).map(|mode| mode | OWNER);
        write_to(target, mode, &self.opener.config, |path| {
            copy_pages(reader.session()?, path, progress)
        })
    }
}

/// Copies one state of a map of another engine to a new file, with this format.
pub(crate) fn backup_rows(
    reader: &mut impl Read,
    format: Format,
    target: Target<'_>,
    progress: Progress<'_>,
) -> Result<()> {
    write_to(target, None, &Config::DEFAULT, |path| {
        copy_rows(reader, format, path, progress)
    })
}

/// Writes a file by `write` under a temporary name, and renames it to the target.
fn write_to(
    target: Target<'_>,
    mode: Option<u32>,
    config: &Config,
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let path = resolve(target.path)?;
    let temp = paths::create_temp_sibling(&path, ".unfinished", mode)
        .map(TempFile)
        .map_err(|error| Error::io(&path, error))?;
    write(&temp.0)?;
    let target = Target {
        path: &path,
        replace: target.replace,
    };
    rename(FileSystem::SYSTEM, &temp.0, target, config)
}

/// Renames a complete file over the vault that it replaces, or to a name that nothing has.
fn rename(system: FileSystem, temp: &Path, target: Target<'_>, config: &Config) -> Result<()> {
    let path = target.path;
    let io = |error| Error::io(path, error);
    finish::sync_file(temp).map_err(io)?;
    // If the folder cannot be synced, this fails before anything in it is replaced.
    (system.sync_folder)(path).map_err(io)?;
    if target.replace && path.exists() {
        // What is replaced must be a vault, and must not be open.
        let replaced = Config {
            create: false,
            ..config.to_replace()
        };
        Store::open(path, replaced, ANY_TYPES)?.replace_by(temp)?;
    } else {
        system
            .rename_new(temp, path)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Error::AlreadyExists {
                    location: Location::file(path),
                },
                _ => Error::io(path, error),
            })?;
    }
    (system.sync_folder)(path).map_err(io)
}

/// Opens a new, empty file that nobody else knows of.
fn create(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(path, flags)
}

/// Copies the pages that `session` sees to a new file.
pub(in crate::sqlite) fn copy_pages(
    session: &mut Session,
    path: &Path,
    progress: Progress<'_>,
) -> Result<()> {
    session.with_connection(|source| {
        let mut target = create(path)?;
        let backup = Backup::new(source, &mut target)?;
        loop {
            let step = backup.step(STEP_PAGES)?;
            let state = backup.progress();
            let total = u64::from(state.pagecount.unsigned_abs());
            progress(total - u64::from(state.remaining.unsigned_abs()), total);
            // The source keeps its state and nobody knows of the target, so a step never waits.
            if step == StepResult::Done {
                break;
            }
        }
        drop(backup);
        target.close().map_err(|(_, error)| error)
    })
}

/// Writes the rows that `reader` sees to a new file, in their order.
fn copy_rows(
    reader: &mut impl Read,
    format: Format,
    path: &Path,
    progress: Progress<'_>,
) -> Result<()> {
    let failed = |error| failure::from_sqlite(error, path, Duration::ZERO);
    let connection = create(path).map_err(failed)?;
    // Nobody knows of the file, and it is synced when it is complete.
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; {}",
            schema::create(format)
        ))
        .map_err(failed)?;
    let mut session = Session::reader(connection, Arc::from(path), Duration::ZERO);
    let maps = match format {
        Format::One(map) => vec![(map.only(), map.only())],
        Format::Several => copy_catalogue(reader, &mut session)?,
    };
    let mut total = 0;
    for (from, _) in &maps {
        total += reader.len(*from)?;
    }
    let mut done = 0;
    for (from, to) in maps {
        copy_map(reader, from, |key, value| {
            session.rows(to).put(key, value)?;
            done += 1;
            if done % STEP_ROWS == 0 {
                progress(done, total);
            }
            Ok(())
        })?;
    }
    session.commit()?;
    progress(done, total);
    session.close().map_err(|failed| failed.1)
}

/// Creates the maps that `reader` sees, and returns each with its copy.
fn copy_catalogue(reader: &mut impl Read, target: &mut Session) -> Result<Vec<(MapId, MapId)>> {
    let mut maps = Vec::new();
    for MapInfo {
        name,
        map,
        checksums,
    } in reader.maps()?
    {
        maps.push((map, target.create_map(&name, map.order, checksums)?));
    }
    Ok(maps)
}

/// Passes the keys and the values of a map to `f`, in their order.
fn copy_map(
    reader: &mut impl Read,
    map: MapId,
    mut f: impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<()> {
    let mut cursor = Cursor::new(Columns::Both);
    loop {
        cursor.prefetch(reader, map, Direction::Forward)?;
        let Some(row) = cursor.next(Direction::Forward) else {
            return Ok(());
        };
        let (key, value) = row.bytes()?;
        f(key, value)?;
    }
}

#[cfg(test)]
mod tests;
