//! Files that are deleted, renamed or replaced while they are open.
#![cfg(unix)]

mod fork;
mod restore;
mod stale;
mod table;
