//! The engine of vaults in memory: entries in persistent maps, which share the structure of their versions.
//!
//! A clone of a state takes constant time, so a snapshot, a transaction and a savepoint each begin with one.
//! A commit replaces the current state. See Okasaki, *Purely Functional Data Structures*, 1998.
//!
//! `table_by_insertion` and `table_by_key` have the entries of a map, `table` is either of them, `state` has all maps,
//! `store` the current state and the write lock, `reader` and `writer` are the transactions of a handle, `engine` is
//! the door.

mod engine;
mod entry;
mod reader;
mod state;
mod store;
mod table;
mod table_by_insertion;
mod table_by_key;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use store::Store;
pub(crate) use writer::Writer;
