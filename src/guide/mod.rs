//! Guides to subjects that concern more than one type.
//!
//! - [`concurrency`]: threads, processes, containers and locks, and mistakes to avoid.
//! - [`durability`]: what survives a crash, how this is tested, and how to recover a damaged vault.
//! - [`python`]: sharing files with the Python package.

#[doc = include_str!("concurrency.md")]
pub mod concurrency {}

#[doc = include_str!("durability.md")]
pub mod durability {}

#[doc = include_str!("python.md")]
pub mod python {}
