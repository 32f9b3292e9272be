//! An entry whose key is present.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::guard::{RefMut, ValueGuard};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

/// A view into an occupied entry, part of [`Entry`](crate::Entry). It holds the write lock until it is dropped.
///
/// # Drop
///
/// Writes the value, if it was changed, and commits. An error is returned as [`Error::Deferred`] by the
/// vault's next write, `flush` or `close`; [`commit`](Self::commit) returns it at once. While unwinding
/// from a panic, nothing is written.
pub struct OccupiedEntry<'a, K, V> {
    pub(crate) key: K,
    pub(crate) guard: ValueGuard<'a, V>,
}

impl<'a, K, V> OccupiedEntry<'a, K, V> {
    /// Returns the key.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// if let Entry::Occupied(entry) = vault.entry("a".into()).into_entry()? {
    ///     assert_eq!(entry.key(), "a");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// Returns the value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// if let Entry::Occupied(entry) = vault.entry("a".into()).into_entry()? {
    ///     assert_eq!(entry.get(), &1);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn get(&self) -> &V {
        self.guard.get()
    }

    /// Returns the value, to change it in place.
    ///
    /// The change is written and committed when the entry is dropped or [committed](Self::commit).
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// if let Entry::Occupied(mut entry) = vault.entry("a".into()).into_entry()? {
    ///     *entry.get_mut() += 1;
    /// }
    /// assert_eq!(vault.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut(&mut self) -> &mut V {
        self.guard.get_mut()
    }

    /// Converts the entry into a guard of its value.
    ///
    /// The value is written and committed when the guard is dropped, if it was changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// if let Entry::Occupied(entry) = vault.entry("a".into()).into_entry()? {
    ///     *entry.into_mut() += 1;
    /// }
    /// assert_eq!(vault.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_mut(self) -> RefMut<'a, K, V> {
        RefMut::new(self.guard)
    }

    /// Removes the entry, commits, and returns its value.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written. Nothing is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// if let Entry::Occupied(entry) = vault.entry("a".into()).into_entry()? {
    ///     assert_eq!(entry.remove()?, 1);
    /// }
    /// assert!(vault.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(self) -> Result<V> {
        self.guard.remove()
    }

    /// Removes the entry, commits, and returns its key and value.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written. Nothing is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// if let Entry::Occupied(entry) = vault.entry("a".into()).into_entry()? {
    ///     assert_eq!(entry.remove_entry()?, ("a".into(), 1));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_entry(self) -> Result<(K, V)> {
        let value = self.guard.remove()?;
        Ok((self.key, value))
    }

    /// Writes the value if it was changed and commits, as drop does, and returns any error.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if the value cannot be stored faithfully. Nothing has changed.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written. Nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// if let Entry::Occupied(mut entry) = vault.entry("a".into()).into_entry()? {
    ///     *entry.get_mut() += 1;
    ///     entry.commit()?;
    /// }
    /// assert_eq!(vault.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit(self) -> Result<()> {
        self.guard.commit().map(drop)
    }
}

impl<K, V: Serialize + DeserializeOwned> OccupiedEntry<'_, K, V> {
    /// Sets the value and returns the old one.
    ///
    /// The value is written and committed when the entry is dropped or [committed](Self::commit).
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if the value cannot be stored faithfully. Nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// if let Entry::Occupied(mut entry) = vault.entry("a".into()).into_entry()? {
    ///     assert_eq!(entry.insert(2)?, 1);
    /// }
    /// assert_eq!(vault.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert(&mut self, value: V) -> Result<V> {
        self.guard.replace(value)
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for OccupiedEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry")
            .field("key", self.key())
            .field("value", self.get())
            .finish_non_exhaustive()
    }
}
