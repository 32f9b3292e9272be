//! Many entries at once.

use std::borrow::Borrow;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::map::access::{ReadAccess, WriteAccess};
use crate::map::handles::{for_readers, for_writers};
use crate::map::ops;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;

/// The methods that read, the same for every handle.
macro_rules! reading {
    ($self:ident) => {
    /// The values of several keys, in the order of the keys, all of one state of the vault.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or a value does not decode as `V`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("a".to_owned(), 1), ("b".to_owned(), 2)])?;
    /// assert_eq!(vault.get_many(["b", "c", "a"])?, [Some(2), None, Some(1)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many<'q, Q>(&$self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        let keys = ops::encode_keys(keys)?;
        $self.read_snapshot(|session| ops::get_many(session, &keys, $self.format()))
    }

    /// True if all of the keys are there, in one state of the vault. Values are not read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn contains_keys<'q, Q>(&$self, keys: impl IntoIterator<Item = &'q Q>) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        let keys = ops::encode_keys(keys)?;
        $self.read_snapshot(|session| ops::contains_keys(session, &keys))
    }
    };
}

/// The methods that write, the same for every handle that can.
macro_rules! writing {
    ($self:ident, [$($receiver:tt)+], $waits:literal) => {
    /// Removes several keys in one transaction, and returns their values in the order of the keys.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove): then none of them was removed.
    pub fn remove_many<'q, Q>(
        $($receiver)+,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        let (keys, format) = (ops::encode_keys(keys)?, $self.format());
        $self.write_many()?.run(|tx| ops::remove_many(tx, &keys, format))
    }

    /// Stores many entries in one transaction: all of them or none.
    ///
    /// It is [`Extend`] with the error returned, and by far the fastest way to write much: one
    /// sync for all. The iterator runs while the write lock is held; it may read the vault.
    ///
    /// Entries are written as they come, so the memory does not grow with them: a call that writes much
    /// takes 32 MiB of page cache for its time, which is what makes keys in random order fast.
    ///
    /// Borrowed entries are stored by [`put_many`](Self::put_many), and entries that come as
    /// `Result`s by [`try_extend_results`](Self::try_extend_results).
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put): then none of them was stored.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("one".into(), 1), ("two".into(), 2)])?;
    /// assert_eq!(vault.len()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_extend($($receiver)+, entries: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        let format = $self.format();
        let entries = entries.into_iter().map(Ok);
        $self
            .write_many()?
            .run(|tx| ops::extend::<K, K, V, _, _, _>(tx, entries, format))
    }

    /// Stores many borrowed entries in one transaction: all of them or none.
    ///
    /// It is to [`try_extend`](Self::try_extend) what [`put`](Self::put) is to
    /// [`insert`](Self::insert): nothing is cloned, and keys come in any borrowed form of `K`.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put): then none of them was stored.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.put_many([("one", &1), ("two", &2)])?;
    /// let more = HashMap::from([("three".to_owned(), 3)]);
    /// vault.put_many(&more)?;
    /// assert_eq!(vault.len()?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn put_many<'q, 'v, Q>(
        $($receiver)+,
        entries: impl IntoIterator<Item = (&'q Q, &'v V)>,
    ) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
        V: 'v,
    {
        let format = $self.format();
        let entries = entries.into_iter().map(Ok);
        $self
            .write_many()?
            .run(|tx| ops::extend::<K, Q, V, _, _, _>(tx, entries, format))
    }

    /// Stores many entries that come as `Result`s in one transaction: all of them or none. The
    /// first `Err` ends it.
    ///
    /// The iterators of a vault yield `Result`s, so this copies one vault into another. It is a
    /// call of its own because [`try_extend`](Self::try_extend) infers the types of its entries, which
    /// it could not if it took both.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// Returns the first error of `entries`, and those of [`put`](Self::put): then none of them was
    /// stored. The error type is that of the entries.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let old: Vault<String, u32> = Vault::open_in_memory()?;
    /// old.insert("one".into(), 1)?;
    /// let new: Vault<String, u32> = Vault::open_in_memory()?;
    /// new.try_extend_results(&old)?;
    /// assert_eq!(new.get("one")?, Some(1));
    ///
    /// // Entries that are parsed on the way: an error of either kind stores nothing.
    /// let read = |line: &str| -> Result<_, Box<dyn std::error::Error>> {
    ///     let (name, number) = line.split_once('=').ok_or("no `=`")?;
    ///     Ok((name.to_owned(), number.parse()?))
    /// };
    /// assert!(new.try_extend_results(["two=2", "three"].map(read)).is_err());
    /// assert_eq!(new.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_extend_results<E: From<Error>>(
        $($receiver)+,
        entries: impl IntoIterator<Item = Result<(K, V), E>>,
    ) -> Result<(), E> {
        let format = $self.format();
        $self
            .write_many()?
            .run(|tx| ops::extend::<K, K, V, _, _, _>(tx, entries, format))
    }
    };
}

for_readers!(reading);
for_writers!(writing);

/// Implements `Extend` for a handle, by the method that takes such entries.
macro_rules! extend {
    ([$($life:lifetime)?] $handle:ty, $entry:ty, $method:ident) => {
        /// One transaction, all or nothing.
        ///
        /// # Panics
        ///
        /// If an entry cannot be stored, for the trait cannot return an error;
        /// `try_extend` and `put_many` do.
        impl<$($life,)? K, V> Extend<$entry> for $handle
        where
            K: Serialize + DeserializeOwned + Eq + Hash,
            V: Serialize + DeserializeOwned,
        {
            fn extend<I: IntoIterator<Item = $entry>>(&mut self, entries: I) {
                self.$method(entries).unwrap_or_else(|error| {
                    panic!("extending a vault failed and stored nothing: {error}")
                });
            }
        }
    };
}

extend!([] Vault<K, V>, (K, V), try_extend);
extend!([] &Vault<K, V>, (K, V), try_extend);
extend!(['a] Vault<K, V>, (&'a K, &'a V), put_many);
extend!(['a] &Vault<K, V>, (&'a K, &'a V), put_many);
extend!([] Transaction<'_, K, V>, (K, V), try_extend);
extend!(['a] Transaction<'_, K, V>, (&'a K, &'a V), put_many);
