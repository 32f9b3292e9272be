//! Iterators that read: each streams one state of the vault from a transaction of its own.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::key;
use crate::store::{Columns, Cursor, Direction, RawRow, ReadTransaction, Store};
use crate::value;
use crate::vault::Vault;

/// A walk over the rows of one state of the vault.
enum Rows {
    Open {
        transaction: ReadTransaction,
        cursor: Cursor,
    },
    /// It could not begin: the first item says why.
    Failed(Error),
    Ended,
}

impl Rows {
    fn begin(store: &Arc<Store>, columns: Columns) -> Self {
        Self::try_begin(store, columns).unwrap_or_else(Self::Failed)
    }

    fn try_begin(store: &Arc<Store>, columns: Columns) -> Result<Self> {
        let mut transaction = ReadTransaction::begin(store)?;
        let mut cursor = Cursor::new(columns);
        cursor.start(transaction.session()?)?;
        Ok(Self::Open {
            transaction,
            cursor,
        })
    }

    /// The next row, decoded. A row that does not decode is an error and not the end; a row
    /// that cannot be read is both.
    fn next<T>(
        &mut self,
        direction: Direction,
        decode: impl FnOnce(RawRow<'_>) -> Result<T>,
    ) -> Option<Result<T>> {
        if let Self::Open {
            transaction,
            cursor,
        } = self
        {
            let row = transaction
                .session()
                .and_then(|session| cursor.next(session, direction));
            match row {
                Ok(Some(row)) => return Some(decode(row)),
                Ok(None) => {}
                Err(error) => {
                    *self = Self::Ended;
                    return Some(Err(error));
                }
            }
        }
        // Ending gives the connection back, even while the iterator is kept.
        match std::mem::replace(self, Self::Ended) {
            Self::Failed(error) => Some(Err(error)),
            _ => None,
        }
    }
}

/// The one iterator behind all the public ones: rows, and what to make of a row.
struct Walk<T> {
    rows: Rows,
    decode: fn(RawRow<'_>) -> Result<T>,
}

impl<T> Walk<T> {
    fn new(store: &Arc<Store>, columns: Columns, decode: fn(RawRow<'_>) -> Result<T>) -> Self {
        Self {
            rows: Rows::begin(store, columns),
            decode,
        }
    }

    fn entries<K, V>(store: &Arc<Store>) -> Walk<(K, V)>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        Walk::new(store, Columns::Both, |row| {
            value::decode_entry(row.key, row.value)
        })
    }

    fn keys(store: &Arc<Store>) -> Self
    where
        T: DeserializeOwned,
    {
        Self::new(store, Columns::Key, |row| key::decode(row.key))
    }

    fn values(store: &Arc<Store>) -> Self
    where
        T: DeserializeOwned,
    {
        Self::new(store, Columns::Value, value::decode_keyless)
    }

    fn next(&mut self, direction: Direction) -> Option<Result<T>> {
        self.rows.next(direction, self.decode)
    }
}

/// Implements the iterator traits for a type with a `walk`.
macro_rules! walks {
    ($name:ident<$($param:tt),+> yields $item:ty) => {
        impl<$($param),+> Iterator for $name<$($param),+> {
            type Item = Result<$item>;

            fn next(&mut self) -> Option<Self::Item> {
                self.walk.next(Direction::Forward)
            }
        }

        impl<$($param),+> DoubleEndedIterator for $name<$($param),+> {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.walk.next(Direction::Backward)
            }
        }

        impl<$($param),+> FusedIterator for $name<$($param),+> {}

        impl<$($param),+> fmt::Debug for $name<$($param),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

/// An iterator over the entries of a vault, made by [`Vault::iter`].
///
/// # Order
///
/// The order of insertion, from both ends. An entry that was overwritten keeps its place.
///
/// # Consistency
///
/// It shows the vault as it was when the iterator was made, whatever is written meanwhile, by
/// this thread or any other. It neither waits for writers nor holds them up.
///
/// # Cost
///
/// Entries are streamed: memory is bounded by a page of rows, or by the largest entry. The log
/// cannot be emptied while an iterator lives, so do not keep one for hours over a busy vault.
///
/// # Errors
///
/// Items are `Result`s. A failure to begin is the first item. An entry that does not decode is
/// an error in its place, and the next item is the next entry.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Iter<'a, K, V> {
    walk: Walk<(K, V)>,
    vault: PhantomData<&'a ()>,
}

impl<K: DeserializeOwned, V: DeserializeOwned> Iter<'_, K, V> {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self {
            walk: Walk::<()>::entries(store),
            vault: PhantomData,
        }
    }
}

walks!(Iter<'a, K, V> yields (K, V));

/// An iterator over the keys of a vault, made by [`Vault::keys`]; otherwise as [`Iter`].
///
/// Values are not read.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Keys<'a, K, V> {
    walk: Walk<K>,
    vault: PhantomData<&'a ()>,
    value: PhantomData<fn() -> V>,
}

impl<K: DeserializeOwned, V> Keys<'_, K, V> {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self {
            walk: Walk::keys(store),
            vault: PhantomData,
            value: PhantomData,
        }
    }
}

walks!(Keys<'a, K, V> yields K);

/// An iterator over the values of a vault, made by [`Vault::values`]; otherwise as [`Iter`].
///
/// Keys are not read.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Values<'a, K, V> {
    walk: Walk<V>,
    vault: PhantomData<&'a ()>,
    key: PhantomData<fn() -> K>,
}

impl<K, V: DeserializeOwned> Values<'_, K, V> {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self {
            walk: Walk::values(store),
            vault: PhantomData,
            key: PhantomData,
        }
    }
}

walks!(Values<'a, K, V> yields V);

/// An iterator over the entries of a vault that owns its handle, made by `into_iter` on a
/// [`Vault`]; otherwise as [`Iter`].
///
/// It consumes the handle, not the data: the entries stay in the file. To take them out, use
/// [`Vault::drain`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoIter<K, V> {
    walk: Walk<(K, V)>,
}

impl<K: DeserializeOwned, V: DeserializeOwned> IntoIter<K, V> {
    fn new(store: &Arc<Store>) -> Self {
        Self {
            walk: Walk::<()>::entries(store),
        }
    }
}

walks!(IntoIter < K, V > yields(K, V));

/// An iterator over the keys of a vault that owns its handle, made by [`Vault::into_keys`];
/// otherwise as [`Keys`]. The entries stay in the file.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoKeys<K, V> {
    walk: Walk<K>,
    value: PhantomData<fn() -> V>,
}

impl<K: DeserializeOwned, V> IntoKeys<K, V> {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self {
            walk: Walk::keys(store),
            value: PhantomData,
        }
    }
}

walks!(IntoKeys<K, V> yields K);

/// An iterator over the values of a vault that owns its handle, made by
/// [`Vault::into_values`]; otherwise as [`Values`]. The entries stay in the file.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoValues<K, V> {
    walk: Walk<V>,
    key: PhantomData<fn() -> K>,
}

impl<K, V: DeserializeOwned> IntoValues<K, V> {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self {
            walk: Walk::values(store),
            key: PhantomData,
        }
    }
}

walks!(IntoValues<K, V> yields V);

impl<K: DeserializeOwned, V: DeserializeOwned> Vault<K, V> {
    /// An iterator over the entries, in the order of insertion, of the state the vault is in now.
    ///
    /// The call itself cannot fail, as [`IntoIterator`] has it: see [`Iter`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.insert("b".into(), 2)?;
    /// vault.insert("a".into(), 1)?;
    /// for entry in &vault {
    ///     let (key, value) = entry?;
    ///     vault.insert(key + "!", value)?; // not shown by this iterator
    /// }
    /// let keys: Vec<String> = vault.keys().collect::<vaults::Result<_>>()?;
    /// assert_eq!(keys, ["b", "a", "b!", "a!"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(self.store())
    }
}

impl<K: DeserializeOwned, V> Vault<K, V> {
    /// An iterator over the keys, in the order of insertion: see [`Keys`].
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(self.store())
    }

    /// An iterator over the keys that owns this handle: see [`IntoKeys`].
    pub fn into_keys(self) -> IntoKeys<K, V> {
        IntoKeys::new(self.store())
    }
}

impl<K, V: DeserializeOwned> Vault<K, V> {
    /// An iterator over the values, in the order of insertion of their keys: see [`Values`].
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(self.store())
    }

    /// An iterator over the values that owns this handle: see [`IntoValues`].
    pub fn into_values(self) -> IntoValues<K, V> {
        IntoValues::new(self.store())
    }
}

/// Consumes the handle, not the data: the entries stay in the file.
impl<K: DeserializeOwned, V: DeserializeOwned> IntoIterator for Vault<K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter::new(self.store())
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> IntoIterator for &'a Vault<K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        Iter::new(self.store())
    }
}
