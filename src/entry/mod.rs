//! Views into one entry, which hold the write lock until they are dropped.

pub(crate) mod guard;
pub(crate) mod map_locks;
pub(crate) mod occupied;
pub(crate) mod scope;
pub(crate) mod shared_transaction;
pub(crate) mod try_entry;
pub(crate) mod vacant;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::guard::RefMut;
use crate::entry::occupied::OccupiedEntry;
use crate::entry::vacant::VacantEntry;
use crate::error::{Error, Result};

/// A view into one entry, like `std::collections::hash_map::Entry`. It holds the write lock until it is
/// dropped.
///
/// `K` is the key as it was given: the key itself for [`entry`](crate::Vault::entry), a reference
/// for [`entry_ref`](crate::Vault::entry_ref).
///
/// # Atomicity
///
/// An entry is one write transaction, or part of the [`Transaction`](crate::Transaction) that
/// it was made from. Its changes are committed when the entry, or the [`RefMut`] that it becomes, is
/// committed or dropped. While unwinding from a panic, nothing is written.
///
/// # Examples
///
/// ```
/// use vaults::{Entry, Vault};
///
/// # fn main() -> vaults::Result<()> {
/// # let vault: Vault<String, u64> = Vault::open_in_memory()?;
/// match vault.entry("job".into()).into_entry()? {
///     Entry::Occupied(entry) if *entry.get() > 3 => {
///         entry.remove()?;
///     }
///     Entry::Occupied(mut entry) => *entry.get_mut() += 1,
///     Entry::Vacant(entry) => {
///         entry.insert(1)?;
///     }
/// }
/// # assert_eq!(vault.get("job")?, Some(1));
/// # Ok(())
/// # }
/// ```
#[must_use = "it holds the write lock until it is dropped"]
pub enum Entry<'a, K, V> {
    /// The key is present.
    Occupied(OccupiedEntry<'a, K, V>),
    /// The key is not present.
    Vacant(VacantEntry<'a, K, V>),
}

impl<K, V> Entry<'_, K, V> {
    /// Returns the key.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let entry = vault.entry("a".into()).into_entry()?;
    /// assert_eq!(entry.key(), "a");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn key(&self) -> &K {
        match self {
            Self::Occupied(entry) => entry.key(),
            Self::Vacant(entry) => entry.key(),
        }
    }

    /// Calls `f` with the value, if the key is present.
    ///
    /// The change is written when the entry, or the guard that it becomes, is dropped or committed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// vault.entry("a".into()).into_entry()?.and_modify(|n| *n += 1).or_insert(0)?;
    /// assert_eq!(vault.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn and_modify<F>(mut self, f: F) -> Self
    where
        F: FnOnce(&mut V),
    {
        if let Self::Occupied(entry) = &mut self {
            f(entry.get_mut());
        }
        self
    }
}

impl<'a, K, V> Entry<'a, K, V>
where
    V: Serialize + DeserializeOwned,
{
    /// Returns the value, after inserting `default` if the key is not present.
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
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// *vault.entry("a".into()).into_entry()?.or_insert(0)? += 1;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_insert(self, default: V) -> Result<RefMut<'a, K, V>> {
        self.or_insert_with(|| default)
    }

    /// Returns the value, after inserting the result of `default` if the key is not present.
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
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.entry("a".into()).into_entry()?.or_insert_with(|| 7)?;
    /// assert_eq!(vault.get("a")?, Some(7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_insert_with<F>(self, default: F) -> Result<RefMut<'a, K, V>>
    where
        F: FnOnce() -> V,
    {
        self.or_insert_with_key(|_| default())
    }

    /// Returns the value, after inserting the result of `default`, which gets the key, if the key is not
    /// present.
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
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, usize> = Vault::open_in_memory()?;
    /// vault.entry("abc".into()).into_entry()?.or_insert_with_key(|key| key.len())?;
    /// assert_eq!(vault.get("abc")?, Some(3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_insert_with_key<F>(self, default: F) -> Result<RefMut<'a, K, V>>
    where
        F: FnOnce(&K) -> V,
    {
        self.fill(|key| Ok(default(key)))
    }

    /// Returns the value, after inserting the result of `default` if the key is not present; inserts nothing
    /// if `default` fails.
    ///
    /// The value is written and committed when the guard is dropped or [committed](RefMut::commit).
    ///
    /// # Errors
    ///
    /// - Returns the error of `default`.
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing is
    ///   inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let vault: Vault<String, u16> = Vault::open_in_memory()?;
    /// let parse = || Ok::<u16, Box<dyn std::error::Error>>("80".parse()?);
    /// vault.entry("http".into()).into_entry()?.or_try_insert_with(parse)?;
    /// assert_eq!(vault.get("http")?, Some(80));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_try_insert_with<F, E>(self, default: F) -> Result<RefMut<'a, K, V>, E>
    where
        F: FnOnce() -> Result<V, E>,
        E: From<Error>,
    {
        self.fill(|_| default())
    }

    /// Returns the value, after inserting `V::default()` if the key is not present.
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
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, Vec<u32>> = Vault::open_in_memory()?;
    /// vault.entry("a".into()).into_entry()?.or_default()?.push(1);
    /// assert_eq!(vault.get("a")?, Some(vec![1]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_default(self) -> Result<RefMut<'a, K, V>>
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Sets the value and returns the occupied entry.
    ///
    /// The value is written and committed when the entry is dropped or [committed](OccupiedEntry::commit).
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let entry = vault.entry("a".into()).into_entry()?.insert_entry(1)?;
    /// assert_eq!(entry.get(), &1);
    /// entry.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_entry(self, value: V) -> Result<OccupiedEntry<'a, K, V>> {
        match self {
            Self::Occupied(mut entry) => {
                entry.insert(value)?;
                Ok(entry)
            }
            Self::Vacant(entry) => entry.insert_entry(value),
        }
    }

    fn fill<E: From<Error>>(
        self,
        default: impl FnOnce(&K) -> Result<V, E>,
    ) -> Result<RefMut<'a, K, V>, E> {
        match self {
            Self::Occupied(entry) => Ok(entry.into_mut()),
            Self::Vacant(entry) => {
                let value = default(&entry.key)?;
                Ok(entry.insert(value)?)
            }
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Entry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(entry) => f.debug_tuple("Entry").field(entry).finish(),
            Self::Vacant(entry) => f.debug_tuple("Entry").field(entry).finish(),
        }
    }
}
