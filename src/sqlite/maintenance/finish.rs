//! Gives a complete file its name, without replacing an existing file, and syncs it.

use std::fs;
#[cfg(unix)]
use std::fs::File;
use std::io;
use std::path::Path;

use crate::sqlite::open::paths::create_new;

/// Renames a file to a name that does not exist. If it fails, the file keeps its name.
type RenameNew = fn(&Path, &Path) -> io::Result<()>;

/// The operations that this module needs of a file system. Tests replace them by ones that fail.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct FileSystem {
    /// Ways to rename, the best first. No file system supports all of them.
    pub(in crate::sqlite) renames: &'static [RenameNew],
    pub(in crate::sqlite) sync_folder: fn(&Path) -> io::Result<()>,
}

impl FileSystem {
    pub(in crate::sqlite) const SYSTEM: Self = Self {
        renames: &[
            #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
            rename_noreplace,
            link_and_unlink,
            rename_over_empty,
        ],
        sync_folder,
    };

    /// Renames a file to a name that does not exist, in the first way that works.
    pub(in crate::sqlite) fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut last = io::Error::from(io::ErrorKind::Unsupported);
        for rename in self.renames {
            match rename(from, to) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => last = error,
                done => return done,
            }
        }
        Err(last)
    }
}

/// Renames by a system call that fails if the name exists. NFS, some file systems in user space and old
/// kernels do not support it.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_noreplace(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Creates a hard link, which fails if the name exists, and deletes the old name. FAT and exFAT do not support
/// links, and Android forbids them.
fn link_and_unlink(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// Creates an empty file, which fails if the name exists, and renames over it.
///
/// Between the two steps, another process could open the empty file and create a vault in it. The vault is
/// then replaced, and its next write returns [`Error::Moved`](crate::Error::Moved).
fn rename_over_empty(from: &Path, to: &Path) -> io::Result<()> {
    create_new(to, None)?;
    fs::rename(from, to).inspect_err(|_| {
        if fs::symlink_metadata(to).is_ok_and(|file| file.is_file() && file.len() == 0) {
            fs::remove_file(to).ok();
        }
    })
}

/// Syncs the content of the file at `path`.
pub(in crate::sqlite) fn sync_file(path: &Path) -> io::Result<()> {
    // Windows syncs only files that are open for writing.
    let file = fs::OpenOptions::new().write(true).open(path)?;
    match file.sync_all() {
        // Not every file system supports Apple's full sync, but all support the ordinary one.
        #[cfg(unix)]
        Err(error) if is_unsupported(&error) => Ok(rustix::fs::fsync(&file)?),
        synced => synced,
    }
}

/// Syncs the names in the folder of `path`, if the file system supports that.
pub(in crate::sqlite) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        match File::open(folder) {
            Ok(folder) => return unless_unsupported(folder.sync_all()),
            // A folder that this process may write but not read cannot be opened.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(unix)]
fn unless_unsupported(synced: io::Result<()>) -> io::Result<()> {
    synced.or_else(|error| {
        if is_unsupported(&error) {
            Ok(())
        } else {
            Err(error)
        }
    })
}

/// Returns `true` if the file system, such as SMB or one in user space, does not support the sync.
#[cfg(unix)]
fn is_unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let unsupported = [
        Errno::INVAL,
        Errno::NOSYS,
        Errno::NOTSUP,
        Errno::NOTTY,
        Errno::OPNOTSUPP,
    ];
    Errno::from_io_error(error).is_some_and(|error| unsupported.contains(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap_or_default())
            })
            .collect();
        files.sort();
        files
    }

    fn unsupported(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn forbidden(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn with(renames: &'static [RenameNew]) -> FileSystem {
        FileSystem {
            renames,
            ..FileSystem::SYSTEM
        }
    }

    #[test]
    fn every_rename_leaves_existing_files_alone() {
        for (n, rename) in FileSystem::SYSTEM.renames.iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            fs::write(path("new"), "new").unwrap();
            fs::write(path("file"), "file").unwrap();
            fs::write(path("empty"), "").unwrap();
            fs::create_dir(path("folder")).unwrap();
            #[cfg(unix)]
            std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
            let before = contents(folder.path());
            for (name, _) in before.iter().filter(|(name, _)| name != "new") {
                let error = rename(&path("new"), &path(name)).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{n}: {name}");
                assert_eq!(contents(folder.path()), before);
            }
            rename(&path("new"), &path("free")).unwrap();
            assert_eq!(fs::read(path("free")).unwrap(), b"new", "rename {n}");
            assert!(!path("new").exists(), "rename {n}");
        }
    }

    #[test]
    fn an_unsupported_rename_is_followed_by_the_next() {
        for renames in [
            &[unsupported as RenameNew, link_and_unlink] as &[RenameNew],
            &[unsupported, forbidden, rename_over_empty],
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            fs::write(path("new"), "new").unwrap();
            fs::write(path("there"), "there").unwrap();
            let system = with(renames);
            let error = system.rename_new(&path("new"), &path("there")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            system.rename_new(&path("new"), &path("free")).unwrap();
            assert_eq!(fs::read(path("free")).unwrap(), b"new");
            assert_eq!(fs::read(path("there")).unwrap(), b"there");
            assert_eq!(contents(folder.path()).len(), 2);
        }
    }

    #[test]
    fn nothing_changes_if_no_rename_works() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("new"), "new").unwrap();
        let system = with(&[unsupported, forbidden]);
        let error = system.rename_new(&path("new"), &path("free")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(contents(folder.path()).len(), 1);
        // The empty file is deleted again.
        let error = rename_over_empty(&path("missing"), &path("free")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(contents(folder.path()).len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_an_unsupported_sync_of_a_folder_is_ignored() {
        use rustix::io::Errno;
        let of = |errno: Errno| unless_unsupported(Err(errno.into()));
        for errno in [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP] {
            of(errno).unwrap();
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::ROFS] {
            assert_eq!(
                of(errno).unwrap_err().raw_os_error(),
                Some(errno.raw_os_error())
            );
        }
    }

    #[test]
    fn files_and_folders_are_synced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "content").unwrap();
        sync_file(&path).unwrap();
        sync_folder(&path).unwrap();
        assert!(sync_file(&folder.path().join("missing")).is_err());
        assert!(sync_folder(&folder.path().join("missing/file")).is_err());
    }
}
