//! Opening, listing, removing and renaming the maps of a file.

use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::KeyFormat;
use crate::encoding::entry_codec::EntryCodec;
use crate::engine::{MapInfo, Read, Write as _};
use crate::error::{Error, Location, Result};
use crate::file::VaultFile;
use crate::file::name::check_name;
use crate::map::vault::{Vault, check_types, read_ends};
use crate::order::{InsertionOrder, KeyOrder, Order, comparison, row_order};
use crate::sorted::SortedVault;

impl VaultFile {
    /// Opens the map with this name, and creates it if it does not exist.
    ///
    /// Creating it blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if `name` is empty, longer than 255 bytes, or contains a NUL.
    /// - Returns [`Error::WrongKind`] if the map is a [`SortedVault`], or if the file has one map without a name.
    /// - Returns [`Error::TypeMismatch`] if the map has entries of other types than `(K, V)`. The first and the last
    ///   entry are checked.
    /// - Returns [`Error::InvalidOptions`] if the file was opened with [`checksums`](crate::OpenOptions::checksums) and the map has
    ///   none.
    /// - Returns [`Error::NotFound`] if there is no such map and the file is read-only.
    /// - Returns [`Error::TooManyMaps`] if the map would be the 1,001st.
    /// - Returns [`Error::Busy`], [`Error::Reentrant`] or [`Error::Deferred`] if the map is created and the write lock
    ///   is not available, as when this thread is in a transaction.
    /// - Returns [`Error::Corrupt`], [`Error::Io`] or [`Error::Full`] if the file cannot be read or written.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Vault, VaultFile};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let ages: Vault<String, u32> = file.vault("ages")?;
    /// ages.insert("Ada".into(), 36)?;
    /// assert!(file.vault::<u32, u32>("ages").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn vault<K, V>(&self, name: &str) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        self.map::<K, V, InsertionOrder>(name)
    }

    /// Opens the sorted map with this name, and creates it if it does not exist.
    ///
    /// Creating it blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`vault`](Self::vault). A map in the order of insertion is [`Error::WrongKind`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{SortedVault, VaultFile};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let scores: SortedVault<u32, String> = file.sorted_vault("scores")?;
    /// scores.insert(95, "Ada".into())?;
    /// assert!(file.vault::<u32, String>("scores").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn sorted_vault<K, V>(&self, name: &str) -> Result<SortedVault<K, V>>
    where
        K: Serialize + DeserializeOwned + Ord,
        V: Serialize + DeserializeOwned,
    {
        self.map::<K, V, KeyOrder>(name).map(SortedVault::from)
    }

    /// Returns the names of the maps, in the order of their bytes.
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
    /// file.vault::<u64, String>("users")?;
    /// file.sorted_vault::<String, u64>("by name")?;
    /// assert_eq!(file.names()?, ["by name", "users"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn names(&self) -> Result<Vec<String>> {
        if !self.backend().has_catalogue() {
            return Ok(Vec::new());
        }
        let maps = self.backend().begin_read_now()?.maps()?;
        Ok(maps.into_iter().map(|map| map.name).collect())
    }

    /// Returns `true` if there is a map with this name.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if no map can have this name.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// file.vault::<u64, String>("users")?;
    /// assert!(file.contains("users")?);
    /// assert!(!file.contains("Users")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains(&self, name: &str) -> Result<bool> {
        check_name(name)?;
        if !self.backend().has_catalogue() {
            return Ok(false);
        }
        Ok(self.backend().begin_read_now()?.find_map(name)?.is_some())
    }

    /// Removes a map and its entries. Returns `false` if there is none with this name.
    ///
    /// Open handles of the map return [`Error::NotFound`] from then on, and a later map with the same name is another one.
    /// Snapshots that were taken before still read it.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if no map can have this name.
    /// - Returns [`Error::WrongKind`] if the file has one map without a name.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`] if the file was opened read-only.
    /// - Returns [`Error::Corrupt`], [`Error::Io`] or [`Error::Full`] if the file cannot be read or written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Error, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let users = file.vault::<u64, String>("users")?;
    /// assert!(file.remove("users")?);
    /// assert!(!file.remove("users")?);
    /// assert!(matches!(users.get(&1), Err(Error::NotFound { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, name: &str) -> Result<bool> {
        check_name(name)?;
        self.check_catalogue()?;
        let mut writer = self.backend().begin_write()?;
        let Some(found) = writer.find_map(name)? else {
            return Ok(false);
        };
        writer.remove_map(found.map)?;
        writer.commit()?;
        Ok(true)
    }

    /// Gives a map another name. Open handles of it stay valid.
    ///
    /// Costs the change of one row. Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidName`] if no map can have one of the names.
    /// - Returns [`Error::NotFound`] if there is no map `from`.
    /// - Returns [`Error::AlreadyExists`] if another map has the name `to`.
    /// - Returns the errors of [`remove`](Self::remove) that concern the file and its lock.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let people = file.vault::<u64, String>("users")?;
    /// people.insert(1, "Ada".into())?;
    /// file.rename("users", "people")?;
    /// assert_eq!(file.names()?, ["people"]);
    /// assert_eq!(people.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        check_name(from)?;
        check_name(to)?;
        self.check_catalogue()?;
        let mut writer = self.backend().begin_write()?;
        let Some(found) = writer.find_map(from)? else {
            return Err(Error::NotFound {
                location: self.location_of(from),
            });
        };
        if from == to {
            return Ok(());
        }
        if writer.find_map(to)?.is_some() {
            return Err(Error::AlreadyExists {
                location: self.location_of(to),
            });
        }
        writer.rename_map(found.map, to)?;
        writer.commit()
    }

    fn map<K, V, O>(&self, name: &str) -> Result<Vault<K, V, O>>
    where
        K: Serialize + DeserializeOwned,
        V: Serialize + DeserializeOwned,
        O: Order<K>,
    {
        check_name(name)?;
        self.check_catalogue()?;
        let mut reader = self.backend().begin_read_now()?;
        if let Some(found) = reader.find_map(name)? {
            return self.existing(&mut reader, &found);
        }
        drop(reader);
        self.create(name)
    }

    /// Creates a map, unless another thread or process has created it by now.
    fn create<K, V, O>(&self, name: &str) -> Result<Vault<K, V, O>>
    where
        K: Serialize + DeserializeOwned,
        V: Serialize + DeserializeOwned,
        O: Order<K>,
    {
        let mut writer = self.backend().begin_write().map_err(|error| match error {
            Error::ReadOnly { source: None, .. } => Error::NotFound {
                location: self.location_of(name),
            },
            error => error,
        })?;
        if let Some(found) = writer.find_map(name)? {
            return self.existing(&mut writer, &found);
        }
        let checksums = self.settings.checksums;
        let map = writer.create_map(name, row_order::<K, O>(), checksums)?;
        writer.commit()?;
        let entry_codec = self.entry_codec::<K, O>(checksums);
        Ok(Vault::new(self.backend().clone(), map, entry_codec))
    }

    /// Returns the handle of a map, if it has this order and these types.
    fn existing<K, V, O>(&self, reader: &mut impl Read, found: &MapInfo) -> Result<Vault<K, V, O>>
    where
        K: Serialize + DeserializeOwned,
        V: Serialize + DeserializeOwned,
        O: Order<K>,
    {
        let location = self.location_of(&found.name);
        let order = row_order::<K, O>();
        if found.map.order != order {
            return Err(Error::WrongKind {
                location,
                expected: order.type_name(),
                found: found.map.order.type_name(),
            });
        }
        if self.settings.requires_checksums && !found.checksums {
            return Err(Error::InvalidOptions {
                reason: "this map was created without `checksums`: copy its entries into a new one",
            });
        }
        let entry_codec = self.entry_codec::<K, O>(found.checksums);
        let ends = read_ends(reader, found.map)?;
        check_types::<K, V>(&location, &ends, entry_codec)?;
        Ok(Vault::new(self.backend().clone(), found.map, entry_codec))
    }

    fn entry_codec<K: DeserializeOwned, O: Order<K>>(&self, checksums: bool) -> EntryCodec {
        EntryCodec {
            keys: KeyFormat::of(row_order::<K, O>()),
            comparison: comparison::<K, O>(),
            codec: self.settings.codec,
            verify: self.settings.verify,
            checksums,
        }
    }

    fn location_of(&self, name: &str) -> Location {
        self.location().of_map(name)
    }

    /// Returns an error if the file has one map without a name.
    fn check_catalogue(&self) -> Result<()> {
        match self.backend().only_order() {
            None => Ok(()),
            Some(order) => Err(Error::WrongKind {
                location: self.location(),
                expected: "VaultFile",
                found: order.type_name(),
            }),
        }
    }
}
