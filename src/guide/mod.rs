//! Guides to subjects that concern more than one type.
//!
//! - [`async_programs`]: what blocks, and which errors mean "try again".
//! - [`changing_types`]: changing the type of stored values and keys.
//! - [`concurrency`]: threads, processes, containers and locks, and mistakes to avoid.
//! - [`durability`]: what survives a crash, how this is tested, and how to recover a damaged vault.
//! - [`python`]: sharing files with the Python package.

#[doc = include_str!("async_programs.md")]
pub mod async_programs {}

#[doc = include_str!("changing_types.md")]
pub mod changing_types {}

#[doc = include_str!("concurrency.md")]
pub mod concurrency {}

#[doc = include_str!("durability.md")]
pub mod durability {}

#[doc = include_str!("python.md")]
pub mod python {}
