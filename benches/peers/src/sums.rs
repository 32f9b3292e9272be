//! Sums of what was read, which are equal on all engines.

use crate::data::{Key, Value};
use crate::error::Result;

/// Sums up sums.
pub fn sum_all<T>(
    items: impl IntoIterator<Item = T>,
    mut sum_of: impl FnMut(T) -> Result<u64>,
) -> Result<u64> {
    let mut sum = 0_u64;
    for item in items {
        sum = sum.wrapping_add(sum_of(item)?);
    }
    Ok(sum)
}

/// Looks up each item, and sums up the digests. An absent key counts too.
pub fn sum_found<T, V: Value>(
    items: impl IntoIterator<Item = T>,
    mut find: impl FnMut(T) -> Result<Option<V>>,
) -> Result<u64> {
    sum_all(items, |item| {
        Ok(find(item)?.map_or(1, |value| value.digest()))
    })
}

/// Sums up entries in any order.
pub fn sum_entries<K: Key, V: Value>(
    entries: impl IntoIterator<Item = Result<(K, V)>>,
) -> Result<u64> {
    sum_all(entries, |entry| {
        let (key, value) = entry?;
        Ok(key.digest() ^ value.digest())
    })
}

/// Sums up entries so that another order has another sum.
pub fn sum_in_order<K: Key, V: Value>(
    entries: impl IntoIterator<Item = Result<(K, V)>>,
) -> Result<u64> {
    entries.into_iter().try_fold(0_u64, |sum, entry| {
        let (key, value) = entry?;
        Ok(sum
            .rotate_left(1)
            .wrapping_add(key.digest() ^ value.digest()))
    })
}
