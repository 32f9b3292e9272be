//! Paths: what a file is called, and what lies beside it.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::config::Existence;
use crate::error::{Error, Result};

/// The name of a file beside the one at `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.to_path_buf().into_os_string();
    beside.push(suffix);
    PathBuf::from(beside)
}

/// Held by whoever creates a file under a name at which SQLite may open it, and shared by whoever
/// opens one: see [`create_new`].
static CREATING: RwLock<()> = RwLock::new(());

/// Keeps this process from creating a file by [`create_new`] for as long as the guard lives.
pub(super) fn before_opening() -> RwLockReadGuard<'static, ()> {
    CREATING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Creates an empty file where there is nothing, not even a link, with these permissions as far as
/// the `umask` allows them.
///
/// Closing a descriptor drops all locks that this process has on the file (`fcntl(2)`), those of
/// SQLite included. So no connection of this crate is opened between the creation of the file and the
/// end of this function: [`before_opening`]. Another SQLite in this process is not held back; it
/// would have to open the file within these microseconds.
pub(super) fn create_new(path: &Path, mode: Option<u32>) -> io::Result<()> {
    let _alone = CREATING.write().unwrap_or_else(PoisonError::into_inner);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if let Some(mode) = mode {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path).map(drop)
}

/// Creates an empty file of a new name beside the one at `path`: its name, `.`, random digits and `suffix`.
///
/// Nobody can foresee the name. In a folder that others can write, a name that can be foreseen is
/// one that they can take first.
pub(super) fn create_beside(path: &Path, suffix: &str, mode: Option<u32>) -> io::Result<PathBuf> {
    loop {
        // The keys of each state are random, and nobody sees them.
        let random = RandomState::new().hash_one(());
        let new = beside(path, &format!(".{random:016x}{suffix}"));
        match create_new(&new, mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|()| new),
        }
    }
}

/// A `file:` name that tells SQLite to take no locks: <https://www.sqlite.org/uri.html>.
pub(super) fn immutable_uri(path: &Path) -> String {
    let escaped = path.as_os_str().as_encoded_bytes().iter().map(|&byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    format!("file://{}?immutable=1", escaped.collect::<String>())
}

/// The absolute path, with every link in its folders resolved: all handles on one file then
/// agree on the names of the log and the index beside it.
pub(super) fn resolve(path: &Path) -> Result<PathBuf> {
    let invalid = |reason| Error::InvalidPath {
        path: path.to_path_buf(),
        reason,
    };
    if path.as_os_str().is_empty() {
        return Err(invalid("it is empty: name a file"));
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(invalid("it contains a NUL byte"));
    }
    let name = path
        .file_name()
        .ok_or_else(|| invalid("it names a directory: name a file in it"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match folder.canonicalize() {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(invalid("its folder does not exist: create it first"))
        }
        Err(error) => Err(Error::Io {
            path: folder.to_path_buf(),
            source: Box::new(error),
        }),
    }
}

/// As [`resolve`], for a file that may have to be there.
pub(super) fn absolute(path: &Path, existence: Existence) -> Result<PathBuf> {
    let has_folder = path.parent().is_none_or(|folder| {
        folder.as_os_str().is_empty() || !matches!(folder.try_exists(), Ok(false))
    });
    if !has_folder && existence == Existence::Required {
        return Err(Error::NotFound {
            path: path.to_path_buf(),
        });
    }
    resolve(path)
}

/// What tells a file from another one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

/// The identity of the file at `path`, where the system has such a thing.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path).ok()?;
        Some(Identity {
            device: metadata.dev(),
            number: metadata.ino(),
        })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// The permissions of the file at `path`, where the system has such a thing.
pub(super) fn mode(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        Some(fs::metadata(path).ok()?.permissions().mode() & 0o777)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
