//! Changing the types of a vault.

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
    /// Replaces each value with the result of `f`, and returns the vault with the new value type.
    ///
    /// It is [`try_map_entries`](Self::try_map_entries) with the keys unchanged.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`try_map_entries`](Self::try_map_entries).
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let seconds: Vault<String, u32> = Vault::open(&path)?;
    /// seconds.insert("tea".into(), 180)?;
    /// let labels: Vault<String, String> = seconds.map_values(|_, n| format!("{n} s"))?;
    /// assert_eq!(labels.get("tea")?.as_deref(), Some("180 s"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_values<W, F>(self, mut f: F) -> Result<Vault<K, W, O>>
    where
        W: Serialize + DeserializeOwned,
        F: FnMut(&K, V) -> W,
    {
        self.try_map_entries(|key, value| {
            let value = f(&key, value);
            Ok((key, value))
        })
    }

    /// Replaces each entry with the result of `f`, and returns the vault with the new types.
    ///
    /// Entries keep their order. It is one transaction: on an error or a panic in `f`, nothing has
    /// changed.
    ///
    /// Clones of this handle, and other processes, still have the old types. What they read afterwards
    /// is [`Error::Decode`] or, if both types have one encoding, another value. Close them first.
    ///
    /// Reads every entry. Memory is bounded by one batch of rows; the write-ahead log grows by what is
    /// written.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// The compiler must know the error type of `f`: end `f` with `Ok::<_, MyError>(…)`, or give the result a type.
    ///
    /// # Errors
    ///
    /// - Returns the error of `f`.
    /// - Returns [`Error::DuplicateKey`] if two entries get equal keys.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if an entry cannot be read as `(K, V)`.
    /// - Returns [`Error::Encode`] if a new key or value cannot be stored faithfully.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Error, Vault};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let ports: Vault<String, String> = Vault::open(&path)?;
    /// ports.insert("80".into(), "http".into())?;
    /// let ports: Vault<u16, String> = ports.try_map_entries(|port, name| {
    ///     Ok::<_, Box<dyn std::error::Error>>((port.parse()?, name))
    /// })?;
    /// assert_eq!(ports.get(&80)?.as_deref(), Some("http"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_map_entries<L, W, E, F>(self, f: F) -> Result<Vault<L, W, O>, E>
    where
        L: Serialize + DeserializeOwned,
        W: Serialize + DeserializeOwned,
        O: Order<L>,
        F: FnMut(K, V) -> Result<(L, W), E>,
        E: From<Error>,
    {
        rewrite::rewrite(&self, is_same::<L, O>, f)?;
        Ok(self.with_types())
    }
}
