//! The prepared statements of a connection.

use rusqlite::Connection;

use crate::engine::MapId;
use crate::sqlite::connection::map_sql::{MapSql, SLOTS};
use crate::sqlite::connection::statement::{Parameter, Statement};
use crate::sqlite::connection::tables::Tables;

/// A statement that concerns no single map.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) enum Sql {
    Begin,
    BeginImmediate,
    Commit,
    Rollback,
    Savepoint,
    Release,
    RollbackTo,
    SchemaVersion,
    Bytes,
}

impl Sql {
    const COUNT: usize = Self::Bytes as usize + 1;

    const fn text(self) -> &'static str {
        match self {
            Self::Begin => "BEGIN",
            Self::BeginImmediate => "BEGIN IMMEDIATE",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
            // The name means the innermost savepoint, so nested ones can share it.
            Self::Savepoint => "SAVEPOINT part",
            Self::Release => "RELEASE part",
            Self::RollbackTo => "ROLLBACK TO part",
            // It reads only the first page, so it works in spite of damage to other pages.
            Self::SchemaVersion => "PRAGMA schema_version",
            Self::Bytes => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        }
    }
}

/// The number of maps whose statements a connection keeps. Each map may have some 30 statements of a few KiB.
const MAX_MAPS: usize = 64;

/// The prepared statements of a connection. Each is prepared at its first use.
pub(in crate::sqlite) struct Statements<'conn> {
    pub(in crate::sqlite) connection: &'conn Connection,
    slots: [Option<Statement<'conn>>; Sql::COUNT],
    /// Those of maps, from the most recently used one to the least recently used one. They are large, and change places.
    #[expect(
        clippy::vec_box,
        reason = "moving a box is cheaper than moving some 30 slots"
    )]
    maps: Vec<Box<MapStatements<'conn>>>,
}

impl<'conn> Statements<'conn> {
    pub(in crate::sqlite) fn new(connection: &'conn Connection) -> Self {
        Self {
            connection,
            slots: [const { None }; Sql::COUNT],
            maps: Vec::new(),
        }
    }

    #[inline]
    pub(in crate::sqlite) fn get(&mut self, sql: Sql) -> rusqlite::Result<&mut Statement<'conn>> {
        let slot = self.slots.get_mut(sql as usize);
        get_or_prepare(slot, || Statement::prepare(self.connection, sql.text()))
    }

    pub(in crate::sqlite) fn run(&mut self, sql: Sql) -> rusqlite::Result<()> {
        self.get(sql)?.execute([])
    }

    /// Returns the statements of the map with this number.
    #[inline]
    pub(in crate::sqlite) fn of_map(
        &mut self,
        number: u32,
    ) -> rusqlite::Result<&mut MapStatements<'conn>> {
        let is_latest = self.maps.first().is_some_and(|map| map.number == number);
        if !is_latest {
            self.bring_to_front(number);
        }
        match self.maps.first_mut() {
            Some(map) => Ok(map),
            None => Err(rusqlite::Error::InvalidQuery),
        }
    }

    fn bring_to_front(&mut self, number: u32) {
        let found = self.maps.iter().position(|map| map.number == number);
        if let Some(used) = found.and_then(|index| self.maps.get_mut(..=index)) {
            return used.rotate_right(1);
        }
        self.maps.truncate(MAX_MAPS - 1);
        self.maps
            .insert(0, Box::new(MapStatements::new(self.connection, number)));
    }

    /// Finalizes the statements of a map.
    pub(in crate::sqlite) fn forget_map(&mut self, number: u32) {
        self.maps.retain(|map| map.number != number);
    }
}

/// The prepared statements for the rows of one map.
pub(in crate::sqlite) struct MapStatements<'conn> {
    pub(in crate::sqlite) connection: &'conn Connection,
    number: u32,
    slots: [Option<Statement<'conn>>; SLOTS],
}

impl<'conn> MapStatements<'conn> {
    const fn new(connection: &'conn Connection, number: u32) -> Self {
        Self {
            connection,
            number,
            slots: [const { None }; SLOTS],
        }
    }

    #[inline]
    pub(in crate::sqlite) fn get<S: MapSql>(
        &mut self,
        sql: S,
    ) -> rusqlite::Result<&mut Statement<'conn>> {
        let (connection, number) = (self.connection, self.number);
        get_or_prepare(self.slots.get_mut(sql.slot()), || {
            prepare(connection, number, sql)
        })
    }

    /// Returns two statements, to run the second for the rows of the first.
    pub(in crate::sqlite) fn get_two<S: MapSql>(
        &mut self,
        outer: S,
        inner: S,
    ) -> rusqlite::Result<(&mut Statement<'conn>, &mut Statement<'conn>)> {
        self.get(outer)?;
        self.get(inner)?;
        match self.slots.get_disjoint_mut([outer.slot(), inner.slot()]) {
            Ok([Some(outer), Some(inner)]) => Ok((outer, inner)),
            _ => Err(rusqlite::Error::InvalidQuery),
        }
    }

    /// Runs a statement that changes rows, and returns their number.
    pub(in crate::sqlite) fn change<S: MapSql, const N: usize>(
        &mut self,
        sql: S,
        parameters: [Parameter<'_>; N],
    ) -> rusqlite::Result<u64> {
        self.get(sql)?.execute(parameters)?;
        Ok(self.connection.changes())
    }
}

/// Returns the statement in a slot, and prepares it if it is not there yet.
#[inline]
fn get_or_prepare<'a, 'conn>(
    slot: Option<&'a mut Option<Statement<'conn>>>,
    prepare: impl FnOnce() -> rusqlite::Result<Statement<'conn>>,
) -> rusqlite::Result<&'a mut Statement<'conn>> {
    // `ok_or` would create and drop an error at each call.
    let Some(slot) = slot else {
        return Err(rusqlite::Error::InvalidQuery);
    };
    match slot {
        Some(statement) => Ok(statement),
        None => Ok(slot.insert(prepare()?)),
    }
}

#[cold]
fn prepare<S: MapSql>(
    connection: &Connection,
    number: u32,
    sql: S,
) -> rusqlite::Result<Statement<'_>> {
    let order = S::ORDER;
    let tables = Tables::of(MapId { number, order });
    Statement::prepare(connection, &tables.name_in(sql.text()))
}
