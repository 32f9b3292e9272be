//! Iterating over a transaction.

use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::map::iter::TransactionIter;
use crate::map::transaction::Transaction;

impl<K: DeserializeOwned, V: DeserializeOwned, O> Transaction<'_, K, V, O> {
    /// Returns an iterator over the entries, in the order of insertion.
    ///
    /// The iterator shows the writes of this transaction and streams the entries. This call cannot fail:
    /// an error is an item of the iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.insert("b".into(), 2)?;
    /// let mut tx = vault.begin()?;
    /// tx.insert("a".into(), 1)?;
    /// let entries: Vec<(String, u32)> = tx.iter().collect::<vaults::Result<_>>()?;
    /// assert_eq!(entries, [("b".into(), 2), ("a".into(), 1)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> TransactionIter<'_, (K, V)> {
        TransactionIter::entries(self)
    }
}

impl<K: DeserializeOwned, V, O> Transaction<'_, K, V, O> {
    /// Returns an iterator over the keys, in the order of insertion. Does not read the values.
    ///
    /// The iterator shows the writes of this transaction and streams the entries. This call cannot fail:
    /// an error is an item of the iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let tx = vault.begin()?;
    /// let keys: Vec<String> = tx.keys().collect::<vaults::Result<_>>()?;
    /// assert_eq!(keys, ["b", "a"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys(&self) -> TransactionIter<'_, K> {
        TransactionIter::keys(self)
    }
}

impl<K, V: DeserializeOwned, O> Transaction<'_, K, V, O> {
    /// Returns an iterator over the values, in the order of insertion of their keys.
    ///
    /// The iterator shows the writes of this transaction and streams the entries. This call cannot fail:
    /// an error is an item of the iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let tx = vault.begin()?;
    /// let values: Vec<u32> = tx.values().collect::<vaults::Result<_>>()?;
    /// assert_eq!(values, [2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn values(&self) -> TransactionIter<'_, V> {
        TransactionIter::values(self)
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned, O> IntoIterator
    for &'a Transaction<'_, K, V, O>
{
    type Item = Result<(K, V)>;
    type IntoIter = TransactionIter<'a, (K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
