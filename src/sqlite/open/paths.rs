//! Paths: what a file is called, and what lies beside it.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::error::{Error, Result};
use crate::sqlite::open::config::Existence;

/// The name of a file beside the one at `path`.
pub(in crate::sqlite) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut sibling = path.to_path_buf().into_os_string();
    sibling.push(suffix);
    PathBuf::from(sibling)
}

/// Held by whoever creates a file under a name at which SQLite may open it, and shared by whoever
/// opens one: see [`create_new`].
static CREATING: RwLock<()> = RwLock::new(());

/// Keeps this process from creating a file by [`create_new`] for as long as the guard lives.
pub(in crate::sqlite) fn before_opening() -> RwLockReadGuard<'static, ()> {
    CREATING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Creates an empty file where there is nothing, not even a link, with these permissions as far as
/// the `umask` allows them.
///
/// Closing a descriptor drops all locks that this process has on the file (`fcntl(2)`), those of
/// SQLite included. So no connection of this crate is opened between the creation of the file and the
/// end of this function: [`before_opening`]. Another SQLite in this process is not held back; it
/// would have to open the file within these microseconds.
pub(in crate::sqlite) fn create_new(path: &Path, mode: Option<u32>) -> io::Result<()> {
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

/// How many names are tried: others have taken all of those only where a path leaves room for one letter.
const MAX_NAMES: u32 = 1000;

/// Creates an empty file of a new name beside the one at `path`: what there is room for of its name,
/// a dash, random digits and `suffix`.
///
/// Nobody can foresee the name. In a folder that others can write, a name that can be foreseen is
/// one that they can take first.
pub(in crate::sqlite) fn create_temp_sibling(
    path: &Path,
    suffix: &str,
    mode: Option<u32>,
) -> io::Result<PathBuf> {
    let mut tries = 0;
    loop {
        tries += 1;
        let new = new_name(path, suffix);
        match create_new(&new, mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < MAX_NAMES => {}
            created => return created.map(|()| new),
        }
    }
}

/// Where a file of any name fits, one fits that is as long as this: SQLite puts a journal beside it.
const LONGEST_NAME_BYTES: usize = 255 - "-journal".len();

/// A name that a file beside `path` can have whatever the length of that path.
fn new_name(path: &Path, suffix: &str) -> PathBuf {
    // The keys of each state are random, and nobody sees them.
    let random = RandomState::new().hash_one(());
    let mut tail = format!("-{random:016x}{suffix}");
    let folder = path.parent().unwrap_or(Path::new(""));
    let room = LONGEST_PATH_BYTES.saturating_sub(folder.as_os_str().len() + 1);
    let room = room.clamp(1, LONGEST_NAME_BYTES);
    tail.truncate(room);
    let mut name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    name.truncate(name.floor_char_boundary(room - tail.len()));
    folder.join(name + &tail)
}

/// A `file:` name that tells SQLite to take no locks: <https://www.sqlite.org/uri.html>.
pub(in crate::sqlite) fn immutable_uri(path: &Path) -> String {
    immutable_uri_of(path.as_os_str().as_encoded_bytes())
}

/// The same, for a path of any system.
///
/// Of a path that begins with a slash, what follows two more is taken for the name of a machine up to the
/// next one, so it gets an empty name of a machine. One of Windows (`C:\…`, `\\?\C:\…`,
/// `\\machine\…`) is escaped as it is: SQLite unescapes it to the very same path.
fn immutable_uri_of(path: &[u8]) -> String {
    let machine = if path.starts_with(b"/") { "//" } else { "" };
    let escaped = path.iter().map(|&byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    format!("file:{machine}{}?immutable=1", escaped.collect::<String>())
}

/// Why a path with this metadata cannot be a vault's, if it is no regular file.
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

/// True if there is anything at `path`, be it a link that leads nowhere.
pub(in crate::sqlite) fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a regular file for reading. It follows no link and does not wait for whoever would write
/// to a pipe.
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
    // Opening a device can do something to it, so that the name is looked at first.
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
    // The name may have come to mean something else.
    check(&file.metadata().map_err(io)?)?;
    Ok(file)
}

/// The absolute path, with every link in its folders resolved: all handles on one file then
/// agree on the names of the log and the index beside it.
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
            path: folder.to_path_buf(),
            source: Box::new(error),
        }),
    }
}

/// SQLite's `MAX_PATHNAME` on Unix is 512, of which it keeps 8 for the endings of the log and the journal.
const LONGEST_PATH_BYTES: usize = 504;

fn is_too_long(folder: &Path, name: &std::ffi::OsStr) -> bool {
    #[cfg(unix)]
    {
        folder.join(name).as_os_str().len() > LONGEST_PATH_BYTES
    }
    #[cfg(not(unix))]
    {
        let _ = (folder, name);
        false
    }
}

/// As [`resolve`], for a file that may have to be there.
pub(in crate::sqlite) fn absolute(path: &Path, existence: Existence) -> Result<PathBuf> {
    let has_folder = || {
        path.parent().is_none_or(|folder| {
            folder.as_os_str().is_empty() || !matches!(folder.try_exists(), Ok(false))
        })
    };
    if existence == Existence::Required && !has_folder() {
        return Err(Error::NotFound {
            path: path.to_path_buf(),
        });
    }
    resolve(path)
}

/// What tells a file from another one of the same name, where the system has such a thing.
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

/// The identity of the file at `path`, if there is one. A link is a file of its own.
pub(in crate::sqlite) fn identity(path: &Path) -> Option<Identity> {
    Some(Identity::of(&fs::symlink_metadata(path).ok()?))
}

/// The permissions of the file at `path`, where the system has such a thing.
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

/// True if the file at `path` is a mount point of its own, as a container has it that mounts a single
/// file: what lies beside it inside is not what lies beside it outside.
pub(in crate::sqlite) fn is_mounted(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC;
        // Kernels older than 5.8 do not know, and leave the attribute out.
        statx(CWD, path, flags, StatxFlags::empty())
            .is_ok_and(|file| file.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

/// True if there is a file at `path` that this process may not write to.
pub(in crate::sqlite) fn may_not_write(path: &Path) -> bool {
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

/// True if a file that this process creates beside the one at `path`, with its permissions, could not be
/// written to by the owner of that one.
pub(in crate::sqlite) fn would_lock_out_owner(path: &Path) -> bool {
    #[cfg(unix)]
    {
        let user = rustix::process::geteuid();
        let Ok(file) = fs::metadata(path) else {
            return false;
        };
        // What root creates, SQLite gives to the owner.
        !user.is_root() && locks_out_owner(&file, user.as_raw(), group_of_new_files(path))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// True if the file at `path` belongs to a user who may not write the one at `main`, or the one that this
/// process is about to create there. Root may.
pub(in crate::sqlite) fn is_strangers(path: &Path, main: &Path) -> bool {
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

/// The group that files get which this process creates beside `path`.
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
    let everybody_writes = file.mode() & 0o002 != 0;
    let group_writes = file.mode() & 0o020 != 0 && group == file.gid();
    file.uid() != user && !everybody_writes && !group_writes
}

/// True if the rollback journal at `path` has something to roll back, or cannot be read: SQLite
/// ends a transaction by removing it, emptying it, or filling its head with zeros.
pub(in crate::sqlite) fn is_hot_journal(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Err(error) => error.kind() != io::ErrorKind::NotFound,
        // Opening a pipe would wait for somebody to write to it.
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

    const WINDOWS: [&str; 4] = [
        r"C:\a\v.db",
        r"\\?\C:\v.db",
        r"\\m\s\v.db",
        r"\\?\UNC\m\s\v.db",
    ];

    #[test]
    fn names_of_windows_are_escaped_whole() {
        let uris = WINDOWS.map(|path| immutable_uri_of(path.as_bytes()));
        assert_eq!(
            uris,
            [
                "file:C%3A%5Ca%5Cv.db?immutable=1",
                "file:%5C%5C%3F%5CC%3A%5Cv.db?immutable=1",
                "file:%5C%5Cm%5Cs%5Cv.db?immutable=1",
                "file:%5C%5C%3F%5CUNC%5Cm%5Cs%5Cv.db?immutable=1",
            ]
        );
        let uri = immutable_uri_of(b"/a b/c?d.db");
        assert_eq!(uri, "file:///a%20b/c%3Fd.db?immutable=1");
    }

    #[test]
    fn a_new_name_fits_wherever_the_path_fits() {
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
            let new = new_name(&path, ".unfinished");
            assert_ne!(new, path);
            assert_eq!(new.parent(), path.parent());
            assert!(new.as_os_str().len() <= LONGEST_PATH_BYTES, "{new:?}");
            assert!(
                new.file_name().unwrap().len() <= LONGEST_NAME_BYTES,
                "{new:?}"
            );
        }
        let new = new_name(Path::new("/f/v.db"), ".unfinished");
        let new = new.to_str().unwrap();
        assert!(
            new.starts_with("/f/v.db-") && new.ends_with(".unfinished"),
            "{new}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_whoever_may_not_write_the_vault_is_a_strangers() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("own"), "").unwrap();
        fs::write(path("main"), "").unwrap();
        assert!(!is_strangers(&path("own"), &path("main")));
        assert!(!is_strangers(&path("own"), &path("missing")));
        assert!(!is_strangers(&path("missing"), &path("main")));
        // What root owns is nobody's who may not write.
        assert!(!is_strangers(Path::new("/"), &path("main")));
    }

    #[cfg(unix)]
    #[test]
    fn sqlite_takes_the_name_for_the_same_path() {
        // Here a path of Windows is the name of a file in the folder that the URI is relative to.
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
