//! Many entries at once.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::bulk;
use crate::map::transaction::Transaction;
use crate::order::{Order, is_same};

impl<K, V, O> Transaction<'_, K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Returns the values for several keys, in the order of the keys.
    ///
    /// Costs one search per key.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// let tx = vault.begin()?;
    /// assert_eq!(tx.get_many(["b", "c", "a"])?, [Some(2), None, Some(1)]);
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

    /// Returns `true` if the transaction contains all of `keys`.
    ///
    /// Does not read the values.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key cannot be encoded.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// let tx = vault.begin()?;
    /// assert!(tx.contains_all(["a", "b"])?);
    /// assert!(!tx.contains_all(["a", "c"])?);
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

    /// Inserts many entries: all of them or none.
    ///
    /// It is [`Extend`] with the error returned.
    ///
    /// Memory does not grow with the number of entries: a call that writes many of them uses up to 32
    /// MiB of page cache.
    ///
    /// Use [`put_many`](Self::put_many) for borrowed entries, and
    /// [`try_extend_results`](Self::try_extend_results) for entries that come as `Result`s.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key or value cannot be stored faithfully.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.try_extend([("one".into(), 1), ("two".into(), 2)])?;
    /// assert_eq!(tx.len()?, 2);
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        bulk::extend::<K, K, V, _, _, _>(self, entries.into_iter().map(Ok), is_same::<K, O>)
    }

    /// Inserts many borrowed entries: all of them or none.
    ///
    /// It is to [`try_extend`](Self::try_extend) what [`put`](Self::put) is to
    /// [`insert`](Self::insert): nothing is cloned, and keys come in any borrowed form of `K`.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key or value cannot be stored faithfully.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.put_many([("one", &1), ("two", &2)])?;
    /// let more = HashMap::from([("three".to_owned(), 3)]);
    /// tx.put_many(&more)?;
    /// assert_eq!(tx.len()?, 3);
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn put_many<'q, 'v, Q>(
        &mut self,
        entries: impl IntoIterator<Item = (&'q Q, &'v V)>,
    ) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized + 'q,
        V: 'v,
    {
        bulk::extend::<K, Q, V, _, _, _>(self, entries.into_iter().map(Ok), Q::eq)
    }

    /// Inserts many entries that come as `Result`s: all of them or none.
    ///
    /// The iterators of a vault yield `Result`s, so this method copies one vault into another. The
    /// first `Err` ends it.
    ///
    /// It is a method of its own because [`try_extend`](Self::try_extend) could not infer the types of
    /// its entries if it took both.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns the first error of `entries`.
    /// - Returns [`Error::Encode`] if a key or value cannot be stored faithfully.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// let other: Vault<String, u32> = Vault::open_in_memory()?;
    /// other.insert("one".into(), 1)?;
    /// tx.try_extend_results(&other)?;
    /// assert_eq!(tx.get("one")?, Some(1));
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_extend_results<E: From<Error>>(
        &mut self,
        entries: impl IntoIterator<Item = Result<(K, V), E>>,
    ) -> Result<(), E> {
        bulk::extend::<K, K, V, _, _, _>(self, entries, is_same::<K, O>)
    }

    /// Removes several keys and returns their values, in the order of the keys.
    ///
    /// Either all keys are removed or none.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key cannot be encoded.
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the value cannot be read
    ///   as `V`. Use [`discard`](Self::discard) to remove such a value.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// let mut tx = vault.begin()?;
    /// assert_eq!(tx.remove_many(["b", "c"])?, [Some(2), None]);
    /// assert_eq!(tx.len()?, 1);
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_many<'q, Q>(
        &mut self,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        bulk::remove_many(self, keys)
    }
}
