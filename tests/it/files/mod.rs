//! The file of a vault: its path, who may open it, locks on it, other files in its place, its write-ahead log.

mod bad_paths;
mod foreign_files;
mod locked;
mod other_users;
mod permissions;
mod refused_unchanged;
mod replaced;
mod wal_size;
