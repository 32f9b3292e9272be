//! The iterators that read: each streams one state of the vault.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::encoding::entry_codec::EntryCodec;
use crate::encoding::key_order::OrderCheck;
use crate::engine::{Columns, Cursor, Direction, KeyRange, RawRow};
use crate::entry::map_locks::SharedUse;
use crate::error::{Error, Result};
use crate::map::read_transaction::{ReadTransaction, RowSource};
use crate::map::shared_reader::SharedReader;
use crate::map::snapshot::Snapshot;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;

/// Decodes a row.
type Decode<T> = fn(EntryCodec, RawRow<'_>) -> Result<T>;

/// The iterator behind all the public ones: rows, and how to decode a row.
struct RowIter<P, T> {
    state: State<P>,
    /// At most this many items follow, if it is known.
    max_items: Option<u64>,
    entry_codec: EntryCodec,
    decode: Decode<T>,
    order: OrderCheck,
}

enum State<P> {
    Open {
        source: P,
        cursor: Cursor,
    },
    /// The read could not begin: the first item is the error.
    Failed(Error),
    Ended,
}

impl<P: RowSource, T> RowIter<P, T> {
    fn new(
        source: Result<P>,
        entry_codec: EntryCodec,
        columns: Columns,
        decode: Decode<T>,
    ) -> Self {
        let cursor = Cursor::new(entry_codec.columns(columns));
        Self::with_cursor(source.map(|source| (source, cursor)), entry_codec, decode)
    }

    /// Begins with the first batch, which fixes the state that a read transaction shows.
    fn with_cursor(
        source: Result<(P, Cursor)>,
        entry_codec: EntryCodec,
        decode: Decode<T>,
    ) -> Self {
        let begun = source.and_then(|(mut source, mut cursor)| {
            source.prefetch(&mut cursor, Direction::Forward)?;
            // Damage may be an item of its own.
            let max_items = source.known_len().map(|len| len.saturating_add(1));
            Ok((State::Open { source, cursor }, max_items))
        });
        let (state, max_items) = begun.unwrap_or_else(|error| (State::Failed(error), Some(1)));
        Self {
            state,
            max_items,
            entry_codec,
            decode,
            order: OrderCheck::new(entry_codec.comparison),
        }
    }

    fn keys(source: Result<P>, entry_codec: EntryCodec) -> Self
    where
        T: DeserializeOwned,
    {
        Self::new(source, entry_codec, Columns::Key, EntryCodec::decode_key)
    }

    fn values(source: Result<P>, entry_codec: EntryCodec) -> Self
    where
        T: DeserializeOwned,
    {
        Self::new(
            source,
            entry_codec,
            Columns::Value,
            EntryCodec::decode_value,
        )
    }

    /// Returns what `f` makes of the next row. A batch that cannot be read is an error and the end.
    fn next_with<R>(
        &mut self,
        direction: Direction,
        f: impl FnOnce(RawRow<'_>) -> Result<R>,
    ) -> Option<Result<R>> {
        self.max_items = self.max_items.map(|items| items.saturating_sub(1));
        if let State::Open { source, cursor } = &mut self.state {
            if cursor.needs_batch(direction)
                && let Err(error) = source.prefetch(cursor, direction)
            {
                self.state = State::Ended;
                return Some(Err(error));
            }
            if let Some(row) = cursor.next(direction) {
                let checked = self.order.check(row.key_or_empty(), direction);
                return Some(checked.and_then(|()| f(row)));
            }
        }
        // Ending gives the connection back, even while the iterator is kept.
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Failed(error) => Some(Err(error)),
            _ => None,
        }
    }

    /// Returns the next row, decoded. A row that cannot be decoded is an error and not the end.
    fn next(&mut self, direction: Direction) -> Option<Result<T>> {
        let (entry_codec, decode) = (self.entry_codec, self.decode);
        self.next_with(direction, |row| decode(entry_codec, row))
    }

    /// Skips an item without decoding it. Returns `None` at the end.
    fn skip(&mut self, direction: Direction) -> Option<()> {
        self.next_with(direction, |_| Ok(())).map(drop)
    }

    /// Returns the item after `n` others, which are not decoded.
    fn nth(&mut self, n: usize, direction: Direction) -> Option<Result<T>> {
        for _ in 0..n {
            self.skip(direction)?;
        }
        self.next(direction)
    }

    /// Returns the number of items that follow, without decoding them.
    fn count(mut self) -> usize {
        let mut items = 0;
        while self.skip(Direction::Forward).is_some() {
            items += 1;
        }
        items
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.state {
            State::Open { .. } => (
                0,
                self.max_items.and_then(|items| usize::try_from(items).ok()),
            ),
            State::Failed(_) => (1, Some(1)),
            State::Ended => (0, Some(0)),
        }
    }
}

impl<P: RowSource, K: DeserializeOwned, V: DeserializeOwned> RowIter<P, (K, V)> {
    fn entries(source: Result<P>, entry_codec: EntryCodec) -> Self {
        Self::new(source, entry_codec, Columns::Both, EntryCodec::decode_row)
    }

    /// Returns the entries whose keys are in `range`.
    fn entries_in(source: Result<P>, entry_codec: EntryCodec, range: Result<KeyRange>) -> Self {
        let source = source.and_then(|source| {
            let cursor = Cursor::in_range(entry_codec.columns(Columns::Both), range?);
            Ok((source, cursor))
        });
        Self::with_cursor(source, entry_codec, EntryCodec::decode_row)
    }
}

/// The read transaction of an iterator: its own, or that of a snapshot.
pub(crate) enum ReadSource<'a> {
    Own(ReadTransaction),
    Shared(&'a SharedReader),
}

impl<'a> ReadSource<'a> {
    pub(crate) fn now<K, V, O>(vault: &Vault<K, V, O>) -> Result<Self> {
        vault.begin_read().map(Self::Own)
    }

    pub(crate) const fn of<K, V, O>(snapshot: &'a Snapshot<K, V, O>) -> Self {
        Self::Shared(snapshot.reader())
    }
}

impl RowSource for ReadSource<'_> {
    fn prefetch(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        match self {
            Self::Own(transaction) => transaction.prefetch(cursor, direction),
            Self::Shared(reader) => reader.prefetch(cursor, direction),
        }
    }

    fn known_len(&mut self) -> Option<u64> {
        match self {
            Self::Own(transaction) => transaction.known_len(),
            Self::Shared(reader) => reader.known_len(),
        }
    }
}

/// The rows that a transaction sees. The iterator borrows the transaction, because a write would change
/// them.
struct TransactionSource<'a> {
    rows: Box<dyn RowSource + 'a>,
    /// Keeps other views of the transaction from writing to the map.
    _shared: Option<SharedUse>,
}

impl<'a> TransactionSource<'a> {
    fn of<K, V, O>(transaction: &'a Transaction<'_, K, V, O>) -> Result<Self> {
        let scope = transaction.scope();
        Ok(Self {
            _shared: scope.borrow_mut().transaction().share_map()?,
            rows: Box::new(scope),
        })
    }
}

impl RowSource for TransactionSource<'_> {
    fn prefetch(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        self.rows.prefetch(cursor, direction)
    }

    fn known_len(&mut self) -> Option<u64> {
        self.rows.known_len()
    }
}

/// Implements the iterator traits for a type with a field `rows`.
macro_rules! impl_iterators {
    ($name:ident<$($param:tt),+> yields $item:ty) => {
        impl<$($param),+> Iterator for $name<$($param),+> {
            type Item = Result<$item>;

            fn next(&mut self) -> Option<Self::Item> {
                self.rows.next(Direction::Forward)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.rows.size_hint()
            }

            fn nth(&mut self, n: usize) -> Option<Self::Item> {
                self.rows.nth(n, Direction::Forward)
            }

            fn count(self) -> usize {
                self.rows.count()
            }
        }

        impl<$($param),+> DoubleEndedIterator for $name<$($param),+> {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.rows.next(Direction::Backward)
            }

            fn nth_back(&mut self, n: usize) -> Option<Self::Item> {
                self.rows.nth(n, Direction::Backward)
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

/// An iterator over the entries of a vault or a snapshot.
///
/// It is returned by [`Vault::iter`](crate::Vault::iter) and [`Snapshot::iter`].
///
/// # Order
///
/// The order of insertion, from both ends. An entry that was overwritten keeps its place. In a
/// [sorted vault](crate::order::KeyOrder), the order of the keys.
///
/// # Consistency
///
/// It shows the state of the vault when the iterator was created. Later writes, of this thread or any
/// other, do not change it. It never waits for the write lock and never blocks a write.
///
/// # Cost
///
/// Entries are streamed: memory is bounded by one batch of rows, or by the largest entry. The
/// write-ahead log cannot be restarted while an iterator lives: at its
/// [size limit](crate::OpenOptions::log_size_limit), a write waits for the iterator once, and afterwards
/// the log grows. Do not keep an iterator over a busy vault for hours.
///
/// # Errors
///
/// Items are `Result`s. An error while beginning is the first item. An entry that cannot be decoded is
/// one error in its place, and the next item is the next entry. A part of the file that cannot be read
/// is an error and the end.
///
/// `nth`, `skip` and `count` do not decode the entries that they pass. `size_hint` has an upper bound once the
/// number of entries is cached, as it is after [`len`](crate::Vault::len): the entries that remain, and one
/// for damage.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Iter<'a, K, V> {
    rows: RowIter<ReadSource<'a>, (K, V)>,
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> Iter<'a, K, V> {
    pub(crate) fn new(source: Result<ReadSource<'a>>, entry_codec: EntryCodec) -> Self {
        Self {
            rows: RowIter::entries(source, entry_codec),
        }
    }

    pub(crate) fn in_range(
        source: Result<ReadSource<'a>>,
        entry_codec: EntryCodec,
        range: Result<KeyRange>,
    ) -> Self {
        Self {
            rows: RowIter::entries_in(source, entry_codec, range),
        }
    }
}

impl_iterators!(Iter<'a, K, V> yields (K, V));

/// An iterator over the keys of a vault or a snapshot. It does not read the values.
///
/// It is returned by [`Vault::keys`](crate::Vault::keys) and [`Snapshot::keys`]. See [`Iter`] for its
/// order, cost and errors.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Keys<'a, K, V> {
    rows: RowIter<ReadSource<'a>, K>,
    value: PhantomData<fn() -> V>,
}

impl<'a, K: DeserializeOwned, V> Keys<'a, K, V> {
    pub(crate) fn new(source: Result<ReadSource<'a>>, entry_codec: EntryCodec) -> Self {
        Self {
            rows: RowIter::keys(source, entry_codec),
            value: PhantomData,
        }
    }
}

impl_iterators!(Keys<'a, K, V> yields K);

/// An iterator over the values of a vault or a snapshot. It does not read the keys.
///
/// It is returned by [`Vault::values`](crate::Vault::values) and [`Snapshot::values`]. See [`Iter`] for
/// its order, cost and errors.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Values<'a, K, V> {
    rows: RowIter<ReadSource<'a>, V>,
    key: PhantomData<fn() -> K>,
}

impl<'a, K, V: DeserializeOwned> Values<'a, K, V> {
    pub(crate) fn new(source: Result<ReadSource<'a>>, entry_codec: EntryCodec) -> Self {
        Self {
            rows: RowIter::values(source, entry_codec),
            key: PhantomData,
        }
    }
}

impl_iterators!(Values<'a, K, V> yields V);

/// An iterator over the entries of a vault that owns the handle.
///
/// It is returned by `into_iter` of a [`Vault`]. It consumes the handle, not the data:
/// the entries stay in the vault. Use [`Vault::drain`](crate::Vault::drain) to remove them. See
/// [`Iter`] for its order, cost and errors.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoIter<K, V> {
    rows: RowIter<ReadTransaction, (K, V)>,
}

impl<K: DeserializeOwned, V: DeserializeOwned> IntoIter<K, V> {
    pub(crate) fn new<O>(vault: &Vault<K, V, O>) -> Self {
        Self {
            rows: RowIter::entries(vault.begin_read(), vault.entry_codec()),
        }
    }
}

impl_iterators!(IntoIter < K, V > yields(K, V));

/// An iterator over the keys of a vault that owns the handle. The entries stay in the vault.
///
/// It is returned by [`Vault::into_keys`](crate::Vault::into_keys). See [`Iter`] for its order, cost
/// and errors.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoKeys<K, V> {
    rows: RowIter<ReadTransaction, K>,
    value: PhantomData<fn() -> V>,
}

impl<K: DeserializeOwned, V> IntoKeys<K, V> {
    pub(crate) fn new<O>(vault: &Vault<K, V, O>) -> Self {
        Self {
            rows: RowIter::keys(vault.begin_read(), vault.entry_codec()),
            value: PhantomData,
        }
    }
}

impl_iterators!(IntoKeys<K, V> yields K);

/// An iterator over the values of a vault that owns the handle. The entries stay in the vault.
///
/// It is returned by [`Vault::into_values`](crate::Vault::into_values). See [`Iter`] for its order,
/// cost and errors.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoValues<K, V> {
    rows: RowIter<ReadTransaction, V>,
    key: PhantomData<fn() -> K>,
}

impl<K, V: DeserializeOwned> IntoValues<K, V> {
    pub(crate) fn new<O>(vault: &Vault<K, V, O>) -> Self {
        Self {
            rows: RowIter::values(vault.begin_read(), vault.entry_codec()),
            key: PhantomData,
        }
    }
}

impl_iterators!(IntoValues<K, V> yields V);

/// An iterator over the entries, the keys or the values of a [`Transaction`], its own writes included.
///
/// It is returned by [`Transaction::iter`], [`Transaction::keys`] and [`Transaction::values`]. See
/// [`Iter`] for its order and errors.
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct TransactionIter<'a, T> {
    rows: RowIter<TransactionSource<'a>, T>,
}

impl_iterators!(TransactionIter<'a, T> yields T);

impl<'a, K: DeserializeOwned, V: DeserializeOwned> TransactionIter<'a, (K, V)> {
    pub(crate) fn entries<O>(transaction: &'a Transaction<'_, K, V, O>) -> Self {
        Self {
            rows: RowIter::entries(
                TransactionSource::of(transaction),
                transaction.entry_codec(),
            ),
        }
    }

    pub(crate) fn entries_in<O>(
        transaction: &'a Transaction<'_, K, V, O>,
        range: Result<KeyRange>,
    ) -> Self {
        let source = TransactionSource::of(transaction);
        Self {
            rows: RowIter::entries_in(source, transaction.entry_codec(), range),
        }
    }
}

impl<'a, T: DeserializeOwned> TransactionIter<'a, T> {
    pub(crate) fn keys<V, O>(transaction: &'a Transaction<'_, T, V, O>) -> Self {
        Self {
            rows: RowIter::keys(
                TransactionSource::of(transaction),
                transaction.entry_codec(),
            ),
        }
    }

    pub(crate) fn values<K, O>(transaction: &'a Transaction<'_, K, T, O>) -> Self {
        Self {
            rows: RowIter::values(
                TransactionSource::of(transaction),
                transaction.entry_codec(),
            ),
        }
    }
}
