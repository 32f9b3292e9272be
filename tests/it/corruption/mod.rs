//! Damaged files and rows.

mod column_types;
mod damaged_btrees;
mod fuzz_corpus;
mod infinite_btree;
mod inspection;
mod invalid_schemas;
mod random_bytes;
mod salvage;
mod sorted_bytes;
mod undecodable_rows;
mod undecodable_values;
