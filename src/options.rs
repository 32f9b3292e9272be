//! The options of opening a vault.

// The documentation shows the methods in the order of these modules.
mod handle;

mod file;

mod open;

mod file_of_several;
mod sorted;

use crate::codec::Codec;
use crate::sqlite::Config;

/// Options that configure how a vault is opened, like [`std::fs::OpenOptions`].
///
/// Create it with [`new`](Self::new), change settings, and call [`open`](Self::open) or
/// [`open_in_memory`](Self::open_in_memory). One value opens vaults of any key and value types.
///
/// Only [`checksums`](Self::checksums) and [`mode`](crate::os::unix::OpenOptionsExt::mode) are kept in a new file. The other options
/// belong to the handle, so two handles of one vault may have different ones. Clones of a handle share its
/// options.
///
/// The methods return `&mut Self`, as those of `std` do. To keep options in a variable, bind
/// `OpenOptions::new()` to it first, and then change them: see [`new`](Self::new).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vaults::{Durability, OpenOptions};
///
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("pages.db");
/// let pages = OpenOptions::new()
///     .durability(Durability::Normal)
///     .busy_timeout(Duration::from_secs(2))
///     .open::<String, u64>(&path)?;
/// # pages.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `open` is called"]
pub struct OpenOptions {
    /// The options of a file.
    config: Config,
    codec: Codec,
    verify_writes: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}
