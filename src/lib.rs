//! A typed, generic, persistent map, like `HashMap` in a file.
//!
//! [`Vault<K, V>`](Vault) has the methods of [`HashMap<K, V>`](std::collections::HashMap). Its entries are
//! stored in one table of one SQLite file, which threads and processes can share safely.
//!
//! ```
//! use vaults::Vault;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("ages.db");
//! let ages: Vault<String, u32> = Vault::open(&path)?;
//! ages.insert("Ada".into(), 36)?;
//! ages.try_extend([("Bob".into(), 41), ("Eve".into(), 29)])?;
//!
//! // One atomic step for all threads and processes: read, add, write.
//! *ages.entry("Ada".into()).or_insert(0)? += 1;
//! assert_eq!(ages.get("Ada")?, Some(37));
//!
//! for entry in &ages {
//!     let (name, age) = entry?;
//!     println!("{name} is {age}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! 1. No acknowledged write is lost. When a call returns `Ok`, its changes are on disk, at the
//!    [`Durability`] that was chosen.
//! 2. Every stored value can be read back. A value that its [`Codec`] cannot represent exactly is refused
//!    when it is written.
//! 3. Every call is atomic across threads and processes. An [`entry`](Vault::entry) and a
//!    [`transaction`](Vault::transaction) are atomic from beginning to end.
//! 4. The API is that of `HashMap`. Methods take `&self`, return a [`Result`] and give owned values. Each
//!    method documents any other difference.
//!
//! # Where to look
//!
//! - [`Vault`]: the map. Its page describes sharing, order, durability, locking and keys.
//! - [`Entry`] and [`RefMut`]: change a value in place.
//! - [`Transaction`]: make several calls atomic. [`Snapshot`]: read one state of the map.
//! - [`OpenOptions`]: durability, codec, timeouts, read-only access.
//! - [`VaultFile`]: several maps in a file, and one transaction over them.
//! - [`VaultDir`]: a folder of named vaults.
//! - [`order`]: the order of the entries, as a type.
//! - [`Codec`]: how values are encoded, and how to change a type.
//! - [`Error`]: what can go wrong, and what to do about it.
//! - [`guide::async_programs`]: what blocks, and which errors mean "try again".
//! - [`guide::changing_types`]: changing the type of stored values and keys.
//! - [`guide::concurrency`]: threads, processes and locks, and mistakes to avoid.
//! - [`guide::durability`]: what survives a crash, how this is tested, and how to recover a damaged vault.
//! - [`guide::python`]: sharing files with the Python package.

// On docs.rs, an item that a feature enables is marked with it.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

/// Runs the snippets of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

// Opening, and then the methods of the map, come first on the page of `Vault`.
mod options;

mod map;

mod backend;
mod codec;
mod dir;
mod encoding;
mod engine;
mod entry;
mod error;
mod file;
pub mod guide;
pub mod maintenance;
mod memory;
pub mod order;
pub mod os;
mod sorted;
mod sqlite;

pub use codec::{Codec, PrefixOf, SerializesAs};
pub use dir::VaultDir;
pub use entry::Entry;
pub use entry::guard::RefMut;
pub use entry::occupied::OccupiedEntry;
pub use entry::try_entry::TryEntry;
pub use entry::vacant::VacantEntry;
pub use error::{EntryPart, Error, Location, Result};
pub use file::VaultFile;
pub use file::snapshot::FileSnapshot;
pub use file::transaction::{FileTransaction, MapTransaction};
pub use map::drain::Drain;
pub use map::iter::{IntoIter, IntoKeys, IntoValues, Iter, Keys, TransactionIter, Values};
pub use map::readable::Readable;
pub use map::retain::ExtractIf;
pub use map::snapshot::Snapshot;
pub use map::transaction::Transaction;
pub use map::vault::Vault;
pub use map::vault::close::CloseError;
pub use map::writable::Writable;
pub use options::OpenOptions;
pub use sorted::SortedVault;
pub use sqlite::Durability;
