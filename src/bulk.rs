//! Many entries at once.

use std::borrow::Borrow;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::handles::{for_readers, for_writers};
use crate::ops;
use crate::transaction::Transaction;
use crate::vault::Vault;

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
        $self.read_state(|session| ops::get_many(session, &keys, $self.format()))
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
        $self.read_state(|session| ops::contains_keys(session, &keys))
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
        $self.statements()?.run(|tx| ops::remove_many(tx, &keys, format))
    }

    /// Stores many entries in one transaction, owned or borrowed: all of them or none.
    ///
    /// It is [`Extend`] with the error returned, and by far the fastest way to write much: one
    /// sync for all. The iterator runs while the writer is held; it may read the vault.
    ///
    /// Entries are written as they come, so the memory does not grow with them: a call that writes much
    /// takes 32 MiB of page cache for its time, which is what makes keys in random order fast.
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
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// let borrowed = HashMap::from([(1, "one".to_owned())]);
    /// vault.try_extend(&borrowed)?;
    /// vault.try_extend([(2, "two".to_owned())])?;
    /// assert_eq!(vault.len()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_extend<Q, W>($($receiver)+, entries: impl IntoIterator<Item = (Q, W)>) -> Result<()>
    where
        Q: Borrow<K>,
        W: Borrow<V>,
    {
        let format = $self.format();
        $self
            .statements()?
            .run(|tx| ops::extend::<K, V, Q, W>(tx, entries, format))
    }

    fn extend_or_panic<Q, W>($($receiver)+, entries: impl IntoIterator<Item = (Q, W)>)
    where
        Q: Borrow<K>,
        W: Borrow<V>,
    {
        $self.try_extend(entries).unwrap_or_else(|error| panic!("extending a vault failed and stored nothing: {error}"));
    }
    };
}

for_readers!(reading);
for_writers!(writing);

/// Implements `Extend` for a handle, in the one form that each signature of the trait needs.
macro_rules! extend {
    ([$($life:lifetime)?] $vault:ty, $entry:ty) => {
        /// One transaction, all or nothing.
        ///
        /// # Panics
        ///
        /// If an entry cannot be stored, for the trait cannot return an error;
        /// `try_extend` does.
        impl<$($life,)? K, V> Extend<$entry> for $vault
        where
            K: Serialize + DeserializeOwned + Eq + Hash,
            V: Serialize + DeserializeOwned,
        {
            fn extend<I: IntoIterator<Item = $entry>>(&mut self, entries: I) {
                self.extend_or_panic(entries);
            }
        }
    };
}

extend!([] Vault<K, V>, (K, V));
extend!([] &Vault<K, V>, (K, V));
extend!(['a] Vault<K, V>, (&'a K, &'a V));
extend!(['a] &Vault<K, V>, (&'a K, &'a V));
extend!([] Transaction<'_, K, V>, (K, V));
extend!(['a] Transaction<'_, K, V>, (&'a K, &'a V));
