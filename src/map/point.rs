//! One entry at a time.

use std::borrow::Borrow;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::map::access::{ReadAccess, WriteAccess};
use crate::map::handles::{for_readers, for_writers};
use crate::map::ops::{self, Record};
use crate::sqlite::End;

/// The methods that read, the same for every handle.
macro_rules! reading {
    ($self:ident) => {
    /// The number of entries, those that do not decode included.
    ///
    /// It is exact, commits of other processes included, and usually costs no look at the
    /// file: the number is kept, and counted anew (some ten milliseconds a million entries) only
    /// when another handle or process has written since.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// assert_eq!(vault.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn len(&$self) -> Result<usize> {
        let length = $self.length()?;
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// True if there is no entry. It does not count.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn is_empty(&$self) -> Result<bool> {
        $self.is_vacant()
    }

    /// The value of a key.
    ///
    /// A stored `None` is a value: it comes back as `Some(None)`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or the value does not decode as `V`: [`Error::Decode`],
    /// [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] and [`Error::Checksum`] name the key.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, Option<u32>> = Vault::open_in_memory()?;
    /// vault.insert("known".into(), Some(1))?;
    /// vault.insert("unknown".into(), None)?;
    /// assert_eq!(vault.get("known")?, Some(Some(1)));
    /// assert_eq!(vault.get("unknown")?, Some(None));
    /// assert_eq!(vault.get("absent")?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get<Q>(&$self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        ops::get($self, key)
    }

    /// The stored key and its value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_key_value<Q>(&$self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        ops::get_key_value($self, key)
    }

    /// True if the key is there. The value is not read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn contains_key<Q>(&$self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        ops::contains_key($self, key)
    }
    };
}

/// The methods that write, the same for every handle that can.
macro_rules! writing {
    ($self:ident, [$($receiver:tt)+], $waits:literal) => {
    /// Stores a value under a key and returns the one that it replaces, if any.
    ///
    /// A new key goes to the end of the order; an old one keeps its place. When the old value
    /// is of no interest, [`put`](Self::put) is cheaper.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] if key or value cannot be stored faithfully, [`Error::Decode`] if the
    /// old value does not decode as `V`, and if the writer cannot be had or the file cannot be
    /// written. Nothing was changed then. [`put`](Self::put) replaces a value that does not decode.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// assert_eq!(vault.insert("a".into(), 1)?, None);
    /// assert_eq!(vault.insert("a".into(), 2)?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert($($receiver)+, key: K, value: V) -> Result<Option<V>> {
        let format = $self.format();
        let record = Record::new::<K, K, V>(&key, &value, format)?;
        $self.swap(record.into_change(), |key, old| format.decode(key, old))
    }

    /// Stores a value under a key, by reference and without reading the old value.
    ///
    /// `HashMap` has no such method, for it has nothing to gain from it.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), but the old value is not decoded.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.put("a", &1)?;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn put<Q>($($receiver)+, key: &Q, value: &V) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let record = Record::new::<K, Q, V>(key, value, $self.format())?;
        $self.apply(record.into_change())
    }

    /// Removes a key and returns its value, if it was there.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if the value does not decode as `V`, and if the writer cannot be had or
    /// the file cannot be written. Nothing was removed then. [`discard`](Self::discard) removes a value
    /// that does not decode.
    pub fn remove<Q>($($receiver)+, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let format = $self.format();
        $self.swap(ops::removal(key)?, |key, old| format.decode(key, old))
    }

    /// Removes a key and returns it with its value, if it was there.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn remove_entry<Q>($($receiver)+, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let format = $self.format();
        $self.swap(ops::removal(key)?, |key, old| format.decode_entry(key, old))
    }

    /// Removes a key without decoding its value, and returns whether it was there.
    ///
    /// It removes what [`remove`](Self::remove) cannot: a value of another type, a Python pickle, a
    /// damaged one. To remove all entries that cannot be decoded, use
    /// [`discard_undecodable`](Self::discard_undecodable).
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] if the key cannot be encoded, and if the writer cannot be had or the file
    /// cannot be written. Nothing was removed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// assert!(vault.discard("a")?);
    /// assert!(!vault.discard("a")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn discard<Q>($($receiver)+, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let removal = ops::removal(key)?;
        $self.write_one()?.run(|tx| tx.delete(&removal.key))
    }

    /// Removes the entry that was inserted first and returns it: a queue's take.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// vault.insert(7, "first".into())?;
    /// vault.insert(3, "last".into())?;
    /// assert_eq!(vault.pop_first()?, Some((7, "first".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn pop_first($($receiver)+) -> Result<Option<(K, V)>> {
        let format = $self.format();
        $self.write_one()?.run(|tx| ops::pop(tx, End::First, format))
    }

    /// Removes the entry that was inserted last and returns it: a stack's pop.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn pop_last($($receiver)+) -> Result<Option<(K, V)>> {
        let format = $self.format();
        $self.write_one()?.run(|tx| ops::pop(tx, End::Last, format))
    }

    /// Removes all entries. The file keeps its size and reuses the space.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// If the writer cannot be had or the file cannot be written; then nothing was removed.
    pub fn clear($($receiver)+) -> Result<()> {
        $self.write_one()?.run(ops::clear)
    }

    /// Returns the value for `key`; if the key is not there, stores the result of `f` and returns it.
    ///
    /// When the key is there, this is a [`get`](Self::get) and waits for nobody. When it is not,
    /// `f` runs once among all threads and processes that ask for the key at the same time, and the
    /// others get its result: it runs while the write lock is held, so all writers wait for it. Raise the
    /// [busy timeout](crate::OpenOptions::busy_timeout) if it is slow.
    ///
    /// Within `f` the vault can be read through a handle of it. A write there, such as this call for another
    /// key that is not there either, is [`Error::Reentrant`]: a function that calls itself
    /// computes first and stores then. The guide [`concurrency`](crate::guide::concurrency#mistakes-to-avoid) shows how.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`put`](Self::put). A value that `f` has computed and that cannot be
    /// stored is dropped; to keep it, compute it first and [`put`](Self::put) it by reference.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let lengths: Vault<String, usize> = Vault::open_in_memory()?;
    /// let word = "persistence";
    /// assert_eq!(lengths.get_or_insert_with(word.into(), || word.len())?, 11);
    /// assert_eq!(lengths.get_or_insert_with(word.into(), || unreachable!())?, 11);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_or_insert_with<F>($($receiver)+, key: K, f: F) -> Result<V>
    where
        F: FnOnce() -> V,
    {
        $self.get_or_try_insert_with(key, || Ok(f()))
    }

    /// As [`get_or_insert_with`](Self::get_or_insert_with), with a function that can fail:
    /// then nothing is stored.
    ///
    /// # Errors
    ///
    /// Returns the error of `f`, and those of [`get`](Self::get) and [`put`](Self::put). A value that
    /// cannot be stored is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ports: Vault<String, u16> = Vault::open_in_memory()?;
    /// let read = |text: &str| {
    ///     ports.get_or_try_insert_with("http".into(), || {
    ///         Ok::<_, Box<dyn std::error::Error>>(text.parse()?)
    ///     })
    /// };
    /// assert!(read("eighty").is_err());
    /// assert!(ports.is_empty()?);
    /// assert_eq!(read("80")?, 80);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_or_try_insert_with<F, E>($($receiver)+, key: K, f: F) -> Result<V, E>
    where
        F: FnOnce() -> Result<V, E>,
        E: From<Error>,
    {
        if let Some(value) = $self.get(&key)? {
            return Ok(value);
        }
        let format = $self.format();
        $self
            .write_one()?
            .run(|tx| ops::get_or_insert::<K, V, E>(tx, &key, f, format))
    }
    };
}

for_readers!(reading);
for_writers!(writing);
