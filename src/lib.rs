//! A map that is still there when the program runs again.
//!
//! [`Vault<K, V>`](Vault) reads like [`HashMap<K, V>`](std::collections::HashMap). Its entries live
//! in one table of one SQLite file, which threads and processes share safely.
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
//! // Reading, adding and writing are one step for every thread and process.
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
//! # What it promises
//!
//! 1. Nothing acknowledged is lost: what a call returned `Ok` for is on disk, at the
//!    [`Durability`] that was asked for.
//! 2. Nothing is stored that cannot be read back: a value that its [`Codec`] cannot hold faithfully is
//!    refused when it is written.
//! 3. Every call is atomic, across threads and across processes: an [`entry`](Vault::entry) and a
//!    [`transaction`](Vault::transaction) from beginning to end.
//! 4. It reads like `HashMap`. What differs is said where it is met; everywhere it is this: methods take
//!    `&self`, return a [`Result`], and give owned values.
//!
//! # Where to look
//!
//! - [`Vault`]: the map. Its page has the contract: sharing, order, durability, locking, keys.
//! - [`Entry`] and [`RefMut`]: a value changed in place. [`Transaction`]: several calls that are one
//!   change. [`Snapshot`]: reads of one state.
//! - [`guide::sharing`]: a guide to threads and processes, and the mistakes to avoid.
//! - [`guide::failure`]: a guide to durability, to what was tested and how, and to a bad day.
//! - [`OpenOptions`]: durability, codec, timeouts, read-only. [`VaultDir`]: a folder of named vaults.
//! - [`Codec`]: how values are encoded, and how types may change.
//! - [`Error`]: what can go wrong, by what you can do about it.

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

/// The snippets of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod codec;
mod dir;
mod encoding;
mod engine;
mod entry;
mod error;
pub mod guide;
mod maintenance;
mod map;
mod options;
mod sqlite;

pub use codec::Codec;
pub use dir::VaultDir;
pub use entry::guard::RefMut;
pub use entry::try_entry::TryEntry;
pub use entry::{Entry, OccupiedEntry, VacantEntry};
pub use error::{EntryPart, Error, Result};
pub use maintenance::salvage::{Loss, Salvage};
pub use maintenance::{Compaction, Existing, Problem, Progress, Report, Stats};
pub use map::iter::{IntoIter, IntoKeys, IntoValues, Iter, Keys, TransactionIter, Values};
pub use map::removal::{Drain, ExtractIf};
pub use map::snapshot::Snapshot;
pub use map::transaction::Transaction;
pub use map::vault::Vault;
pub use options::OpenOptions;
pub use sqlite::Durability;
