//! Flushing, closing and deleting a file of several maps.

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::file::VaultFile;

impl VaultFile {
    /// Makes everything that was acknowledged so far survive a power cut, whatever the
    /// [`Durability`](crate::Durability).
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Deferred`] if an earlier write failed when its entry, guard or iterator was dropped. Nothing
    ///   was synced then: call it again.
    /// - Returns [`Error::Io`] if the disk refuses.
    /// - Returns [`Error::Moved`] if the file, its log or its index no longer has its name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// file.vault::<u64, String>("users")?.insert(1, "Ada".into())?;
    /// file.flush()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush(&self) -> Result<()> {
        self.backend().flush()
    }

    /// Closes this handle and returns any error that dropping it would hide.
    ///
    /// The file is closed with its last handle and that of its maps. Until then this does what
    /// [`flush`](Self::flush) does.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`flush`](Self::flush). The handle is dropped nevertheless.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// file.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(self) -> Result<()> {
        self.backend.close().map_err(|failed| failed.1)
    }

    /// Deletes the file with all its maps, and the log beside it.
    ///
    /// # Errors
    ///
    /// Nothing is deleted on an error, and this handle is dropped.
    ///
    /// - Returns [`Error::InUse`] if the file is open elsewhere: by a handle of one of its maps, an iterator, a clone or
    ///   another process.
    /// - Returns [`Error::Moved`] if the file, its log or its index was deleted, renamed or replaced.
    /// - Returns [`Error::ReadOnly`] if the file was opened read-only.
    /// - Returns [`Error::Io`] if the file system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("app.db");
    /// let file = VaultFile::open(&path)?;
    /// file.delete()?;
    /// assert!(!path.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(self) -> Result<()> {
        self.backend.delete().map_err(|failed| failed.1)
    }
}
