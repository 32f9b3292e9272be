//! A connection to the file: its prepared statements, and the parts of SQLite's C interface that rusqlite
//! does not wrap.

pub(in crate::sqlite) mod catalogue;
pub(in crate::sqlite) mod dict_rows;
pub(in crate::sqlite) mod dict_sql;
pub(in crate::sqlite) mod failure;
pub(in crate::sqlite) mod hooked_connection;
mod last_insert;
pub(in crate::sqlite) mod map_names;
pub(in crate::sqlite) mod map_rows;
pub(in crate::sqlite) mod map_sql;
pub(in crate::sqlite) mod open_file;
mod owned_statements;
pub(in crate::sqlite) mod rowids;
pub(in crate::sqlite) mod rows;
pub(in crate::sqlite) mod session;
pub(in crate::sqlite) mod sorted_rows;
mod sorted_sql;
pub(in crate::sqlite) mod statement;
pub(in crate::sqlite) mod statements;
pub(in crate::sqlite) mod tables;
pub(in crate::sqlite) mod wal_index;
