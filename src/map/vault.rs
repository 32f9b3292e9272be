//! The vault, and what can be done with the whole of it.

pub(crate) mod point;

pub(crate) mod entry;

pub(crate) mod iter;

pub(crate) mod transaction;

pub(crate) mod remove;

pub(crate) mod ends;

pub(crate) mod bulk;

pub(crate) mod retain;

pub(crate) mod rewrite;

pub(crate) mod map_entries;

pub(crate) mod snapshot;

pub(crate) mod close;

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::Backend;
use crate::codec::Codec;
use crate::encoding::encoded_key::KeyFormat;
use crate::encoding::entry_codec::EntryCodec;
use crate::engine::{End, MapId, Read, RowOrder};
use crate::error::{Error, Location, Result};
use crate::map::read_transaction::ReadTransaction;
use crate::memory;
use crate::order::{InsertionOrder, Order, comparison, row_order};
use crate::sqlite::{self, Config, Content, Ends};

/// A persistent map: the methods of [`HashMap`](std::collections::HashMap), over one table of one SQLite
/// file.
///
/// Unlike those of `HashMap`, the methods take `&self`, return a [`Result`], and give owned values, because
/// these are decoded from the file.
///
/// # Examples
///
/// ```
/// use vaults::Vault;
///
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("ages.db");
/// let ages: Vault<String, u32> = Vault::open(&path)?;
/// ages.insert("Ada".into(), 36)?;
/// assert_eq!(ages.get("Ada")?, Some(36));
/// assert_eq!(ages.get("Bob")?, None);
///
/// drop(ages);
/// let ages: Vault<String, u32> = Vault::open(&path)?;
/// assert_eq!(ages.len()?, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Sharing
///
/// A `Vault` is a handle that is `Send` and `Sync`. Share it by clone, by `&` or in an `Arc`. Cloning is cheap
/// and gives another handle of the same open file. The file stays open until the last handle, clone and
/// iterator is dropped.
///
/// Other processes, and other handles in this one, may open the same file at the same time. After `fork`
/// without `exec`, a handle of the parent returns [`Error::Forked`] in the child.
///
/// # Several maps in a file
///
/// [`Vault::open`] keeps one map in a file. A [`VaultFile`](crate::VaultFile) keeps several, each of which is a `Vault`. If such a
/// map is [removed](crate::VaultFile::remove), every call of its handles returns [`Error::NotFound`].
///
/// # Order
///
/// Iteration is in insertion order. Overwriting a key keeps its place.
///
/// The type parameter `O` is this [order](crate::order), and rarely needs to be named. A
/// [sorted vault](crate::order::KeyOrder) has all these methods in the order of its keys.
///
/// # Atomicity
///
/// Each call is one transaction. Other threads and processes see all of its changes or none, and so does the
/// file after a crash.
///
/// # Durability
///
/// When a call returns `Ok`, its changes survive a killed process. With
/// [`Durability::Full`](crate::Durability::Full), the default, they also survive a power cut.
///
/// # Locking
///
/// One thread of one process holds the write lock at a time. A call that writes waits for it at most for the
/// [busy timeout](crate::OpenOptions::busy_timeout), and then returns [`Error::Busy`]. Readers never wait for
/// the write lock, except in a file with a rollback journal that is opened with
/// [`read_only`](crate::OpenOptions::read_only).
///
/// If the thread already holds the write lock, for example in the loop over a [`drain`](Self::drain) or in the
/// closure of a [`retain`](Self::retain), a write returns [`Error::Reentrant`] at once. A read there sees the
/// last commit.
///
/// # Keys
///
/// Keys need `Eq + Hash`, as in a `HashMap`, which excludes floats and hash maps. A key is identified by its
/// encoding: two keys are the same entry if they encode to the same bytes. `Eq` is never called.
///
/// For integers, strings, and structs and enums of them that derive `Eq` and `Serialize`, both mean the same.
/// For some types they differ.
///
/// Keys that are equal and encode differently are two entries. A look-up with one misses the other:
///
/// - `PathBuf`: `a/b` equals `a//b` and `a/./b`;
/// - decimals that keep their scale: 1.0 equals 1.00;
/// - `DateTime`s with offsets: 12:00+00:00 equals 14:00+02:00;
/// - wrappers that make floats `Eq`: 0.0 equals -0.0;
/// - strings that are compared without case;
/// - a struct whose own `Eq` ignores a field, unless that field is `#[serde(skip)]`.
///
/// Normalize such a key before you use it, for example to UTC or to lower case.
///
/// Keys that are not equal and encode the same are one entry. The second overwrites the first:
///
/// - `SocketAddrV6`: serde omits the scope and the flow label;
/// - a struct or enum whose encoding omits what distinguishes its values, because of `#[serde(skip)]`,
///   `untagged` or a lossy `with`.
///
/// Use a key that encodes everything, for example a tuple of the address and the scope.
///
/// ```
/// use std::net::{Ipv6Addr, SocketAddrV6};
/// use std::path::{Path, PathBuf};
/// use vaults::Vault;
///
/// # fn main() -> vaults::Result<()> {
/// let sizes: Vault<PathBuf, u64> = Vault::open_in_memory()?;
/// sizes.put(Path::new("a/b"), &1)?;
/// assert_eq!(Path::new("a//b"), Path::new("a/b"));
/// assert_eq!(sizes.get(Path::new("a//b"))?, None);
///
/// let peers: Vault<SocketAddrV6, u64> = Vault::open_in_memory()?;
/// let peer = |scope| SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, scope);
/// peers.put(&peer(1), &1)?;
/// assert_ne!(peer(1), peer(2));
/// assert_eq!(peers.get(&peer(2))?, Some(1));
/// # Ok(())
/// # }
/// ```
///
/// # Look-ups
///
/// A look-up takes any borrowed form `Q` of `K`, as in a `HashMap`. `Q` must encode as `K` does. The pairs of
/// std do: `String` and `str`, `PathBuf` and `Path`, `Vec<T>` and `[T]`, `Box<T>` and `T`.
///
/// A form that encodes differently finds nothing. A write by it returns [`Error::Encode`], unless
/// [`verify_writes`](crate::OpenOptions::verify_writes) is disabled. Such forms are:
///
/// - byte strings (`bytes::Bytes`) borrowed as `[u8]`, which is a list of integers to serde. Look them up by
///   the whole type, or use `serde_bytes::ByteBuf`, which is borrowed as `serde_bytes::Bytes`;
/// - an array borrowed as a slice, if it contains an empty `Some` (`[Some(None), None]`). Such a key is written
///   as bincode, where a slice has a length and an array has none. Look it up by the array.
#[must_use = "a vault is closed when it is dropped"]
pub struct Vault<K, V, O = InsertionOrder> {
    backend: Backend,
    map: MapId,
    entry_codec: EntryCodec,
    marker: PhantomData<fn() -> (K, V)>,
    order: PhantomData<fn() -> O>,
}

impl<K, V, O> Clone for Vault<K, V, O> {
    /// Returns another handle of the same open vault.
    fn clone(&self) -> Self {
        Self::new(self.backend.clone(), self.map, self.entry_codec)
    }
}

/// Shows the path and the table, and the number of entries if it is cached. Never shows the entries.
impl<K, V, O> fmt::Debug for Vault<K, V, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = match (self.map.number, self.map.order) {
            (0, RowOrder::Insertion) => "dict".to_owned(),
            (0, RowOrder::Key) => "sorted".to_owned(),
            (number, _) => format!("map_{number}"),
        };
        let mut shown = f.debug_struct(self.map.order.type_name());
        shown
            .field("path", &self.location().to_string())
            .field("table", &table);
        if let Some(len) = self.backend.cached_len(self.map) {
            shown.field("len", &len);
        }
        shown.finish_non_exhaustive()
    }
}

impl<K, V, O> Vault<K, V, O> {
    pub(crate) const fn new(backend: Backend, map: MapId, entry_codec: EntryCodec) -> Self {
        Self {
            backend,
            map,
            entry_codec,
            marker: PhantomData,
            order: PhantomData,
        }
    }

    pub(crate) fn into_backend(self) -> Backend {
        self.backend
    }

    pub(crate) const fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Which map of the file this is.
    pub(crate) const fn map(&self) -> MapId {
        self.map
    }

    /// Begins to read one state, that of the first read.
    pub(crate) fn begin_read(&self) -> Result<ReadTransaction> {
        ReadTransaction::begin(&self.backend, self.map)
    }

    pub(crate) const fn entry_codec(&self) -> EntryCodec {
        self.entry_codec
    }

    /// The same open file as a map of other types, which its entries have been given.
    pub(crate) fn with_types<L: DeserializeOwned, W>(self) -> Vault<L, W, O>
    where
        O: Order<L>,
    {
        let entry_codec = EntryCodec {
            comparison: comparison::<L, O>(),
            ..self.entry_codec
        };
        Vault::new(self.backend, self.map, entry_codec)
    }

    /// Returns the absolute path of the file, or `None` for a vault in memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// assert_eq!(vault.path(), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.backend.path()
    }

    /// Returns where the vault is, as its errors show it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Location, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// assert_eq!(vault.location(), Location::Memory);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn location(&self) -> Location {
        self.backend.location()
    }

    /// Returns the size in bytes of the file and its log, or the approximate memory of a vault in memory.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Io`] if the file system does not return the sizes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<String, u32> = Vault::open(&path)?;
    /// assert!(vault.size_on_disk()? > 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn size_on_disk(&self) -> Result<u64> {
        self.backend.size()
    }

    /// Makes everything that was acknowledged so far survive a power cut, whatever the
    /// [`Durability`](crate::Durability).
    ///
    /// With `Durability::Full` there is nothing to sync.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Deferred`] if an earlier write failed when its entry, guard or iterator was
    ///   dropped. Nothing was synced then: call it again.
    /// - Returns [`Error::Io`] if the disk refuses.
    /// - Returns [`Error::Moved`] if the file, its log or its index no longer has its name.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Durability, OpenOptions};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let pages = OpenOptions::new()
    ///     .durability(Durability::Normal)
    ///     .open::<u32, String>(&path)?;
    /// pages.put(&1, &"Hello".to_owned())?;
    /// pages.flush()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush(&self) -> Result<()> {
        self.backend.flush()
    }
}

impl<K, V, O> Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    pub(crate) fn open_with(
        path: &Path,
        config: Config,
        codec: Codec,
        verify: bool,
    ) -> Result<Self> {
        let map = MapId::only(row_order::<K, O>());
        let entry_codec = |checksums| EntryCodec {
            keys: KeyFormat::of(map.order),
            comparison: comparison::<K, O>(),
            codec,
            verify,
            checksums,
        };
        let config = Config {
            content: Content::One(map.order),
            ..config
        };
        let store = sqlite::Store::open(path, config, &|path, ends, checksums| {
            check_types::<K, V>(&Location::file(path), ends, entry_codec(checksums))
        })?;
        let entry_codec = entry_codec(store.has_checksums());
        Ok(Self::new(Backend::File(Arc::new(store)), map, entry_codec))
    }

    pub(crate) fn new_in_memory(config: Config, codec: Codec, verify: bool) -> Self {
        let map = MapId::only(row_order::<K, O>());
        let entry_codec = EntryCodec {
            keys: KeyFormat::of(map.order),
            comparison: comparison::<K, O>(),
            codec,
            verify,
            checksums: config.checksums,
        };
        let store = memory::Store::of_one_map(map.order, config.busy_timeout);
        Self::new(Backend::Memory(Arc::new(store)), map, entry_codec)
    }
}

/// Reads the first and the last entry of a map. A damaged one is left out, and the call that reads it reports it.
pub(crate) fn read_ends(reader: &mut impl Read, map: MapId) -> Result<Ends> {
    let mut end = |end| match reader.at_end(map, end) {
        Err(Error::NotABlob { .. } | Error::Corrupt { .. }) => Ok(None),
        found => found,
    };
    Ok(Ends {
        first: end(End::First)?,
        last: end(End::Last)?,
    })
}

/// Checks that the first and the last entry have the types `K` and `V`.
pub(crate) fn check_types<K, V>(
    location: &Location,
    ends: &Ends,
    entry_codec: EntryCodec,
) -> Result<()>
where
    K: Serialize + DeserializeOwned,
    V: DeserializeOwned,
{
    let mismatch = |found: &str, source| {
        Err(Error::TypeMismatch {
            location: location.clone(),
            key_type: type_name::<K>(),
            value_type: type_name::<V>(),
            found: found.to_owned(),
            source: Box::new(source),
        })
    };
    let mut decoded = false;
    let mut wrong = None;
    for (end, entry) in [("first", &ends.first), ("last", &ends.last)] {
        let Some(entry) = entry else { continue };
        match entry_codec.check_entry::<K, V>(&entry.key, &entry.value) {
            Ok(()) => decoded = true,
            Err(error @ (Error::KeyEncoding { .. } | Error::Encode { .. })) => {
                let found = format!("look-ups would miss its {end} entry");
                return mismatch(&found, error);
            }
            Err(error @ Error::Decode { part, .. }) => {
                wrong.get_or_insert_with(|| {
                    (
                        format!("the {part} of its {end} entry is of another type"),
                        error,
                    )
                });
            }
            // What is damaged, or Python's, says nothing about the types of the others.
            Err(_) => {}
        }
    }
    if let (Some(comparison), Some(first), Some(last)) =
        (entry_codec.comparison, &ends.first, &ends.last)
        && first.key != last.key
        && let Err(error) = comparison.check(&first.key, &last.key)
    {
        return mismatch("its keys are in another order", error);
    }
    match wrong {
        Some((found, error)) if !decoded => mismatch(&found, error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Write as _;

    #[test]
    fn errors_of_several_destructors_are_returned_in_their_order_each_once() {
        let vault: Vault<u8, u8> = Vault::open_in_memory().unwrap();
        let writer = vault.backend.begin_write().unwrap();
        for reason in ["first", "second"] {
            writer.defer_error(Error::InvalidOptions { reason });
        }
        drop(writer);
        for reason in ["first", "second"] {
            let error = vault.put(&1, &1).unwrap_err();
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.ends_with(reason), "{source}");
        }
        vault.put(&1, &1).unwrap();
    }
}
