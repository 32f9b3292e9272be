//! The one error type of the crate.

mod entry_part;
mod preview;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::entry_part::EntryPart;
pub(crate) use self::preview::preview;

/// What every fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error below ours in the chain: SQLite's, the codec's or the system's.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What a name for a vault is, for the message of [`Error::InvalidName`].
const VALID_NAMES: &str = if cfg!(windows) {
    r#"1 to 244 bytes without `/`, `\`, control characters and any of `<>:"|?*`, not beginning with a dot"#
} else {
    r"1 to 244 bytes without `/`, `\` and NUL, not beginning with a dot"
};

/// Everything that can go wrong, by what a caller can do about it.
///
/// `Display` says what happened and what to do; the cause below it, when there
/// is one, is the [`source`](std::error::Error::source). Keys appear in messages in
/// their encoded form, escaped and shortened; values never do.
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
///     Err(Error::NotFound { path }) => println!("nothing stored yet at {}", path.display()),
///     Err(error) => return Err(error.into()),
///     Ok(vault) => println!("{} entries", vault.len()?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no vault at this path, and the options did not allow to create one.
    #[error(
        "there is no vault at {}: check the path, or allow `OpenOptions::create`",
        path.display()
    )]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },

    /// `create_new` was asked for and something is there already.
    #[error(
        "{} exists already: open it without `OpenOptions::create_new`, or choose another path",
        path.display()
    )]
    AlreadyExists {
        /// The path that was asked for.
        path: PathBuf,
    },

    /// The path cannot name a vault: empty, a directory, a symbolic link.
    #[error("{} cannot be opened as a vault: {reason}", path.display())]
    InvalidPath {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },

    /// A name that [`VaultDir`](crate::VaultDir) does not allow.
    #[error("{name:?} cannot name a vault: use {VALID_NAMES}")]
    InvalidName {
        /// The name as it was given.
        name: String,
    },

    /// Settings of [`OpenOptions`](crate::OpenOptions) that contradict each other.
    #[error("these options cannot be used together: {reason}")]
    InvalidOptions {
        /// Which ones, and why.
        reason: &'static str,
    },

    /// The file exists and is something else. It was left as it was.
    #[error(
        "{} is not a vault: {reason}; it was left as it was, choose another path",
        path.display()
    )]
    NotAVault {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        reason: String,
        /// What SQLite said, if it was SQLite that refused the file.
        source: Option<Source>,
    },

    /// The file was written by a newer version of this crate.
    #[error(
        "{} has format {found}, this version of the crate knows formats up to {supported}: upgrade `vaults`",
        path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format it declares.
        found: i32,
        /// The newest format that this version of the crate reads.
        supported: i32,
    },

    /// The file holds entries of other types than `(K, V)`. It was left as it was.
    ///
    /// Opening looks at the first and the last entry. The types are wrong if either key does not encode
    /// to the bytes under which it is stored, or if neither entry decodes. An entry that is
    /// damaged, pickled or of an unknown codec says nothing about the types.
    #[error(
        "{} does not hold a map from `{key_type}` to `{value_type}`: {found}; it was left as it was, open it with the types it was written with",
        path.display()
    )]
    TypeMismatch {
        /// The file.
        path: PathBuf,
        /// The name of `K`.
        key_type: &'static str,
        /// The name of `V`.
        value_type: &'static str,
        /// Which entry shows it, and how.
        found: String,
        /// What is wrong with that entry: an [`Error`].
        source: Source,
    },

    /// A stored key decodes, but what it decodes to has another encoding: look-ups miss the entry.
    #[error(
        "the stored key {key} decodes as `{type_name}`, which encodes as {encoded}, so look-ups miss the entry: open the vault with the type that wrote it, or store the entry anew"
    )]
    KeyEncoding {
        /// The stored key, escaped and shortened.
        key: String,
        /// The encoding of the decoded key, escaped and shortened.
        encoded: String,
        /// The name of the type.
        type_name: &'static str,
    },

    /// A key or value that cannot be stored so that it reads back the same. Nothing was written.
    #[error("this {part} of type `{type_name}` cannot be stored faithfully; nothing was written")]
    Encode {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The name of the type.
        type_name: &'static str,
        /// Why not.
        source: Source,
    },

    /// A stored key or value does not decode as the type that was asked for.
    #[error("the stored {part} of the entry {key} does not decode as `{type_name}`: {}", remedy(*part))]
    Decode {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The encoded key, escaped and shortened.
        key: String,
        /// The name of the type.
        type_name: &'static str,
        /// Why not.
        source: Source,
    },

    /// A row that Python's `pickle` wrote. It is never decoded, for unpickling runs code.
    #[error(
        "the stored {part} of the entry {key} is a Python pickle, which is never decoded: rewrite it from Python as a type that MessagePack knows, {}",
        remedy(*part)
    )]
    Pickle {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The encoded key, escaped and shortened.
        key: String,
    },

    /// A stored blob begins with a tag that this version does not know.
    #[error(
        "the stored {part} of the entry {key} has the unknown codec tag {tag:#04x}, from a newer version, another program or damage: upgrade `vaults`, {}",
        remedy(*part)
    )]
    UnknownTag {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The encoded key, escaped and shortened.
        key: String,
        /// The tag that was found.
        tag: u8,
    },

    /// A stored key or value is NULL, a number or text. Another program wrote it, for this crate stores
    /// BLOBs only.
    #[error("the stored {part} of the entry {key} is {found}, not a BLOB: {}", remedy(*part))]
    NotABlob {
        /// Whether it is the key or the value.
        part: EntryPart,
        /// The encoded key, escaped and shortened, or the number of the row.
        key: String,
        /// The SQLite type that was found: `"NULL"`, `"INTEGER"`, `"REAL"` or `"TEXT"`.
        found: &'static str,
    },

    /// A stored value is not what was written: the file is damaged. Only vaults that were created
    /// with [`checksums`](crate::OpenOptions::checksums) can tell.
    #[error(
        "the stored value of the entry {key} fails its checksum: restore the file from a backup, save what is whole with `salvage`, {}",
        remedy(EntryPart::Value)
    )]
    Checksum {
        /// The encoded key, escaped and shortened.
        key: String,
    },

    /// A key or value is larger than SQLite can store (1,000,000,000 bytes by default).
    #[error("the entry is larger than SQLite stores in one row; nothing was written")]
    TooLarge {
        /// What SQLite said.
        source: Source,
    },

    /// The largest rowid that SQLite has is in use, so that a new entry has no place after the last.
    /// Nothing was written, and overwriting entries goes on. Only another program's rows lead here.
    #[error(
        "a new entry has no place after the last one of {}, whose rowid is the largest there is: call `compact`, which numbers the entries anew",
        path.display()
    )]
    OutOfRowids {
        /// The file.
        path: PathBuf,
    },

    /// Two entries would have got the same key. Nothing was changed.
    #[error(
        "two entries would have the key {key}, nothing was changed: map them to different keys, or remove one"
    )]
    DuplicateKey {
        /// The encoded key, escaped and shortened.
        key: String,
    },

    /// Another thread or process kept the vault locked for longer than the busy timeout.
    #[error(
        "{} was locked by another thread or process; gave up after {waited:?}: keep entries and transactions short, or raise `OpenOptions::busy_timeout`",
        path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long this call waited.
        waited: Duration,
    },

    /// This thread already holds the vault's writer and asked for it a second time.
    #[error(
        "this thread is already writing to {} and cannot begin a second write: finish or drop the first one",
        path.display()
    )]
    Reentrant {
        /// The file.
        path: PathBuf,
    },

    /// The vault is open elsewhere, and the call needs it alone.
    #[error(
        "{} is open elsewhere: close every other handle, clone and iterator first",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },

    /// An error that this transaction or snapshot met before has ended it: what it wrote was rolled
    /// back, and nothing more can be read or written through it.
    #[error(
        "an earlier error has ended this transaction or snapshot of {} and rolled back what it wrote: begin a new one",
        path.display()
    )]
    Ended {
        /// The file.
        path: PathBuf,
    },

    /// An earlier write failed when its entry, guard or iterator was dropped, where no error can be
    /// returned. The next call that writes, [`flush`](crate::Vault::flush) or
    /// [`close`](crate::Vault::close) returns it, once, and does nothing else. Calls that read do not.
    #[error(
        "an earlier write to {} failed when its entry, guard or iterator was dropped, and was not made; this call did nothing: repeat both",
        path.display()
    )]
    Deferred {
        /// The file.
        path: PathBuf,
        /// Why the earlier write failed: an [`Error`].
        source: Source,
    },

    /// The file, or the log or the index beside it, was deleted, renamed or replaced while it was
    /// open.
    ///
    /// A write that returns this may be in the file or not. What was acknowledged before is
    /// kept, as far as it can be: see [`durability`](crate::guide::durability#files-that-are-moved-or-deleted). This handle and its clones refuse
    /// every write until all three files have their names again; open the vault anew.
    #[error(
        "{} was deleted, renamed or replaced while the vault was open: drop every handle of {} and open it anew",
        moved.display(), path.display()
    )]
    Moved {
        /// The path at which the vault was opened.
        path: PathBuf,
        /// The file that is gone: that path, or the log (`-wal`) or the index (`-shm`) beside it.
        moved: PathBuf,
    },

    /// A handle that a parent process opened before it called `fork`. Nothing was read or written.
    #[error(
        "{} was opened before this process was forked: open it in the child",
        path.display()
    )]
    Forked {
        /// The file.
        path: PathBuf,
    },

    /// A read-only vault without a log and an index beside it, which its readers need and this
    /// process cannot create.
    ///
    /// Its folder cannot be written, or the file belongs to another user who could not write to
    /// what this process creates.
    #[error(
        "the log and the index that readers of {} need are not there and cannot be created by this process: open it while a program that writes to it has it open or, if nothing can change the file, with `OpenOptions::immutable(true)`",
        path.display()
    )]
    ReadOnlyFolder {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: Source,
    },

    /// A log or a journal beside the file has changes that this handle cannot take into account: it
    /// is [`immutable`](crate::OpenOptions::immutable), or only reads where the changes have to be
    /// written back first.
    #[error(
        "{} cannot be read without the changes in {}: open it once where both can be written, without `read_only` and `immutable`",
        path.display(),
        log.display()
    )]
    NeedsRecovery {
        /// The file.
        path: PathBuf,
        /// The log or the journal with the changes.
        log: PathBuf,
        /// What SQLite said, if it was SQLite that refused.
        source: Option<Source>,
    },

    /// This process, or the system, has too many files open to open one more.
    ///
    /// A vault takes up to 7 descriptors, an iterator or snapshot 2.
    #[error(
        "too many files are open to open {}: close some, or raise the limit (`ulimit -n`)",
        path.display()
    )]
    TooManyFiles {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Source,
    },

    /// The disk is full. What was acknowledged before is safe, and reading goes on.
    #[error("there is no space for {} to grow: make room and try again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: Source,
    },

    /// A write through a handle that only reads, or to a file that this process may not write to.
    #[error("{}", cannot_write(path, source.is_some()))]
    ReadOnly {
        /// The file; or the log, journal or index beside it, if that cannot be written to.
        path: PathBuf,
        /// What the system or SQLite said; `None` if the handle was opened for reading only.
        source: Option<Source>,
    },

    /// The file is damaged.
    #[error("{} is damaged: restore it from a backup, or save what is whole with `salvage`", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: Source,
    },

    /// The file could not be opened, read, written or synced.
    #[error("reading or writing {} failed", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system or SQLite said.
        source: Source,
    },

    /// The SQLite that this program links is too old to be trusted with data.
    #[error(
        "SQLite {found} is linked, {required} or newer is needed: older ones can lose committed data in WAL mode; use the `bundled` feature"
    )]
    UnsupportedSqlite {
        /// The version that is linked.
        found: &'static str,
        /// The oldest version that is accepted.
        required: &'static str,
    },

    /// SQLite refused in a way that none of the other variants describes.
    #[error("SQLite refused an operation on {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: Source,
    },
}

/// What to do about an entry whose key or value cannot be decoded.
const fn remedy(part: EntryPart) -> &'static str {
    match part {
        EntryPart::Value => "replace it with `put`, or remove it with `discard`",
        // No key of the caller's leads to it.
        EntryPart::Key => "remove it with `discard_undecodable`",
    }
}

impl Error {
    /// What the system said about a file or folder.
    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        let path = path.to_path_buf();
        let is_out_of_descriptors = Self::is_out_of_descriptors(&error);
        let source = Box::new(error);
        if is_out_of_descriptors {
            return Self::TooManyFiles { path, source };
        }
        Self::Io { path, source }
    }

    /// True if the system has said that this process or all of them have too many files open.
    pub(crate) fn is_out_of_descriptors(error: &std::io::Error) -> bool {
        #[cfg(unix)]
        {
            use rustix::io::Errno;
            let answer = Errno::from_io_error(error);
            matches!(answer, Some(Errno::MFILE | Errno::NFILE))
        }
        #[cfg(not(unix))]
        {
            let _ = error;
            false
        }
    }
}

fn cannot_write(path: &Path, file_refuses: bool) -> String {
    let path = path.display();
    if file_refuses {
        format!(
            "{path} cannot be written to: check its owner and permissions, or open the vault with `OpenOptions::read_only`"
        )
    } else {
        format!(
            "{path} cannot be written to through a handle that only reads: open the vault without `OpenOptions::read_only` and `immutable`"
        )
    }
}
