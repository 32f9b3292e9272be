//! One entry, changed in place.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::entry_codec::EntryCodec;
use crate::entry::guard::RefMut;
use crate::entry::try_entry::TryEntry;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::map::point::{entry, get_mut};
use crate::map::transaction::Transaction;
use crate::order::{Order, is_same};

impl<K, V, O> Transaction<'_, K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Returns the entry for `key`, to read and change it in place.
    ///
    /// The entry borrows the transaction until the end of the chain.
    ///
    /// An error is returned at the end of the chain: see [`TryEntry`] and [`Entry`](crate::Entry).
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<char, u64> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// for letter in "hello".chars() {
    ///     *tx.entry(letter).or_insert(0)? += 1;
    /// }
    /// assert_eq!(tx.get(&'l')?, Some(2));
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn entry(&mut self, key: K) -> TryEntry<'_, K, V> {
        let encode = |key: &K, codec: EntryCodec| codec.encode_key::<K, K>(key, is_same::<K, O>);
        let encoded = self.entry_codec().lookup(&key);
        entry(self, encoded, key, encode)
    }

    /// Returns the entry for `key` by reference: the key is never cloned.
    ///
    /// Otherwise it is [`entry`](Self::entry).
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, u64> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// for word in "to be or not to be".split(' ') {
    ///     *tx.entry_ref(word).or_insert(0)? += 1;
    /// }
    /// assert_eq!(tx.get("be")?, Some(2));
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn entry_ref<'q, Q>(&mut self, key: &'q Q) -> TryEntry<'_, &'q Q, V>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized,
    {
        let encode = |key: &&Q, codec: EntryCodec| codec.encode_key::<K, Q>(key, Q::eq);
        let encoded = self.entry_codec().lookup(key);
        entry(self, encoded, key, encode)
    }

    /// Returns the value for `key`, to change it in place.
    ///
    /// The guard borrows the transaction until it is dropped, which writes the value if it was changed:
    /// see [`RefMut`].
    ///
    /// Other handles see the change once the transaction commits.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let vault: Vault<String, Vec<u32>> = Vault::open_in_memory()?;
    /// # vault.insert("a".into(), vec![1])?;
    /// let mut tx = vault.begin()?;
    /// if let Some(mut list) = tx.get_mut("a")? {
    ///     list.push(2);
    /// }
    /// assert_eq!(tx.get("a")?, Some(vec![1, 2]));
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<RefMut<'_, K, V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let key = self.entry_codec().lookup(key)?;
        get_mut(self, key)
    }
}
