//! SQLite by hand: the vault's table, settings, statements and bytes, through rusqlite.
//!
//! It is written to be the floor: statements are prepared once for a loop and held, one connection
//! writes and each thread that reads has one of its own.

mod connect;
mod map;
mod several;
mod tagged;
mod writing;

pub use self::map::open;
pub use self::several::open as open_maps;
