//! Changing all entries: to the encoding of today, to other types, and removing what does not decode.

use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::EncodedKey;
use crate::encoding::entry_codec::EntryCodec;
use crate::error::preview;
use crate::error::{Error, Result};
use crate::map::access::WriteAccess;
use crate::map::handles::for_writers;
use crate::map::sweep::Sweep;
use crate::map::vault::Vault;
use crate::sqlite::{Columns, Cursor, Direction, RawRow, Scope, WriteTransaction};

/// Stands before a key whose row has been rewritten, until all have been. No stored key begins with it, so
/// that a new key does not meet the old key of a row that is still to come.
const NEW_KEY_MARK: u8 = 0;

/// Replaces each entry by what `f` makes of it, in its place; the number of entries whose bytes changed.
fn rewrite<K, V, L, W, E>(
    scope: Result<Scope<'_>>,
    format: EntryCodec,
    mut f: impl FnMut(K, V) -> Result<(L, W), E>,
) -> Result<u64, E>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
    L: Serialize + DeserializeOwned,
    W: Serialize + DeserializeOwned,
    E: From<Error>,
{
    let mut sweep = Sweep::new(scope);
    let (mut changed, mut has_new_keys) = (0, false);
    sweep.next(Direction::Forward, |transaction, row| {
        let (old_key, old_value) = row.bytes()?;
        let (key, value) = format.decode_entry(old_key, old_value)?;
        let (key, value) = f(key, value)?;
        let key = EncodedKey::stored::<L, L>(&key, format.verify)?;
        let value = format.encode(key.as_bytes(), &value)?;
        if key.as_bytes() != old_key {
            let marked = [&[NEW_KEY_MARK], key.as_bytes()].concat();
            transaction
                .set_key(row.rowid, (old_key, &marked), Some(&value))
                .map_err(|error| without_mark(error, &key))?;
            has_new_keys = true;
        } else if *value != *old_value {
            transaction.update(row.rowid, old_key, &value)?;
        } else {
            return Ok(None::<()>);
        }
        changed += 1;
        Ok::<_, E>(None)
    })?;
    sweep.end(|transaction| {
        if has_new_keys {
            remove_marks(transaction)?;
        }
        Ok(())
    })?;
    Ok(changed)
}

/// The error names the key that the caller knows.
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
        cursor.fill(transaction.session()?, Direction::Forward)?;
        let Some(row) = cursor.take(Direction::Forward) else {
            return Ok(());
        };
        let (marked, _) = row.bytes()?;
        if let Some((&NEW_KEY_MARK, key)) = marked.split_first() {
            transaction.set_key(row.rowid, (marked, key), None)?;
        }
    }
}

/// Removes the entries that a look-up or an iterator cannot give; the number of them.
fn discard_undecodable<K, V>(scope: Result<Scope<'_>>, format: EntryCodec) -> Result<u64>
where
    K: Serialize + DeserializeOwned,
    V: DeserializeOwned,
{
    let mut sweep = Sweep::new(scope);
    let mut discarded = 0;
    sweep.next(Direction::Forward, |transaction, row| {
        if !can_be_found::<K, V>(format, row) {
            transaction.discard_row(row)?;
            discarded += 1;
        }
        Ok::<_, Error>(None::<()>)
    })?;
    sweep.end(|_| Ok(()))?;
    Ok(discarded)
}

/// True if a row decodes and its key leads to it.
fn can_be_found<K, V>(format: EntryCodec, row: RawRow<'_>) -> bool
where
    K: Serialize + DeserializeOwned,
    V: DeserializeOwned,
{
    let found = row.bytes().and_then(|(stored, value)| {
        let (key, _) = format.decode_entry::<K, V>(stored, value)?;
        Ok(EncodedKey::lookup(&key)?.as_bytes() == stored)
    });
    found.unwrap_or(false)
}

/// The methods that go over all entries, the same for every handle that can write.
macro_rules! rewriting {
    ($self:ident, [$($receiver:tt)+], $waits:literal) => {
    /// Writes every entry anew, as its type and the [codec](crate::OpenOptions::codec) are now, and
    /// returns how many entries changed: one transaction, all or nothing.
    ///
    /// Entries that an older version of a type wrote stay as they are until they are written again.
    /// After this call none is left, and what only served to read them (`#[serde(default)]`,
    /// `#[serde(alias)]`) can go. Entries keep their order. An entry whose bytes are the same is not
    /// written. The entries of a `HashMap` in a value have no order, so such a value may count as
    /// changed each time.
    ///
    /// Memory is bounded by a page of rows. The log beside the file grows by what is written.
    /// [`Codec`](crate::Codec) says how types may change.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// If an entry does not decode or cannot be stored faithfully, the writer cannot be had or the
    /// file cannot be written; [`Error::DuplicateKey`] if two stored keys are equal in the encoding
    /// of now. Nothing was changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Codec, OpenOptions, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<u32, String> = Vault::open(&path)?;
    /// vault.insert(1, "one".into())?;
    /// # drop(vault);
    /// let vault: Vault<u32, String> = OpenOptions::new().codec(Codec::Bincode).open(&path)?;
    /// assert_eq!(vault.rewrite()?, 1);
    /// assert_eq!(vault.rewrite()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rewrite($($receiver)+) -> Result<u64> {
        let format = $self.format();
        rewrite($self.write_many(), format, |key: K, value: V| Ok::<_, Error>((key, value)))
    }

    /// Removes the entries that cannot be read as `(K, V)`, and returns how many there were: one
    /// transaction, all or nothing.
    ///
    /// These are the entries
    /// - whose key or value does not decode, whatever wrote it: another type, a newer version, damage,
    ///   or Python's `pickle`;
    /// - whose value fails its checksum;
    /// - with NULL, a number or text where a BLOB belongs;
    /// - whose key decodes and does not encode to the bytes under which it is stored, so that no
    ///   look-up finds it. Iterators show such an entry, and [`rewrite`](Self::rewrite) makes it an
    ///   ordinary one.
    ///
    /// They cannot be brought back: make a [`backup`](crate::Vault::backup) first, and look at what
    /// [`verify`](crate::Vault::verify) lists. Memory is bounded by a page of rows.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// If the writer cannot be had, or the file cannot be read or written. Nothing was removed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{OpenOptions, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// # Vault::<u32, Option<u32>>::open(&path)?.try_extend([(1, Some(1)), (2, None), (3, Some(3))])?;
    /// // Somebody stored a `None` under 2.
    /// let vault: Vault<u32, u32> = Vault::open(&path)?;
    /// assert!(vault.remove(&2).is_err());
    /// assert_eq!(vault.discard_undecodable()?, 1);
    /// assert_eq!(vault.len()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn discard_undecodable($($receiver)+) -> Result<u64> {
        let format = $self.format();
        discard_undecodable::<K, V>($self.write_many(), format)
    }
    };
}

for_writers!(rewriting);

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// Replaces each value by what `f` makes of it, and returns the vault as one of the new type: one
    /// transaction, all or nothing.
    ///
    /// As [`try_map_entries`](Self::try_map_entries), with the keys as they are.
    ///
    /// # Errors
    ///
    /// As [`try_map_entries`](Self::try_map_entries).
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let seconds: Vault<String, u32> = Vault::open(&path)?;
    /// seconds.insert("tea".into(), 180)?;
    /// let labels: Vault<String, String> = seconds.map_values(|_, n| format!("{n} s"))?;
    /// assert_eq!(labels.get("tea")?.as_deref(), Some("180 s"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_values<W, F>(self, mut f: F) -> Result<Vault<K, W>>
    where
        W: Serialize + DeserializeOwned,
        F: FnMut(&K, V) -> W,
    {
        self.try_map_entries(|key, value| {
            let value = f(&key, value);
            Ok((key, value))
        })
    }

    /// Replaces each entry by what `f` makes of it, and returns the vault as one of the new types: one
    /// transaction, all or nothing.
    ///
    /// Entries keep their order. Memory is bounded by a page of rows; the log beside the file grows by
    /// what is written. An error or a panic in `f` leaves everything as it was.
    ///
    /// Clones of this handle, and other processes, still have the old types: what they then read is
    /// [`Error::Decode`], or, where both types have one encoding, another value. Close them before.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// That of `f`; [`Error::DuplicateKey`] if two entries get equal keys; and if an entry does not
    /// decode or cannot be stored faithfully, the write lock is not available or the file cannot be
    /// written. Nothing was changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Error, Vault};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let ports: Vault<String, String> = Vault::open(&path)?;
    /// ports.insert("80".into(), "http".into())?;
    /// let ports: Vault<u16, String> = ports.try_map_entries(|port, name| {
    ///     Ok::<_, Box<dyn std::error::Error>>((port.parse()?, name))
    /// })?;
    /// assert_eq!(ports.get(&80)?.as_deref(), Some("http"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_map_entries<L, W, E, F>(self, f: F) -> Result<Vault<L, W>, E>
    where
        L: Serialize + DeserializeOwned + Eq + Hash,
        W: Serialize + DeserializeOwned,
        F: FnMut(K, V) -> Result<(L, W), E>,
        E: From<Error>,
    {
        rewrite(self.write_many(), self.format(), f)?;
        Ok(self.with_types())
    }
}
