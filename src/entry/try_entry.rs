//! An entry or the error of looking it up, so that a chain needs one `?` at its end.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::EncodedKey;
use crate::encoding::entry_codec::EntryCodec;
use crate::entry::Entry;
use crate::entry::guard::{FoundValue, RefMut, ValueGuard};
use crate::entry::occupied::OccupiedEntry;
use crate::entry::scope::WriteScope;
use crate::entry::vacant::VacantEntry;
use crate::error::{Error, Result};

/// The result of [`Vault::entry`](crate::Vault::entry): an [`Entry`], or the error that occurred while
/// looking it up.
///
/// It has the combinators of `HashMap`'s entry, so that a chain needs one `?`, at its end.
///
/// # Locking
///
/// It holds the write lock from the call of `entry` to the end of the chain: reading, deciding and
/// writing are one step for every thread and process.
///
/// # Examples
///
/// ```
/// use vaults::Vault;
///
/// # fn main() -> vaults::Result<()> {
/// let counts: Vault<String, u64> = Vault::open_in_memory()?;
/// *counts.entry("a".into()).or_insert(0)? += 1;
/// counts.entry("a".into()).and_modify(|n| *n += 1).or_insert(1)?;
/// assert_eq!(counts.get("a")?, Some(2));
/// # Ok(())
/// # }
/// ```
#[must_use = "it may hold an error, and holds the write lock until it is dropped"]
pub struct TryEntry<'a, K, V> {
    state: Result<Entry<'a, K, V>, (K, Error)>,
}

impl<'a, K, V> TryEntry<'a, K, V>
where
    V: Serialize + DeserializeOwned,
{
    /// Looks up `encoded` in the scope that `scope` begins, or keeps the error.
    pub(crate) fn new(
        key: K,
        encoded: Result<EncodedKey>,
        scope: impl FnOnce() -> Result<WriteScope<'a>>,
        entry_codec: EntryCodec,
        encode_key: fn(&K, EntryCodec) -> Result<EncodedKey>,
    ) -> Self {
        let found = encoded.and_then(|encoded| {
            let mut scope = scope()?;
            let value = FoundValue::find(&mut scope, &encoded, entry_codec)?;
            Ok((scope, encoded, value))
        });
        let state = match found {
            Err(error) => Err((key, error)),
            Ok((scope, encoded, Some(value))) => Ok(Entry::Occupied(OccupiedEntry {
                key,
                guard: ValueGuard::of_found(scope, encoded, value, entry_codec),
            })),
            Ok((scope, _, None)) => Ok(Entry::Vacant(VacantEntry {
                key,
                scope,
                entry_codec,
                encode_key,
                value: PhantomData,
            })),
        };
        Self { state }
    }
}

impl<'a, K, V> TryEntry<'a, K, V> {
    /// Returns the entry, to `match` on.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if the key cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Entry, Vault};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// match vault.entry("a".into()).into_entry()? {
    ///     Entry::Occupied(entry) => println!("{} is stored", entry.get()),
    ///     Entry::Vacant(entry) => drop(entry.insert(1)?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_entry(self) -> Result<Entry<'a, K, V>> {
        self.state.map_err(|(_, error)| error)
    }

    /// Returns the key.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let entry = vault.entry("a".into());
    /// assert_eq!(entry.key(), "a");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn key(&self) -> &K {
        match &self.state {
            Ok(entry) => entry.key(),
            Err((key, _)) => key,
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
    /// vault.entry("a".into()).and_modify(|n| *n += 1).or_insert(0)?;
    /// assert_eq!(vault.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn and_modify<F>(self, f: F) -> Self
    where
        F: FnOnce(&mut V),
    {
        Self {
            state: self.state.map(|entry| entry.and_modify(f)),
        }
    }
}

impl<'a, K, V> TryEntry<'a, K, V>
where
    V: Serialize + DeserializeOwned,
{
    /// Returns the value, after inserting `default` if the key is not present.
    ///
    /// The value is written and committed when the guard is dropped or [committed](RefMut::commit).
    ///
    /// # Errors
    ///
    /// - Returns the errors of [`into_entry`](Self::into_entry).
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing is
    ///   inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// *vault.entry("a".into()).or_insert(0)? += 1;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_insert(self, default: V) -> Result<RefMut<'a, K, V>> {
        self.into_entry()?.or_insert(default)
    }

    /// Returns the value, after inserting the result of `default` if the key is not present.
    ///
    /// The value is written and committed when the guard is dropped or [committed](RefMut::commit).
    ///
    /// # Errors
    ///
    /// - Returns the errors of [`into_entry`](Self::into_entry).
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing is
    ///   inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.entry("a".into()).or_insert_with(|| 7)?;
    /// assert_eq!(vault.get("a")?, Some(7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_insert_with<F>(self, default: F) -> Result<RefMut<'a, K, V>>
    where
        F: FnOnce() -> V,
    {
        self.into_entry()?.or_insert_with(default)
    }

    /// Returns the value, after inserting the result of `default`, which gets the key, if the key is not
    /// present.
    ///
    /// The value is written and committed when the guard is dropped or [committed](RefMut::commit).
    ///
    /// # Errors
    ///
    /// - Returns the errors of [`into_entry`](Self::into_entry).
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing is
    ///   inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, usize> = Vault::open_in_memory()?;
    /// vault.entry("abc".into()).or_insert_with_key(|key| key.len())?;
    /// assert_eq!(vault.get("abc")?, Some(3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_insert_with_key<F>(self, default: F) -> Result<RefMut<'a, K, V>>
    where
        F: FnOnce(&K) -> V,
    {
        self.into_entry()?.or_insert_with_key(default)
    }

    /// Returns the value, after inserting the result of `default` if the key is not present; inserts nothing
    /// if `default` fails.
    ///
    /// The value is written and committed when the guard is dropped or [committed](RefMut::commit).
    ///
    /// The compiler must know the error type of `f`: end `f` with `Ok::<_, MyError>(…)`, or give the result a type.
    ///
    /// # Errors
    ///
    /// - Returns the error of `default`.
    /// - Returns the errors of [`into_entry`](Self::into_entry).
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
    /// vault.entry("http".into()).or_try_insert_with(parse)?;
    /// assert_eq!(vault.get("http")?, Some(80));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_try_insert_with<F, E>(self, default: F) -> Result<RefMut<'a, K, V>, E>
    where
        F: FnOnce() -> Result<V, E>,
        E: From<Error>,
    {
        self.into_entry()?.or_try_insert_with(default)
    }

    /// Returns the value, after inserting `V::default()` if the key is not present.
    ///
    /// The value is written and committed when the guard is dropped or [committed](RefMut::commit).
    ///
    /// # Errors
    ///
    /// - Returns the errors of [`into_entry`](Self::into_entry).
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing is
    ///   inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, Vec<u32>> = Vault::open_in_memory()?;
    /// vault.entry("a".into()).or_default()?.push(1);
    /// assert_eq!(vault.get("a")?, Some(vec![1]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_default(self) -> Result<RefMut<'a, K, V>>
    where
        V: Default,
    {
        self.into_entry()?.or_default()
    }

    /// Sets the value and returns the occupied entry.
    ///
    /// The value is written and committed when the entry is dropped or [committed](OccupiedEntry::commit).
    ///
    /// # Errors
    ///
    /// - Returns the errors of [`into_entry`](Self::into_entry).
    /// - Returns [`Error::Encode`] if the key or the value cannot be stored faithfully. Nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let entry = vault.entry("a".into()).insert_entry(1)?;
    /// assert_eq!(entry.get(), &1);
    /// entry.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_entry(self, value: V) -> Result<OccupiedEntry<'a, K, V>> {
        self.into_entry()?.insert_entry(value)
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for TryEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Ok(entry) => f.debug_tuple("TryEntry").field(entry).finish(),
            Err((_, error)) => f.debug_tuple("TryEntry").field(error).finish(),
        }
    }
}
