//! redb.

mod map;
mod several;

pub use self::map::open;
pub use self::several::open as open_maps;
