//! Where a vault is, in an error.

use std::fmt;
use std::path::{Path, PathBuf};

/// The place of a vault that an [`Error`](crate::Error) is about.
///
/// # Examples
///
/// ```
/// use std::path::Path;
/// use vaults::{Location, Vault};
///
/// # fn main() -> vaults::Result<()> {
/// let memory: Vault<u8, u8> = Vault::open_in_memory()?;
/// assert_eq!(memory.location(), Location::Memory);
/// assert_eq!(memory.location().to_string(), ":memory:");
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().canonicalize().unwrap();
/// let path = folder.join("v.db");
/// let file: Vault<u8, u8> = Vault::open(&path)?;
/// assert_eq!(file.location().path(), Some(&*path));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// A file.
    File(PathBuf),
    /// The memory of this process.
    Memory,
    /// A map of a file of several.
    #[non_exhaustive]
    Map {
        /// The file.
        file: Box<Self>,
        /// The name of the map.
        name: String,
    },
}

impl Location {
    /// Returns the location of the file at `path`.
    pub(crate) fn file(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }

    /// Returns the location of a map of this file.
    pub(crate) fn of_map(self, name: impl Into<String>) -> Self {
        Self::Map {
            file: Box::new(self),
            name: name.into(),
        }
    }

    /// Returns the name of the map, if it is a map of a file of several.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Vault, VaultFile};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let users: Vault<u64, String> = file.vault("users")?;
    /// file.remove("users")?;
    /// let error = users.len().unwrap_err();
    /// assert_eq!(error.location().and_then(|location| location.map()), Some("users"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn map(&self) -> Option<&str> {
        match self {
            Self::Map { name, .. } => Some(name),
            Self::File(_) | Self::Memory => None,
        }
    }

    /// Returns the path of the file, or `None` if it is not a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory => None,
            Self::Map { file, .. } => file.path(),
        }
    }
}

/// The path, or `:memory:`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Memory => f.write_str(":memory:"),
            Self::Map { file, name } => write!(f, "the map {name:?} of {file}"),
        }
    }
}

impl PartialEq<Path> for Location {
    fn eq(&self, path: &Path) -> bool {
        self.path() == Some(path)
    }
}
