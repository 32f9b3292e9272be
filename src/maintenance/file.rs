//! Operations on a whole file of several maps.

mod copy;
mod salvage;
mod verify;

use std::path::Path;

use crate::engine::Read as _;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::file::VaultFile;
use crate::file::name::check_name;
use crate::maintenance::report::{Compaction, Stats};
use crate::maintenance::whole::stats_of;
use crate::sqlite::Store;

pub use self::salvage::{FileSalvageReport, MapSalvage};
pub use self::verify::{FileVerifyReport, MapVerifyReport};

/// Counts and sizes of a file of several maps, from [`VaultFile::stats`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileStats {
    /// The maps, in the order of the bytes of their names.
    pub maps: Vec<MapStats>,
    /// The sizes of the file. Its number of entries is that of all maps.
    pub file: Stats,
}

/// One map of [`FileStats`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapStats {
    /// The name of the map.
    pub name: String,
    /// The name of the type that opens it: `"Vault"` or `"SortedVault"`.
    pub kind: &'static str,
    /// The number of entries.
    pub entries: u64,
    /// Whether every value has a checksum.
    pub checksums: bool,
}

impl VaultFile {
    /// Returns the numbers of entries of the maps and the sizes of the file.
    ///
    /// Costs as much as a [`len`](crate::Vault::len) of each map. The numbers may be of slightly different moments if others
    /// write.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// file.vault::<u64, String>("users")?.insert(1, "Ada".into())?;
    /// let stats = file.stats()?;
    /// assert_eq!(stats.file.entries, 1);
    /// let users = &stats.maps[0];
    /// assert_eq!((users.name.as_str(), users.kind, users.entries), ("users", "Vault", 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stats(&self) -> Result<FileStats> {
        let mut maps = Vec::new();
        for map in self.backend().begin_read_now()?.maps()? {
            maps.push(MapStats {
                entries: self.backend().len(map.map)?,
                kind: map.map.order.type_name(),
                name: map.name,
                checksums: map.checksums,
            });
        }
        let entries = maps.iter().map(|map| map.entries).sum();
        Ok(FileStats {
            file: stats_of(self.backend(), entries)?,
            maps,
        })
    }

    /// Rewrites the file without its unused pages, and returns the sizes before and after.
    ///
    /// Needs free space for a second copy of the file. Blocks until the write lock is available, at most for the busy timeout,
    /// and others cannot write meanwhile.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::ReadOnly`] if the file was opened read-only.
    /// - Returns [`Error::Corrupt`] if a map cannot be read to its end.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the copy cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let file = VaultFile::open(folder.path().join("app.db"))?;
    /// let pages = file.vault::<u64, Vec<u64>>("pages")?;
    /// pages.insert(1, (0..100_000).collect())?;
    /// pages.clear()?;
    /// let gained = file.compact()?;
    /// assert!(gained.bytes_after < gained.bytes_before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn compact(&self) -> Result<Compaction> {
        let bytes_before = self.size_on_disk()?;
        self.backend().compact()?;
        Ok(Compaction {
            bytes_before,
            bytes_after: self.size_on_disk()?,
        })
    }

    /// Makes a file of one map without a name a file of several, in which that map has a name. Then opens it.
    ///
    /// It is one transaction, and the entries stay where they are. Handles that have the file open as a `Vault` return
    /// [`Error::WrongKind`] from then on. Older versions of this crate, and the Python package, cannot read the file any more.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if no map can have this name.
    /// - Returns [`Error::WrongKind`] if the file holds maps with names already.
    /// - Returns [`Error::NotFound`] if there is no vault at `path`.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within 10 seconds.
    /// - Returns the errors of [`OpenOptions::open`](crate::OpenOptions::open) that do not concern types.
    ///
    /// On an error, nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Vault, VaultFile};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("users.db");
    /// let users: Vault<u64, String> = Vault::open(&path)?;
    /// users.insert(1, "Ada".into())?;
    /// users.close()?;
    ///
    /// let app = VaultFile::convert(&path, "users")?;
    /// let users: Vault<u64, String> = app.vault("users")?;
    /// assert_eq!(users.get(&1)?, Some("Ada".into()));
    /// let settings: Vault<String, String> = app.vault("settings")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn convert(path: impl AsRef<Path>, name: &str) -> Result<Self> {
        check_name(name)?;
        Store::convert(path.as_ref(), name)?;
        Self::open(path)
    }
}
