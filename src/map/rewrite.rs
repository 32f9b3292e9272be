//! Encoding all entries again, and removing those that cannot be decoded.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::{EncodedKey, IsSame};
use crate::encoding::entry_codec::EntryCodec;
use crate::engine::{Columns, Cursor, Direction, RawRow};
use crate::entry::scope::WriteTransaction;
use crate::error::preview;
use crate::error::{Error, Result};
use crate::map::access::WriteAccess;
use crate::map::scan::WriteScan;

/// Marks the key of a row that has been rewritten, until all rows have been. No stored key begins with
/// it, so a new key never equals the old key of a row that is still to come.
const NEW_KEY_MARK: u8 = 0;

/// Replaces each entry, in its place, with the result of `f`. Returns the number of entries whose bytes
/// changed.
pub(crate) fn rewrite<'a, K, V, L, W, E>(
    handle: impl WriteAccess<'a>,
    is_same: IsSame<L>,
    mut f: impl FnMut(K, V) -> Result<(L, W), E>,
) -> Result<u64, E>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
    L: Serialize + DeserializeOwned,
    W: Serialize + DeserializeOwned,
    E: From<Error>,
{
    let entry_codec = handle.entry_codec();
    let mut scan = WriteScan::new(handle.write_many());
    let (mut changed, mut has_new_keys) = (0, false);
    scan.next(Direction::Forward, |transaction, row| {
        let (old_key, old_value) = row.bytes()?;
        let (key, value) = entry_codec.decode_entry(old_key, old_value)?;
        let (key, value) = f(key, value)?;
        let key = entry_codec.encode_key::<L, L>(&key, is_same)?;
        let value = entry_codec.encode(key.as_bytes(), &value)?;
        if key.as_bytes() != old_key {
            let marked = [&[NEW_KEY_MARK], key.as_bytes()].concat();
            transaction
                .set_key(row.position, (old_key, &marked), Some(&value))
                .map_err(|error| without_mark(error, &key))?;
            has_new_keys = true;
        } else if *value != *old_value {
            transaction.update(row.position, old_key, &value)?;
        } else {
            return Ok(None::<()>);
        }
        changed += 1;
        Ok::<_, E>(None)
    })?;
    scan.end(|transaction| {
        if has_new_keys {
            remove_marks(transaction)?;
        }
        Ok(())
    })?;
    Ok(changed)
}

/// Makes the error name the key that the caller knows.
fn without_mark(error: Error, key: &EncodedKey) -> Error {
    match error {
        Error::DuplicateKey { .. } => Error::DuplicateKey {
            key: preview(key.as_bytes()),
        },
        error => error,
    }
}

fn remove_marks(transaction: &mut WriteTransaction) -> Result<()> {
    let mut cursor = Cursor::new(Columns::Key);
    loop {
        transaction.prefetch(&mut cursor, Direction::Forward)?;
        let Some(row) = cursor.next(Direction::Forward) else {
            return Ok(());
        };
        let (marked, _) = row.bytes()?;
        if let Some((&NEW_KEY_MARK, key)) = marked.split_first() {
            transaction.set_key(row.position, (marked, key), None)?;
        }
    }
}

/// Removes the entries that a look-up or an iterator cannot return. Returns their number.
pub(crate) fn discard_undecodable<'a, K, V>(handle: impl WriteAccess<'a>) -> Result<u64>
where
    K: Serialize + DeserializeOwned,
    V: DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    let mut discarded = 0;
    WriteScan::new(handle.write_many()).for_each_row(
        |transaction, row| {
            if !can_be_found::<K, V>(entry_codec, row) {
                transaction.delete_at(row.position, row.key_or_empty())?;
                discarded += 1;
            }
            Ok::<_, Error>(())
        },
        |_| Ok(()),
    )?;
    Ok(discarded)
}

/// Returns `true` if a row decodes and a look-up by its key finds it.
fn can_be_found<K, V>(entry_codec: EntryCodec, row: RawRow<'_>) -> bool
where
    K: Serialize + DeserializeOwned,
    V: DeserializeOwned,
{
    let found = row.bytes().and_then(|(stored, value)| {
        let (key, _) = entry_codec.decode_entry::<K, V>(stored, value)?;
        Ok(entry_codec.lookup(&key)?.as_bytes() == stored)
    });
    found.unwrap_or(false)
}
