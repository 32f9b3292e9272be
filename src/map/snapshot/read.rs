//! Reading from a snapshot.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::map::access::ReadAccess as _;
use crate::map::snapshot::Snapshot;
use crate::map::{bulk, point};
use crate::order::Order;

impl<K, V, O> Snapshot<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Returns the value for `key`.
    ///
    /// A stored `None` is a value: it is returned as `Some(None)`.
    ///
    /// Costs one search. Sees the state that the snapshot keeps.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.insert("a".into(), 1)?;
    /// let snapshot = vault.snapshot()?;
    /// vault.insert("a".into(), 2)?;
    /// assert_eq!(snapshot.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::get(self, key)
    }

    /// Returns the stored key and its value.
    ///
    /// Costs the same as [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.insert("a".into(), 1)?;
    /// let snapshot = vault.snapshot()?;
    /// assert_eq!(snapshot.get_key_value("a")?, Some(("a".into(), 1)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_key_value<Q>(&self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::get_key_value(self, key)
    }

    /// Returns `true` if the snapshot contains `key`.
    ///
    /// Does not read the value, so it is `true` for a value that cannot be decoded too.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.insert("a".into(), 1)?;
    /// let snapshot = vault.snapshot()?;
    /// assert!(snapshot.contains_key("a")?);
    /// assert!(!snapshot.contains_key("b")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::contains_key(self, key)
    }

    /// Returns the exact number of entries, those that cannot be decoded included.
    ///
    /// Counts at the first call (about 10 ms per million entries) and keeps the number.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.insert("a".into(), 1)?;
    /// let snapshot = vault.snapshot()?;
    /// assert_eq!(snapshot.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn len(&self) -> Result<usize> {
        let length = self.length()?;
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Returns `true` if the snapshot has no entries.
    ///
    /// Takes constant time: it does not count.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let snapshot = vault.snapshot()?;
    /// assert!(snapshot.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_empty(&self) -> Result<bool> {
        self.is_vacant()
    }

    /// Returns the values for several keys, in the order of the keys.
    ///
    /// Costs one search per key.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// let snapshot = vault.snapshot()?;
    /// assert_eq!(snapshot.get_many(["b", "c", "a"])?, [Some(2), None, Some(1)]);
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

    /// Returns `true` if the snapshot contains all of `keys`.
    ///
    /// Does not read the values.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a key cannot be encoded.
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// let snapshot = vault.snapshot()?;
    /// assert!(snapshot.contains_all(["a", "b"])?);
    /// assert!(!snapshot.contains_all(["a", "c"])?);
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
}
