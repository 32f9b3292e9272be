//! Iterating over a vault.

use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::map::iter::{IntoIter, IntoKeys, IntoValues, Iter, Keys, ReadSource, Values};
use crate::map::vault::Vault;

impl<K: DeserializeOwned, V: DeserializeOwned, O> Vault<K, V, O> {
    /// Returns an iterator over the entries, in the order of insertion.
    ///
    /// The iterator shows the vault as it is now and streams the entries: memory is bounded by one batch
    /// of rows. This call cannot fail: an error is an item of the iterator. See [`Iter`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("b".into(), 2)?;
    /// vault.insert("a".into(), 1)?;
    /// for entry in vault.iter() {
    ///     let (key, value) = entry?;
    ///     vault.insert(key + "!", value)?; // not shown by this iterator
    /// }
    /// let keys: Vec<String> = vault.keys().collect::<vaults::Result<_>>()?;
    /// assert_eq!(keys, ["b", "a", "b!", "a!"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(ReadSource::now(self), self.entry_codec())
    }
}

impl<K: DeserializeOwned, V, O> Vault<K, V, O> {
    /// Returns an iterator over the keys, in the order of insertion. Does not read the values.
    ///
    /// The iterator shows the vault as it is now and streams the entries: memory is bounded by one batch
    /// of rows. This call cannot fail: an error is an item of the iterator. See [`Keys`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let keys: Vec<String> = vault.keys().collect::<vaults::Result<_>>()?;
    /// assert_eq!(keys, ["b", "a"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(ReadSource::now(self), self.entry_codec())
    }

    /// Returns an iterator over the keys that owns this handle, in the order of insertion.
    ///
    /// The entries stay in the vault. See [`IntoKeys`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let keys: Vec<String> = vault.into_keys().collect::<vaults::Result<_>>()?;
    /// assert_eq!(keys, ["b", "a"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_keys(self) -> IntoKeys<K, V> {
        IntoKeys::new(&self)
    }
}

impl<K, V: DeserializeOwned, O> Vault<K, V, O> {
    /// Returns an iterator over the values, in the order of insertion of their keys.
    ///
    /// The iterator shows the vault as it is now and streams the entries: memory is bounded by one batch
    /// of rows. This call cannot fail: an error is an item of the iterator. See [`Values`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let values: Vec<u32> = vault.values().collect::<vaults::Result<_>>()?;
    /// assert_eq!(values, [2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(ReadSource::now(self), self.entry_codec())
    }

    /// Returns an iterator over the values that owns this handle, in the order of insertion of their
    /// keys.
    ///
    /// The entries stay in the vault. See [`IntoValues`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let values: Vec<u32> = vault.into_values().collect::<vaults::Result<_>>()?;
    /// assert_eq!(values, [2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_values(self) -> IntoValues<K, V> {
        IntoValues::new(&self)
    }
}

/// Consumes the handle, not the data: the entries stay in the vault.
impl<K: DeserializeOwned, V: DeserializeOwned, O> IntoIterator for Vault<K, V, O> {
    type Item = Result<(K, V)>;
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter::new(&self)
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned, O> IntoIterator for &'a Vault<K, V, O> {
    type Item = Result<(K, V)>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
