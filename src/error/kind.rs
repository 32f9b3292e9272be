//! What several variants of the error share.

use std::io;

use super::Error;
use super::location::Location;

impl Error {
    /// Returns where the vault is that the error is about, or `None` if it is not about one vault.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Location, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<u32, u32> = Vault::open_in_memory()?;
    /// let transaction = vault.begin()?;
    /// let error = vault.put(&1, &1).unwrap_err();
    /// assert_eq!(error.location(), Some(&Location::Memory));
    /// # drop(transaction);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn location(&self) -> Option<&Location> {
        match self {
            Self::NotFound { location }
            | Self::AlreadyExists { location }
            | Self::NotAVault { location, .. }
            | Self::TypeMismatch { location, .. }
            | Self::WrongKind { location, .. }
            | Self::TooManyMaps { location, .. }
            | Self::NewerFormat { location, .. }
            | Self::Busy { location, .. }
            | Self::Full { location, .. }
            | Self::TooManyFiles { location, .. }
            | Self::Deferred { location, .. }
            | Self::Reentrant { location }
            | Self::OtherFile { location, .. }
            | Self::InUse { location }
            | Self::Ended { location }
            | Self::Moved { location, .. }
            | Self::Forked { location }
            | Self::ReadOnly { location, .. }
            | Self::ReadOnlyFolder { location, .. }
            | Self::NeedsRecovery { location, .. }
            | Self::Corrupt { location, .. }
            | Self::OutOfRowids { location }
            | Self::Io { location, .. }
            | Self::Sqlite { location, .. } => Some(location),
            Self::InvalidPath { .. }
            | Self::InvalidName { .. }
            | Self::InvalidOptions { .. }
            | Self::UnsupportedSqlite { .. }
            | Self::Encode { .. }
            | Self::TooLarge { .. }
            | Self::DuplicateKey { .. }
            | Self::Decode { .. }
            | Self::Pickle { .. }
            | Self::UnknownTag { .. }
            | Self::NotABlob { .. }
            | Self::KeyEncoding { .. }
            | Self::Checksum { .. } => None,
        }
    }

    /// Returns the key of the entry that the error is about, encoded, escaped and shortened.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<u32, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([(1, 1), (2, 2)])?;
    /// let error = vault.map_values(|_, _| ()).and_then(|vault| vault.try_map_entries(|_, ()| Ok((0, ()))));
    /// assert_eq!(error.unwrap_err().key(), Some(r#""M\x00""#));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::DuplicateKey { key }
            | Self::Decode { key, .. }
            | Self::Pickle { key, .. }
            | Self::UnknownTag { key, .. }
            | Self::NotABlob { key, .. }
            | Self::KeyEncoding { key, .. }
            | Self::Checksum { key } => Some(key),
            _ => None,
        }
    }

    /// Returns `true` if a lock was not acquired within the busy timeout: for [`Busy`](Self::Busy).
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// Returns `true` if there is no vault: for [`NotFound`](Self::NotFound).
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Returns `true` if the file or an entry is damaged: for [`Corrupt`](Self::Corrupt) and
    /// [`Checksum`](Self::Checksum).
    ///
    /// Restore a backup with [`Vault::restore`](crate::Vault::restore), or save what is intact with
    /// [`Vault::salvage`](crate::Vault::salvage).
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Checksum { .. })
    }

    /// Returns `true` if the same call may succeed later: for [`Busy`](Self::Busy), [`Full`](Self::Full),
    /// [`TooManyFiles`](Self::TooManyFiles) and [`Deferred`](Self::Deferred).
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut attempts = 0;
    /// while let Err(error) = vault.put("a", &1) {
    ///     attempts += 1;
    ///     if !error.is_retryable() || attempts == 3 {
    ///         return Err(error);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::Full { .. }
                | Self::TooManyFiles { .. }
                | Self::Deferred { .. }
        )
    }

    fn io_kind(&self) -> io::ErrorKind {
        use io::ErrorKind as Kind;
        match self {
            Self::NotFound { .. } => Kind::NotFound,
            Self::AlreadyExists { .. } => Kind::AlreadyExists,
            Self::Busy { .. } | Self::InUse { .. } => Kind::ResourceBusy,
            Self::Reentrant { .. } => Kind::Deadlock,
            Self::Full { .. } => Kind::StorageFull,
            Self::ReadOnly { .. } | Self::ReadOnlyFolder { .. } => Kind::PermissionDenied,
            Self::InvalidPath { .. }
            | Self::InvalidName { .. }
            | Self::InvalidOptions { .. }
            | Self::Encode { .. }
            | Self::TooLarge { .. }
            | Self::DuplicateKey { .. }
            | Self::OtherFile { .. } => Kind::InvalidInput,
            Self::NewerFormat { .. } | Self::UnsupportedSqlite { .. } => Kind::Unsupported,
            Self::NotAVault { .. }
            | Self::TypeMismatch { .. }
            | Self::WrongKind { .. }
            | Self::TooManyMaps { .. }
            | Self::Decode { .. }
            | Self::Pickle { .. }
            | Self::UnknownTag { .. }
            | Self::NotABlob { .. }
            | Self::KeyEncoding { .. }
            | Self::Checksum { .. }
            | Self::Corrupt { .. } => Kind::InvalidData,
            Self::Io { source, .. } => source
                .downcast_ref::<io::Error>()
                .map_or(Kind::Other, io::Error::kind),
            Self::TooManyFiles { .. }
            | Self::Deferred { .. }
            | Self::Ended { .. }
            | Self::Moved { .. }
            | Self::Forked { .. }
            | Self::NeedsRecovery { .. }
            | Self::OutOfRowids { .. }
            | Self::Sqlite { .. } => Kind::Other,
        }
    }
}

/// Wraps the error, with the [kind](io::Error::kind) that fits best.
///
/// # Examples
///
/// ```
/// use std::io;
/// use vaults::OpenOptions;
///
/// fn load(path: &str) -> io::Result<()> {
///     OpenOptions::new().create(false).open::<String, u64>(path)?;
///     Ok(())
/// }
/// assert_eq!(load("missing.db").unwrap_err().kind(), io::ErrorKind::NotFound);
/// ```
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.io_kind(), error)
    }
}
