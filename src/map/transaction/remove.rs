//! Removing one entry, or all of them.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::End;
use crate::entry::scope::WriteTransaction;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::map::access::WriteAccess as _;
use crate::map::point;
use crate::map::transaction::Transaction;
use crate::order::Order;

impl<K, V, O> Transaction<'_, K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Removes `key` and returns its value.
    ///
    /// Costs one search and one write; nothing is written if the key is not present.
    ///
    /// On an error, nothing has changed.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
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
    /// # vault.insert("a".into(), 1)?;
    /// let mut tx = vault.begin()?;
    /// assert_eq!(tx.remove("a")?, Some(1));
    /// assert_eq!(tx.remove("a")?, None);
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove<Q>(&mut self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::remove(self, key)
    }

    /// Removes `key` and returns the stored key and its value.
    ///
    /// Costs the same as [`remove`](Self::remove). On an error, nothing has changed.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
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
    /// # vault.insert("a".into(), 1)?;
    /// let mut tx = vault.begin()?;
    /// assert_eq!(tx.remove_entry("a")?, Some(("a".into(), 1)));
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_entry<Q>(&mut self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::remove_entry(self, key)
    }

    /// Removes `key` without decoding its value, and returns whether the key was present.
    ///
    /// It removes what [`remove`](Self::remove) cannot: a value of another type, a Python pickle, a
    /// damaged value. Use [`discard_undecodable`](Self::discard_undecodable) to remove all entries that
    /// cannot be decoded.
    ///
    /// On an error, nothing has changed.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.insert("a".into(), 1)?;
    /// let mut tx = vault.begin()?;
    /// assert!(tx.discard("a")?);
    /// assert!(!tx.discard("a")?);
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn discard<Q>(&mut self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::discard(self, key)
    }

    /// Removes the entry that was inserted first and returns it, as the front of a queue.
    ///
    /// In a [sorted vault](crate::order::KeyOrder), it is the entry with the least key.
    ///
    /// Takes constant time apart from the write. On an error, nothing has changed.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the entry cannot be read
    ///   as `(K, V)`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// # vault.insert(7, "first".into())?;
    /// # vault.insert(3, "last".into())?;
    /// let mut tx = vault.begin()?;
    /// assert_eq!(tx.pop_first()?, Some((7, "first".into())));
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pop_first(&mut self) -> Result<Option<(K, V)>> {
        point::pop(self, End::First)
    }

    /// Removes the entry that was inserted last and returns it, as the top of a stack.
    ///
    /// In a [sorted vault](crate::order::KeyOrder), it is the entry with the greatest key.
    ///
    /// Takes constant time apart from the write. On an error, nothing has changed.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the entry cannot be read
    ///   as `(K, V)`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// # vault.insert(7, "first".into())?;
    /// # vault.insert(3, "last".into())?;
    /// let mut tx = vault.begin()?;
    /// assert_eq!(tx.pop_last()?, Some((3, "last".into())));
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pop_last(&mut self) -> Result<Option<(K, V)>> {
        point::pop(self, End::Last)
    }

    /// Removes all entries.
    ///
    /// The file keeps its size and reuses the space. On an error, nothing has changed.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// # vault.insert("a".into(), 1)?;
    /// let mut tx = vault.begin()?;
    /// tx.clear()?;
    /// assert!(tx.is_empty()?);
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear(&mut self) -> Result<()> {
        self.write_one()?.run(WriteTransaction::clear)
    }
}
