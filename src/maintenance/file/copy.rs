//! Copying a file of several maps, and replacing it by a copy.

use std::path::Path;

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::file::VaultFile;
use crate::maintenance::report::{IfExists, Progress};
use crate::maintenance::restore::{options_for_backup, refuse_itself};
use crate::maintenance::whole::backup_of;
use crate::options::OpenOptions;
use crate::sqlite::Format;

impl VaultFile {
    /// Copies all maps to a new file at `path`, as [`Vault::backup`](crate::Vault::backup) copies a vault.
    ///
    /// The copy has one state of all maps. Other threads and processes can read and write during the copy. This also saves
    /// maps in memory to a file.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::AlreadyExists`] if `path` exists.
    /// - Returns [`Error::InvalidPath`] if `path` cannot be that of a vault.
    /// - Returns [`Error::Io`] or [`Error::Full`] if a file cannot be read or written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("copy.db");
    /// let file = VaultFile::open_in_memory()?;
    /// file.vault::<u64, String>("users")?.insert(1, "Ada".into())?;
    /// file.backup(&path)?;
    /// assert_eq!(VaultFile::open(&path)?.names()?, ["users"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        self.backup_with(path, IfExists::Refuse, |_| ())
    }

    /// Copies all maps like [`backup`](Self::backup), can replace a file of vaults at `path`, and calls `progress` with the
    /// number of pages or, in memory, of entries.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`backup`](Self::backup). With [`IfExists::Replace`] also:
    ///
    /// - Returns [`Error::NotAVault`] if the file at `path` is not a vault.
    /// - Returns [`Error::InUse`] if the file at `path` is open anywhere.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("copy.db");
    /// use vaults::maintenance::IfExists;
    ///
    /// let file = VaultFile::open_in_memory()?;
    /// file.backup_with(&path, IfExists::Replace, |progress| {
    ///     println!("{} of {}", progress.done, progress.total);
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup_with(
        &self,
        path: impl AsRef<Path>,
        existing: IfExists,
        progress: impl FnMut(Progress),
    ) -> Result<()> {
        backup_of(
            self.backend(),
            path.as_ref(),
            existing,
            Format::Several,
            progress,
        )
    }

    /// Replaces the file at `path` by a backup, as [`Vault::restore`](crate::Vault::restore) does, and opens it.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InUse`] if the file at `path` is open anywhere.
    /// - Returns [`Error::WrongKind`] if the backup has one map without a name.
    /// - Returns [`Error::InvalidPath`] if `path` is the backup itself.
    /// - Returns the errors of [`OpenOptions::open_file`] for the backup.
    ///
    /// On an error, the file at `path` is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (path, copy) = (folder.path().join("app.db"), folder.path().join("copy.db"));
    /// let file = VaultFile::open(&path)?;
    /// file.vault::<u64, String>("users")?.insert(1, "Ada".into())?;
    /// file.backup(&copy)?;
    /// file.remove("users")?;
    /// file.close()?;
    /// let file = VaultFile::restore(&copy, &path)?;
    /// assert_eq!(file.names()?, ["users"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn restore(backup: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<Self> {
        let (backup, path) = (backup.as_ref(), path.as_ref());
        let source = options_for_backup(backup).open_file(backup)?;
        refuse_itself(backup, path)?;
        source.backend().restore_to(path)?;
        drop(source);
        OpenOptions::new().create(false).open_file(path)
    }
}
