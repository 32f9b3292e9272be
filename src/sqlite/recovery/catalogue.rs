//! Finds the maps of a file of several, by its schema and its catalogue.

use std::collections::{BTreeMap, HashSet};

use crate::engine::{MAX_MAPS, MapId, RowOrder, is_valid_name};
use crate::sqlite::connection::catalogue::order_of_kind;
use crate::sqlite::connection::tables::{self, Tables};
use crate::sqlite::file_format::btree::{Parsed, columns, page_number};
use crate::sqlite::recovery::damaged_file::DamagedFile;
use crate::sqlite::recovery::findings::Findings;
use crate::sqlite::recovery::table_walk::read_leaves;

/// The table of the catalogue.
const CATALOGUE: &str = "maps";
/// The page at which the schema begins.
const SCHEMA: u32 = 1;
/// The greatest number of tables that is kept, which bounds the memory of a scan.
const MAX_TABLES: usize = 4 * MAX_MAPS;

/// A map of a damaged file.
#[derive(Clone, Debug)]
pub(crate) struct FoundMap {
    /// Its name, or that of its table if the catalogue does not have it.
    pub(crate) name: String,
    pub(crate) order: RowOrder,
    /// Whether every value has a checksum, if the catalogue says so.
    pub(crate) checksums: Option<bool>,
    /// The root pages of its tables.
    pub(in crate::sqlite::recovery) rows: Parsed<u32>,
    pub(in crate::sqlite::recovery) large: Option<u32>,
}

/// The maps of a damaged file, and whether these are all.
#[derive(Debug, Default)]
pub(in crate::sqlite::recovery) struct FoundMaps {
    pub(in crate::sqlite::recovery) maps: Vec<FoundMap>,
    pub(in crate::sqlite::recovery) is_complete: bool,
}

/// A row of the catalogue.
struct Named {
    map: MapId,
    name: String,
    checksums: bool,
}

/// Finds the maps, and reports the pages of the schema and the catalogue that cannot be read.
pub(in crate::sqlite::recovery) fn find(
    file: &mut DamagedFile,
    findings: &mut Findings<'_>,
) -> FoundMaps {
    let mut seen = HashSet::new();
    let mut roots = BTreeMap::new();
    let mut is_complete = read_leaves(file, SCHEMA, &mut seen, findings, &mut |file, leaf, _| {
        for &cell in &leaf.cells {
            let (_, payload) = file.table_row(leaf.page, cell)?;
            if roots.len() < MAX_TABLES {
                roots.extend(table(&payload));
            }
        }
        Ok(())
    });
    let mut named = Vec::new();
    if let Some(root) = roots.remove(CATALOGUE) {
        is_complete &= read_leaves(file, root, &mut seen, findings, &mut |file, leaf, _| {
            for &cell in &leaf.cells {
                let (number, payload) = file.table_row(leaf.page, cell)?;
                let map = named_map(number, &payload).ok_or("a row is not that of a map")?;
                named.push(map);
            }
            Ok(())
        });
    } else {
        is_complete = false;
        findings.fault(SCHEMA, "the schema has no catalogue of the maps");
    }
    let mut maps: Vec<FoundMap> = named
        .into_iter()
        .map(|named| of_catalogue(named, &mut roots))
        .collect();
    maps.extend(without_names(&mut roots));
    FoundMaps { maps, is_complete }
}

/// Returns the name and the root page of a table, if the record is a table's row in the schema.
fn table(payload: &[u8]) -> Option<(String, u32)> {
    match columns(payload)?.as_slice() {
        &[(_, b"table"), (_, name), _, root, _] => {
            Some((String::from_utf8(name.to_vec()).ok()?, page_number(root)?))
        }
        _ => None,
    }
}

/// Returns what a row of the catalogue says.
fn named_map(number: i64, payload: &[u8]) -> Option<Named> {
    // The number is the rowid, so its column is NULL.
    let &[(0, _), (_, name), (_, kind), (checksums, bytes)] = columns(payload)?.as_slice() else {
        return None;
    };
    let checksums = match (checksums, bytes) {
        (8, _) | (1, [0]) => false,
        (9, _) | (1, [1]) => true,
        _ => return None,
    };
    let name = String::from_utf8(name.to_vec()).ok()?;
    let order = order_of_kind(std::str::from_utf8(kind).ok()?)?;
    let number = u32::try_from(number).ok().filter(|number| *number > 0)?;
    is_valid_name(&name).then_some(Named {
        map: MapId { number, order },
        name,
        checksums,
    })
}

/// Returns a map of the catalogue, and takes its tables.
fn of_catalogue(named: Named, roots: &mut BTreeMap<String, u32>) -> FoundMap {
    let Tables { rows, large } = Tables::of(named.map);
    FoundMap {
        name: named.name,
        order: named.map.order,
        checksums: Some(named.checksums),
        rows: roots
            .remove(&rows)
            .ok_or("the schema has no table of a map"),
        large: roots.remove(&large),
    }
}

/// Returns the maps that have tables and are not in the catalogue.
fn without_names(roots: &mut BTreeMap<String, u32>) -> Vec<FoundMap> {
    let numbers: Vec<u32> = roots
        .keys()
        .filter_map(|table| tables::number_of(table))
        .collect();
    let mut maps = Vec::new();
    for number in numbers {
        let Tables { rows, large } = Tables::of(MapId {
            number,
            order: RowOrder::Key,
        });
        let root = roots
            .remove(&rows)
            .ok_or("the schema has no table of a map");
        let large = roots.remove(&large);
        maps.push(FoundMap {
            name: rows,
            order: if large.is_some() {
                RowOrder::Key
            } else {
                RowOrder::Insertion
            },
            checksums: None,
            rows: root,
            large,
        });
    }
    maps
}
