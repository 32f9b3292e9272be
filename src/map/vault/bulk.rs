//! Many entries at once.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::bulk;
use crate::map::vault::Vault;
use crate::order::{Order, is_same};

impl<K, V, O> Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Returns the values for several keys, in the order of the keys.
    ///
    /// All values are read in one state of the vault. Costs one search in the file per key.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// assert_eq!(vault.get_many(["b", "c", "a"])?, [Some(2), None, Some(1)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        bulk::get_many(self, keys)
    }

    /// Returns `true` if the vault contains all of `keys`.
    ///
    /// All keys are looked up in one state of the vault. Does not read the values.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key cannot be encoded.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// assert!(vault.contains_all(["a", "b"])?);
    /// assert!(!vault.contains_all(["a", "c"])?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_all<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        bulk::contains_all(self, keys)
    }

    /// Inserts many entries in one transaction: all of them or none.
    ///
    /// It is [`Extend`] with the error returned, and the fastest way to write many entries: one sync
    /// for all of them. `entries` is consumed while this call holds the write lock; it can read the
    /// vault.
    ///
    /// Memory does not grow with the number of entries: a call that writes many of them uses up to 32
    /// MiB of page cache.
    ///
    /// Use [`put_many`](Self::put_many) for borrowed entries, and
    /// [`try_extend_results`](Self::try_extend_results) for entries that come as `Result`s.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key or value cannot be stored faithfully.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("one".into(), 1), ("two".into(), 2)])?;
    /// assert_eq!(vault.len()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_extend(&self, entries: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        bulk::extend::<K, K, V, _, _, _>(self, entries.into_iter().map(Ok), is_same::<K, O>)
    }

    /// Inserts many borrowed entries in one transaction: all of them or none.
    ///
    /// It is to [`try_extend`](Self::try_extend) what [`put`](Self::put) is to
    /// [`insert`](Self::insert): nothing is cloned, and keys come in any borrowed form of `K`.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key or value cannot be stored faithfully.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.put_many([("one", &1), ("two", &2)])?;
    /// let more = HashMap::from([("three".to_owned(), 3)]);
    /// vault.put_many(&more)?;
    /// assert_eq!(vault.len()?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn put_many<'q, 'v, Q>(
        &self,
        entries: impl IntoIterator<Item = (&'q Q, &'v V)>,
    ) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized + 'q,
        V: 'v,
    {
        bulk::extend::<K, Q, V, _, _, _>(self, entries.into_iter().map(Ok), Q::eq)
    }

    /// Inserts many entries that come as `Result`s in one transaction: all of them or none.
    ///
    /// The iterators of a vault yield `Result`s, so this method copies one vault into another. The
    /// first `Err` ends it.
    ///
    /// It is a method of its own because [`try_extend`](Self::try_extend) could not infer the types of
    /// its entries if it took both.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns the first error of `entries`.
    /// - Returns [`Error::Encode`] if a key or value cannot be stored faithfully.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("one".into(), 1)?;
    /// let copy: Vault<String, u32> = Vault::open_in_memory()?;
    /// copy.try_extend_results(&vault)?;
    /// assert_eq!(copy.get("one")?, Some(1));
    ///
    /// // Entries that are parsed on the way. One error, and nothing is inserted.
    /// let parse = |line: &str| -> Result<_, Box<dyn std::error::Error>> {
    ///     let (name, number) = line.split_once('=').ok_or("no `=`")?;
    ///     Ok((name.to_owned(), number.parse()?))
    /// };
    /// assert!(copy.try_extend_results(["two=2", "three"].map(parse)).is_err());
    /// assert_eq!(copy.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_extend_results<E: From<Error>>(
        &self,
        entries: impl IntoIterator<Item = Result<(K, V), E>>,
    ) -> Result<(), E> {
        bulk::extend::<K, K, V, _, _, _>(self, entries, is_same::<K, O>)
    }

    /// Removes several keys and returns their values, in the order of the keys.
    ///
    /// It is one transaction: either all keys are removed or none.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key cannot be encoded.
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the value cannot be read
    ///   as `V`. Use [`discard`](Self::discard) to remove such a value.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// assert_eq!(vault.remove_many(["b", "c"])?, [Some(2), None]);
    /// assert_eq!(vault.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_many<'q, Q>(
        &self,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        bulk::remove_many(self, keys)
    }
}
