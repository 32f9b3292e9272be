//! The file of a vault: paths, permissions, locks, replaced and foreign files, and the size of the
//! write-ahead log.

mod bad_paths;
mod foreign_files;
mod locked;
mod other_users;
mod permissions;
mod refused_unchanged;
mod replaced;
mod wal_size;
