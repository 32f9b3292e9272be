//! Work on the whole file: checks, statistics, compaction.

pub(in crate::sqlite) mod backup;
pub(in crate::sqlite) mod finish;
pub(in crate::sqlite) mod reach;

use std::sync::Arc;

use rusqlite::Connection;

use crate::engine::{EngineStats, MapId, RowOrder};
use crate::error::{Error, Result};
use crate::sqlite::coherence::cache::Cache;
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::tables::Tables;
use crate::sqlite::open::format::Format;
use crate::sqlite::reader::Reader;
use crate::sqlite::store::Store;

/// The number of faults after which SQLite's own check stops.
const MAX_FAULTS: u32 = 100;

impl Reader {
    /// Returns what SQLite finds wrong with the structure of the trees, or with the index if it does not
    /// agree with the table, and whether a large value of `map` belongs to more or less than one key. Empty for an
    /// intact file.
    ///
    /// Of a file of several maps, it checks the tables of this one.
    pub(crate) fn integrity_check(&mut self, map: MapId) -> Result<Vec<String>> {
        let tables = Tables::of(map);
        let sql = match (map.number, map.order) {
            (0, _) => vec![format!("PRAGMA integrity_check({MAX_FAULTS})")],
            (_, RowOrder::Insertion) => vec![tables.name_in("PRAGMA integrity_check({rows})")],
            (_, RowOrder::Key) => ["{rows}", "{large}"]
                .map(|table| tables.name_in(&format!("PRAGMA integrity_check({table})")))
                .to_vec(),
        };
        self.run_checks(&sql, Some(map))
    }

    /// Returns what SQLite finds wrong with the structure of the whole file.
    pub(crate) fn integrity_check_of_file(&mut self) -> Result<Vec<String>> {
        self.run_checks(&[format!("PRAGMA integrity_check({MAX_FAULTS})")], None)
    }

    /// Returns which large values of a sorted map belong to more or less than one key.
    pub(crate) fn check_large_values(&mut self, map: MapId) -> Result<Vec<String>> {
        self.run_checks(&[], Some(map))
    }

    fn run_checks(&mut self, checks: &[String], map: Option<MapId>) -> Result<Vec<String>> {
        self.session()?.with_connection(|connection| {
            let mut lines: Vec<String> = Vec::new();
            for sql in checks {
                let mut statement = connection.prepare(sql)?;
                for line in statement.query_map([], |row| row.get(0))? {
                    lines.push(line?);
                }
            }
            lines.retain(|line| line != "ok");
            // The trees of a damaged file may lead to their own beginnings.
            if let (true, Some(map)) = (lines.is_empty(), map)
                && map.order == RowOrder::Key
            {
                lines.extend(misplaced_values(connection, map)?);
            }
            Ok(lines)
        })
    }
}

/// Returns how many large values of a sorted map belong to no key or to several, if there are any.
fn misplaced_values(connection: &Connection, map: MapId) -> rusqlite::Result<Vec<String>> {
    let tables = Tables::of(map);
    let mut faults = Vec::new();
    for (what, sql) in [
        ("large values without a key", UNUSED_VALUES),
        (
            "keys that share a large value with another one",
            SHARED_VALUES,
        ),
    ] {
        let count: i64 = connection.query_one(&tables.name_in(sql), [], |row| row.get(0))?;
        if count > 0 {
            faults.push(format!("{count} {what}"));
        }
    }
    Ok(faults)
}

const UNUSED_VALUES: &str = "SELECT count(*) FROM {large} \
                             WHERE id NOT IN (SELECT value FROM {rows} WHERE value < x'')";

const SHARED_VALUES: &str =
    "SELECT count(value) - count(DISTINCT value) FROM {rows} WHERE value < x''";

impl Store {
    pub(crate) fn stats(self: &Arc<Self>) -> Result<EngineStats> {
        let (file_bytes, log_bytes) = self.file_sizes()?;
        // In one transaction, because the numbers must be of one state.
        let (page_bytes, pages, free_pages) = Reader::begin(self)?
            .session()?
            .with_connection(page_counts)?;
        let cache = self
            .known_coherence()
            .and_then(|coherence| coherence.cache());
        let (cache_hits, cache_misses) = cache.map_or((0, 0), Cache::counts);
        let (readers_open, readers_idle) = self.reader_counts();
        Ok(EngineStats {
            file_bytes,
            log_bytes,
            page_bytes,
            pages,
            free_pages,
            readers_open,
            readers_idle,
            cache_hits,
            cache_misses,
            cache_bytes: cache.map_or(0, Cache::bytes),
        })
    }

    /// Returns the maps that the file holds.
    fn maps_of_file(&self, session: &mut Session) -> Result<Vec<MapId>> {
        match self.format() {
            Format::One(map) => Ok(vec![map.only()]),
            Format::Several => Ok(session.maps()?.into_iter().map(|map| map.map).collect()),
        }
    }

    /// Rewrites the file without its unused pages, and empties the log.
    pub(crate) fn compact(&self) -> Result<()> {
        self.with_writer(|session| {
            for map in self.maps_of_file(session)? {
                if !prepare_to_compact(session, map)? {
                    return Ok(false);
                }
            }
            match session.with_connection(vacuum) {
                Ok(()) => Ok(true),
                Err(Error::Busy { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }
}

/// Checks that a map can be read to its end, and gives its rows consecutive rowids if the last is a large one.
/// Returns `false` if another process has the write lock.
fn prepare_to_compact(session: &mut Session, map: MapId) -> Result<bool> {
    match map.order {
        RowOrder::Insertion => {
            session.dict(map.number).check_extent()?;
            session.dict(map.number).renumber()
        }
        RowOrder::Key => session.sorted(map.number).count().map(|_| true),
    }
}

/// Returns the size of a page, the number of pages and the number of unused ones.
fn page_counts(connection: &Connection) -> rusqlite::Result<(u64, u64, u64)> {
    let number = |pragma: &str| {
        let number: i64 = connection.query_one(pragma, [], |row| row.get(0))?;
        Ok::<_, rusqlite::Error>(number.unsigned_abs())
    };
    Ok((
        number("PRAGMA page_size")?,
        number("PRAGMA page_count")?,
        number("PRAGMA freelist_count")?,
    ))
}

fn vacuum(connection: &Connection) -> rusqlite::Result<()> {
    // The temporary copy may be as large as the file, so it is not made in memory.
    connection.execute_batch("PRAGMA temp_store = FILE")?;
    let done = connection.execute_batch("VACUUM");
    connection.execute_batch("PRAGMA temp_store = MEMORY")?;
    done?;
    // If a reader prevents the log from being emptied now, a later checkpoint does it.
    connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
