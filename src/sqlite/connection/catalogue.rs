//! The catalogue of a file of several maps.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, params};

use crate::engine::{MAX_MAPS, MapId, MapInfo, RowOrder, is_valid_name};
use crate::error::{Error, Location, Result};
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::tables;

/// The table of the catalogue.
///
/// A number is never used again, even for a map that was removed, so an open handle cannot meet another map. Names are
/// compared byte by byte.
pub(in crate::sqlite) const CREATE: &str = "CREATE TABLE maps (number INTEGER PRIMARY KEY AUTOINCREMENT, \
     name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, checksums INTEGER NOT NULL) STRICT";

const ROWS: &str = "SELECT number, name, kind, checksums FROM maps";

/// What the catalogue has for a row that it cannot have.
type Invalid = String;

/// Reads the catalogue. The inner error says which row is invalid, and why.
pub(in crate::sqlite) fn read(
    connection: &Connection,
) -> rusqlite::Result<std::result::Result<Vec<MapInfo>, Invalid>> {
    // Damaged pages that share their children could be read for ever.
    let limit = MAX_MAPS + 1;
    let mut statement = connection.prepare(&format!("{ROWS} LIMIT {limit}"))?;
    let mut rows = statement.query([])?;
    let mut maps = Vec::new();
    let mut numbers = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let map = match read_row(row)? {
            Ok(map) => map,
            Err(invalid) => return Ok(Err(invalid)),
        };
        if !numbers.insert(map.map.number) {
            let number = map.map.number;
            return Ok(Err(format!("it has two maps of the number {number}")));
        }
        maps.push(map);
    }
    if maps.len() > MAX_MAPS {
        return Ok(Err(format!("it has more than {MAX_MAPS} maps")));
    }
    maps.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(Ok(maps))
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<std::result::Result<MapInfo, Invalid>> {
    let (number, name): (i64, String) = (row.get(0)?, row.get(1)?);
    let (kind, checksums): (String, i64) = (row.get(2)?, row.get(3)?);
    let valid_number = u32::try_from(number).ok().filter(|number| *number > 0);
    Ok(match (valid_number, order_of_kind(&kind), checksums) {
        _ if !is_valid_name(&name) => Err(format!("{name:?} cannot be the name of a map")),
        (Some(number), Some(order), 0 | 1) => Ok(MapInfo {
            name,
            map: MapId { number, order },
            checksums: checksums == 1,
        }),
        (None, _, _) => Err(format!("the map {name:?} has the number {number}")),
        (_, None, _) => Err(format!("the map {name:?} is of the unknown kind {kind:?}")),
        _ => Err(format!(
            "the map {name:?} has {checksums} for its checksums"
        )),
    })
}

const fn kind_of_order(order: RowOrder) -> &'static str {
    match order {
        RowOrder::Insertion => "dict",
        RowOrder::Key => "sorted",
    }
}

pub(in crate::sqlite) fn order_of_kind(kind: &str) -> Option<RowOrder> {
    [RowOrder::Insertion, RowOrder::Key]
        .into_iter()
        .find(|&order| kind_of_order(order) == kind)
}

impl Session {
    /// Returns what the catalogue says of the map with this name.
    pub(in crate::sqlite) fn find_map(&mut self, name: &str) -> Result<Option<MapInfo>> {
        let found = self.with_connection(|connection| {
            let mut statement = connection.prepare(&format!("{ROWS} WHERE name = ?1"))?;
            let mut rows = statement.query([name])?;
            rows.next()?.map(read_row).transpose()
        })?;
        let map = found
            .transpose()
            .map_err(|invalid| self.invalid(&invalid))?;
        if let Some(map) = &map {
            self.map_names.note(map.map.number, &map.name);
        }
        Ok(map)
    }

    /// Returns what the catalogue says of all maps, in the order of their names.
    pub(in crate::sqlite) fn maps(&mut self) -> Result<Vec<MapInfo>> {
        let maps = self.with_connection(read)?;
        maps.map_err(|invalid| self.invalid(&invalid))
    }

    fn invalid(&self, reason: &str) -> Error {
        self.explain(Error::Corrupt {
            location: Location::file(self.path()),
            source: format!("the catalogue of its maps is invalid: {reason}").into(),
        })
    }

    /// Creates a map whose name is free, in the write transaction that has begun.
    pub(in crate::sqlite) fn create_map(
        &mut self,
        name: &str,
        order: RowOrder,
        checksums: bool,
    ) -> Result<MapId> {
        if self.maps()?.len() >= MAX_MAPS {
            return Err(Error::TooManyMaps {
                location: Location::file(self.path()),
                limit: MAX_MAPS,
            });
        }
        let number = self.insert_map(name, order, checksums)?;
        let map = MapId { number, order };
        self.with_connection(|connection| connection.execute_batch(&tables::create(map)))?;
        Ok(map)
    }

    /// Gives the only map of a file a name, in the write transaction that has begun. The caller sets the format.
    pub(in crate::sqlite) fn name_only_map(
        &mut self,
        order: RowOrder,
        checksums: bool,
        name: &str,
    ) -> Result<()> {
        let old = MapId::only(order);
        self.with(|statements| {
            statements.forget_map(old.number);
            statements.connection.execute_batch(CREATE)
        })?;
        let number = self.insert_map(name, order, checksums)?;
        let sql = tables::rename(old, MapId { number, order });
        self.with_connection(|connection| connection.execute_batch(&sql))
    }

    fn insert_map(&mut self, name: &str, order: RowOrder, checksums: bool) -> Result<u32> {
        let number = self.with_connection(|connection| {
            connection.execute(
                "INSERT INTO maps (name, kind, checksums) VALUES (?1, ?2, ?3)",
                params![name, kind_of_order(order), checksums],
            )?;
            Ok(connection.last_insert_rowid())
        })?;
        let Ok(number) = u32::try_from(number) else {
            return Err(self.corrupt("there is no number left for another map"));
        };
        self.map_names.note(number, name);
        Ok(number)
    }

    /// Removes a map and its rows, in the write transaction that has begun.
    pub(in crate::sqlite) fn remove_map(&mut self, map: MapId) -> Result<()> {
        self.with(|statements| {
            statements.forget_map(map.number);
            let connection = statements.connection;
            connection.execute_batch(&tables::drop(map))?;
            connection
                .execute("DELETE FROM maps WHERE number = ?1", [map.number])
                .map(drop)
        })
    }

    /// Gives a map a name that is free, in the write transaction that has begun.
    pub(in crate::sqlite) fn rename_map(&mut self, map: MapId, name: &str) -> Result<()> {
        let changed = self.with_connection(|connection| {
            connection.execute(
                "UPDATE maps SET name = ?2 WHERE number = ?1",
                params![map.number, name],
            )
        })?;
        if changed == 0 {
            return Err(self.map_names.not_found(map.number, self.path()));
        }
        self.map_names.note(map.number, name);
        Ok(())
    }
}
