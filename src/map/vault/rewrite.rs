//! Bringing all entries up to date.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::rewrite;
use crate::map::vault::Vault;
use crate::order::{Order, is_same};

impl<K, V, O> Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Encodes every entry with the current type and [codec](crate::OpenOptions::codec), and returns
    /// how many entries changed.
    ///
    /// Entries that an older version of a type wrote stay as they are until they are written again.
    /// After this call there are none, so what only served to read them (`#[serde(default)]`,
    /// `#[serde(alias)]`) can be removed. [`Codec`](crate::Codec) says how types may change.
    ///
    /// Entries keep their order. An entry whose bytes are the same is not written. The entries of a
    /// `HashMap` within a value have no order, so such a value may count as changed at each call.
    ///
    /// It is one transaction: on an error, nothing has changed.
    ///
    /// Reads every entry. Memory is bounded by one batch of rows; the write-ahead log grows by what is
    /// written.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if an entry cannot be read as `(K, V)`.
    /// - Returns [`Error::Encode`] if a key or value cannot be stored faithfully.
    /// - Returns [`Error::DuplicateKey`] if two stored keys have the same encoding now.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Codec, OpenOptions, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<u32, String> = Vault::open(&path)?;
    /// vault.insert(1, "one".into())?;
    /// # drop(vault);
    /// let vault: Vault<u32, String> = OpenOptions::new().codec(Codec::Bincode).open(&path)?;
    /// assert_eq!(vault.rewrite()?, 1);
    /// assert_eq!(vault.rewrite()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rewrite(&self) -> Result<u64> {
        rewrite::rewrite(self, is_same::<K, O>, |key: K, value: V| {
            Ok::<_, Error>((key, value))
        })
    }

    /// Removes the entries that cannot be read as `(K, V)`, and returns their number.
    ///
    /// These are the entries
    ///
    /// - whose key or value does not decode: another type, a newer version, damage, or a Python pickle;
    /// - whose value fails its checksum;
    /// - with NULL, a number or text where a BLOB belongs;
    /// - whose key decodes and does not encode to the bytes under which it is stored, so that no
    ///   look-up finds it. Iterators show such an entry, and [`rewrite`](Self::rewrite) mends it.
    ///
    /// They cannot be brought back. Make a [`backup`](crate::Vault::backup) first, and look at what
    /// [`verify`](crate::Vault::verify) reports.
    ///
    /// It is one transaction: on an error, nothing has changed.
    ///
    /// Reads every entry. Memory is bounded by one batch of rows.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Corrupt`] if the file cannot be read.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{OpenOptions, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// # Vault::<u32, Option<u32>>::open(&path)?.try_extend([(1, Some(1)), (2, None), (3, Some(3))])?;
    /// // Another program stored a `None` for the key 2.
    /// let vault: Vault<u32, u32> = Vault::open(&path)?;
    /// assert!(vault.remove(&2).is_err());
    /// assert_eq!(vault.discard_undecodable()?, 1);
    /// assert_eq!(vault.len()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn discard_undecodable(&self) -> Result<u64> {
        rewrite::discard_undecodable::<K, V>(self)
    }
}
