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
use crate::map::vault::Vault;
use crate::order::{Order, is_same};

impl<K, V, O> Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Returns the entry for `key`, to read and change it in place.
    ///
    /// The entry holds the write lock from this call to the end of the chain: reading, deciding and
    /// writing are one step for every thread and process.
    ///
    /// An error is returned at the end of the chain: see [`TryEntry`] and [`Entry`](crate::Entry).
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<char, u64> = Vault::open_in_memory()?;
    /// for letter in "hello".chars() {
    ///     *vault.entry(letter).or_insert(0)? += 1;
    /// }
    /// assert_eq!(vault.get(&'l')?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn entry(&self, key: K) -> TryEntry<'_, K, V> {
        let encode = |key: &K, codec: EntryCodec| codec.encode_key::<K, K>(key, is_same::<K, O>);
        entry(self, self.entry_codec().lookup(&key), key, encode)
    }

    /// Returns the entry for `key` by reference: the key is never cloned.
    ///
    /// Otherwise it is [`entry`](Self::entry).
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u64> = Vault::open_in_memory()?;
    /// for word in "to be or not to be".split(' ') {
    ///     *vault.entry_ref(word).or_insert(0)? += 1;
    /// }
    /// assert_eq!(vault.get("be")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn entry_ref<'q, Q>(&self, key: &'q Q) -> TryEntry<'_, &'q Q, V>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized,
    {
        let encode = |key: &&Q, codec: EntryCodec| codec.encode_key::<K, Q>(key, Q::eq);
        entry(self, self.entry_codec().lookup(key), key, encode)
    }

    /// Returns the value for `key`, to change it in place.
    ///
    /// The guard holds the write lock until it is dropped, which writes the value if it was changed:
    /// see [`RefMut`].
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
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
    /// let vault: Vault<String, Vec<u32>> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), vec![1])?;
    /// if let Some(mut list) = vault.get_mut("a")? {
    ///     list.push(2);
    /// }
    /// assert_eq!(vault.get("a")?, Some(vec![1, 2]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut<Q>(&self, key: &Q) -> Result<Option<RefMut<'_, K, V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        get_mut(self, self.entry_codec().lookup(key)?)
    }
}
