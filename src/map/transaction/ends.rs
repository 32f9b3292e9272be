//! The first and the last entry.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::End;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::map::point;
use crate::map::transaction::Transaction;
use crate::order::Order;

impl<K, V, O> Transaction<'_, K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Returns the entry that was inserted first, without removing it.
    ///
    /// In a [sorted vault](crate::order::KeyOrder), it is the entry with the least key.
    ///
    /// Takes constant time.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the entry cannot be read as `(K, V)`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.insert(7, "first".into())?;
    /// tx.insert(3, "last".into())?;
    /// assert_eq!(tx.first_key_value()?, Some((7, "first".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn first_key_value(&self) -> Result<Option<(K, V)>> {
        point::peek(self, End::First)
    }

    /// Returns the entry that was inserted last, without removing it.
    ///
    /// In a [sorted vault](crate::order::KeyOrder), it is the entry with the greatest key.
    ///
    /// Takes constant time.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the entry cannot be read as `(K, V)`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.insert(7, "first".into())?;
    /// tx.insert(3, "last".into())?;
    /// assert_eq!(tx.last_key_value()?, Some((3, "last".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn last_key_value(&self) -> Result<Option<(K, V)>> {
        point::peek(self, End::Last)
    }

    /// Removes the entry that was inserted first and returns it, if `predicate` returns `true` for it.
    ///
    /// In a [sorted vault](crate::order::KeyOrder), it is the entry with the least key.
    ///
    /// Takes constant time apart from the write. `predicate` runs while the write lock is held. On an error,
    /// nothing has changed.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the entry cannot be read as `(K, V)`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.insert(7, "first".into())?;
    /// tx.insert(3, "last".into())?;
    /// assert_eq!(tx.pop_first_if(|key, _| *key == 3)?, None);
    /// assert_eq!(tx.pop_first_if(|key, _| *key == 7)?, Some((7, "first".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn pop_first_if<F>(&mut self, predicate: F) -> Result<Option<(K, V)>>
    where
        F: FnOnce(&K, &V) -> bool,
    {
        point::pop_if(self, End::First, predicate)
    }

    /// Removes the entry that was inserted last and returns it, if `predicate` returns `true` for it.
    ///
    /// In a [sorted vault](crate::order::KeyOrder), it is the entry with the greatest key.
    ///
    /// Takes constant time apart from the write. `predicate` runs while the write lock is held. On an error,
    /// nothing has changed.
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the entry cannot be read as `(K, V)`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.insert(7, "first".into())?;
    /// tx.insert(3, "last".into())?;
    /// assert_eq!(tx.pop_last_if(|key, _| *key == 7)?, None);
    /// assert_eq!(tx.pop_last_if(|key, _| *key == 3)?, Some((3, "last".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn pop_last_if<F>(&mut self, predicate: F) -> Result<Option<(K, V)>>
    where
        F: FnOnce(&K, &V) -> bool,
    {
        point::pop_if(self, End::Last, predicate)
    }
}
