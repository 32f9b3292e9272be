//! A folder of named vaults.

use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result, VALID_FILE_NAMES};
use crate::map::vault::Vault;
use crate::options::OpenOptions;
use crate::sorted::SortedVault;
use crate::sqlite::{ANY_TYPES, Config, Content, Store};

/// The subfolder of the given folder, and the extension of a vault's file.
const FOLDER: &str = "vaults";
const EXTENSION: &str = "db";

/// The longest name that SQLite uses beside a file is `NAME.db-journal`. The usual file systems allow 255
/// bytes.
const MAX_NAME_LEN: usize = 255 - ".db-journal".len();

/// A folder of vaults that are opened by name.
///
/// `VaultDir::new("/path/to/data")?.open::<K, V>("settings")` opens the file
/// `/path/to/data/vaults/settings.db`.
///
/// # Names
///
/// A name is 1 to 244 bytes of UTF-8 without `/`, `\` and NUL. It does not begin with a dot. On Windows it
/// has no control characters and none of `< > : " | ? *`. Any other string returns
/// [`Error::InvalidName`], so no name leaves the folder. `my data`, `данные` and `user:1` are valid.
///
/// The file system decides whether two names are the same. The usual ones of macOS and Windows ignore
/// case, so there `Data` and `data` are one vault. Two Unicode spellings of `é` may be one name too.
/// [`names`](Self::names) returns the spelling of the folder.
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
    /// Returns the folder of vaults in `data`, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Io`] if the folder cannot be created.
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
    /// assert!(data.join("vaults").is_dir());
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(data: impl AsRef<Path>) -> Result<Self> {
        let folder = data.as_ref().join(FOLDER);
        let io = |error| Error::io(&folder, error);
        fs::create_dir_all(&folder).map_err(io)?;
        let folder = folder.canonicalize().map_err(io)?;
        Ok(Self { folder })
    }

    /// Returns the absolute path of the folder that contains the files.
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
    /// assert!(dir.path().ends_with("vaults"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Opens the vault `name`, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if `name` is not [valid](#names).
    /// - Returns the errors of [`OpenOptions::open`].
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
    /// let ages = dir.open::<String, u32>("ages")?;
    /// ages.insert("Ada".into(), 36)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open<K, V>(&self, name: &str) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        self.open_with(name, &OpenOptions::new())
    }

    /// Opens the vault `name` with `options`.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if `name` is not [valid](#names).
    /// - Returns the errors of [`OpenOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> vaults::Result<()> {
    /// # let data = tempfile::tempdir().unwrap();
    /// use vaults::{Durability, OpenOptions, VaultDir};
    ///
    /// let dir = VaultDir::new(data.path())?;
    /// let options = OpenOptions::new().durability(Durability::Normal).clone();
    /// let pages = dir.open_with::<String, String>("pages", &options)?;
    /// # pages.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_with<K, V>(&self, name: &str, options: &OpenOptions) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        options.open(self.file(name)?)
    }

    /// Opens the sorted vault `name`, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if `name` is not [valid](#names).
    /// - Returns the errors of [`OpenOptions::open_sorted`].
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
    /// let scores = dir.open_sorted::<u32, String>("scores")?;
    /// scores.insert(95, "Ada".into())?;
    /// assert_eq!(scores.count(90..)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_sorted<K, V>(&self, name: &str) -> Result<SortedVault<K, V>>
    where
        K: Serialize + DeserializeOwned + Ord,
        V: Serialize + DeserializeOwned,
    {
        self.open_sorted_with(name, &OpenOptions::new())
    }

    /// Opens the sorted vault `name` with `options`.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if `name` is not [valid](#names).
    /// - Returns the errors of [`OpenOptions::open_sorted`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> vaults::Result<()> {
    /// # let data = tempfile::tempdir().unwrap();
    /// use vaults::{OpenOptions, VaultDir};
    ///
    /// let dir = VaultDir::new(data.path())?;
    /// let options = OpenOptions::new().checksums(true).clone();
    /// let scores = dir.open_sorted_with::<u32, String>("scores", &options)?;
    /// # scores.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_sorted_with<K, V>(
        &self,
        name: &str,
        options: &OpenOptions,
    ) -> Result<SortedVault<K, V>>
    where
        K: Serialize + DeserializeOwned + Ord,
        V: Serialize + DeserializeOwned,
    {
        options.open_sorted(self.file(name)?)
    }

    /// Returns the names of the vaults in the folder, sorted.
    ///
    /// The result has each regular file `NAME.db` whose `NAME` is [valid](#names). The files are not opened.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Io`] if the folder cannot be read.
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
    /// dir.open::<String, u32>("pears")?;
    /// dir.open::<String, u32>("apples")?;
    /// assert_eq!(dir.names()?, ["apples", "pears"]);
    /// # Ok(())
    /// # }
    /// ```
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

    /// Returns `true` if the folder contains a regular file for the vault `name`. The file is not opened.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if `name` is not [valid](#names).
    /// - Returns [`Error::Io`] if the folder cannot be read.
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
    /// dir.open::<String, u32>("ages")?;
    /// assert!(dir.contains("ages")?);
    /// assert!(!dir.contains("names")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains(&self, name: &str) -> Result<bool> {
        let file = self.file(name)?;
        // Neither a folder nor a link is a vault. Opening does not follow links.
        match fs::symlink_metadata(&file) {
            Ok(metadata) => Ok(metadata.is_file()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io(&file, error)),
        }
    }

    /// Deletes the vault `name` with all its entries. Returns `false` if it does not exist.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if `name` is not [valid](#names).
    /// - Returns [`Error::InUse`] if the vault is open anywhere.
    /// - Returns [`Error::NotAVault`] if the file is not a vault.
    /// - Returns the other errors of [`OpenOptions::open`].
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
    /// dir.open::<String, u32>("ages")?.close()?;
    /// assert!(dir.remove("ages")?);
    /// assert!(!dir.remove("ages")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, name: &str) -> Result<bool> {
        let file = self.file(name)?;
        let config = Config {
            create: false,
            content: Content::Any,
            ..Config::DEFAULT
        };
        match Store::open(&file, config, ANY_TYPES).and_then(|mut vault| vault.delete()) {
            Ok(()) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn file(&self, name: &str) -> Result<PathBuf> {
        if !is_valid(name) {
            return Err(Error::InvalidName {
                name: name.to_owned(),
                allowed: VALID_FILE_NAMES,
            });
        }
        Ok(self.folder.join(format!("{name}.{EXTENSION}")))
    }
}

/// Returns `true` if a file of this name is inside the folder and can be created there.
fn is_valid(name: &str) -> bool {
    let is_reserved = |letter: char| {
        "/\\\0".contains(letter)
            || cfg!(windows) && (letter.is_ascii_control() || "<>:\"|?*".contains(letter))
    };
    (1..=MAX_NAME_LEN).contains(&name.len())
        && !name.starts_with('.')
        && !name.contains(is_reserved)
}
