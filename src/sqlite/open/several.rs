//! Whether a file has the tables of the maps in its catalogue, and no others.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::engine::{MapInfo, RowOrder};
use crate::sqlite::connection::catalogue;
use crate::sqlite::connection::tables::{self, Tables};
use crate::sqlite::open::objects::{Object, foreign_beside};

/// Returns why these are not the objects of a file of several maps, or `None` if they are.
pub(in crate::sqlite) fn problem_of_several(
    connection: &Connection,
    objects: Vec<Object>,
) -> rusqlite::Result<Option<String>> {
    let (own, mut others): (Vec<Object>, Vec<Object>) = objects
        .into_iter()
        .partition(|object| object.belongs_to("maps"));
    // It is read only if it is this table, because a view could answer the query.
    if !own.iter().any(|object| object.sql == catalogue::CREATE) {
        return Ok(Some(
            "it has no catalogue of its maps, the table \"maps\"".to_owned(),
        ));
    }
    let maps = match catalogue::read(connection)? {
        Ok(maps) => maps,
        Err(invalid) => return Ok(Some(format!("its catalogue is invalid: {invalid}"))),
    };
    let mut tables: BTreeMap<String, Object> = BTreeMap::new();
    others.retain(|object| object.kind != "index" || !object.sql.is_empty());
    let (declared, foreign): (Vec<Object>, Vec<Object>) = others
        .into_iter()
        .partition(|object| object.kind == "table");
    tables.extend(
        declared
            .into_iter()
            .map(|table| (table.name.clone(), table)),
    );
    for map in &maps {
        if let Some(problem) = problem_of_map(connection, map, &mut tables)? {
            return Ok(Some(problem));
        }
    }
    let foreign: Vec<Object> = tables.into_values().chain(foreign).collect();
    Ok((!foreign.is_empty()).then(|| foreign_beside("maps", &foreign)))
}

/// Takes the tables of a map out of `tables`. Returns what is wrong with them.
fn problem_of_map(
    connection: &Connection,
    map: &MapInfo,
    tables: &mut BTreeMap<String, Object>,
) -> rusqlite::Result<Option<String>> {
    let Tables { rows, large } = Tables::of(map.map);
    let expected = tables::create_statements(map.map);
    for (name, sql) in [rows, large].into_iter().zip(expected) {
        let Some(table) = tables.remove(&name) else {
            return Ok(Some(format!(
                "the map {:?} has no table {name:?}",
                map.name
            )));
        };
        if !is_declared_by(connection, &table, &sql, map.map.order)? {
            return Ok(Some(format!(
                "the table {name:?} of the map {:?} has other columns",
                map.name
            )));
        }
    }
    Ok(None)
}

/// Returns `true` if a table was declared by this statement, or was the table of a file with one map.
fn is_declared_by(
    connection: &Connection,
    table: &Object,
    sql: &str,
    order: RowOrder,
) -> rusqlite::Result<bool> {
    // Renaming a table puts its name in quotes.
    let (name, quoted) = (&table.name, format!("\"{}\"", table.name));
    if table.sql.replacen(&quoted, name, 1) == sql {
        return Ok(true);
    }
    Ok(order == RowOrder::Insertion && table.is_dict(connection)?)
}
