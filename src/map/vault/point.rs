//! Reading and inserting one entry.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::access::ReadAccess as _;
use crate::map::point;
use crate::map::vault::Vault;
use crate::order::{Order, is_same};

impl<K, V, O> Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Returns the value for `key`.
    ///
    /// A stored `None` is a value: it is returned as `Some(None)`.
    ///
    /// Costs one look-up in the cache if the entry is cached, and one search in the file otherwise.
    /// Never waits for the write lock.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, Option<u32>> = Vault::open_in_memory()?;
    /// vault.insert("known".into(), Some(1))?;
    /// vault.insert("unknown".into(), None)?;
    /// assert_eq!(vault.get("known")?, Some(Some(1)));
    /// assert_eq!(vault.get("unknown")?, Some(None));
    /// assert_eq!(vault.get("absent")?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::get(self, key)
    }

    /// Inserts a value for `key` and returns the value that it replaces.
    ///
    /// A new key goes to the end of the order; an existing key keeps its place. Use [`put`](Self::put)
    /// if the old value is not needed: it is cheaper.
    ///
    /// On an error, nothing has changed.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` or `value` cannot be stored faithfully.
    /// - Returns [`Error::Decode`] or another error of [`get`](Self::get) if the old value cannot be
    ///   read as `V`. Use [`put`](Self::put) to replace such a value.
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
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// assert_eq!(vault.insert("a".into(), 1)?, None);
    /// assert_eq!(vault.insert("a".into(), 2)?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the signature is that of `HashMap`"
    )]
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>> {
        point::insert(self, &key, &value, is_same::<K, O>)
    }

    /// Inserts a value for `key` by reference, without reading the old value.
    ///
    /// `HashMap` has no such method. Here it spares a clone of key and value, and reading and decoding
    /// the old value.
    ///
    /// On an error, nothing has changed.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` or `value` cannot be stored faithfully.
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
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.put("a", &1)?;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn put<Q>(&self, key: &Q, value: &V) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized,
    {
        point::put::<K, Q, V>(self, key, value)
    }

    /// Returns the value for `key`, after inserting the result of `f` if the key is not present.
    ///
    /// Costs the same as [`get`](Self::get) if the key is present, and then does not wait for the write
    /// lock.
    ///
    /// Otherwise `f` runs while this call holds the write lock. It runs once among all threads and
    /// processes that ask for the key at the same time, and the others return its result. All writers
    /// wait for `f`: raise the [busy timeout](crate::OpenOptions::busy_timeout) if it is slow.
    ///
    /// `f` can read the vault. A write within `f`, such as this call for another absent key, returns
    /// [`Error::Reentrant`]; a recursive function computes first and inserts afterwards, as the guide
    /// [`concurrency`](crate::guide::concurrency#mistakes-to-avoid) shows.
    ///
    /// A value that cannot be stored is dropped. To keep it, compute it first and [`put`](Self::put) it
    /// by reference.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns the errors of [`get`](Self::get) if the key is present.
    /// - Returns [`Error::Encode`] if the key or the new value cannot be stored faithfully.
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
    /// let vault: Vault<String, usize> = Vault::open_in_memory()?;
    /// let word = "persistence";
    /// assert_eq!(vault.get_or_insert_with(word.into(), || word.len())?, 11);
    /// assert_eq!(vault.get_or_insert_with(word.into(), || unreachable!())?, 11);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_or_insert_with<F>(&self, key: K, f: F) -> Result<V>
    where
        F: FnOnce() -> V,
    {
        self.get_or_try_insert_with(key, || Ok(f()))
    }

    /// Returns the value for `key`, after inserting the result of `f` if the key is not present;
    /// inserts nothing if `f` fails.
    ///
    /// It is [`get_or_insert_with`](Self::get_or_insert_with) with a function that can fail. If `f` uses
    /// `?`, name its error type, as in the example: the compiler cannot infer it.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// The compiler must know the error type of `f`: end `f` with `Ok::<_, MyError>(…)`, or give the result a type.
    ///
    /// # Errors
    ///
    /// - Returns the error of `f`.
    /// - Returns the errors of [`get`](Self::get) if the key is present.
    /// - Returns [`Error::Encode`] if the key or the new value cannot be stored faithfully. The value
    ///   is dropped.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let vault: Vault<String, u16> = Vault::open_in_memory()?;
    /// let parse = |text: &str| {
    ///     vault.get_or_try_insert_with("http".into(), || {
    ///         Ok::<_, Box<dyn std::error::Error>>(text.parse()?)
    ///     })
    /// };
    /// assert!(parse("eighty").is_err());
    /// assert!(vault.is_empty()?);
    /// assert_eq!(parse("80")?, 80);
    /// # Ok(())
    /// # }
    /// ```
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the signature is that of `HashMap`"
    )]
    pub fn get_or_try_insert_with<F, E>(&self, key: K, f: F) -> Result<V, E>
    where
        F: FnOnce() -> Result<V, E>,
        E: From<Error>,
    {
        match self.get(&key)? {
            Some(value) => Ok(value),
            None => point::get_or_insert(self, &key, is_same::<K, O>, f),
        }
    }

    /// Returns the stored key and its value.
    ///
    /// Costs the same as [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if the stored value cannot be read as `V`.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// assert_eq!(vault.get_key_value("a")?, Some(("a".into(), 1)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_key_value<Q>(&self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::get_key_value(self, key)
    }

    /// Returns `true` if the vault contains `key`.
    ///
    /// Does not read the value, so it is `true` for a value that cannot be decoded too.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if `key` cannot be encoded.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// assert!(vault.contains_key("a")?);
    /// assert!(!vault.contains_key("b")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        point::contains_key(self, key)
    }

    /// Returns the exact number of entries, those that cannot be decoded included.
    ///
    /// The count is cached. It is recomputed (about 10 ms per million entries) only after another
    /// handle or process has written.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// assert_eq!(vault.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn len(&self) -> Result<usize> {
        let length = self.length()?;
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Returns `true` if the vault has no entries.
    ///
    /// Takes constant time: it does not count.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// assert!(vault.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_empty(&self) -> Result<bool> {
        self.is_vacant()
    }
}
