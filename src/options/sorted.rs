//! The methods that open a sorted vault.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::options::OpenOptions;
use crate::sorted::SortedVault;

impl<K, V> SortedVault<K, V>
where
    K: Serialize + DeserializeOwned + Ord,
    V: Serialize + DeserializeOwned,
{
    /// Opens the sorted vault at `path`, and creates it if it does not exist. Its folder must exist.
    ///
    /// This is [`OpenOptions::new()`](OpenOptions::new)`.open_sorted(path)`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`OpenOptions::open_sorted`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::SortedVault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("scores.db");
    /// let scores = SortedVault::<u32, String>::open(&path)?;
    /// scores.insert(95, "Ada".into())?;
    /// # scores.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open_sorted(path)
    }

    /// Creates an empty sorted vault in memory. Its entries are lost when its last handle is dropped.
    ///
    /// This is [`OpenOptions::new()`](OpenOptions::new)`.open_sorted_in_memory()`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`OpenOptions::open_sorted_in_memory`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::SortedVault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let scores = SortedVault::<u32, String>::open_in_memory()?;
    /// scores.insert(95, "Ada".into())?;
    /// assert_eq!(scores.first_key_value()?, Some((95, "Ada".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_in_memory() -> Result<Self> {
        OpenOptions::new().open_sorted_in_memory()
    }
}

impl OpenOptions {
    /// Opens the sorted vault at `path`, as [`open`](Self::open) opens a [`Vault`](crate::Vault).
    ///
    /// The order of a vault is chosen when it is created and kept in the file.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`open`](Self::open). A vault in the order of insertion is
    /// [`Error::WrongKind`](crate::Error::WrongKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Error, OpenOptions, Vault};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("scores.db");
    /// let scores = OpenOptions::new().open_sorted::<u32, String>(&path)?;
    /// scores.insert(95, "Ada".into())?;
    /// scores.close()?;
    ///
    /// let error = Vault::<u32, String>::open(&path).unwrap_err();
    /// assert!(matches!(error, Error::WrongKind { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_sorted<K, V>(&self, path: impl AsRef<Path>) -> Result<SortedVault<K, V>>
    where
        K: Serialize + DeserializeOwned + Ord,
        V: Serialize + DeserializeOwned,
    {
        self.open_ordered(path.as_ref()).map(SortedVault::from)
    }

    /// Creates an empty sorted vault in memory, as [`open_in_memory`](Self::open_in_memory) creates a
    /// [`Vault`](crate::Vault).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`open_in_memory`](Self::open_in_memory).
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let scores = OpenOptions::new()
    ///     .checksums(true)
    ///     .open_sorted_in_memory::<u32, String>()?;
    /// scores.insert(95, "Ada".into())?;
    /// assert_eq!(scores.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_sorted_in_memory<K, V>(&self) -> Result<SortedVault<K, V>>
    where
        K: Serialize + DeserializeOwned + Ord,
        V: Serialize + DeserializeOwned,
    {
        self.open_ordered_in_memory().map(SortedVault::from)
    }
}
