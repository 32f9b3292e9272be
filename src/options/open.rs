//! The methods that open a vault.

use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::vault::Vault;
use crate::options::OpenOptions;
use crate::order::Order;

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// Opens the vault at `path`, and creates it if it does not exist. Its folder must exist.
    ///
    /// This is [`OpenOptions::new()`](OpenOptions::new)`.open(path)`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`OpenOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::Vault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("scores.db");
    /// let scores = Vault::<String, f64>::open(&path)?;
    /// scores.insert("Ada".into(), 9.5)?;
    /// # scores.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// Creates an empty vault in memory. Its entries are lost when its last handle is dropped.
    ///
    /// This is [`OpenOptions::new()`](OpenOptions::new)`.open_in_memory()`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`OpenOptions::open_in_memory`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::Vault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let scores = Vault::<String, f64>::open_in_memory()?;
    /// scores.insert("Ada".into(), 9.5)?;
    /// assert_eq!(scores.get("Ada")?, Some(9.5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_in_memory() -> Result<Self> {
        OpenOptions::new().open_in_memory()
    }
}

impl OpenOptions {
    /// Opens the vault at `path`.
    ///
    /// The path is made absolute, so a later change of the working directory has no effect. The first and the
    /// last entry are decoded, to detect a vault of other types than `K` and `V`.
    ///
    /// All checks come before the first change. If opening returns an error, the file and the log or journal
    /// beside it are what they were.
    ///
    /// Opening reads a few pages of the file, whatever its size. It reads the whole log if a crash has left one.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::NotFound`] if the vault does not exist and is not to be created.
    /// - Returns [`Error::AlreadyExists`] if it exists and [`create_new`](Self::create_new) is set.
    /// - Returns [`Error::InvalidPath`] if the path cannot be that of a vault, for example because it is a
    ///   directory or a link, or its folder does not exist.
    /// - Returns [`Error::InvalidOptions`] if the options contradict each other or the file.
    /// - Returns [`Error::NotAVault`] if the file is not a vault.
    /// - Returns [`Error::NewerFormat`] if a newer version of this crate created it.
    /// - Returns [`Error::WrongKind`] if it is a sorted vault, or a file of several maps.
    /// - Returns [`Error::TypeMismatch`] if its entries have other types.
    /// - Returns [`Error::ReadOnly`], [`Error::ReadOnlyFolder`] or [`Error::NeedsRecovery`] if this process lacks
    ///   the permissions to use the file, its log or its folder.
    /// - Returns [`Error::Busy`] if a lock is not acquired within the busy timeout.
    /// - Returns [`Error::TooManyFiles`] if the process or the system has too many open files.
    /// - Returns [`Error::UnsupportedSqlite`] if the linked SQLite is too old.
    /// - Returns [`Error::Corrupt`], [`Error::Io`] or [`Error::Full`] if the file is damaged, or cannot be read or
    ///   written.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("scores.db");
    /// let scores = OpenOptions::new().open::<String, f64>(&path)?;
    /// scores.insert("Ada".into(), 9.5)?;
    /// scores.close()?;
    ///
    /// let scores = OpenOptions::new().read_only(true).open::<String, f64>(&path)?;
    /// assert_eq!(scores.get("Ada")?, Some(9.5));
    /// # scores.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open<K, V>(&self, path: impl AsRef<Path>) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        self.open_ordered(path.as_ref())
    }

    /// Opens a vault with the order `O`.
    pub(crate) fn open_ordered<K, V, O>(&self, path: &Path) -> Result<Vault<K, V, O>>
    where
        K: Serialize + DeserializeOwned,
        V: Serialize + DeserializeOwned,
        O: Order<K>,
    {
        self.check_path_options()?;
        Vault::open_with(path, self.config, self.codec, self.verify_writes)
    }

    /// Creates an empty vault in memory. Its entries are lost when its last handle is dropped.
    ///
    /// It has the same methods, order, atomicity, locking and errors as a vault in a file, snapshots, savepoints
    /// and [`backup`](Vault::backup) to a file included. Its entries are in a persistent map in the memory of
    /// this process: a snapshot and a transaction each begin in constant time, without copying the entries.
    ///
    /// # What only a file has
    ///
    /// - Other processes and other handles. Clones of this handle share its entries.
    /// - Durability: [`flush`](Vault::flush) has nothing to sync.
    /// - A [`path`](Vault::path).
    /// - A log, pages and a cache. Those fields of [`stats`](Vault::stats) are zero, `readers_idle` too.
    ///   `file_bytes` and [`size_on_disk`](Vault::size_on_disk) are the approximate memory of the entries.
    /// - Unused pages. Memory is freed when the last snapshot that needs it is dropped, so
    ///   [`compact`](Vault::compact) does nothing.
    /// - The options [`create`](Self::create), [`create_new`](Self::create_new),
    ///   [`durability`](Self::durability), [`cache_capacity`](Self::cache_capacity),
    ///   [`log_size_limit`](Self::log_size_limit) and [`mode`](crate::os::unix::OpenOptionsExt::mode), which have no effect.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidOptions`] if [`read_only`](Self::read_only) or [`immutable`](Self::immutable) is
    ///   set.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Codec, OpenOptions};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let scores = OpenOptions::new()
    ///     .codec(Codec::Bincode)
    ///     .open_in_memory::<String, f64>()?;
    /// scores.insert("Ada".into(), 9.5)?;
    /// assert_eq!(scores.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_in_memory<K, V>(&self) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        self.open_ordered_in_memory()
    }

    /// Creates an empty vault in memory with the order `O`.
    pub(crate) fn open_ordered_in_memory<K, V, O>(&self) -> Result<Vault<K, V, O>>
    where
        K: Serialize + DeserializeOwned,
        V: Serialize + DeserializeOwned,
        O: Order<K>,
    {
        self.check_memory_options()?;
        Ok(Vault::new_in_memory(
            self.config,
            self.codec,
            self.verify_writes,
        ))
    }

    /// Returns an error if these options cannot be combined for a file.
    pub(super) fn check_path_options(&self) -> Result<()> {
        if self.config.is_read_only() && self.config.create_new {
            return Err(Error::InvalidOptions {
                reason: "`create_new` cannot be combined with `read_only`",
            });
        }
        Ok(())
    }

    /// Returns an error if these options cannot be combined for memory.
    pub(super) fn check_memory_options(&self) -> Result<()> {
        if self.config.is_read_only() {
            return Err(Error::InvalidOptions {
                reason: "`read_only` cannot be combined with an in-memory vault",
            });
        }
        Ok(())
    }
}
