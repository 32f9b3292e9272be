//! The methods that open a file of several maps.

use std::path::Path;

use crate::error::Result;
use crate::file::{Settings, VaultFile};
use crate::options::OpenOptions;

impl VaultFile {
    /// Opens the file of several maps at `path`, and creates it if it does not exist. Its folder must exist.
    ///
    /// This is [`OpenOptions::new()`](OpenOptions::new)`.open_file(path)`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`OpenOptions::open_file`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::VaultFile;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("app.db");
    /// let app = VaultFile::open(&path)?;
    /// let settings = app.vault::<String, String>("settings")?;
    /// settings.insert("theme".into(), "dark".into())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open_file(path)
    }

    /// Creates a place for several maps in memory. Their entries are lost when the last handle is dropped.
    ///
    /// This is [`OpenOptions::new()`](OpenOptions::new)`.open_file_in_memory()`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`OpenOptions::open_file_in_memory`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::VaultFile;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let app = VaultFile::open_in_memory()?;
    /// let settings = app.vault::<String, String>("settings")?;
    /// settings.insert("theme".into(), "dark".into())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_in_memory() -> Result<Self> {
        OpenOptions::new().open_file_in_memory()
    }
}

impl OpenOptions {
    /// Opens the file of several maps at `path`.
    ///
    /// The options are those of each of its maps. With [`checksums`](Self::checksums), new maps get them, and opening an
    /// existing map without them is an error.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`open`](Self::open) that do not concern types. A file with one map without a name is
    /// [`Error::WrongKind`](crate::Error::WrongKind): [`VaultFile::convert`] gives the map a name.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Durability, Error, OpenOptions, Vault, VaultFile};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("app.db");
    /// let app = OpenOptions::new()
    ///     .durability(Durability::Normal)
    ///     .open_file(&path)?;
    /// app.vault::<u64, String>("users")?.insert(1, "Ada".into())?;
    /// app.close()?;
    ///
    /// let error = Vault::<u64, String>::open(&path).unwrap_err();
    /// assert!(matches!(error, Error::WrongKind { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<VaultFile> {
        self.check_path_options()?;
        VaultFile::open_with(path.as_ref(), self.config, self.file_settings())
    }

    /// Creates a place for several maps in memory.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidOptions`](crate::Error::InvalidOptions) with `read_only`.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Codec, OpenOptions};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let app = OpenOptions::new()
    ///     .codec(Codec::Bincode)
    ///     .open_file_in_memory()?;
    /// app.vault::<u64, String>("users")?.insert(1, "Ada".into())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_file_in_memory(&self) -> Result<VaultFile> {
        self.check_memory_options()?;
        Ok(VaultFile::new_in_memory(self.config, self.file_settings()))
    }

    const fn file_settings(&self) -> Settings {
        Settings {
            codec: self.codec,
            verify: self.verify_writes,
            checksums: self.config.checksums,
            requires_checksums: self.config.checksums,
        }
    }
}
