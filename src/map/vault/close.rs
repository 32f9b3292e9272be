//! Closing a handle, and deleting the vault.

use std::fmt;

use crate::backend::Backend;
use crate::encoding::entry_codec::EntryCodec;
use crate::engine::{MapId, Write as _};
use crate::error::{Error, Result};
use crate::map::vault::Vault;
use crate::order::InsertionOrder;

/// The error of [`Vault::close`] and [`Vault::delete`], with the handle, which can be used again.
///
/// It converts into [`Error`], so `?` works in a function that returns [`vaults::Result`](crate::Result).
///
/// # Examples
///
/// ```
/// use vaults::{Error, Vault};
///
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let vault: Vault<String, u32> = Vault::open(folder.path().join("v.db"))?;
/// let snapshot = vault.snapshot()?;
/// // The snapshot has the vault open.
/// let failed = vault.delete().unwrap_err();
/// assert!(matches!(failed.error(), Error::InUse { .. }));
/// drop(snapshot);
/// failed.into_vault().delete()?;
/// # Ok(())
/// # }
/// ```
pub struct CloseError<K, V, O = InsertionOrder> {
    inner: Box<(Vault<K, V, O>, Error)>,
}

impl<K, V, O> CloseError<K, V, O> {
    fn new((backend, error): (Backend, Error), map: MapId, entry_codec: EntryCodec) -> Self {
        Self {
            inner: Box::new((Vault::new(backend, map, entry_codec), error)),
        }
    }

    /// Returns the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Error, Vault};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<u32, u32> = Vault::open(&path)?;
    /// let snapshot = vault.snapshot()?;
    /// let failed = vault.delete().unwrap_err();
    /// assert!(matches!(failed.error(), Error::InUse { .. }));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.inner.1
    }

    /// Returns the handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::Vault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<u32, u32> = Vault::open(&path)?;
    /// let snapshot = vault.snapshot()?;
    /// let vault = vault.delete().unwrap_err().into_vault();
    /// drop(snapshot);
    /// vault.delete()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_vault(self) -> Vault<K, V, O> {
        self.inner.0
    }

    /// Returns the handle and the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Error, Vault};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<u32, u32> = Vault::open(&path)?;
    /// let snapshot = vault.snapshot()?;
    /// let (vault, error) = vault.delete().unwrap_err().into_parts();
    /// assert!(matches!(error, Error::InUse { .. }));
    /// vault.put(&1, &1)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_parts(self) -> (Vault<K, V, O>, Error) {
        *self.inner
    }
}

impl<K, V, O> From<CloseError<K, V, O>> for Error {
    /// Returns the error, and drops the handle.
    fn from(failed: CloseError<K, V, O>) -> Self {
        failed.inner.1
    }
}

impl<K, V, O> fmt::Debug for CloseError<K, V, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl<K, V, O> fmt::Display for CloseError<K, V, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl<K, V, O> std::error::Error for CloseError<K, V, O> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().source()
    }
}

impl<K, V, O> Vault<K, V, O> {
    /// Closes this handle and returns any error that dropping it would hide.
    ///
    /// The file is closed with its last handle, clone and iterator. Until then this does what
    /// [`flush`](Self::flush) does.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`flush`](Self::flush) in a [`CloseError`], which gives the handle back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// vault.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(self) -> Result<(), CloseError<K, V, O>> {
        let (map, entry_codec) = (self.map(), self.entry_codec());
        self.into_backend()
            .close()
            .map_err(|failed| CloseError::new(*failed, map, entry_codec))
    }

    /// Deletes the vault: the file, and the log beside it. A map of a file of several is
    /// [removed](crate::VaultFile::remove) from it.
    ///
    /// # Errors
    ///
    /// Returns a [`CloseError`], which gives the handle back. Nothing is deleted. Its error is:
    ///
    /// - [`Error::InUse`] if the file is open elsewhere: by a clone, an iterator, another handle or another
    ///   process. A map of a file of several is removed nevertheless.
    /// - [`Error::Moved`] if the file, its log or its index was deleted, renamed or replaced. The file of that
    ///   name may be another vault.
    /// - [`Error::ReadOnly`] if the vault is read-only.
    /// - [`Error::Io`] if the file system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<String, u32> = Vault::open(&path)?;
    /// vault.delete()?;
    /// assert!(!path.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(self) -> Result<(), CloseError<K, V, O>> {
        let (map, entry_codec) = (self.map(), self.entry_codec());
        if self.backend().has_catalogue() {
            let removed = self.remove_from_file();
            let backend = self.into_backend();
            return removed.map_err(|error| CloseError::new((backend, error), map, entry_codec));
        }
        self.into_backend()
            .delete()
            .map_err(|failed| CloseError::new(*failed, map, entry_codec))
    }

    /// Removes the map from a file of several.
    fn remove_from_file(&self) -> Result<()> {
        let mut writer = self.backend().begin_write()?;
        writer.remove_map(self.map())?;
        writer.commit()
    }
}
