//! A file of several maps, and one transaction or snapshot over them.

pub(crate) mod name;
pub(crate) mod snapshot;
pub(crate) mod transaction;

mod catalogue;
mod close;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::backend::Backend;
use crate::codec::Codec;
use crate::error::{Location, Result};
use crate::map::vault::Vault;
use crate::memory;
use crate::sqlite::{self, ANY_TYPES, Config, Content};

/// A file of several maps with names.
///
/// Each map is a [`Vault`] or a [`SortedVault`](crate::SortedVault), with its own types. A [transaction](Self::transaction) changes
/// several of them together, and a [snapshot](Self::snapshot) reads one state of all.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use vaults::{SortedVault, Vault, VaultFile};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct User {
///     name: String,
/// }
///
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("app.db");
/// let app = VaultFile::open(&path)?;
/// let users: Vault<u64, User> = app.vault("users")?;
/// let by_name: SortedVault<(String, u64), ()> = app.sorted_vault("by_name")?;
///
/// let (id, name) = (7, "Ada".to_owned());
/// app.transaction(|tx| {
///     tx.on(&users).insert(id, User { name: name.clone() })?;
///     tx.on(&by_name).insert((name, id), ())?;
///     Ok(())
/// })?;
///
/// let moment = app.snapshot()?;
/// let user = moment.on(&users).get(&id)?;
/// assert_eq!(user, Some(User { name: "Ada".into() }));
/// assert_eq!(moment.on(&by_name).len()?, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Sharing
///
/// A `VaultFile` is a handle that is `Send` and `Sync`, as [`Vault`] is. The file stays open until the last handle of it
/// or of one of its maps is dropped. Other processes may open the same file at the same time.
///
/// # Locking
///
/// The write lock is that of the file: one thread of one process writes to its maps at a time. In a transaction, a write by
/// another handle of the same file returns [`Error::Reentrant`](crate::Error::Reentrant) at once: write through
/// [`FileTransaction::on`](crate::FileTransaction::on).
///
/// # Names
///
/// A name is any text of 1 to 255 bytes without a NUL. Names are compared byte by byte, so `Users` and `users` are two maps.
/// A file has at most 1,000 maps, because SQLite reads the declarations of all of them whenever it opens a connection. Keep more
/// in one [`SortedVault`](crate::SortedVault), whose keys begin with a name: its
/// [`prefix`](Vault::prefix) reads one of them.
///
/// # Files of one map
///
/// [`Vault::open`](crate::Vault::open) and [`SortedVault::open`](crate::SortedVault::open) keep one map without a name in a file. Such a
/// file is not opened as a `VaultFile`: [`convert`](Self::convert) gives its map a name.
#[must_use = "a file is closed when it is dropped"]
#[derive(Clone)]
pub struct VaultFile {
    backend: Backend,
    settings: Settings,
}

/// How the maps of a file are opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) codec: Codec,
    pub(crate) verify: bool,
    /// A new map gets checksums.
    pub(crate) checksums: bool,
    /// An existing map must have checksums.
    pub(crate) requires_checksums: bool,
}

/// Shows the path. Never shows the entries.
impl fmt::Debug for VaultFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultFile")
            .field("path", &self.location().to_string())
            .finish_non_exhaustive()
    }
}

impl VaultFile {
    pub(crate) const fn new(backend: Backend, settings: Settings) -> Self {
        Self { backend, settings }
    }

    pub(crate) fn open_with(path: &Path, config: Config, settings: Settings) -> Result<Self> {
        let config = Config {
            content: Content::Several,
            ..config
        };
        let store = sqlite::Store::open(path, config, ANY_TYPES)?;
        Ok(Self::new(Backend::File(Arc::new(store)), settings))
    }

    pub(crate) fn new_in_memory(config: Config, settings: Settings) -> Self {
        let store = memory::Store::of_several(config.busy_timeout);
        Self::new(Backend::Memory(Arc::new(store)), settings)
    }

    pub(crate) const fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Returns the absolute path of the file, or `None` if it is in memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// assert_eq!(file.path(), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.backend.path()
    }

    /// Returns where the file is, as its errors show it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Location, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// assert_eq!(file.location(), Location::Memory);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn location(&self) -> Location {
        self.backend.location()
    }

    /// Returns the size in bytes of the file and its log, or the approximate memory of the entries.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Io`](crate::Error::Io) if the file system does not return the sizes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("app.db");
    /// let file = VaultFile::open(&path)?;
    /// assert!(file.size_on_disk()? > 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn size_on_disk(&self) -> Result<u64> {
        self.backend.size()
    }
}

impl<K, V, O> Vault<K, V, O> {
    /// Returns the file of this vault.
    ///
    /// It has the names of the other maps, if there are any, and begins transactions and snapshots that can be
    /// [used](crate::FileTransaction::on) for this vault. A map that it creates has the options of this one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let app = VaultFile::open_in_memory()?;
    /// let users: Vault<u64, String> = app.vault("users")?;
    /// assert_eq!(users.file().names()?, ["users"]);
    ///
    /// let alone: Vault<u64, String> = Vault::open_in_memory()?;
    /// assert!(alone.file().names()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn file(&self) -> VaultFile {
        let entry_codec = self.entry_codec();
        let settings = Settings {
            codec: entry_codec.codec,
            verify: entry_codec.verify,
            checksums: entry_codec.checksums,
            requires_checksums: false,
        };
        VaultFile::new(self.backend().clone(), settings)
    }
}
