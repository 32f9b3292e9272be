//! Saving what is left in a damaged file.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{Codec, checksum};
use crate::encoding::entry_codec::EntryCodec;
use crate::error::{Error, Result};
use crate::map::access::WriteAccess;
use crate::map::vault::Vault;
use crate::options::OpenOptions;
use crate::sqlite::{Finding, FoundRow, Wreck, WriteTransaction, declares_checksums, permissions};

/// What [`Vault::salvage`] could save, and what it could not.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Salvage {
    /// The number of entries in the new vault.
    pub saved: u64,
    /// What was lost, in the order in which it was met.
    pub lost: Vec<Loss>,
}

/// Something that could not be saved.
#[derive(Debug)]
#[non_exhaustive]
pub enum Loss {
    /// An entry that was found and does not decode, or fails its checksum. The error names its key.
    Entry(Error),
    /// A page of the file from which no, or not every, entry could be read.
    Page {
        /// Its number, from 1.
        number: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(error) => error.fmt(f),
            Self::Page { number, reason } => write!(f, "page {number} of the file: {reason}"),
        }
    }
}

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// Reads what can be read out of a damaged file, entry by entry, into a new vault at `new_path`.
    ///
    /// It looks at every page by itself, and at the log, and so finds entries that SQLite can no
    /// longer reach. An entry is saved if it decodes as `(K, V)` and agrees with its checksum, where it
    /// has one; its bytes stay as they were. Python's pickled rows are saved unread.
    ///
    /// If the header of the file says that its values have checksums, an entry without one is lost.
    /// If the header does not say so, or is gone, the entries themselves tell. The new vault has
    /// checksums if any entry had one, and the others are given one.
    ///
    /// Without checksums, a damaged entry that still decodes cannot be told from a whole
    /// one, and where the damage hides which pages are in use, an entry that was removed or replaced
    /// may come back.
    ///
    /// The damaged file is only read. It must not be open in this process: make a copy of it, and of
    /// the `-wal` file beside it, before anything else. A rollback journal (`-journal`) is not looked
    /// at.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidPath`] if the damaged file, or the log beside it, is not a regular file. Links
    ///   are not followed.
    /// - [`Error::Io`] if it cannot be opened, or the new vault cannot be written.
    /// - [`Error::Full`] if there is no space for the new vault.
    /// - [`Error::AlreadyExists`] if there is something at `new_path`.
    ///
    /// After an error there is no new vault. What was lost is no error: it is in the [`Salvage`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (damaged, saved) = (folder.path().join("damaged.db"), folder.path().join("saved.db"));
    /// # Vault::<String, u32>::open(&damaged)?.insert("a".into(), 1)?;
    /// let salvage = Vault::<String, u32>::salvage(&damaged, &saved)?;
    /// println!("{} entries were saved", salvage.saved);
    /// for loss in &salvage.lost {
    ///     println!("lost: {loss}");
    /// }
    /// # assert_eq!((salvage.saved, salvage.lost.len()), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn salvage(path: impl AsRef<Path>, new_path: impl AsRef<Path>) -> Result<Salvage> {
        let path = path.as_ref();
        let mut wreck = Wreck::open(path)?;
        let declared = declares_checksums(wreck.format());
        let mut options = OpenOptions::new();
        options
            .create_new(true)
            .checksums(declared || any_has_checksum(&mut wreck));
        if let Some(mode) = permissions(path) {
            options.mode(mode | 0o600);
        }
        let vault: Self = options.open(new_path)?;
        let rescue = Rescue {
            declared,
            add_checksums: vault.format().checksums,
        };
        let mut new = Unfinished(Some(vault));
        let fill = |vault: &Self| {
            let statements = vault.write_many()?;
            statements.run(|transaction| rescue.run::<K, V>(&mut wreck, transaction))
        };
        let salvage = new.0.as_ref().map(fill).transpose()?;
        new.0.take().map_or(Ok(()), Self::close)?;
        Ok(salvage.unwrap_or_default())
    }
}

/// A vault that is deleted when it is dropped, by an error or a panic, before it was taken out: what is
/// not complete would keep the next attempt from its place.
struct Unfinished<K, V>(Option<Vault<K, V>>);

impl<K, V> Drop for Unfinished<K, V> {
    fn drop(&mut self) {
        if let Some(vault) = self.0.take() {
            vault.delete().ok();
        }
    }
}

/// True if the checksum of any value is right. 64 bits are not right by accident.
fn any_has_checksum(wreck: &mut Wreck) -> bool {
    let mut found = false;
    wreck.search(&mut |finding| {
        if let Finding::Row(row) = finding {
            found = checksum::verify_checksum(&row.key, &row.value).is_some();
        }
        !found
    });
    found
}

/// How entries are carried over.
#[derive(Clone, Copy, Debug)]
struct Rescue {
    /// True if the header of the damaged file says that every value has a checksum.
    declared: bool,
    /// True if every value of the new vault has one.
    add_checksums: bool,
}

impl Rescue {
    fn run<K, V>(self, wreck: &mut Wreck, transaction: &mut WriteTransaction) -> Result<Salvage>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let mut salvage = Salvage::default();
        let mut failure = None;
        wreck.search(&mut |finding| {
            let row = match finding {
                Finding::Row(row) => row,
                Finding::Fault { page, reason } => {
                    salvage.lost.push(Loss::Page {
                        number: page,
                        reason,
                    });
                    return true;
                }
            };
            let value = match self.value::<K, V>(&row) {
                Ok(value) => value,
                Err(error) => {
                    salvage.lost.push(Loss::Entry(error));
                    return true;
                }
            };
            // What hangs together comes first: a second row of that key or place is an older one.
            match transaction.restore(row.rowid, &row.key, &value) {
                Ok(added) => salvage.saved += u64::from(added),
                Err(error) => failure = Some(error),
            }
            failure.is_none()
        });
        failure.map_or(Ok(salvage), Err)
    }

    /// The value to store for a row, if that is whole.
    fn value<K, V>(self, row: &FoundRow) -> Result<Cow<'_, [u8]>>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let has_checksum =
            self.declared || checksum::verify_checksum(&row.key, &row.value).is_some();
        let format = EntryCodec {
            codec: Codec::default(),
            verify: false,
            checksums: has_checksum,
        };
        match format.decode_entry::<K, V>(&row.key, &row.value) {
            Ok(_) | Err(Error::Pickle { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(if self.add_checksums && !has_checksum {
            Cow::Owned(checksum::add_checksum(&row.key, &row.value))
        } else {
            Cow::Borrowed(&row.value)
        })
    }
}
