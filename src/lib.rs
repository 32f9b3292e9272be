//! A map that is still there when the program runs again.
//!
//! [`Vault<K, V>`](Vault) reads like [`HashMap<K, V>`](std::collections::HashMap). Its entries live
//! in one table of one SQLite file, which threads and processes share safely.
//!
//! ```
//! use vaults::Vault;
//!
//! # fn main() -> vaults::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("ages.db");
//! let ages: Vault<String, u32> = Vault::open(&path)?;
//! ages.insert("Ada".into(), 36)?;
//! ages.try_extend([("Bob".to_owned(), 41), ("Eve".to_owned(), 29)])?;
//!
//! assert_eq!(ages.get("Ada")?, Some(36));
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
//! 3. Every call is atomic, across threads and across processes.
//! 4. It reads like `HashMap`. What differs is said where it is met; everywhere it is this: methods take
//!    `&self`, return a [`Result`], and give owned values.
//!
//! # Where to look
//!
//! - [`Vault`]: the map. Its page has the contract: sharing, order, durability, locking, keys.
//! - [`OpenOptions`]: durability, codec, timeouts, read-only. [`VaultDir`]: a folder of named vaults.
//! - [`Codec`]: how values are encoded, and how types may change.
//! - [`Error`]: what can go wrong, by what you can do about it.

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

mod bulk;
mod codec;
mod dir;
mod error;
mod iter;
mod key;
mod ops;
mod options;
mod removal;
mod store;
mod value;
mod vault;

pub use codec::Codec;
pub use dir::VaultDir;
pub use error::{Error, Part, Result};
pub use iter::{IntoIter, IntoKeys, IntoValues, Iter, Keys, Values};
pub use options::OpenOptions;
pub use removal::{Drain, ExtractIf};
pub use store::Durability;
pub use vault::Vault;
