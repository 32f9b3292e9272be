//! The methods that every handle can be read with, as a trait.

use std::borrow::Borrow;
use std::iter::FusedIterator;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::map::sealed::Sealed;
use crate::map::snapshot::Snapshot;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;
use crate::order::Order;

/// A handle that can be read from: a [`Vault`], a [`Transaction`], a [`Snapshot`], or a reference to one.
///
/// It lets one function read from each of them. Each method calls the handle's method of the same name,
/// whose documentation lists its cost and its errors.
///
/// This trait is sealed: it cannot be implemented outside this crate.
///
/// # Examples
///
/// ```
/// use vaults::{Readable, Result, Vault};
///
/// fn total(accounts: &impl Readable<String, i64>) -> Result<i64> {
///     let mut total = 0;
///     for balance in accounts.values() {
///         total += balance?;
///     }
///     Ok(total)
/// }
///
/// # fn main() -> Result<()> {
/// let accounts: Vault<String, i64> = Vault::open_in_memory()?;
/// accounts.insert("Ada".into(), 100)?;
/// let before = accounts.snapshot()?;
/// accounts.transaction(|tx| {
///     tx.insert("Bob".into(), 20)?;
///     assert_eq!(total(tx)?, 120);
///     Ok(())
/// })?;
/// assert_eq!(total(&accounts)?, 120);
/// assert_eq!(total(&before)?, 100);
/// # Ok(())
/// # }
/// ```
pub trait Readable<K, V>: Sealed {
    /// Returns the exact number of entries.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::len`].
    fn len(&self) -> Result<usize>;

    /// Returns `true` if there are no entries.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::is_empty`].
    fn is_empty(&self) -> Result<bool>;

    /// Returns the value for `key`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::get`].
    fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized;

    /// Returns the stored key and its value.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::get_key_value`].
    fn get_key_value<Q>(&self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized;

    /// Returns the first entry, without removing it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::first_key_value`].
    fn first_key_value(&self) -> Result<Option<(K, V)>>;

    /// Returns the last entry, without removing it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::last_key_value`].
    fn last_key_value(&self) -> Result<Option<(K, V)>>;

    /// Returns `true` if `key` is present.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::contains_key`].
    fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized;

    /// Returns the values for several keys, in the order of the keys.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::get_many`].
    fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q;

    /// Returns `true` if all of `keys` are present.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::contains_all`].
    fn contains_all<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q;

    /// Returns an iterator over the entries, in the order of the map.
    ///
    /// This call cannot fail: an error is an item of the iterator.
    fn iter(&self) -> impl DoubleEndedIterator<Item = Result<(K, V)>> + FusedIterator;

    /// Returns an iterator over the keys, in the order of the map.
    ///
    /// This call cannot fail: an error is an item of the iterator.
    fn keys(&self) -> impl DoubleEndedIterator<Item = Result<K>> + FusedIterator;

    /// Returns an iterator over the values, in the order of the map.
    ///
    /// This call cannot fail: an error is an item of the iterator.
    fn values(&self) -> impl DoubleEndedIterator<Item = Result<V>> + FusedIterator;
}

impl<K, V, O> Readable<K, V> for Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    #[inline]
    fn len(&self) -> Result<usize> {
        self.len()
    }

    #[inline]
    fn is_empty(&self) -> Result<bool> {
        self.is_empty()
    }

    #[inline]
    fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.get(key)
    }

    #[inline]
    fn get_key_value<Q>(&self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.get_key_value(key)
    }

    #[inline]
    fn first_key_value(&self) -> Result<Option<(K, V)>> {
        self.first_key_value()
    }

    #[inline]
    fn last_key_value(&self) -> Result<Option<(K, V)>> {
        self.last_key_value()
    }

    #[inline]
    fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.contains_key(key)
    }

    #[inline]
    fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        self.get_many(keys)
    }

    #[inline]
    fn contains_all<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        self.contains_all(keys)
    }

    #[inline]
    fn iter(&self) -> impl DoubleEndedIterator<Item = Result<(K, V)>> + FusedIterator {
        self.iter()
    }

    #[inline]
    fn keys(&self) -> impl DoubleEndedIterator<Item = Result<K>> + FusedIterator {
        self.keys()
    }

    #[inline]
    fn values(&self) -> impl DoubleEndedIterator<Item = Result<V>> + FusedIterator {
        self.values()
    }
}

impl<K, V, O> Readable<K, V> for Transaction<'_, K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    #[inline]
    fn len(&self) -> Result<usize> {
        self.len()
    }

    #[inline]
    fn is_empty(&self) -> Result<bool> {
        self.is_empty()
    }

    #[inline]
    fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.get(key)
    }

    #[inline]
    fn get_key_value<Q>(&self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.get_key_value(key)
    }

    #[inline]
    fn first_key_value(&self) -> Result<Option<(K, V)>> {
        self.first_key_value()
    }

    #[inline]
    fn last_key_value(&self) -> Result<Option<(K, V)>> {
        self.last_key_value()
    }

    #[inline]
    fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.contains_key(key)
    }

    #[inline]
    fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        self.get_many(keys)
    }

    #[inline]
    fn contains_all<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        self.contains_all(keys)
    }

    #[inline]
    fn iter(&self) -> impl DoubleEndedIterator<Item = Result<(K, V)>> + FusedIterator {
        self.iter()
    }

    #[inline]
    fn keys(&self) -> impl DoubleEndedIterator<Item = Result<K>> + FusedIterator {
        self.keys()
    }

    #[inline]
    fn values(&self) -> impl DoubleEndedIterator<Item = Result<V>> + FusedIterator {
        self.values()
    }
}

impl<K, V, O> Readable<K, V> for Snapshot<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    #[inline]
    fn len(&self) -> Result<usize> {
        self.len()
    }

    #[inline]
    fn is_empty(&self) -> Result<bool> {
        self.is_empty()
    }

    #[inline]
    fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.get(key)
    }

    #[inline]
    fn get_key_value<Q>(&self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.get_key_value(key)
    }

    #[inline]
    fn first_key_value(&self) -> Result<Option<(K, V)>> {
        self.first_key_value()
    }

    #[inline]
    fn last_key_value(&self) -> Result<Option<(K, V)>> {
        self.last_key_value()
    }

    #[inline]
    fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.contains_key(key)
    }

    #[inline]
    fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        self.get_many(keys)
    }

    #[inline]
    fn contains_all<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        self.contains_all(keys)
    }

    #[inline]
    fn iter(&self) -> impl DoubleEndedIterator<Item = Result<(K, V)>> + FusedIterator {
        self.iter()
    }

    #[inline]
    fn keys(&self) -> impl DoubleEndedIterator<Item = Result<K>> + FusedIterator {
        self.keys()
    }

    #[inline]
    fn values(&self) -> impl DoubleEndedIterator<Item = Result<V>> + FusedIterator {
        self.values()
    }
}

impl<K, V, R: Readable<K, V>> Readable<K, V> for &R {
    #[inline]
    fn len(&self) -> Result<usize> {
        (**self).len()
    }

    #[inline]
    fn is_empty(&self) -> Result<bool> {
        (**self).is_empty()
    }

    #[inline]
    fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        (**self).get(key)
    }

    #[inline]
    fn get_key_value<Q>(&self, key: &Q) -> Result<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        (**self).get_key_value(key)
    }

    #[inline]
    fn first_key_value(&self) -> Result<Option<(K, V)>> {
        (**self).first_key_value()
    }

    #[inline]
    fn last_key_value(&self) -> Result<Option<(K, V)>> {
        (**self).last_key_value()
    }

    #[inline]
    fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        (**self).contains_key(key)
    }

    #[inline]
    fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        (**self).get_many(keys)
    }

    #[inline]
    fn contains_all<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized + 'q,
    {
        (**self).contains_all(keys)
    }

    #[inline]
    fn iter(&self) -> impl DoubleEndedIterator<Item = Result<(K, V)>> + FusedIterator {
        (**self).iter()
    }

    #[inline]
    fn keys(&self) -> impl DoubleEndedIterator<Item = Result<K>> + FusedIterator {
        (**self).keys()
    }

    #[inline]
    fn values(&self) -> impl DoubleEndedIterator<Item = Result<V>> + FusedIterator {
        (**self).values()
    }
}
