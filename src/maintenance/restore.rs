//! Replacing a vault by a backup.

use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::vault::Vault;
use crate::options::OpenOptions;
use crate::order::Order;
use crate::sqlite::has_log;

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// Replaces the vault at `path` by a copy of the one at `backup`, and opens it.
    ///
    /// The log of the old vault is removed, because it would otherwise be written into the copy. A damaged
    /// or empty file is replaced too. If `path` does not exist, it is created.
    ///
    /// After a crash, `path` holds either its old content or the copy. A damaged file may then have lost its
    /// log, which was renamed to end in `.old`.
    ///
    /// The backup is not changed. If it has a log, because it was copied with one or is open, the entries in
    /// the log are restored too.
    ///
    /// The call copies the backup once, and needs free space of its size.
    ///
    /// # Errors
    ///
    /// After one of these errors nothing was changed at `path`:
    ///
    /// - Returns [`Error::NotFound`] if there is no file at `backup`.
    /// - Returns [`Error::NotAVault`] if the file at `backup` or `path` is not a vault.
    /// - Returns [`Error::TypeMismatch`] if the backup does not hold a map from `K` to `V`.
    /// - Returns [`Error::InUse`] if the vault at `path` is open anywhere.
    /// - Returns [`Error::InvalidPath`] if `path` cannot be that of a vault.
    /// - Returns [`Error::NewerFormat`] if a newer version of this crate wrote the vault at `path`.
    /// - Returns [`Error::Io`] or [`Error::Full`] if the copy cannot be written.
    /// - Returns the other errors of [`open`](Self::open) for the backup.
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
        restore(backup.as_ref(), path.as_ref())
    }
}

/// Replaces the vault at `path` by a copy of the one at `backup`, and opens it.
pub(super) fn restore<K, V, O>(backup: &Path, path: &Path) -> Result<Vault<K, V, O>>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    let source: Vault<K, V, O> = options_for_backup(backup).open_ordered(backup)?;
    refuse_itself(backup, path)?;
    source.backend().restore_to(path)?;
    drop(source);
    OpenOptions::new().create(false).open_ordered(path)
}

/// Returns options to read a backup and to leave nothing beside it.
pub(super) fn options_for_backup(backup: &Path) -> OpenOptions {
    let mut options = OpenOptions::new();
    if has_log(backup) {
        options.read_only(true);
    } else {
        // An immutable file is read without a log and an index.
        options.immutable(true);
    }
    options
}

/// Returns an error if a file is to be replaced by itself.
pub(super) fn refuse_itself(backup: &Path, path: &Path) -> Result<()> {
    match (backup.canonicalize(), path.canonicalize()) {
        (Ok(from), Ok(to)) if from == to => Err(Error::InvalidPath {
            path: path.to_path_buf(),
            reason: "it is the backup itself: give the path of the vault to replace",
        }),
        _ => Ok(()),
    }
}
