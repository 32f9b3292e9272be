//! A folder of named vaults.

use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::vault::Vault;
use crate::options::OpenOptions;
use crate::sqlite::{ANY_TYPES, Location, Store};

/// The folder below the given one, and what a vault's file ends with.
const FOLDER: &str = "vaults";
const EXTENSION: &str = "db";

/// What SQLite puts beside a file has longer names than the file: `NAME.db-journal` is the longest, and
/// the usual file systems take 255 bytes.
const MAX_NAME_LEN: usize = 255 - ".db-journal".len();

/// A folder of vaults that are opened by name.
///
/// `VaultDir::new("/path/to/data")?.open::<K, V>("settings")` is the vault in the file
/// `/path/to/data/vaults/settings.db`.
///
/// # Names
///
/// A name is 1 to 244 bytes of UTF-8. It has no `/`, `\` and NUL in it and does not begin with a dot;
/// on Windows control characters and `< > : " | ? *` are excluded too. Any other string is
/// [`Error::InvalidName`], so no name leaves the folder. `my data`, `данные` and `user:1` are
/// names.
///
/// The file system decides whether two names are the same: on one that ignores case, as
/// those of macOS and Windows do by default, `Data` and `data` are one vault, and so may be two spellings
/// of `é` in Unicode. [`names`](Self::names) returns the spelling that the folder has.
///
/// # Examples
///
/// ```
/// use vaults::VaultDir;
///
/// # fn main() -> vaults::Result<()> {
/// # let data = tempfile::tempdir().unwrap();
/// # let data = data.path();
/// let dir = VaultDir::new(data)?;
/// let settings = dir.open::<String, bool>("settings")?;
/// settings.insert("dark mode".into(), true)?;
/// assert_eq!(dir.names()?, ["settings"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct VaultDir {
    folder: PathBuf,
}

impl VaultDir {
    /// The vaults below `data`. The folder is created if it is not there.
    ///
    /// # Errors
    ///
    /// [`Io`](Error::Io) if it cannot be created.
    pub fn new(data: impl AsRef<Path>) -> Result<Self> {
        let folder = data.as_ref().join(FOLDER);
        let io = |error| Error::io(&folder, error);
        fs::create_dir_all(&folder).map_err(io)?;
        let folder = folder.canonicalize().map_err(io)?;
        Ok(Self { folder })
    }

    /// The folder that holds the files, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Opens the vault `name`, and creates it if it is not there.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidName`](Error::InvalidName) if no vault can have this name, and the errors of
    /// [`OpenOptions::open`].
    pub fn open<K, V>(&self, name: &str) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        self.open_with(name, &OpenOptions::new())
    }

    /// Opens the vault `name` with options.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidName`](Error::InvalidName) if no vault can have this name, and the errors of
    /// [`OpenOptions::open`].
    pub fn open_with<K, V>(&self, name: &str, options: &OpenOptions) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        options.open(self.file(name)?)
    }

    /// Returns the names of the vaults in the folder, sorted.
    ///
    /// It looks at the names of files, not into them: each regular file `NAME.db` is listed if `NAME` can be
    /// opened here. A name that is not UTF-8 cannot, and is not listed.
    ///
    /// # Errors
    ///
    /// [`Io`](Error::Io) if the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let io = |error| Error::io(&self.folder, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let is_file = entry.file_type().map_err(io)?.is_file();
            names.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|file| file.strip_suffix(EXTENSION)?.strip_suffix('.'))
                    .filter(|name| is_file && is_valid(name))
                    .map(str::to_owned),
            );
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns `true` if the folder has a file for a vault of this name. It does not look into the file.
    ///
    /// # Errors
    ///
    /// - Returns [`InvalidName`](Error::InvalidName) if no vault can have this name.
    /// - Returns [`Io`](Error::Io) if the folder cannot be read.
    pub fn contains(&self, name: &str) -> Result<bool> {
        let file = self.file(name)?;
        // Neither a folder nor a link is a vault, whatever a link leads to.
        match fs::symlink_metadata(&file) {
            Ok(metadata) => Ok(metadata.is_file()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io(&file, error)),
        }
    }

    /// Deletes the vault `name` with all its entries; `false` if there is none.
    ///
    /// # Errors
    ///
    /// [`InvalidName`](Error::InvalidName), [`InUse`](Error::InUse) if it is open anywhere,
    /// [`NotAVault`](Error::NotAVault) if the file is something else, and those of
    /// [`OpenOptions::open`].
    pub fn remove(&self, name: &str) -> Result<bool> {
        let file = self.file(name)?;
        let config = OpenOptions::new()
            .create(false)
            .config(Location::File(file))?;
        match Store::open(config, ANY_TYPES).and_then(Store::delete) {
            Ok(()) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn file(&self, name: &str) -> Result<PathBuf> {
        if !is_valid(name) {
            return Err(Error::InvalidName {
                name: name.to_owned(),
            });
        }
        Ok(self.folder.join(format!("{name}.{EXTENSION}")))
    }
}

/// True if a file of this name lies in the folder, and can be created there.
fn is_valid(name: &str) -> bool {
    let is_reserved = |letter: char| {
        "/\\\0".contains(letter)
            || cfg!(windows) && (letter.is_ascii_control() || "<>:\"|?*".contains(letter))
    };
    (1..=MAX_NAME_LEN).contains(&name.len())
        && !name.starts_with('.')
        && !name.contains(is_reserved)
}
