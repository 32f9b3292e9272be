//! The first and the last entry.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::End;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::map::point;
use crate::map::snapshot::Snapshot;
use crate::order::Order;

impl<K, V, O> Snapshot<K, V, O>
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
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// # vault.insert(7, "first".into())?;
    /// # vault.insert(3, "last".into())?;
    /// let snapshot = vault.snapshot()?;
    /// vault.clear()?;
    /// assert_eq!(snapshot.first_key_value()?, Some((7, "first".into())));
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
    /// - Returns [`Error::Ended`] if an earlier error has ended the snapshot.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// # vault.insert(7, "first".into())?;
    /// # vault.insert(3, "last".into())?;
    /// let snapshot = vault.snapshot()?;
    /// vault.clear()?;
    /// assert_eq!(snapshot.last_key_value()?, Some((3, "last".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn last_key_value(&self) -> Result<Option<(K, V)>> {
        point::peek(self, End::Last)
    }
}
