//! Many entries in one transaction.

use std::borrow::Borrow;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::key::EncodedKey;
use crate::ops;
use crate::store::ReadTransaction;
use crate::vault::Vault;

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
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
    pub fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        let mut transaction = ReadTransaction::begin(self.store())?;
        ops::get_many(transaction.session()?, keys)
    }

    /// True if all of the keys are there, in one state of the vault. Values are not read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn contains_keys<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        let mut transaction = ReadTransaction::begin(self.store())?;
        ops::contains_keys(transaction.session()?, keys)
    }

    /// Removes several keys in one transaction, and returns their values in the order of the keys.
    ///
    /// Waits for the writer, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// As [`remove`](Vault::remove): then none of them was removed.
    pub fn remove_many<'q, Q>(
        &self,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        let keys: Vec<_> = keys
            .into_iter()
            .map(EncodedKey::lookup)
            .collect::<Result<_>>()?;
        self.write(|tx| keys.iter().map(|key| ops::remove(tx, key)).collect())
    }

    /// Stores many entries in one transaction, owned or borrowed: all of them or none.
    ///
    /// It is [`Extend`] with the error returned, and by far the fastest way to write much: one
    /// sync for all. The iterator runs while the writer is held; it may read the vault.
    ///
    /// Waits for the writer, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// As [`put`](Vault::put): then none of them was stored.
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
    pub fn try_extend<Q, W>(&self, entries: impl IntoIterator<Item = (Q, W)>) -> Result<()>
    where
        Q: Borrow<K>,
        W: Borrow<V>,
    {
        self.write(|tx| ops::extend::<K, V, Q, W>(tx, entries, self.format()))
    }

    fn extend_or_panic<Q, W>(&self, entries: impl IntoIterator<Item = (Q, W)>)
    where
        Q: Borrow<K>,
        W: Borrow<V>,
    {
        #[expect(clippy::panic, reason = "the trait's signature leaves no other way")]
        if let Err(error) = self.try_extend(entries) {
            panic!("extending a vault failed and stored nothing: {error}");
        }
    }
}

/// Implements `Extend` for a handle, in the one form that each signature of the trait needs.
macro_rules! extend {
    ([$($life:lifetime)?] $vault:ty, $entry:ty) => {
        /// One transaction, all or nothing.
        ///
        /// # Panics
        ///
        /// If an entry cannot be stored, for the trait cannot return an error;
        /// [`try_extend`](Vault::try_extend) does.
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
