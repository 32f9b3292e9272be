//! Iterating over a snapshot.

use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::map::iter::{Iter, Keys, ReadSource, Values};
use crate::map::snapshot::Snapshot;

impl<K: DeserializeOwned, V: DeserializeOwned, O> Snapshot<K, V, O> {
    /// Returns an iterator over the entries, in the order of insertion.
    ///
    /// The iterator shows the state that the snapshot keeps and streams the entries. This call cannot
    /// fail: an error is an item of the iterator. See [`Iter`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.insert("b".into(), 2)?;
    /// let snapshot = vault.snapshot()?;
    /// vault.insert("a".into(), 1)?;
    /// let entries: Vec<(String, u32)> = snapshot.iter().collect::<vaults::Result<_>>()?;
    /// assert_eq!(entries, [("b".into(), 2)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(Ok(ReadSource::of(self)), self.entry_codec())
    }
}

impl<K: DeserializeOwned, V, O> Snapshot<K, V, O> {
    /// Returns an iterator over the keys, in the order of insertion. Does not read the values.
    ///
    /// The iterator shows the state that the snapshot keeps and streams the entries. This call cannot
    /// fail: an error is an item of the iterator. See [`Keys`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let snapshot = vault.snapshot()?;
    /// let keys: Vec<String> = snapshot.keys().collect::<vaults::Result<_>>()?;
    /// assert_eq!(keys, ["b", "a"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(Ok(ReadSource::of(self)), self.entry_codec())
    }
}

impl<K, V: DeserializeOwned, O> Snapshot<K, V, O> {
    /// Returns an iterator over the values, in the order of insertion of their keys.
    ///
    /// The iterator shows the state that the snapshot keeps and streams the entries. This call cannot
    /// fail: an error is an item of the iterator. See [`Values`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let snapshot = vault.snapshot()?;
    /// let values: Vec<u32> = snapshot.values().collect::<vaults::Result<_>>()?;
    /// assert_eq!(values, [2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(Ok(ReadSource::of(self)), self.entry_codec())
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned, O> IntoIterator for &'a Snapshot<K, V, O> {
    type Item = Result<(K, V)>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
