//! The way to an entry, with one `?` at its end.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::EncodedKey;
use crate::encoding::entry_codec::EntryCodec;
use crate::entry::guard::{Loan, RefMut, Stored};
use crate::entry::{Entry, OccupiedEntry, VacantEntry};
use crate::error::{Error, Result};
use crate::map::access::WriteAccess;
use crate::map::handles::for_writers;
use crate::sqlite::Scope;

/// The result of [`entry`](crate::Vault::entry): an [`Entry`], or the error that kept it from
/// being had, with `HashMap`'s combinators, so that one `?` at the end of the chain serves.
///
/// # Locking
///
/// It holds the vault's writer, from the call of `entry` to the end of the chain: reading, deciding
/// and writing are one step for every thread and process. Waits for the writer, at most
/// for the busy timeout.
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
#[must_use = "it may hold an error, and holds the writer while it lives"]
pub struct TryEntry<'a, K, V> {
    state: Result<Entry<'a, K, V>, (K, Error)>,
}

impl<'a, K, V> TryEntry<'a, K, V>
where
    V: Serialize + DeserializeOwned,
{
    /// Looks up `encoded` in `scope`, or fails with what kept the scope from being had.
    pub(crate) fn new(
        key: K,
        encoded: Result<EncodedKey>,
        scope: impl FnOnce() -> Result<Scope<'a>>,
        format: EntryCodec,
        encode_key: fn(&K, bool) -> Result<EncodedKey>,
    ) -> Self {
        let found = encoded.and_then(|encoded| {
            let mut scope = scope()?;
            let stored = find(&mut scope, &encoded, format)?;
            Ok((scope, encoded, stored))
        });
        let state = match found {
            Err(error) => Err((key, error)),
            Ok((scope, encoded, Some(stored))) => Ok(Entry::Occupied(OccupiedEntry {
                key,
                loan: Loan::of_stored(scope, encoded, stored, format),
            })),
            Ok((scope, _, None)) => Ok(Entry::Vacant(VacantEntry {
                key,
                scope,
                format,
                encode_key,
                value: PhantomData,
            })),
        };
        Self { state }
    }
}

/// What is stored under a key.
fn find<V: DeserializeOwned>(
    scope: &mut Scope<'_>,
    key: &EncodedKey,
    format: EntryCodec,
) -> Result<Option<Stored<V>>> {
    let key = key.as_bytes();
    scope
        .transaction()
        .session()?
        .find(key, |rowid, bytes| {
            Ok(Stored {
                rowid,
                value: format.decode(key, bytes)?,
                bytes: bytes.to_vec(),
            })
        })?
        .transpose()
}

impl<'a, K, V> TryEntry<'a, K, V> {
    /// The entry, to `match` on.
    ///
    /// # Errors
    ///
    /// What kept the entry from being had: the key cannot be encoded, the writer cannot be
    /// had, the value does not decode.
    pub fn resolve(self) -> Result<Entry<'a, K, V>> {
        self.state.map_err(|(_, error)| error)
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &K {
        match &self.state {
            Ok(entry) => entry.key(),
            Err((key, _)) => key,
        }
    }

    /// Changes the value with `f`, if the key is there.
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
    /// The value, after inserting `default` if the key is not there.
    ///
    /// # Errors
    ///
    /// Those of [`resolve`](Self::resolve) and of [`VacantEntry::insert`].
    pub fn or_insert(self, default: V) -> Result<RefMut<'a, K, V>> {
        self.resolve()?.or_insert(default)
    }

    /// The value, after inserting the result of `default` if the key is not there.
    ///
    /// # Errors
    ///
    /// As [`or_insert`](Self::or_insert).
    pub fn or_insert_with<F>(self, default: F) -> Result<RefMut<'a, K, V>>
    where
        F: FnOnce() -> V,
    {
        self.resolve()?.or_insert_with(default)
    }

    /// The value, after inserting the result of `default`, which is given the key, if it is not
    /// there.
    ///
    /// # Errors
    ///
    /// As [`or_insert`](Self::or_insert).
    pub fn or_insert_with_key<F>(self, default: F) -> Result<RefMut<'a, K, V>>
    where
        F: FnOnce(&K) -> V,
    {
        self.resolve()?.or_insert_with_key(default)
    }

    /// The value, after inserting the result of `default` if the key is not there; nothing is
    /// inserted if `default` fails.
    ///
    /// # Errors
    ///
    /// That of `default`, and as [`or_insert`](Self::or_insert).
    pub fn or_try_insert_with<F, E>(self, default: F) -> Result<RefMut<'a, K, V>, E>
    where
        F: FnOnce() -> Result<V, E>,
        E: From<Error>,
    {
        self.resolve()?.or_try_insert_with(default)
    }

    /// The value, after inserting `V::default()` if the key is not there.
    ///
    /// # Errors
    ///
    /// As [`or_insert`](Self::or_insert).
    pub fn or_default(self) -> Result<RefMut<'a, K, V>>
    where
        V: Default,
    {
        self.resolve()?.or_default()
    }

    /// Stores a value, whether the key is there or not.
    ///
    /// # Errors
    ///
    /// As [`or_insert`](Self::or_insert).
    pub fn insert_entry(self, value: V) -> Result<OccupiedEntry<'a, K, V>> {
        self.resolve()?.insert_entry(value)
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

/// The methods that give access to one entry, the same for every handle that can write.
macro_rules! entries {
    ($self:ident, [$($receiver:tt)+], $waits:literal) => {
    /// The place of a key in the map, for in-place changes: see [`TryEntry`] and [`Entry`].
    ///
    /// Errors come with the end of the chain. The writer is held until then.
    ///
    #[doc = $waits]
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let counts: Vault<char, u64> = Vault::open_in_memory()?;
    /// for letter in "hello".chars() {
    ///     *counts.entry(letter).or_insert(0)? += 1;
    /// }
    /// assert_eq!(counts.get(&'l')?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn entry($($receiver)+, key: K) -> TryEntry<'_, K, V> {
        let (encoded, format) = (EncodedKey::lookup(&key), $self.format());
        let encode_key = |key: &K, verify| EncodedKey::stored::<K, K>(key, verify);
        TryEntry::new(key, encoded, || $self.write_one(), format, encode_key)
    }

    /// As [`entry`](Self::entry), by reference: an owned key is never needed.
    ///
    #[doc = $waits]
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let counts: Vault<String, u64> = Vault::open_in_memory()?;
    /// for word in "to be or not to be".split(' ') {
    ///     *counts.entry_ref(word).or_insert(0)? += 1;
    /// }
    /// assert_eq!(counts.get("be")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn entry_ref<'q, Q>($($receiver)+, key: &'q Q) -> TryEntry<'_, &'q Q, V>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let (encoded, format) = (EncodedKey::lookup(key), $self.format());
        let encode_key = |key: &&Q, verify| EncodedKey::stored::<K, Q>(key, verify);
        TryEntry::new(key, encoded, || $self.write_one(), format, encode_key)
    }

    /// The value of a key, to be changed in place: see [`RefMut`].
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// If the writer cannot be had, the file cannot be read or the value does not decode.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, Vec<u32>> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), vec![1])?;
    /// if let Some(mut list) = vault.get_mut("a")? {
    ///     list.push(2);
    /// }
    /// assert_eq!(vault.get("a")?, Some(vec![1, 2]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut<Q>($($receiver)+, key: &Q) -> Result<Option<RefMut<'_, K, V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let (encoded, format) = (EncodedKey::lookup(key)?, $self.format());
        let mut scope = $self.write_one()?;
        let stored = find(&mut scope, &encoded, format)?;
        Ok(stored.map(|stored| RefMut::new(Loan::of_stored(scope, encoded, stored, format))))
    }
    };
}

for_writers!(entries);
