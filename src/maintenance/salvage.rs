//! Copying what can be read of a damaged file.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{Codec, checksum};
use crate::encoding::encoded_key::KeyFormat;
use crate::encoding::entry_codec::EntryCodec;
use crate::engine::RowOrder;
use crate::entry::scope::WriteTransaction;
use crate::error::{Error, Location, Result};
use crate::map::access::WriteAccess;
use crate::map::vault::Vault;
use crate::options::OpenOptions;
use crate::order::{InsertionOrder, Order, row_order};
use crate::sqlite::{PageScanner, Recovered, RecoveredRow, declares_checksums, permissions};

/// The result of [`Vault::salvage`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SalvageReport {
    /// The number of entries in the new vault.
    pub saved: u64,
    /// What was lost, in the order in which it was found.
    pub lost: Vec<SalvageLoss>,
}

/// Something that could not be saved.
#[derive(Debug)]
#[non_exhaustive]
pub enum SalvageLoss {
    /// An entry that does not decode or does not match its checksum. The error names its key.
    Entry(Error),
    /// A page of the file that cannot be read completely.
    Page {
        /// The number of the page, from 1.
        number: u32,
        /// What is wrong with the page.
        reason: &'static str,
    },
}

impl fmt::Display for SalvageLoss {
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
    /// Copies every entry that can be read from a damaged file into a new vault at `new_path`.
    ///
    /// It reads each page of the file and of its log separately, and so finds entries that SQLite can no
    /// longer reach. An entry is copied unchanged if it decodes as `(K, V)` and matches its checksum, if it
    /// has one. Python's pickled rows are copied without decoding.
    ///
    /// # Checksums
    ///
    /// If the header of the file declares checksums, an entry without one is lost. If the header does not
    /// or is unreadable, each entry shows whether it has one. The new vault has checksums if any entry had
    /// one, and the others get one.
    ///
    /// Without checksums, a damaged entry that still decodes is copied. If the damage hides which pages are
    /// in use, an entry that was removed or replaced may come back.
    ///
    /// # The damaged file
    ///
    /// The damaged file is only read. It must not be open in this process. First make a copy of it and of
    /// the `-wal` file beside it. A rollback journal (`-journal`) is not read.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidPath`] if the damaged file, or the log beside it, is not a regular file.
    ///   Links are not followed.
    /// - Returns [`Error::Io`] if the file cannot be opened, or the new vault cannot be written.
    /// - Returns [`Error::Full`] if there is no space for the new vault.
    /// - Returns [`Error::AlreadyExists`] if `new_path` exists.
    ///
    /// After an error there is no new vault. Lost entries are not an error; they are in the [`SalvageReport`].
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
    pub fn salvage(path: impl AsRef<Path>, new_path: impl AsRef<Path>) -> Result<SalvageReport> {
        salvage::<K, V, InsertionOrder>(path.as_ref(), new_path.as_ref())
    }
}

/// Copies every entry that can be read from a damaged file into a new vault.
pub(super) fn salvage<K, V, O>(path: &Path, new_path: &Path) -> Result<SalvageReport>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    let mut scanner = PageScanner::open(path)?;
    let order = scanner.order();
    if order != Some(row_order::<K, O>()) {
        return Err(Error::WrongKind {
            location: Location::file(path),
            expected: row_order::<K, O>().type_name(),
            found: order.map_or("VaultFile", RowOrder::type_name),
        });
    }
    let declared = declares_checksums(scanner.format());
    let mut options = OpenOptions::new();
    options
        .create_new(true)
        .checksums(declared || any_has_checksum(&mut scanner));
    if let Some(mode) = permissions(path) {
        options.set_mode(mode | 0o600);
    }
    let vault: Vault<K, V, O> = options.open_ordered(new_path)?;
    let checksums = ChecksumUse {
        declared,
        add_checksums: vault.entry_codec().checksums,
        keys: vault.entry_codec().keys,
    };
    let mut new = TempVault(Some(vault));
    let fill = |vault: &Vault<K, V, O>| {
        let statements = vault.write_many()?;
        statements.run(|transaction| checksums.copy_entries::<K, V>(&mut scanner, transaction))
    };
    let salvage = new.0.as_ref().map(fill).transpose()?;
    new.0.take().map_or(Ok(()), Vault::close)?;
    Ok(salvage.unwrap_or_default())
}

/// A vault that is deleted on drop, unless it was taken out. An incomplete vault would make the next
/// attempt fail with `AlreadyExists`.
struct TempVault<K, V, O>(Option<Vault<K, V, O>>);

impl<K, V, O> Drop for TempVault<K, V, O> {
    fn drop(&mut self) {
        if let Some(vault) = self.0.take() {
            vault.delete().ok();
        }
    }
}

/// Returns `true` if the checksum of any value matches. 64 bits do not match by accident.
fn any_has_checksum(scanner: &mut PageScanner) -> bool {
    let mut found = false;
    scanner.scan(&mut |finding| {
        if let Recovered::Row(row) = finding {
            found = checksum::verify_checksum(&row.key, &row.value).is_some();
        }
        !found
    });
    found
}

/// Which checksums the damaged file and the new vault have.
#[derive(Clone, Copy, Debug)]
struct ChecksumUse {
    /// Whether the header of the damaged file declares that every value has a checksum.
    declared: bool,
    /// Whether every value of the new vault gets one.
    add_checksums: bool,
    keys: KeyFormat,
}

impl ChecksumUse {
    /// Copies every readable entry.
    fn copy_entries<K, V>(
        self,
        scanner: &mut PageScanner,
        transaction: &mut WriteTransaction,
    ) -> Result<SalvageReport>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let mut salvage = SalvageReport::default();
        let mut failure = None;
        scanner.scan(&mut |finding| {
            let row = match finding {
                Recovered::Row(row) => row,
                Recovered::Fault { page, reason } => {
                    salvage.lost.push(SalvageLoss::Page {
                        number: page,
                        reason,
                    });
                    return true;
                }
            };
            let value = match self.value::<K, V>(&row) {
                Ok(value) => value,
                Err(error) => {
                    salvage.lost.push(SalvageLoss::Entry(error));
                    return true;
                }
            };
            // Connected pages come first, so a second row with the same key or position is an older one.
            match transaction.insert_at(row.position, &row.key, &value) {
                Ok(added) => salvage.saved += u64::from(added),
                Err(error) => failure = Some(error),
            }
            failure.is_none()
        });
        failure.map_or(Ok(salvage), Err)
    }

    /// Returns the value to store for a row, or the reason why the row is lost.
    fn value<K, V>(self, row: &RecoveredRow) -> Result<Cow<'_, [u8]>>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let has_checksum =
            self.declared || checksum::verify_checksum(&row.key, &row.value).is_some();
        let entry_codec = EntryCodec {
            keys: self.keys,
            comparison: None,
            codec: Codec::default(),
            verify: false,
            checksums: has_checksum,
        };
        match entry_codec.decode_entry::<K, V>(&row.key, &row.value) {
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
