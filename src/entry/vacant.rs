//! An entry whose key is not present.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::EncodedKey;
use crate::encoding::entry_codec::EntryCodec;
use crate::entry::guard::{RefMut, ValueGuard};
use crate::entry::occupied::OccupiedEntry;
use crate::entry::scope::WriteScope;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

/// A view into a vacant entry, part of [`Entry`](crate::Entry). It holds the write lock until it is dropped.
///
/// Dropping it leaves the vault as it is.
#[must_use = "it holds the write lock until it is dropped"]
pub struct VacantEntry<'a, K, V> {
    pub(crate) key: K,
    pub(crate) scope: WriteScope<'a>,
    pub(crate) entry_codec: EntryCodec,
    /// Encodes the key, once it is known that it is inserted.
    pub(crate) encode_key: fn(&K, EntryCodec) -> Result<EncodedKey>,
    pub(crate) value: PhantomData<fn() -> V>,
}

impl<K, V> VacantEntry<'_, K, V> {
    /// Returns the key.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// if let Entry::Vacant(entry) = vault.entry("a".into()).into_entry()? {
    ///     assert_eq!(entry.key(), "a");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// Returns the key by value. Nothing is inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// if let Entry::Vacant(entry) = vault.entry("a".into()).into_entry()? {
    ///     assert_eq!(entry.into_key(), "a");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn into_key(self) -> K {
        self.key
    }
}

impl<'a, K, V: Serialize + DeserializeOwned> VacantEntry<'a, K, V> {
    /// Inserts a value and returns a guard of it.
    ///
    /// The value is written and committed when the guard is dropped or [committed](RefMut::commit).
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing is
    ///   inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// if let Entry::Vacant(entry) = vault.entry("a".into()).into_entry()? {
    ///     *entry.insert(1)? += 1;
    /// }
    /// assert_eq!(vault.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert(self, value: V) -> Result<RefMut<'a, K, V>> {
        self.insert_entry(value).map(OccupiedEntry::into_mut)
    }

    /// Inserts a value and returns the occupied entry.
    ///
    /// The value is written and committed when the entry is dropped or [committed](OccupiedEntry::commit).
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing is
    ///   inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Entry, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// if let Entry::Vacant(entry) = vault.entry("a".into()).into_entry()? {
    ///     entry.insert_entry(1)?.commit()?;
    /// }
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_entry(self, value: V) -> Result<OccupiedEntry<'a, K, V>> {
        let encoded = (self.encode_key)(&self.key, self.entry_codec)?;
        Ok(OccupiedEntry {
            guard: ValueGuard::of_new(self.scope, encoded, value, self.entry_codec)?,
            key: self.key,
        })
    }
}

impl<K: fmt::Debug, V> fmt::Debug for VacantEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(self.key()).finish()
    }
}
