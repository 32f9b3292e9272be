//! A place in the map, occupied or vacant, held while it is decided what to do with it.

pub(crate) mod guard;
pub(crate) mod try_entry;

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::EncodedKey;
use crate::encoding::entry_codec::EntryCodec;
use crate::entry::guard::{Loan, RefMut};
use crate::error::{Error, Result};
use crate::sqlite::Scope;

/// A place in the map: what `HashMap`'s `Entry` is, holding the vault's writer.
///
/// `K` is the key as it was given: the key itself for [`entry`](crate::Vault::entry), a reference
/// for [`entry_ref`](crate::Vault::entry_ref).
///
/// # Atomicity
///
/// An entry is one write transaction, or part of the [`Transaction`](crate::Transaction) that
/// it was made from. What it writes is committed when it, or the [`RefMut`] that it has become,
/// is committed or dropped. While unwinding from a panic, nothing is written.
///
/// # Examples
///
/// ```
/// use vaults::{Entry, Vault};
///
/// # fn main() -> vaults::Result<()> {
/// # let vault: Vault<String, u64> = Vault::open_in_memory()?;
/// match vault.entry("job".into()).resolve()? {
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
#[must_use = "it holds the writer while it lives"]
pub enum Entry<'a, K, V> {
    /// The key is there.
    Occupied(OccupiedEntry<'a, K, V>),
    /// The key is not there.
    Vacant(VacantEntry<'a, K, V>),
}

/// A key that is there, with its value: part of [`Entry`].
///
/// # What drop does
///
/// Writes the value back, if it was changed through [`get_mut`](Self::get_mut) or
/// [`and_modify`](Entry::and_modify), and commits. An error is returned by the vault's next
/// write, `flush` or `close`, as [`Error::Deferred`]; [`commit`](Self::commit) returns it at once. While
/// unwinding from a panic nothing is written.
pub struct OccupiedEntry<'a, K, V> {
    pub(crate) key: K,
    pub(crate) loan: Loan<'a, V>,
}

/// A key that is not there, with the right to insert it: part of [`Entry`].
///
/// Dropping it leaves the vault as it is.
#[must_use = "it holds the writer while it lives"]
pub struct VacantEntry<'a, K, V> {
    pub(crate) key: K,
    pub(crate) scope: Scope<'a>,
    pub(crate) format: EntryCodec,
    /// Makes the key's bytes once it is known that they are needed.
    pub(crate) encode_key: fn(&K, bool) -> Result<EncodedKey>,
    pub(crate) value: PhantomData<fn() -> V>,
}

impl<K, V> Entry<'_, K, V> {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &K {
        match self {
            Self::Occupied(entry) => entry.key(),
            Self::Vacant(entry) => entry.key(),
        }
    }

    /// Changes the value with `f`, if the key is there.
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
    /// The value, after inserting `default` if the key is not there.
    ///
    /// # Errors
    ///
    /// Those of [`VacantEntry::insert`].
    pub fn or_insert(self, default: V) -> Result<RefMut<'a, K, V>> {
        self.or_insert_with(|| default)
    }

    /// The value, after inserting the result of `default` if the key is not there.
    ///
    /// # Errors
    ///
    /// Those of [`VacantEntry::insert`].
    pub fn or_insert_with<F>(self, default: F) -> Result<RefMut<'a, K, V>>
    where
        F: FnOnce() -> V,
    {
        self.or_insert_with_key(|_| default())
    }

    /// The value, after inserting the result of `default`, which is given the key, if it is not
    /// there.
    ///
    /// # Errors
    ///
    /// Those of [`VacantEntry::insert`].
    pub fn or_insert_with_key<F>(self, default: F) -> Result<RefMut<'a, K, V>>
    where
        F: FnOnce(&K) -> V,
    {
        self.fill(|key| Ok(default(key)))
    }

    /// The value, after inserting the result of `default` if the key is not there; nothing is
    /// inserted if `default` fails.
    ///
    /// # Errors
    ///
    /// That of `default`, and those of [`VacantEntry::insert`].
    pub fn or_try_insert_with<F, E>(self, default: F) -> Result<RefMut<'a, K, V>, E>
    where
        F: FnOnce() -> Result<V, E>,
        E: From<Error>,
    {
        self.fill(|_| default())
    }

    /// The value, after inserting `V::default()` if the key is not there.
    ///
    /// # Errors
    ///
    /// Those of [`VacantEntry::insert`].
    pub fn or_default(self) -> Result<RefMut<'a, K, V>>
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Stores a value, whether the key is there or not.
    ///
    /// # Errors
    ///
    /// Those of [`OccupiedEntry::insert`].
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

impl<'a, K, V> OccupiedEntry<'a, K, V> {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> &V {
        self.loan.get()
    }

    /// The value, to be changed in place. The change is written when the entry is dropped or
    /// [committed](Self::commit).
    pub fn get_mut(&mut self) -> &mut V {
        self.loan.get_mut()
    }

    /// The value, with the entry's right to write it back.
    pub fn into_mut(self) -> RefMut<'a, K, V> {
        RefMut::new(self.loan)
    }

    /// Removes the entry, commits, and gives its value.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then nothing was removed.
    pub fn remove(self) -> Result<V> {
        self.loan.remove()
    }

    /// Removes the entry, commits, and gives its key and value.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn remove_entry(self) -> Result<(K, V)> {
        let value = self.loan.remove()?;
        Ok((self.key, value))
    }

    /// Writes the value back, if it was changed, and commits: what drop does, with the error
    /// returned.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] if the value cannot be stored faithfully, and if the file cannot be
    /// written. Nothing was changed then.
    pub fn commit(self) -> Result<()> {
        self.loan.commit().map(drop)
    }
}

impl<K, V: Serialize + DeserializeOwned> OccupiedEntry<'_, K, V> {
    /// Replaces the value and gives the old one. It is written and committed when the entry is
    /// dropped or [committed](Self::commit).
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] if the value cannot be stored faithfully. Nothing was
    /// changed then.
    pub fn insert(&mut self, value: V) -> Result<V> {
        self.loan.replace(value)
    }
}

impl<K, V> VacantEntry<'_, K, V> {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// The key, given back.
    #[must_use]
    pub fn into_key(self) -> K {
        self.key
    }
}

impl<'a, K, V: Serialize + DeserializeOwned> VacantEntry<'a, K, V> {
    /// Inserts a value, which is committed when the result is dropped or
    /// [committed](RefMut::commit).
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] if key or value cannot be stored faithfully. Nothing was inserted then.
    pub fn insert(self, value: V) -> Result<RefMut<'a, K, V>> {
        self.insert_entry(value).map(OccupiedEntry::into_mut)
    }

    /// Inserts a value and gives the entry, which is committed when it is dropped or
    /// [committed](OccupiedEntry::commit).
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn insert_entry(self, value: V) -> Result<OccupiedEntry<'a, K, V>> {
        let encoded = (self.encode_key)(&self.key, self.format.verify)?;
        Ok(OccupiedEntry {
            loan: Loan::of_new(self.scope, encoded, value, self.format)?,
            key: self.key,
        })
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

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for OccupiedEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry")
            .field("key", self.key())
            .field("value", self.get())
            .finish_non_exhaustive()
    }
}

impl<K: fmt::Debug, V> fmt::Debug for VacantEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(self.key()).finish()
    }
}
