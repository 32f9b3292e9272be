//! The names of the tables of a map.

use crate::engine::{MapId, RowOrder};

/// The tables of one map: that of its rows and, if it is sorted, that of its large values.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct Tables {
    pub(in crate::sqlite) rows: String,
    pub(in crate::sqlite) large: String,
}

impl Tables {
    /// Returns the names for a map. The only map of a file has no number, and its tables have names of their own.
    pub(in crate::sqlite) fn of(map: MapId) -> Self {
        let rows = match (map.number, map.order) {
            (0, RowOrder::Insertion) => "dict".to_owned(),
            (0, RowOrder::Key) => "sorted".to_owned(),
            (number, _) => name_of(number),
        };
        Self {
            large: format!("{rows}_large"),
            rows,
        }
    }

    /// Replaces `{rows}` and `{large}` in a statement by the names. They need no quotes.
    pub(in crate::sqlite) fn name_in(&self, sql: &str) -> String {
        sql.replace("{rows}", &self.rows)
            .replace("{large}", &self.large)
    }
}

/// The table of a map in the order of insertion.
///
/// It is not `WITHOUT ROWID`, because rowids keep the order of insertion, and values of a KiB are several
/// times slower to read in such a table.
const DICT: &str =
    "CREATE TABLE {rows} (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT";

/// The tables of a sorted map.
///
/// The first has no rowids, so that a scan reads one tree in the order of the keys. A value in it is the value itself
/// or, if it is large, the id of its row in the second, because large values in a tree without rowids are several times
/// slower to read and to write.
const SORTED: [&str; 2] = [
    "CREATE TABLE {rows} (key BLOB PRIMARY KEY NOT NULL, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE {large} (id INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT",
];

/// Returns the statements that create the tables of a map.
pub(in crate::sqlite) fn create_statements(map: MapId) -> Vec<String> {
    let tables = Tables::of(map);
    let statements: &[&str] = match map.order {
        RowOrder::Insertion => &[DICT],
        RowOrder::Key => &SORTED,
    };
    statements.iter().map(|sql| tables.name_in(sql)).collect()
}

/// Returns the same as one text.
pub(in crate::sqlite) fn create(map: MapId) -> String {
    create_statements(map).join("; ")
}

/// Returns the statements that make the tables of one map those of another.
pub(in crate::sqlite) fn rename(from: MapId, to: MapId) -> String {
    let (old, new) = (Tables::of(from), Tables::of(to));
    let rename = |old, new| format!("ALTER TABLE {old} RENAME TO {new}");
    let rows = rename(old.rows, new.rows);
    match from.order {
        RowOrder::Insertion => rows,
        RowOrder::Key => format!("{rows}; {}", rename(old.large, new.large)),
    }
}

/// Returns the statements that drop the tables of a map.
pub(in crate::sqlite) fn drop(map: MapId) -> String {
    let tables = Tables::of(map);
    match map.order {
        RowOrder::Insertion => tables.name_in("DROP TABLE {rows}"),
        RowOrder::Key => tables.name_in("DROP TABLE {rows}; DROP TABLE {large}"),
    }
}

/// What the names of the tables of a map with a number begin with.
const NUMBERED: &str = "map_";

/// Returns the name of the table of the rows of a map with a number.
pub(in crate::sqlite) fn name_of(number: u32) -> String {
    format!("{NUMBERED}{number}")
}

/// Returns the number of the map whose rows are in a table of this name, if it has one.
pub(in crate::sqlite) fn number_of(table: &str) -> Option<u32> {
    let digits = table.strip_prefix(NUMBERED)?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    // Not `map_007` and not `map_+7`.
    (name_of(number) == table).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_by_numbers() {
        for order in [RowOrder::Insertion, RowOrder::Key] {
            let tables = Tables::of(MapId { number: 7, order });
            assert_eq!((&*tables.rows, &*tables.large), ("map_7", "map_7_large"));
        }
        assert_eq!(Tables::of(MapId::only(RowOrder::Insertion)).rows, "dict");
        let sorted = Tables::of(MapId::only(RowOrder::Key));
        assert_eq!((&*sorted.rows, &*sorted.large), ("sorted", "sorted_large"));
        assert_eq!(
            sorted.name_in("DELETE FROM {large} WHERE id IN (SELECT value FROM {rows})"),
            "DELETE FROM sorted_large WHERE id IN (SELECT value FROM sorted)"
        );
    }

    #[test]
    fn numbers_are_read_from_names() {
        assert_eq!(number_of("map_7"), Some(7));
        assert_eq!(number_of("map_4294967295"), Some(u32::MAX));
        for name in [
            "map_",
            "map_0",
            "map_07",
            "map_+7",
            "map_7_large",
            "dict",
            "map_4294967296",
        ] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
