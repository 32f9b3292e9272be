//! The paths of a vault's files, and what the file system says about the files there.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::error::{Error, Location, Result};
use crate::sqlite::open::config::Existence;

/// Returns the path of the file beside `path` whose name has `suffix` added, such as `-wal`.
pub(in crate::sqlite) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut sibling = path.to_path_buf().into_os_string();
    sibling.push(suffix);
    PathBuf::from(sibling)
}

/// Locked for writing by [`create_new`], and for reading by a call that opens a connection.
static CREATING: RwLock<()> = RwLock::new(());

/// Blocks [`create_new`] in this process until the guard is dropped.
pub(in crate::sqlite) fn block_creation() -> RwLockReadGuard<'static, ()> {
    CREATING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Creates an empty file at a path where nothing exists, not even a link. Its permissions are `mode`, as far
/// as the `umask` allows.
///
/// Closing a file releases all locks that this process holds on it (`fcntl(2)`), including those of SQLite.
/// So [`block_creation`] keeps connections of this crate from opening the file before this function has
/// closed it. Another copy of SQLite in this process is not blocked, but it would have to open the file
/// within microseconds.
pub(in crate::sqlite) fn create_new(path: &Path, mode: Option<u32>) -> io::Result<()> {
    let _exclusive = CREATING.write().unwrap_or_else(PoisonError::into_inner);
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

/// How many names are tried. All can be taken only if the path leaves room for very few letters.
const MAX_NAMES: u32 = 1000;

/// Creates an empty file with a random name beside `path`, and returns its path. The name is that of `path`,
/// shortened if necessary, then a dash, random digits and `suffix`.
///
/// If the name could be predicted, another user could take it first in a folder that others can write.
pub(in crate::sqlite) fn create_temp_sibling(
    path: &Path,
    suffix: &str,
    mode: Option<u32>,
) -> io::Result<PathBuf> {
    let mut tries = 0;
    loop {
        tries += 1;
        let new = temp_name(path, suffix);
        match create_new(&new, mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < MAX_NAMES => {}
            created => return created.map(|()| new),
        }
    }
}

/// The longest name that leaves room for the name of the journal.
const MAX_NAME_BYTES: usize = 255 - "-journal".len();

/// Returns a random path beside `path` that is no longer than SQLite allows.
fn temp_name(path: &Path, suffix: &str) -> PathBuf {
    // The keys of each `RandomState` are random and secret.
    let random = RandomState::new().hash_one(());
    let mut tail = format!("-{random:016x}{suffix}");
    let folder = path.parent().unwrap_or(Path::new(""));
    let room = MAX_PATH_BYTES.saturating_sub(folder.as_os_str().len() + 1);
    let room = room.clamp(1, MAX_NAME_BYTES);
    tail.truncate(room);
    let mut name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    while name.len() > room - tail.len() {
        name.pop();
    }
    folder.join(name + &tail)
}

/// Returns a URI that tells SQLite that the file cannot change: <https://www.sqlite.org/uri.html>.
pub(in crate::sqlite) fn immutable_uri(path: &Path) -> String {
    immutable_uri_of(path.as_os_str().as_encoded_bytes())
}

/// Returns the URI for a path of any operating system.
///
/// After `file:`, two slashes begin the name of a host. So a path that begins with a slash gets an empty
/// host. A Windows path (`C:\…`, `\\?\C:\…`, `\\machine\…`) is escaped as a whole, and SQLite unescapes it
/// to the same path.
fn immutable_uri_of(path: &[u8]) -> String {
    let host = if path.starts_with(b"/") { "//" } else { "" };
    let escaped = path.iter().map(|&byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    format!("file:{host}{}?immutable=1", escaped.collect::<String>())
}

/// Returns the reason why a file with this metadata cannot be a vault, unless it is a regular file.
pub(in crate::sqlite) fn not_a_file(metadata: &fs::Metadata) -> Option<&'static str> {
    if metadata.is_symlink() {
        Some("it is a symbolic link: give the path it leads to")
    } else if metadata.is_dir() {
        Some("it is a directory: name a file in it")
    } else if metadata.is_file() {
        None
    } else {
        Some("it is not a regular file")
    }
}

/// Returns `true` if anything exists at `path`, including a broken link.
pub(in crate::sqlite) fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a regular file for reading. It does not follow a link, and does not block on a pipe.
pub(in crate::sqlite) fn open_to_read(path: &Path) -> Result<fs::File> {
    let io = |error| Error::io(path, error);
    let check = |metadata: &fs::Metadata| {
        not_a_file(metadata).map_or(Ok(()), |reason| {
            Err(Error::InvalidPath {
                path: path.to_path_buf(),
                reason,
            })
        })
    };
    // Opening a device can have an effect, so the kind of file is checked first.
    check(&fs::symlink_metadata(path).map_err(io)?)?;
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = options.open(path).map_err(io)?;
    // The file may have been replaced since the check.
    check(&file.metadata().map_err(io)?)?;
    Ok(file)
}

/// Returns the absolute path with every link in its folders resolved, so that all handles of a file use the
/// same log and index.
pub(in crate::sqlite) fn resolve(path: &Path) -> Result<PathBuf> {
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
        Ok(folder) if is_too_long(&folder, name) => Err(invalid(
            "its absolute path has more than 504 bytes, SQLite's limit: choose a shorter one",
        )),
        Ok(folder) => Ok(folder.join(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(invalid("its folder does not exist: create it first"))
        }
        Err(error) => Err(Error::Io {
            location: Location::file(folder),
            source: Box::new(error),
        }),
    }
}

/// The longest path: SQLite's `MAX_PATHNAME` on Unix, 512, without the 8 bytes of `-journal`.
const MAX_PATH_BYTES: usize = 504;

fn is_too_long(folder: &Path, name: &std::ffi::OsStr) -> bool {
    #[cfg(unix)]
    {
        folder.join(name).as_os_str().len() > MAX_PATH_BYTES
    }
    #[cfg(not(unix))]
    {
        let _ = (folder, name);
        false
    }
}

/// Like [`resolve`], but returns [`Error::NotFound`] if the file must exist and its folder does not.
pub(in crate::sqlite) fn absolute(path: &Path, existence: Existence) -> Result<PathBuf> {
    let has_folder = || {
        path.parent().is_none_or(|folder| {
            folder.as_os_str().is_empty() || !matches!(folder.try_exists(), Ok(false))
        })
    };
    if existence == Existence::Required && !has_folder() {
        return Err(Error::NotFound {
            location: Location::file(path),
        });
    }
    resolve(path)
}

/// The identity of a file, which a file that takes its name does not share. On other systems than Unix, all
/// files have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct Identity {
    device: u64,
    number: u64,
}

impl Identity {
    pub(in crate::sqlite) fn of(file: &fs::Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Self {
                device: file.dev(),
                number: file.ino(),
            }
        }
        #[cfg(not(unix))]
        {
            let _ = file;
            Self {
                device: 0,
                number: 0,
            }
        }
    }
}

/// Returns the identity of the file at `path`, if it exists. Links are not followed.
pub(in crate::sqlite) fn identity(path: &Path) -> Option<Identity> {
    Some(Identity::of(&fs::symlink_metadata(path).ok()?))
}

/// Returns the permissions of the file at `path`, on Unix.
pub(in crate::sqlite) fn mode(path: &Path) -> Option<u32> {
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

/// Returns `true` if the file at `path` is itself a mount point, as in a container that mounts a single file.
/// Then the folder in the container is not the file's folder outside.
pub(in crate::sqlite) fn is_mount_point(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC;
        // Kernels before 5.8 do not report the attribute.
        statx(CWD, path, flags, StatxFlags::empty())
            .is_ok_and(|file| file.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

/// Returns `true` if a file exists at `path` that this process may not write.
pub(in crate::sqlite) fn is_unwritable(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        use rustix::io::Errno;
        #[cfg(target_os = "android")]
        let effective = AtFlags::empty();
        #[cfg(not(target_os = "android"))]
        let effective = AtFlags::EACCESS;
        let answer = accessat(CWD, path, Access::WRITE_OK, effective);
        matches!(answer, Err(Errno::ACCESS | Errno::PERM | Errno::ROFS))
    }
    #[cfg(not(unix))]
    {
        fs::metadata(path).is_ok_and(|file| file.permissions().readonly())
    }
}

/// Returns `true` if the owner of the file at `path` could not write a file that this process creates beside
/// it with the same permissions.
pub(in crate::sqlite) fn would_lock_out_owner(path: &Path) -> bool {
    #[cfg(unix)]
    {
        let user = rustix::process::geteuid();
        let Ok(file) = fs::metadata(path) else {
            return false;
        };
        // SQLite gives files that root creates to the owner of the main file.
        !user.is_root() && locks_out_owner(&file, user.as_raw(), group_of_new_files(path))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Returns `true` if the file at `path` belongs to a user who may not write the file at `main`. If there is no
/// file at `main`, this process is about to create it. Root may write any file.
pub(in crate::sqlite) fn has_foreign_owner(path: &Path, main: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let Ok(file) = fs::symlink_metadata(path) else {
            return false;
        };
        let (owner, others_write) = match fs::symlink_metadata(main) {
            Ok(main) => (main.uid(), main.mode() & 0o022 != 0),
            Err(_) => (rustix::process::geteuid().as_raw(), false),
        };
        ![owner, 0].contains(&file.uid()) && !others_write
    }
    #[cfg(not(unix))]
    {
        let _ = (path, main);
        false
    }
}

/// Returns the group of files that this process creates beside `path`.
#[cfg(unix)]
fn group_of_new_files(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    const SET_GROUP: u32 = 0o2000;
    let folder = path.parent().and_then(|folder| fs::metadata(folder).ok());
    match folder {
        Some(folder) if folder.mode() & SET_GROUP != 0 => folder.gid(),
        _ => rustix::process::getegid().as_raw(),
    }
}

#[cfg(unix)]
fn locks_out_owner(file: &fs::Metadata, user: u32, group: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let everyone_writes = file.mode() & 0o002 != 0;
    let group_writes = file.mode() & 0o020 != 0 && group == file.gid();
    file.uid() != user && !everyone_writes && !group_writes
}

/// Returns `true` if the journal at `path` has something to roll back or cannot be read. SQLite ends a
/// transaction by deleting the journal, truncating it, or overwriting its header with zeros.
pub(in crate::sqlite) fn is_hot_journal(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Err(error) => error.kind() != io::ErrorKind::NotFound,
        // Opening a pipe would block.
        Ok(file) if !file.is_file() => true,
        Ok(file) => file.len() > 0 && first_byte(path).is_none_or(|first| first != 0),
    }
}

fn first_byte(path: &Path) -> Option<u8> {
    use std::io::Read;
    let mut first = [0];
    fs::File::open(path).ok()?.read_exact(&mut first).ok()?;
    Some(first[0])
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;

    const WINDOWS: [&str; 5] = [
        r"C:\a\v.db",
        r"\\?\C:\v.db",
        r"\\m\s\v.db",
        r"\\?\UNC\m\s\v.db",
        r"C:\a b\c#d%20e?f.db",
    ];

    #[test]
    fn windows_paths_are_escaped_as_a_whole() {
        let uris = WINDOWS.map(|path| immutable_uri_of(path.as_bytes()));
        assert_eq!(
            uris,
            [
                "file:C%3A%5Ca%5Cv.db?immutable=1",
                "file:%5C%5C%3F%5CC%3A%5Cv.db?immutable=1",
                "file:%5C%5Cm%5Cs%5Cv.db?immutable=1",
                "file:%5C%5C%3F%5CUNC%5Cm%5Cs%5Cv.db?immutable=1",
                "file:C%3A%5Ca%20b%5Cc%23d%2520e%3Ff.db?immutable=1",
            ]
        );
        let uri = immutable_uri_of(b"/a b/c?d.db");
        assert_eq!(uri, "file:///a%20b/c%3Fd.db?immutable=1");
    }

    #[test]
    fn a_temp_name_is_never_too_long() {
        let folder = |bytes: usize| PathBuf::from(format!("/{}", "f".repeat(bytes - 1)));
        for (bytes, name) in [
            (10, 1),
            (10, 247),
            (10, 255),
            (256, 247),
            (480, 23),
            (502, 1),
        ] {
            let path = folder(bytes).join("é".repeat(name / 2) + &"n".repeat(name % 2));
            let new = temp_name(&path, ".unfinished");
            assert_ne!(new, path);
            assert_eq!(new.parent(), path.parent());
            assert!(new.as_os_str().len() <= MAX_PATH_BYTES, "{new:?}");
            assert!(new.file_name().unwrap().len() <= MAX_NAME_BYTES, "{new:?}");
        }
        let new = temp_name(Path::new("/f/v.db"), ".unfinished");
        let new = new.to_str().unwrap();
        assert!(
            new.starts_with("/f/v.db-") && new.ends_with(".unfinished"),
            "{new}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_this_user_or_root_has_no_foreign_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("own"), "").unwrap();
        fs::write(path("main"), "").unwrap();
        assert!(!has_foreign_owner(&path("own"), &path("main")));
        assert!(!has_foreign_owner(&path("own"), &path("missing")));
        assert!(!has_foreign_owner(&path("missing"), &path("main")));
        // Root owns the folder `/`.
        assert!(!has_foreign_owner(Path::new("/"), &path("main")));
    }

    #[cfg(unix)]
    #[test]
    fn sqlite_resolves_the_uri_to_the_same_path() {
        // On Unix, a Windows path is the name of a file in a folder.
        let folder = tempfile::tempdir().unwrap();
        let names = WINDOWS.into_iter().chain(["a b%c?d#e.db"]);
        for name in names {
            let path = folder.path().join(name);
            let connection = Connection::open(&path).unwrap();
            connection.execute_batch("CREATE TABLE t (x)").unwrap();
            let uri = immutable_uri(&path);
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let same = Connection::open_with_flags(&uri, flags).unwrap();
            assert!(same.table_exists(None, "t").unwrap(), "{name}");
        }
    }
}
