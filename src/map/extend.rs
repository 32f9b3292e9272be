//! `Extend`, which cannot return an error.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::map::access::WriteAccess;
use crate::map::bulk;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;
use crate::order::{Order, is_same};

#[expect(clippy::panic, reason = "the trait cannot return an error")]
#[track_caller]
fn expect_stored(result: Result<()>) {
    result.unwrap_or_else(|error| panic!("extending a vault failed and stored nothing: {error}"));
}

/// Inserts borrowed entries. It is `put_many` for `K` itself, which `O` compares.
fn extend_borrowed<'h, 'e, K, V, O>(
    handle: impl WriteAccess<'h>,
    entries: impl IntoIterator<Item = (&'e K, &'e V)>,
) -> Result<()>
where
    K: Serialize + DeserializeOwned + 'e,
    V: Serialize + DeserializeOwned + 'e,
    O: Order<K>,
{
    let entries = entries.into_iter().map(Ok);
    bulk::extend::<K, K, V, _, _, _>(handle, entries, is_same::<K, O>)
}

/// Inserts all entries in one transaction, or none.
///
/// `extend` takes `&mut self`. If the handle `vault` is not `mut`, call `(&vault).extend(…)`.
///
/// # Panics
///
/// Panics if an entry cannot be stored. [`try_extend`](Vault::try_extend) returns the error instead.
impl<K, V, O> Extend<(K, V)> for Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        expect_stored(self.try_extend(entries));
    }
}

/// Inserts all entries in one transaction, or none.
///
/// # Panics
///
/// Panics if an entry cannot be stored. [`try_extend`](Vault::try_extend) returns the error instead.
impl<K, V, O> Extend<(K, V)> for &Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        expect_stored(self.try_extend(entries));
    }
}

/// Inserts all entries in one transaction, or none.
///
/// # Panics
///
/// Panics if an entry cannot be stored. [`put_many`](Vault::put_many) returns the error instead.
impl<'a, K, V, O> Extend<(&'a K, &'a V)> for Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        expect_stored(extend_borrowed::<K, V, O>(&*self, entries));
    }
}

/// Inserts all entries in one transaction, or none.
///
/// # Panics
///
/// Panics if an entry cannot be stored. [`put_many`](Vault::put_many) returns the error instead.
impl<'a, K, V, O> Extend<(&'a K, &'a V)> for &Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        expect_stored(extend_borrowed::<K, V, O>(*self, entries));
    }
}

/// Inserts all entries, or none.
///
/// # Panics
///
/// Panics if an entry cannot be stored. [`try_extend`](Transaction::try_extend) returns the error instead.
impl<K, V, O> Extend<(K, V)> for Transaction<'_, K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        expect_stored(self.try_extend(entries));
    }
}

/// Inserts all entries, or none.
///
/// # Panics
///
/// Panics if an entry cannot be stored. [`put_many`](Transaction::put_many) returns the error instead.
impl<'a, K, V, O> Extend<(&'a K, &'a V)> for Transaction<'_, K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        expect_stored(extend_borrowed::<K, V, O>(self, entries));
    }
}
