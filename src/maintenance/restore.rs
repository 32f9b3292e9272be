//! Putting a backup in the place of a vault.

use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::vault::Vault;
use crate::options::OpenOptions;
use crate::sqlite::has_log;

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// Puts a copy of the vault at `backup` in the place of the one at `path`, and opens it.
    ///
    /// A vault that is at `path` is replaced together with its log, which would otherwise be written
    /// into the copy. So is a damaged or an empty file; if there is none, it is created. After a crash
    /// there is either what was there before or the copy. A damaged file may then be without
    /// its log, which has a name that ends in `.old`.
    ///
    /// The backup is not changed. If it has a log of its own, because it was copied with one or is
    /// open, then one state of both is restored.
    ///
    /// It takes the time of copying the backup, and its size as free space.
    ///
    /// # Errors
    ///
    /// Nothing was changed at `path` if this returns one of these:
    ///
    /// - [`Error::NotFound`] if there is no file at `backup`.
    /// - [`Error::NotAVault`] if `backup` or the file at `path` is something else.
    /// - [`Error::TypeMismatch`] if the backup does not hold a map from `K` to `V`, as for
    ///   [`open`](Self::open), whose other errors can come from the backup too.
    /// - [`Error::InUse`] if the vault at `path` is open anywhere.
    /// - [`Error::InvalidPath`] if `path` cannot name a vault.
    /// - [`Error::NewerFormat`] if the vault at `path` was written by a newer version of this crate.
    /// - [`Error::Io`] or [`Error::Full`] if the copy cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (path, backup) = (folder.path().join("v.db"), folder.path().join("backup.db"));
    /// let vault: Vault<String, u32> = Vault::open(&path)?;
    /// vault.put("a", &1)?;
    /// vault.backup(&backup)?;
    /// vault.put("a", &2)?;
    /// vault.close()?;
    ///
    /// let vault: Vault<String, u32> = Vault::restore(&backup, &path)?;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn restore(backup: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<Self> {
        let (backup, path) = (backup.as_ref(), path.as_ref());
        let mut options = OpenOptions::new();
        if has_log(backup) {
            options.read_only(true);
        } else {
            // Nothing is left beside it.
            options.immutable(true);
        }
        let source: Self = options.open(backup)?;
        if let (Ok(from), Ok(to)) = (backup.canonicalize(), path.canonicalize())
            && from == to
        {
            return Err(Error::InvalidPath {
                path: path.to_path_buf(),
                reason: "it is the backup itself: give the path of the vault to replace",
            });
        }
        source.store().restore_to(path)?;
        drop(source);
        OpenOptions::new().create(false).open(path)
    }
}
