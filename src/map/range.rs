//! Operations on the entries between two keys of a sorted map, the same for every handle.

use std::ops::{Bound, RangeBounds};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{PrefixOf, ordered};
use crate::encoding::encoded_key::EncodedKey;
use crate::encoding::entry_codec::EntryCodec;
use crate::engine::{End, KeyRange};
use crate::entry::Entry;
use crate::entry::occupied::OccupiedEntry;
use crate::entry::try_entry::TryEntry;
use crate::error::Result;
use crate::map::access::{ReadAccess, WriteAccess};
use crate::map::read_transaction::Lookup;

/// Returns the range of encoded keys that `range` allows.
pub(crate) fn key_range<Q, R>(entry_codec: EntryCodec, range: &R) -> Result<KeyRange>
where
    Q: Serialize + ?Sized,
    R: RangeBounds<Q>,
{
    let encode = |bound: Bound<&Q>| -> Result<Bound<Vec<u8>>> {
        Ok(match bound {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included(key) => Bound::Included(entry_codec.lookup(key)?.into_bytes()),
            Bound::Excluded(key) => Bound::Excluded(entry_codec.lookup(key)?.into_bytes()),
        })
    };
    Ok(KeyRange {
        lower: encode(range.start_bound())?,
        upper: encode(range.end_bound())?,
    })
}

/// Returns the range of the encoded keys that begin with `prefix`.
pub(crate) fn prefix_range<K, P>(prefix: &P) -> Result<KeyRange>
where
    K: ?Sized,
    P: PrefixOf<K> + ?Sized,
{
    let lower = EncodedKey::prefix::<K, P>(prefix)?.into_bytes();
    let mut upper = lower.clone();
    let upper = if ordered::successor(&mut upper) {
        Bound::Excluded(upper)
    } else {
        Bound::Unbounded
    };
    Ok(KeyRange {
        lower: Bound::Included(lower),
        upper,
    })
}

/// Returns the number of entries whose keys are in `range`.
pub(crate) fn count(handle: &impl ReadAccess, range: &KeyRange) -> Result<u64> {
    handle.read_snapshot(|source| source.count_in(range))
}

/// Removes the entries whose keys are in `range`, and returns their number.
pub(crate) fn remove<'a>(handle: impl WriteAccess<'a>, range: &KeyRange) -> Result<u64> {
    handle.write_one()?.run(|tx| tx.delete_range(range))
}

/// Returns the entry of the first or the last key.
pub(crate) fn entry_at_end<'a, K, V>(
    handle: impl WriteAccess<'a>,
    end: End,
) -> Result<Option<OccupiedEntry<'a, K, V>>>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    let mut scope = handle.write_one()?;
    let Some(row) = scope.transaction().at_end(end)? else {
        return Ok(None);
    };
    let key: K = entry_codec.keys.decode(&row.key)?;
    let encoded = entry_codec.lookup(&key);
    // The entry is occupied, so its key is not encoded again.
    let encode_key = |key: &K, entry_codec: EntryCodec| entry_codec.lookup(key);
    let found = TryEntry::new(key, encoded, || Ok(scope), entry_codec, encode_key);
    Ok(match found.into_entry()? {
        Entry::Occupied(entry) => Some(entry),
        Entry::Vacant(_) => None,
    })
}
