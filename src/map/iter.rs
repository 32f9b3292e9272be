//! Iterators that read: each streams one state of the vault from a transaction of its own.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use serde::de::DeserializeOwned;

use crate::encoding::entry_codec::EntryCodec;
use crate::error::{Error, Result};
use crate::map::snapshot::Snapshot;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;
use crate::sqlite::{Columns, Cursor, Direction, Pages, RawRow, ReadTransaction, Store};

/// What to make of a row.
type Decode<T> = fn(EntryCodec, RawRow<'_>) -> Result<T>;

/// A walk over rows, and what to make of a row: the one iterator behind all the public ones.
struct Walk<P, T> {
    state: State<P>,
    format: EntryCodec,
    decode: Decode<T>,
}

enum State<P> {
    Open {
        pages: P,
        cursor: Cursor,
    },
    /// It could not begin: the first item says why.
    Failed(Error),
    Ended,
}

impl<P: Pages, T> Walk<P, T> {
    /// Begins with the first page, which fixes the state that a read transaction shows.
    fn new(pages: Result<P>, format: EntryCodec, columns: Columns, decode: Decode<T>) -> Self {
        let begun = pages.and_then(|mut pages| {
            let mut cursor = Cursor::new(format.columns(columns));
            pages.fill(&mut cursor, Direction::Forward)?;
            Ok(State::Open { pages, cursor })
        });
        Self {
            state: begun.unwrap_or_else(State::Failed),
            format,
            decode,
        }
    }

    fn keys(pages: Result<P>, format: EntryCodec) -> Self
    where
        T: DeserializeOwned,
    {
        Self::new(pages, format, Columns::Key, EntryCodec::decode_key)
    }

    fn values(pages: Result<P>, format: EntryCodec) -> Self
    where
        T: DeserializeOwned,
    {
        Self::new(pages, format, Columns::Value, EntryCodec::decode_value)
    }

    /// The next row, decoded. A row that does not decode is an error and not the end; a page
    /// that cannot be read is both.
    fn next(&mut self, direction: Direction) -> Option<Result<T>> {
        if let State::Open { pages, cursor } = &mut self.state {
            if cursor.wants(direction)
                && let Err(error) = pages.fill(cursor, direction)
            {
                self.state = State::Ended;
                return Some(Err(error));
            }
            if let Some(row) = cursor.take(direction) {
                return Some((self.decode)(self.format, row));
            }
        }
        // Ending gives the connection back, even while the iterator is kept.
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Failed(error) => Some(Err(error)),
            _ => None,
        }
    }
}

impl<P: Pages, K: DeserializeOwned, V: DeserializeOwned> Walk<P, (K, V)> {
    fn entries(pages: Result<P>, format: EntryCodec) -> Self {
        Self::new(pages, format, Columns::Both, EntryCodec::decode_row)
    }
}

/// One state of the vault: an iterator's own, or a snapshot's.
enum Snapshotted<'a> {
    Own(ReadTransaction),
    Shared(&'a Mutex<ReadTransaction>),
}

impl<'a> Snapshotted<'a> {
    fn now(store: &Arc<Store>) -> Result<Self> {
        ReadTransaction::begin(store).map(Self::Own)
    }

    const fn of<K, V>(snapshot: &'a Snapshot<K, V>) -> Self {
        Self::Shared(snapshot.transaction())
    }
}

impl Pages for Snapshotted<'_> {
    fn fill(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        match self {
            Self::Own(transaction) => transaction.fill(cursor, direction),
            Self::Shared(transaction) => transaction.fill(cursor, direction),
        }
    }
}

/// What a transaction sees: it changes with what the transaction writes, which is why it is
/// borrowed meanwhile.
struct Within<'a>(Box<dyn Pages + 'a>);

impl<'a> Within<'a> {
    fn of<K, V>(transaction: &'a Transaction<'_, K, V>) -> Self {
        Self(Box::new(transaction.scope()))
    }
}

impl Pages for Within<'_> {
    fn fill(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        self.0.fill(cursor, direction)
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
/// cannot be begun anew while an iterator lives: at its
/// [size limit](crate::OpenOptions::log_size_limit) a write waits for the iterator once, and then the log
/// grows. Do not keep an iterator for hours over a busy vault.
///
/// # Errors
///
/// Items are `Result`s. A failure to begin is the first item. An entry that does not decode is
/// one error in its place, whatever its row holds, and the next item is the next entry. A part of
/// the file that cannot be read is an error and the end.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Iter<'a, K, V> {
    walk: Walk<Snapshotted<'a>, (K, V)>,
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> Iter<'a, K, V> {
    fn new(pages: Result<Snapshotted<'a>>, format: EntryCodec) -> Self {
        Self {
            walk: Walk::entries(pages, format),
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
    fn new(pages: Result<Snapshotted<'a>>, format: EntryCodec) -> Self {
        Self {
            walk: Walk::keys(pages, format),
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
    fn new(pages: Result<Snapshotted<'a>>, format: EntryCodec) -> Self {
        Self {
            walk: Walk::values(pages, format),
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
    walk: Walk<ReadTransaction, (K, V)>,
}

impl<K: DeserializeOwned, V: DeserializeOwned> IntoIter<K, V> {
    fn new(store: &Arc<Store>, format: EntryCodec) -> Self {
        Self {
            walk: Walk::entries(ReadTransaction::begin(store), format),
        }
    }
}

walks!(IntoIter < K, V > yields(K, V));

/// An iterator over the keys of a vault that owns its handle, made by [`Vault::into_keys`];
/// otherwise as [`Keys`]. The entries stay in the file.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoKeys<K, V> {
    walk: Walk<ReadTransaction, K>,
    value: PhantomData<fn() -> V>,
}

impl<K: DeserializeOwned, V> IntoKeys<K, V> {
    fn new(store: &Arc<Store>, format: EntryCodec) -> Self {
        Self {
            walk: Walk::keys(ReadTransaction::begin(store), format),
            value: PhantomData,
        }
    }
}

walks!(IntoKeys<K, V> yields K);

/// An iterator over the values of a vault that owns its handle, made by
/// [`Vault::into_values`]; otherwise as [`Values`]. The entries stay in the file.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoValues<K, V> {
    walk: Walk<ReadTransaction, V>,
    key: PhantomData<fn() -> K>,
}

impl<K, V: DeserializeOwned> IntoValues<K, V> {
    fn new(store: &Arc<Store>, format: EntryCodec) -> Self {
        Self {
            walk: Walk::values(ReadTransaction::begin(store), format),
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
        Iter::new(Snapshotted::now(self.store()), self.format())
    }
}

impl<K: DeserializeOwned, V> Vault<K, V> {
    /// An iterator over the keys, in the order of insertion: see [`Keys`].
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(Snapshotted::now(self.store()), self.format())
    }

    /// An iterator over the keys that owns this handle: see [`IntoKeys`].
    pub fn into_keys(self) -> IntoKeys<K, V> {
        IntoKeys::new(self.store(), self.format())
    }
}

impl<K, V: DeserializeOwned> Vault<K, V> {
    /// An iterator over the values, in the order of insertion of their keys: see [`Values`].
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(Snapshotted::now(self.store()), self.format())
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
        Iter::new(Snapshotted::now(self.store()), self.format())
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
            walk: Walk::entries(Ok(Within::of(self)), self.format()),
        }
    }
}

impl<K: DeserializeOwned, V> Transaction<'_, K, V> {
    /// An iterator over the keys, in the order of insertion.
    pub fn keys(&self) -> TransactionIter<'_, K> {
        TransactionIter {
            walk: Walk::keys(Ok(Within::of(self)), self.format()),
        }
    }
}

impl<K, V: DeserializeOwned> Transaction<'_, K, V> {
    /// An iterator over the values, in the order of insertion of their keys.
    pub fn values(&self) -> TransactionIter<'_, V> {
        TransactionIter {
            walk: Walk::values(Ok(Within::of(self)), self.format()),
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
        Iter::new(Ok(Snapshotted::of(self)), self.format())
    }
}

impl<K: DeserializeOwned, V> Snapshot<K, V> {
    /// An iterator over the keys, in the order of insertion: see [`Keys`].
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(Ok(Snapshotted::of(self)), self.format())
    }
}

impl<K, V: DeserializeOwned> Snapshot<K, V> {
    /// An iterator over the values, in the order of insertion of their keys: see [`Values`].
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(Ok(Snapshotted::of(self)), self.format())
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> IntoIterator for &'a Snapshot<K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
