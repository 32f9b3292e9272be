//! The methods that a vault and a transaction can be written with, as a trait.

use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::guard::RefMut;
use crate::entry::try_entry::TryEntry;
use crate::error::Result;
use crate::map::readable::Readable;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;
use crate::order::Order;

/// A handle that can be written to: a [`Vault`] or a [`Transaction`].
///
/// It lets one function write to both. With a vault, each call commits by itself; with a transaction, each
/// call is a part of it. Each method calls the handle's method of the same name, whose documentation
/// lists its cost and its errors.
///
/// Methods take `&mut self`, because those of a transaction do. `&Vault` is `Writable` too, so a shared
/// vault is passed as `&mut &vault`.
///
/// This trait is sealed: it cannot be implemented outside this crate.
///
/// # Examples
///
/// ```
/// use vaults::{Result, Vault, Writable};
///
/// fn count(words: &mut impl Writable<String, u64>, word: &str) -> Result<()> {
///     *words.entry(word.to_owned()).or_insert(0)? += 1;
///     Ok(())
/// }
///
/// # fn main() -> Result<()> {
/// let words: Vault<String, u64> = Vault::open_in_memory()?;
/// count(&mut &words, "one")?;
/// words.transaction(|tx| {
///     count(tx, "one")?;
///     count(tx, "two")
/// })?;
/// assert_eq!(words.get_many(["one", "two"])?, [Some(2), Some(1)]);
/// # Ok(())
/// # }
/// ```
pub trait Writable<K, V>: Readable<K, V> {
    /// The order of the entries of the map.
    type Order: Order<K>;

    /// Inserts a value for `key` and returns the value that it replaces.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::insert`].
    fn insert(&mut self, key: K, value: V) -> Result<Option<V>>;

    /// Inserts a value for `key` by reference, without reading the old value.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::put`].
    fn put<Q>(&mut self, key: &Q, value: &V) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized;

    /// Removes `key` and returns its value.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::remove`].
    fn remove<Q>(&mut self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized;

    /// Removes `key` without decoding its value, and returns whether the key was present.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::discard`].
    fn discard<Q>(&mut self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized;

    /// Removes all entries.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::clear`].
    fn clear(&mut self) -> Result<()>;

    /// Returns the entry for `key`, to read and change it in place.
    ///
    /// An error is returned at the end of the chain: see [`TryEntry`].
    fn entry(&mut self, key: K) -> TryEntry<'_, K, V>;

    /// Returns the value for `key`, to change it in place.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::get_mut`].
    fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<RefMut<'_, K, V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized;

    /// Inserts many entries: all of them or none.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::try_extend`].
    fn try_extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> Result<()>;

    /// Keeps the entries for which `f` returns `true`, and removes the others.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::retain`].
    fn retain<F>(&mut self, f: F) -> Result<()>
    where
        F: FnMut(&K, &mut V) -> bool;

    /// Runs `f` in a transaction, which is a savepoint if this is a transaction: commits if `f` returns
    /// `Ok`, and rolls back if it returns `Err` or panics.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::transaction`].
    fn transaction<R, F>(&mut self, f: F) -> Result<R>
    where
        F: FnOnce(&mut Transaction<'_, K, V, Self::Order>) -> Result<R>;
}

impl<K, V, O> Writable<K, V> for Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    type Order = O;

    #[inline]
    fn insert(&mut self, key: K, value: V) -> Result<Option<V>> {
        Vault::insert(self, key, value)
    }

    #[inline]
    fn put<Q>(&mut self, key: &Q, value: &V) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized,
    {
        Vault::put(self, key, value)
    }

    #[inline]
    fn remove<Q>(&mut self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Vault::remove(self, key)
    }

    #[inline]
    fn discard<Q>(&mut self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Vault::discard(self, key)
    }

    #[inline]
    fn clear(&mut self) -> Result<()> {
        Vault::clear(self)
    }

    #[inline]
    fn entry(&mut self, key: K) -> TryEntry<'_, K, V> {
        Vault::entry(self, key)
    }

    #[inline]
    fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<RefMut<'_, K, V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Vault::get_mut(self, key)
    }

    #[inline]
    fn try_extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        Vault::try_extend(self, entries)
    }

    #[inline]
    fn retain<F>(&mut self, f: F) -> Result<()>
    where
        F: FnMut(&K, &mut V) -> bool,
    {
        Vault::retain(self, f)
    }

    #[inline]
    fn transaction<R, F>(&mut self, f: F) -> Result<R>
    where
        F: FnOnce(&mut Transaction<'_, K, V, O>) -> Result<R>,
    {
        Vault::transaction(self, f)
    }
}

impl<K, V, O> Writable<K, V> for &Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    type Order = O;

    #[inline]
    fn insert(&mut self, key: K, value: V) -> Result<Option<V>> {
        Vault::insert(self, key, value)
    }

    #[inline]
    fn put<Q>(&mut self, key: &Q, value: &V) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized,
    {
        Vault::put(self, key, value)
    }

    #[inline]
    fn remove<Q>(&mut self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Vault::remove(self, key)
    }

    #[inline]
    fn discard<Q>(&mut self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Vault::discard(self, key)
    }

    #[inline]
    fn clear(&mut self) -> Result<()> {
        Vault::clear(self)
    }

    #[inline]
    fn entry(&mut self, key: K) -> TryEntry<'_, K, V> {
        Vault::entry(self, key)
    }

    #[inline]
    fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<RefMut<'_, K, V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Vault::get_mut(self, key)
    }

    #[inline]
    fn try_extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        Vault::try_extend(self, entries)
    }

    #[inline]
    fn retain<F>(&mut self, f: F) -> Result<()>
    where
        F: FnMut(&K, &mut V) -> bool,
    {
        Vault::retain(self, f)
    }

    #[inline]
    fn transaction<R, F>(&mut self, f: F) -> Result<R>
    where
        F: FnOnce(&mut Transaction<'_, K, V, O>) -> Result<R>,
    {
        Vault::transaction(self, f)
    }
}

impl<K, V, O> Writable<K, V> for Transaction<'_, K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    type Order = O;

    #[inline]
    fn insert(&mut self, key: K, value: V) -> Result<Option<V>> {
        Transaction::insert(self, key, value)
    }

    #[inline]
    fn put<Q>(&mut self, key: &Q, value: &V) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Eq + ?Sized,
    {
        Transaction::put(self, key, value)
    }

    #[inline]
    fn remove<Q>(&mut self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Transaction::remove(self, key)
    }

    #[inline]
    fn discard<Q>(&mut self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Transaction::discard(self, key)
    }

    #[inline]
    fn clear(&mut self) -> Result<()> {
        Transaction::clear(self)
    }

    #[inline]
    fn entry(&mut self, key: K) -> TryEntry<'_, K, V> {
        Transaction::entry(self, key)
    }

    #[inline]
    fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<RefMut<'_, K, V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Transaction::get_mut(self, key)
    }

    #[inline]
    fn try_extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        Transaction::try_extend(self, entries)
    }

    #[inline]
    fn retain<F>(&mut self, f: F) -> Result<()>
    where
        F: FnMut(&K, &mut V) -> bool,
    {
        Transaction::retain(self, f)
    }

    #[inline]
    fn transaction<R, F>(&mut self, f: F) -> Result<R>
    where
        F: FnOnce(&mut Transaction<'_, K, V, O>) -> Result<R>,
    {
        Transaction::transaction(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// Calls each method of both traits once, on a handle that holds no entries.
    fn use_all(handle: &mut impl Writable<String, u32>) -> Result<()> {
        assert!(handle.is_empty()?);
        assert_eq!(handle.insert("a".into(), 1)?, None);
        handle.put("b", &2)?;
        handle.try_extend([("c".into(), 3), ("d".into(), 4)])?;
        *handle.entry("a".into()).or_insert(0)? += 10;
        if let Some(mut value) = handle.get_mut("b")? {
            *value += 10;
        }
        assert_eq!(handle.remove("c")?, Some(3));
        assert!(handle.discard("d")?);
        assert_eq!(handle.len()?, 2);
        assert_eq!(handle.get("a")?, Some(11));
        assert_eq!(handle.get_key_value("b")?, Some(("b".into(), 12)));
        assert!(handle.contains_key("a")? && !handle.contains_all(["a", "c"])?);
        assert_eq!(handle.get_many(["b", "c"])?, [Some(12), None]);
        assert_eq!(handle.keys().collect::<Result<Vec<_>>>()?, ["a", "b"]);
        assert_eq!(handle.values().rev().collect::<Result<Vec<_>>>()?, [12, 11]);
        let failed = handle.transaction(|tx| {
            tx.clear()?;
            Err::<(), _>(Error::DuplicateKey { key: String::new() })
        });
        assert!(failed.is_err());
        handle.retain(|_, value| *value > 11)?;
        let entries = handle.iter().collect::<Result<Vec<_>>>()?;
        assert_eq!(entries, [("b".into(), 12)]);
        handle.clear()
    }

    #[test]
    fn a_vault_a_shared_vault_and_a_transaction_are_writable_alike() {
        let mut vault = Vault::open_in_memory().unwrap();
        use_all(&mut vault).unwrap();
        use_all(&mut &vault).unwrap();
        vault.transaction(|tx| use_all(tx)).unwrap();
        assert!(vault.is_empty().unwrap());
    }

    #[test]
    fn a_function_over_readable_reads_what_each_handle_sees() {
        fn sum(handle: &impl Readable<u32, u32>) -> u32 {
            handle.values().map(Result::unwrap).sum()
        }
        let vault = Vault::open_in_memory().unwrap();
        vault.insert(1, 1).unwrap();
        let before = vault.snapshot().unwrap();
        let mut tx = vault.begin().unwrap();
        tx.insert(2, 2).unwrap();
        assert_eq!((sum(&vault), sum(&before), sum(&tx)), (1, 1, 3));
        tx.commit().unwrap();
        assert_eq!((sum(&&vault), sum(&before)), (3, 1));
    }
}
