//! The options that say which file is opened, and what it may be used for.

use crate::options::OpenOptions;

impl OpenOptions {
    /// Sets whether the vault is created if it does not exist. Default: `true`.
    ///
    /// Its folder must exist. [`VaultDir`](crate::VaultDir) creates one.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Error, OpenOptions};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("ledger.db");
    /// let missing = OpenOptions::new().create(false).open::<u64, String>(&path);
    /// assert!(matches!(missing, Err(Error::NotFound { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn create(&mut self, create: bool) -> &mut Self {
        self.config.create = create;
        self
    }

    /// Sets whether the vault must not exist yet. Default: `false`.
    ///
    /// If several processes create the same vault with this option, one of them succeeds. The others get
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists). If it is `true`, [`create`](Self::create) is ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Error, OpenOptions};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("ledger.db");
    /// let mut options = OpenOptions::new();
    /// options.create_new(true);
    /// let ledger = options.open::<u64, String>(&path)?;
    /// let second = options.open::<u64, String>(&path);
    /// assert!(matches!(second, Err(Error::AlreadyExists { .. })));
    /// # ledger.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.config.create_new = create_new;
        self
    }

    /// Sets whether the vault is opened for reading only. Default: `false`.
    ///
    /// The vault must exist. The file is not changed, and every write returns [`Error::ReadOnly`](crate::Error::ReadOnly). Other
    /// processes may write the vault at the same time.
    ///
    /// Reading a vault needs the log beside the file, which holds the newest entries, and the index of the log.
    /// If a writer has the vault open, this process does not need permission to write them. Otherwise it
    /// creates them:
    ///
    /// - If it cannot create them, or if the owner of the file could not write what it creates, opening returns
    ///   [`Error::ReadOnlyFolder`](crate::Error::ReadOnlyFolder).
    /// - If the log or a journal has changes that must be written back first, opening returns
    ///   [`Error::NeedsRecovery`](crate::Error::NeedsRecovery).
    ///
    /// A file with a [rollback journal](crate::guide::python#the-journal) keeps it. In such a file readers and
    /// the writer block each other, each at most for its busy timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Error, OpenOptions, Vault};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let writer: Vault<String, u32> = Vault::open(&path)?;
    /// writer.put("a", &1)?;
    /// let reader = OpenOptions::new().read_only(true).open::<String, u32>(&path)?;
    /// assert_eq!(reader.get("a")?, Some(1));
    /// assert!(matches!(reader.put("a", &2), Err(Error::ReadOnly { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn read_only(&mut self, read_only: bool) -> &mut Self {
        self.config.read_only = read_only;
        self
    }

    /// Sets whether a new vault stores a checksum with each value. Default: `false`.
    ///
    /// Each read verifies the checksum, so damage that SQLite does not detect returns [`Error::Checksum`](crate::Error::Checksum)
    /// instead of a wrong value.
    ///
    /// The option is kept in the file. An existing vault keeps what it was created with. Opening a vault without
    /// checksums with this option returns [`Error::InvalidOptions`](crate::Error::InvalidOptions). The Python package and releases of this
    /// crate that only read file format 1 cannot open a vault with checksums.
    ///
    /// Checksums cost nine bytes for each entry, and time in proportion to the value for each read and write.
    /// Methods that return only keys read the values too.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("ledger.db");
    /// let ledger = OpenOptions::new()
    ///     .checksums(true)
    ///     .open::<u64, String>(&path)?;
    /// # ledger.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn checksums(&mut self, checksums: bool) -> &mut Self {
        self.config.checksums = checksums;
        self
    }

    /// Sets whether the vault is read as a file that cannot change, for example on a read-only disk. Default:
    /// `false`.
    ///
    /// It implies [`read_only`](Self::read_only), and works in a folder that no process can write. Reading
    /// acquires no locks, so the file must not change while it is open. If it does, reads can fail or return
    /// wrong entries (<https://www.sqlite.org/uri.html#uriimmutable>).
    ///
    /// If there is a log or a journal beside the file that is not empty, opening returns
    /// [`Error::NeedsRecovery`](crate::Error::NeedsRecovery).
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{OpenOptions, Vault};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<String, u32> = Vault::open(&path)?;
    /// vault.put("a", &1)?;
    /// vault.close()?; // leaves no log beside the file
    ///
    /// let vault = OpenOptions::new().immutable(true).open::<String, u32>(&path)?;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn immutable(&mut self, immutable: bool) -> &mut Self {
        self.config.immutable = immutable;
        self
    }

    /// Sets the permissions of a new file, see [`os::unix`](crate::os::unix).
    pub(crate) const fn set_mode(&mut self, mode: u32) {
        self.config.mode = Some(mode);
    }
}
