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
}

impl Location {
    /// Returns the location of the file at `path`.
    pub(crate) fn file(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }

    /// Returns the path of the file, or `None` if it is not a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory => None,
        }
    }
}

/// The path, or `:memory:`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Memory => f.write_str(":memory:"),
        }
    }
}

impl PartialEq<Path> for Location {
    fn eq(&self, path: &Path) -> bool {
        self.path() == Some(path)
    }
}
