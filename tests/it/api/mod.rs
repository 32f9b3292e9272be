//! The methods of vaults, transactions and snapshots.

mod backup;
mod cache;
mod changed_types;
mod close_and_delete;
mod ends;
mod errors;
mod extend;
mod handle;
mod handles_model;
mod iteration;
mod large_writes;
mod lookups;
mod maintenance;
mod model;
mod options;
mod savepoints;
mod snapshots;
mod std_map;
#[cfg(feature = "tracing")]
mod tracing_spans;
mod transactions;
mod vault_dir;
