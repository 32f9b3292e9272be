//! The one error type of the crate.

mod entry_part;
mod kind;
mod location;
mod message;
mod preview;
mod system;

use std::path::PathBuf;
use std::time::Duration;

pub use self::entry_part::EntryPart;
pub use self::location::Location;
pub(crate) use self::message::VALID_FILE_NAMES;
use self::message::{
    already_exists, cannot_write, key_encoding, moved_away, needs_recovery, not_found, other_file,
    pickle, read_only_folder, reentrant, remedy, type_mismatch, unknown_tag, wrong_kind,
};
pub(crate) use self::preview::preview;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error that caused one of ours: SQLite's, the codec's or the system's.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error of a vault.
///
/// `Display` says what happened and then what to do. The cause, if there is one, is the
/// [`source`](std::error::Error::source). A message shows keys in their encoded form, escaped and
/// shortened. It never shows values.
///
/// A `main` that returns a `Result` prints the `Debug` form, which has every field. Print `{error}` for the message.
///
/// # What to do
///
/// The variants are grouped by what a caller can do, in this order:
///
/// - Correct the call: [`NotFound`](Self::NotFound), [`AlreadyExists`](Self::AlreadyExists),
///   [`InvalidPath`](Self::InvalidPath), [`InvalidName`](Self::InvalidName),
///   [`InvalidOptions`](Self::InvalidOptions), [`NotAVault`](Self::NotAVault),
///   [`TypeMismatch`](Self::TypeMismatch), [`WrongKind`](Self::WrongKind), [`OtherFile`](Self::OtherFile).
/// - Upgrade: [`NewerFormat`](Self::NewerFormat), [`UnsupportedSqlite`](Self::UnsupportedSqlite).
/// - Write something else: [`Encode`](Self::Encode), [`TooLarge`](Self::TooLarge),
///   [`TooManyMaps`](Self::TooManyMaps), [`DuplicateKey`](Self::DuplicateKey).
/// - Replace or remove the entry that the error names: [`Decode`](Self::Decode),
///   [`Pickle`](Self::Pickle), [`UnknownTag`](Self::UnknownTag), [`NotABlob`](Self::NotABlob),
///   [`KeyEncoding`](Self::KeyEncoding), [`Checksum`](Self::Checksum).
/// - Try again later: [`Busy`](Self::Busy), [`Full`](Self::Full), [`TooManyFiles`](Self::TooManyFiles),
///   [`Deferred`](Self::Deferred).
/// - Drop a handle, entry or transaction first: [`Reentrant`](Self::Reentrant), [`InUse`](Self::InUse),
///   [`Ended`](Self::Ended), [`Moved`](Self::Moved), [`Forked`](Self::Forked).
/// - Change permissions or options: [`ReadOnly`](Self::ReadOnly),
///   [`ReadOnlyFolder`](Self::ReadOnlyFolder), [`NeedsRecovery`](Self::NeedsRecovery).
/// - Repair or restore the file: [`Corrupt`](Self::Corrupt), [`OutOfRowids`](Self::OutOfRowids).
/// - Look at the source: [`Io`](Self::Io), [`Sqlite`](Self::Sqlite).
///
/// # Examples
///
/// ```
/// use vaults::{Error, OpenOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("missing.db");
/// match OpenOptions::new().create(false).open::<String, u64>(&path) {
///     Err(Error::NotFound { location, .. }) => println!("nothing stored yet at {location}"),
///     Err(error) => return Err(error.into()),
///     Ok(vault) => println!("{} entries", vault.len()?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no vault at the path, and the options do not allow creating one. Or the map does not exist: it was removed, or the
    /// file is read-only and has no map with the name.
    #[error("{}", not_found(location))]
    #[non_exhaustive]
    NotFound {
        /// The path that was to be opened.
        location: Location,
    },

    /// Something exists at the path of a file that was to be created, or another map has the name.
    #[error("{}", already_exists(location))]
    #[non_exhaustive]
    AlreadyExists {
        /// The path of the new file.
        location: Location,
    },

    /// The path cannot be that of a vault, for example because it is empty, a directory or a symbolic link.
    #[error("{} cannot be opened as a vault: {reason}", path.display())]
    #[non_exhaustive]
    InvalidPath {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },

    /// [`VaultDir`](crate::VaultDir) or [`VaultFile`](crate::VaultFile) does not allow the name.
    #[error("{name:?} cannot name a vault: use {allowed}")]
    #[non_exhaustive]
    InvalidName {
        /// The name as it was given.
        name: String,
        /// Which names are allowed.
        allowed: &'static str,
    },

    /// Some of the [`OpenOptions`](crate::OpenOptions) cannot be combined.
    #[error("these options cannot be used together: {reason}")]
    #[non_exhaustive]
    InvalidOptions {
        /// Which options, and why.
        reason: &'static str,
    },

    /// The file at the path is not a vault. It was left as it was.
    #[error("{location} is not a vault and was left as it was: {reason}; choose another path")]
    #[non_exhaustive]
    NotAVault {
        /// The file.
        location: Location,
        /// What was found instead.
        reason: String,
        /// The error of SQLite, if SQLite refused the file.
        source: Option<Source>,
    },

    /// The file holds entries of other types than `(K, V)`. It was left as it was.
    ///
    /// Opening checks the first and the last entry. The types do not match if either key does not encode
    /// to the bytes under which it is stored, or if neither entry decodes. An entry that is damaged,
    /// pickled or of an unknown codec is not taken into account.
    #[error("{}", type_mismatch(location, key_type, value_type, found))]
    #[non_exhaustive]
    TypeMismatch {
        /// The file.
        location: Location,
        /// The name of `K`.
        key_type: &'static str,
        /// The name of `V`.
        value_type: &'static str,
        /// Which entry does not match, and how.
        found: String,
        /// What is wrong with that entry: an [`Error`].
        source: Source,
    },

    /// The file or the map is a vault of another kind: in another order, or one map where several were expected. It was left
    /// as it was.
    #[error("{}", wrong_kind(location, expected, found))]
    #[non_exhaustive]
    WrongKind {
        /// The file.
        location: Location,
        /// The name of the type that was to be opened.
        expected: &'static str,
        /// The name of the type that opens it.
        found: &'static str,
    },

    /// A newer version of this crate wrote the file.
    #[error(
        "{location} has format {found}, and this version of the crate reads formats up to {supported}: upgrade `vaults`"
    )]
    #[non_exhaustive]
    NewerFormat {
        /// The file.
        location: Location,
        /// The format of the file.
        found: i32,
        /// The newest format that this version of the crate reads.
        supported: i32,
    },

    /// The SQLite that this program links is too old to be safe.
    #[error(
        "SQLite {found} is linked, which can lose committed data in WAL mode: link {required} or newer, or use the `bundled` feature"
    )]
    #[non_exhaustive]
    UnsupportedSqlite {
        /// The version that is linked.
        found: &'static str,
        /// The oldest version that is accepted.
        required: &'static str,
    },

    /// A key or value would not read back as it is. Nothing was written.
    #[error("a {part} of type `{type_name}` cannot be stored faithfully, and nothing was written")]
    #[non_exhaustive]
    Encode {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The name of the type.
        type_name: &'static str,
        /// Why it cannot be stored.
        source: Source,
    },

    /// A key or value is larger than SQLite can store, by default 1,000,000,000 bytes. Nothing was written.
    #[error("the entry is larger than a row of SQLite can be, and nothing was written")]
    #[non_exhaustive]
    TooLarge {
        /// The error of SQLite.
        source: Source,
    },

    /// The file has as many maps as it can have. Nothing was created.
    #[error(
        "{location} has {limit} maps already, which is the limit: keep more in one map, with keys that begin with a name"
    )]
    #[non_exhaustive]
    TooManyMaps {
        /// The file.
        location: Location,
        /// The largest number of maps in a file.
        limit: usize,
    },
    /// Two entries would have the same key. Nothing was changed.
    #[error(
        "two entries would have the key {key}, and nothing was changed: map them to different keys, or remove one"
    )]
    #[non_exhaustive]
    DuplicateKey {
        /// The encoded key, escaped and shortened.
        key: String,
    },

    /// A stored key or value does not decode as its type.
    #[error("the stored {part} of the entry {key} does not decode as `{type_name}`: {}", remedy(*part))]
    #[non_exhaustive]
    Decode {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The encoded key, escaped and shortened.
        key: String,
        /// The name of the type.
        type_name: &'static str,
        /// Why it does not decode.
        source: Source,
    },

    /// Python's `pickle` wrote the key or value. It is never decoded, because unpickling runs code.
    #[error("{}", pickle(*part, key))]
    #[non_exhaustive]
    Pickle {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The encoded key, escaped and shortened.
        key: String,
    },

    /// A stored key or value begins with a codec tag that this version does not know.
    #[error("{}", unknown_tag(*part, key, *tag))]
    #[non_exhaustive]
    UnknownTag {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The encoded key, escaped and shortened.
        key: String,
        /// The tag that was found.
        tag: u8,
    },

    /// A stored key or value is NULL, a number or text. Another program wrote it, because this crate
    /// stores only BLOBs.
    #[error("the stored {part} of the entry {key} is {found}, not a BLOB: {}", remedy(*part))]
    #[non_exhaustive]
    NotABlob {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The encoded key, escaped and shortened, or the number of the row.
        key: String,
        /// The SQLite type that was found: `"NULL"`, `"INTEGER"`, `"REAL"` or `"TEXT"`.
        found: &'static str,
    },

    /// A stored key decodes to a key that encodes differently, so look-ups miss the entry.
    #[error("{}", key_encoding(key, encoded, type_name))]
    #[non_exhaustive]
    KeyEncoding {
        /// The stored key, escaped and shortened.
        key: String,
        /// The encoding of the decoded key, escaped and shortened.
        encoded: String,
        /// The name of the type.
        type_name: &'static str,
    },

    /// A stored value differs from what was written, because the file is damaged. Only vaults that were
    /// created with [`checksums`](crate::OpenOptions::checksums) can tell.
    #[error(
        "the stored value of the entry {key} does not match its checksum: restore the file from a backup, save what is intact with `salvage`, {}",
        remedy(EntryPart::Value)
    )]
    #[non_exhaustive]
    Checksum {
        /// The encoded key, escaped and shortened.
        key: String,
    },

    /// Another thread or process held a lock of the vault for longer than the busy timeout.
    #[error(
        "{location} was locked by another thread or process for {waited:?}: keep entries and transactions short, or raise `OpenOptions::busy_timeout`"
    )]
    #[non_exhaustive]
    Busy {
        /// The file.
        location: Location,
        /// How long this call waited.
        waited: Duration,
    },

    /// The disk is full. What was acknowledged before is safe, and reads go on.
    #[error("there is no space for {location} to grow: free some space and try again")]
    #[non_exhaustive]
    Full {
        /// The file.
        location: Location,
        /// The error of SQLite.
        source: Source,
    },

    /// This process, or the system, has reached its limit of open files.
    ///
    /// A vault uses up to 8 descriptors, an iterator or snapshot 2 more.
    #[error(
        "{location} cannot be opened because too many files are open: close some, or raise the limit (`ulimit -n`)"
    )]
    #[non_exhaustive]
    TooManyFiles {
        /// The file.
        location: Location,
        /// The error of the system.
        source: Source,
    },

    /// An earlier write failed when its entry, guard or iterator was dropped, where no error can be
    /// returned. The next write, [`flush`](crate::Vault::flush) or [`close`](crate::Vault::close) returns
    /// it once, and does nothing else. Reads do not return it.
    #[error(
        "an earlier write to {location} failed when its entry, guard or iterator was dropped, and this call did nothing: repeat both"
    )]
    #[non_exhaustive]
    Deferred {
        /// The file.
        location: Location,
        /// Why the earlier write failed: an [`Error`].
        source: Source,
    },

    /// This thread already holds the write lock of the vault, and this call needs it too.
    #[error("{}", reentrant(location))]
    #[non_exhaustive]
    Reentrant {
        /// The file.
        location: Location,
    },

    /// A vault was used in a transaction or a snapshot of another file. Nothing was read or written.
    ///
    /// Handles that opened the same path separately are those of two files in this sense.
    #[error("{}", other_file(location, other))]
    #[non_exhaustive]
    OtherFile {
        /// The file of the transaction or snapshot.
        location: Location,
        /// The file of the vault.
        other: Location,
    },
    /// The vault is open elsewhere, and the call needs exclusive access.
    #[error("{location} is open elsewhere: close every other handle, clone and iterator first")]
    #[non_exhaustive]
    InUse {
        /// The file.
        location: Location,
    },

    /// An earlier error ended this transaction or snapshot. Its changes were rolled back, and it cannot be
    /// used any more.
    #[error(
        "an earlier error ended this transaction or snapshot of {location} and rolled back its changes: begin a new one"
    )]
    #[non_exhaustive]
    Ended {
        /// The file.
        location: Location,
    },

    /// The file, or the log or the index beside it, was deleted, renamed or replaced while it was open.
    ///
    /// A write that returns this may have taken effect or not. What was acknowledged before is kept as far
    /// as possible: see the guide to
    /// [durability](crate::guide::durability#files-that-are-moved-or-deleted). This handle and its clones
    /// refuse every write until all three files have their names back.
    #[error("{}", moved_away(location, moved))]
    #[non_exhaustive]
    Moved {
        /// The path at which the vault was opened.
        location: Location,
        /// The file that is gone: that path, or the log (`-wal`) or the index (`-shm`) beside it.
        moved: PathBuf,
    },

    /// A parent process opened this handle before it called `fork`. Nothing was read or written.
    #[error("{location} was opened before this process was forked: open it in the child")]
    #[non_exhaustive]
    Forked {
        /// The file.
        location: Location,
    },

    /// The handle is read-only, or this process may not write to the file.
    #[error("{}", cannot_write(location, source.is_some()))]
    #[non_exhaustive]
    ReadOnly {
        /// The file; or the log, journal or index beside it, if that cannot be written.
        location: Location,
        /// The error of the system or of SQLite; `None` if the handle is read-only.
        source: Option<Source>,
    },

    /// A read-only vault has no log and no index beside it. Readers need them, and this process cannot
    /// create them.
    ///
    /// Either its folder cannot be written, or the file belongs to another user who could not write to
    /// what this process creates.
    #[error("{}", read_only_folder(location))]
    #[non_exhaustive]
    ReadOnlyFolder {
        /// The file.
        location: Location,
        /// The error of SQLite.
        source: Source,
    },

    /// A log or a journal beside the file has changes that this handle cannot read. The handle is
    /// [`immutable`](crate::OpenOptions::immutable), or it is read-only and the changes must be written
    /// back first.
    #[error("{}", needs_recovery(location, log))]
    #[non_exhaustive]
    NeedsRecovery {
        /// The file.
        location: Location,
        /// The log or the journal with the changes.
        log: PathBuf,
        /// The error of SQLite, if SQLite refused the file.
        source: Option<Source>,
    },

    /// The file is damaged.
    #[error(
        "{location} is damaged: restore it from a backup, or save what is intact with `salvage`"
    )]
    #[non_exhaustive]
    Corrupt {
        /// The file.
        location: Location,
        /// The error of SQLite.
        source: Source,
    },

    /// There is no room for a new entry after the last one, because the largest rowid of SQLite is in use.
    /// Nothing was written, and existing entries can still be overwritten. Only rows that another program
    /// wrote cause this.
    #[error(
        "a new entry has no place after the last one of {location}, whose rowid is the largest there is: call `compact`, which numbers the rows again"
    )]
    #[non_exhaustive]
    OutOfRowids {
        /// The file.
        location: Location,
    },

    /// The file could not be opened, read, written or synced.
    #[error("reading or writing {location} failed")]
    #[non_exhaustive]
    Io {
        /// The file or folder.
        location: Location,
        /// The error of the system or of SQLite.
        source: Source,
    },

    /// SQLite returned an error that no other variant describes.
    #[error("SQLite refused an operation on {location}")]
    #[non_exhaustive]
    Sqlite {
        /// The file.
        location: Location,
        /// The error of SQLite.
        source: Source,
    },
}
