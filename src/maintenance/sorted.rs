//! Restoring and salvaging sorted vaults.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::maintenance::restore::restore;
use crate::maintenance::salvage::{SalvageReport, salvage};
use crate::order::KeyOrder;
use crate::sorted::SortedVault;

impl<K, V> SortedVault<K, V>
where
    K: Serialize + DeserializeOwned + Ord,
    V: Serialize + DeserializeOwned,
{
    /// Replaces the sorted vault at `path` by a copy of the one at `backup`, and opens it.
    ///
    /// Otherwise it is [`Vault::restore`](crate::Vault::restore).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::restore`](crate::Vault::restore). A backup of a vault in the order of insertion is
    /// [`Error::WrongKind`](crate::Error::WrongKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::SortedVault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (path, backup) = (folder.path().join("v.db"), folder.path().join("backup.db"));
    /// let vault: SortedVault<String, u32> = SortedVault::open(&path)?;
    /// vault.put("a", &1)?;
    /// vault.backup(&backup)?;
    /// vault.put("a", &2)?;
    /// vault.close()?;
    ///
    /// let vault: SortedVault<String, u32> = SortedVault::restore(&backup, &path)?;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn restore(backup: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<Self> {
        restore(backup.as_ref(), path.as_ref()).map(Self::from)
    }

    /// Copies every entry that can be read from a damaged file into a new sorted vault at `new_path`.
    ///
    /// Otherwise it is [`Vault::salvage`](crate::Vault::salvage).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::salvage`](crate::Vault::salvage).
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::SortedVault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (damaged, saved) = (folder.path().join("damaged.db"), folder.path().join("saved.db"));
    /// # SortedVault::<String, u32>::open(&damaged)?.insert("a".into(), 1)?;
    /// let salvage = SortedVault::<String, u32>::salvage(&damaged, &saved)?;
    /// println!("{} entries were saved", salvage.saved);
    /// # assert_eq!((salvage.saved, salvage.lost.len()), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn salvage(path: impl AsRef<Path>, new_path: impl AsRef<Path>) -> Result<SalvageReport> {
        salvage::<K, V, KeyOrder>(path.as_ref(), new_path.as_ref())
    }
}
