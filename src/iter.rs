//! Iterators that read: each streams one state of the vault from a transaction of its own.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use crate::store::{Columns, Direction, Paged, RawRow, ReadTransaction, Rows, Store, Stream};
use crate::transaction::Transaction;
use crate::value::Format;
use crate::vault::Vault;

/// What to make of a row.
type Decode<T> = fn(Format, RawRow<'_>) -> Result<T>;

/// A walk over rows, and what to make of a row: the one iterator behind all the public ones.
struct Walk<R, T> {
    state: State<R>,
    format: Format,
    decode: Decode<T>,
}

enum State<R> {
    Open(R),
    /// It could not begin: the first item says why.
    Failed(Error),
    Ended,
}

impl<R: Rows, T> Walk<R, T> {
    /// Begins to walk over the rows that `open` gives, with the columns that are needed.
    fn new(
        format: Format,
        columns: Columns,
        open: impl FnOnce(Columns) -> Result<R>,
        decode: Decode<T>,
    ) -> Self {
        Self {
            state: open(format.columns(columns)).map_or_else(State::Failed, State::Open),
            format,
            decode,
        }
    }

    fn keys(format: Format, open: impl FnOnce(Columns) -> Result<R>) -> Self
    where
        T: DeserializeOwned,
    {
        Self::new(format, Columns::Key, open, Format::decode_key)
    }

    fn values(format: Format, open: impl FnOnce(Columns) -> Result<R>) -> Self
    where
        T: DeserializeOwned,
    {
        Self::new(format, Columns::Value, open, Format::decode_value)
    }

    /// The next row, decoded. A row that does not decode is an error and not the end; one
    /// that cannot be read is both.
    fn next(&mut self, direction: Direction) -> Option<Result<T>> {
        let failure = match &mut self.state {
            State::Open(rows) => match rows.next(direction) {
                Ok(Some(row)) => return Some((self.decode)(self.format, row)),
                Ok(None) => None,
                Err(error) => Some(error),
            },
            _ => None,
        };
        // Ending gives the connection back, even while the iterator is kept.
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Failed(error) => Some(Err(error)),
            _ => failure.map(Err),
        }
    }
}

impl<R: Rows, K: DeserializeOwned, V: DeserializeOwned> Walk<R, (K, V)> {
    fn entries(format: Format, open: impl FnOnce(Columns) -> Result<R>) -> Self {
        Self::new(format, Columns::Both, open, |format, row| {
            format.decode_entry(row.key, row.value)
        })
    }
}

/// One state of the vault: an iterator's own, or a snapshot's.
enum Snapshotted<'a> {
    Own(Stream),
    Shared(Paged<&'a Mutex<ReadTransaction>>),
}

impl<'a> Snapshotted<'a> {
    fn now(store: &Arc<Store>) -> impl FnOnce(Columns) -> Result<Self> {
        |columns| Stream::begin(store, columns).map(Self::Own)
    }

    fn of<K, V>(snapshot: &'a Snapshot<K, V>) -> impl FnOnce(Columns) -> Result<Self> {
        |columns| Ok(Self::Shared(Paged::new(snapshot.transaction(), columns)))
    }
}

impl Rows for Snapshotted<'_> {
    fn next(&mut self, direction: Direction) -> Result<Option<RawRow<'_>>> {
        match self {
            Self::Own(rows) => rows.next(direction),
            Self::Shared(rows) => rows.next(direction),
        }
    }
}

/// What a transaction sees: it changes with what the transaction writes, which is why it is
/// borrowed meanwhile.
struct Within<'a>(Box<dyn Rows + 'a>);

impl<'a> Within<'a> {
    fn of<K, V>(transaction: &'a Transaction<'_, K, V>) -> impl FnOnce(Columns) -> Result<Self> {
        |columns| Ok(Self(Box::new(Paged::new(transaction.scope(), columns))))
    }
}

impl Rows for Within<'_> {
    fn next(&mut self, direction: Direction) -> Result<Option<RawRow<'_>>> {
        self.0.next(direction)
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
    walk: Walk<Snapshotted<'a>, (K, V)>,
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> Iter<'a, K, V> {
    fn new(format: Format, open: impl FnOnce(Columns) -> Result<Snapshotted<'a>>) -> Self {
        Self {
            walk: Walk::entries(format, open),
        }
    }
}

walks!(Iter<'a, K, V> yields (K, V));

/// An iterator over the keys of a vault, made by [`Vault::keys`]; otherwise as [`Iter`].
///
/// Values are not read.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Keys<'a, K, V> {
    walk: Walk<Snapshotted<'a>, K>,
    value: PhantomData<fn() -> V>,
}

impl<'a, K: DeserializeOwned, V> Keys<'a, K, V> {
    fn new(format: Format, open: impl FnOnce(Columns) -> Result<Snapshotted<'a>>) -> Self {
        Self {
            walk: Walk::keys(format, open),
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
    walk: Walk<Snapshotted<'a>, V>,
    key: PhantomData<fn() -> K>,
}

impl<'a, K, V: DeserializeOwned> Values<'a, K, V> {
    fn new(format: Format, open: impl FnOnce(Columns) -> Result<Snapshotted<'a>>) -> Self {
        Self {
            walk: Walk::values(format, open),
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
    walk: Walk<Stream, (K, V)>,
}

impl<K: DeserializeOwned, V: DeserializeOwned> IntoIter<K, V> {
    fn new(store: &Arc<Store>, format: Format) -> Self {
        Self {
            walk: Walk::entries(format, |columns| Stream::begin(store, columns)),
        }
    }
}

walks!(IntoIter < K, V > yields(K, V));

/// An iterator over the keys of a vault that owns its handle, made by [`Vault::into_keys`];
/// otherwise as [`Keys`]. The entries stay in the file.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoKeys<K, V> {
    walk: Walk<Stream, K>,
    value: PhantomData<fn() -> V>,
}

impl<K: DeserializeOwned, V> IntoKeys<K, V> {
    fn new(store: &Arc<Store>, format: Format) -> Self {
        Self {
            walk: Walk::keys(format, |columns| Stream::begin(store, columns)),
            value: PhantomData,
        }
    }
}

walks!(IntoKeys<K, V> yields K);

/// An iterator over the values of a vault that owns its handle, made by
/// [`Vault::into_values`]; otherwise as [`Values`]. The entries stay in the file.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoValues<K, V> {
    walk: Walk<Stream, V>,
    key: PhantomData<fn() -> K>,
}

impl<K, V: DeserializeOwned> IntoValues<K, V> {
    fn new(store: &Arc<Store>, format: Format) -> Self {
        Self {
            walk: Walk::values(format, |columns| Stream::begin(store, columns)),
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
        Iter::new(self.format(), Snapshotted::now(self.store()))
    }
}

impl<K: DeserializeOwned, V> Vault<K, V> {
    /// An iterator over the keys, in the order of insertion: see [`Keys`].
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(self.format(), Snapshotted::now(self.store()))
    }

    /// An iterator over the keys that owns this handle: see [`IntoKeys`].
    pub fn into_keys(self) -> IntoKeys<K, V> {
        IntoKeys::new(self.store(), self.format())
    }
}

impl<K, V: DeserializeOwned> Vault<K, V> {
    /// An iterator over the values, in the order of insertion of their keys: see [`Values`].
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(self.format(), Snapshotted::now(self.store()))
    }

    /// An iterator over the values that owns this handle: see [`IntoValues`].
    pub fn into_values(self) -> IntoValues<K, V> {
        IntoValues::new(self.store(), self.format())
    }
}

/// Consumes the handle, not the data: the entries stay in the file.
impl<K: DeserializeOwned, V: DeserializeOwned> IntoIterator for Vault<K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter::new(self.store(), self.format())
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> IntoIterator for &'a Vault<K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        Iter::new(self.format(), Snapshotted::now(self.store()))
    }
}

/// An iterator over what a [`Transaction`] sees, its own writes included: entries, keys or
/// values, made by its `iter`, `keys` and `values`. Otherwise as [`Iter`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct TransactionIter<'a, T> {
    walk: Walk<Within<'a>, T>,
}

walks!(TransactionIter<'a, T> yields T);

impl<K: DeserializeOwned, V: DeserializeOwned> Transaction<'_, K, V> {
    /// An iterator over the entries, in the order of insertion.
    pub fn iter(&self) -> TransactionIter<'_, (K, V)> {
        TransactionIter {
            walk: Walk::entries(self.format(), Within::of(self)),
        }
    }
}

impl<K: DeserializeOwned, V> Transaction<'_, K, V> {
    /// An iterator over the keys, in the order of insertion.
    pub fn keys(&self) -> TransactionIter<'_, K> {
        TransactionIter {
            walk: Walk::keys(self.format(), Within::of(self)),
        }
    }
}

impl<K, V: DeserializeOwned> Transaction<'_, K, V> {
    /// An iterator over the values, in the order of insertion of their keys.
    pub fn values(&self) -> TransactionIter<'_, V> {
        TransactionIter {
            walk: Walk::values(self.format(), Within::of(self)),
        }
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> IntoIterator for &'a Transaction<'_, K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = TransactionIter<'a, (K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> Snapshot<K, V> {
    /// An iterator over the entries, in the order of insertion: see [`Iter`].
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(self.format(), Snapshotted::of(self))
    }
}

impl<K: DeserializeOwned, V> Snapshot<K, V> {
    /// An iterator over the keys, in the order of insertion: see [`Keys`].
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(self.format(), Snapshotted::of(self))
    }
}

impl<K, V: DeserializeOwned> Snapshot<K, V> {
    /// An iterator over the values, in the order of insertion of their keys: see [`Values`].
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(self.format(), Snapshotted::of(self))
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> IntoIterator for &'a Snapshot<K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
