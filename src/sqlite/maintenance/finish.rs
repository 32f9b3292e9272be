//! Giving a finished file its name: whole or not at all, and never over something else.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::sqlite::open::paths::create_new;

/// Moves a file to a name that nothing has, or fails and leaves it where it is.
type Move = fn(&Path, &Path) -> io::Result<()>;

/// What a file system is asked for; tests have ones that fail.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct FileSystem {
    /// Ways of moving, the best first: no file system knows all of them.
    pub(in crate::sqlite) moves: &'static [Move],
    pub(in crate::sqlite) sync_folder: fn(&Path) -> io::Result<()>,
}

impl FileSystem {
    pub(in crate::sqlite) const SYSTEM: Self = Self {
        moves: &[
            #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
            rename_exclusively,
            link,
            claim,
        ],
        sync_folder,
    };

    /// Moves a file to a name that nothing has.
    pub(in crate::sqlite) fn move_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut last = io::Error::from(io::ErrorKind::Unsupported);
        for way in self.moves {
            match way(from, to) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => last = error,
                done => return done,
            }
        }
        Err(last)
    }
}

/// Not every file system and kernel knows it: NFS and some of those in user space do not.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_exclusively(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// A link, unlike a rename, never replaces what is there. FAT and exFAT have none, Android forbids
/// them.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// Takes the name with an empty file and renames over that.
///
/// Between the two steps another process could open the empty file and make a vault of it, which is
/// then replaced: its next write is [`Error::Moved`](crate::Error::Moved).
fn claim(from: &Path, to: &Path) -> io::Result<()> {
    create_new(to, None)?;
    fs::rename(from, to).inspect_err(|_| {
        if fs::symlink_metadata(to).is_ok_and(|there| there.is_file() && there.len() == 0) {
            fs::remove_file(to).ok();
        }
    })
}

/// Makes the content of the file at `path` survive a power cut.
pub(in crate::sqlite) fn sync_file(path: &Path) -> io::Result<()> {
    // Windows syncs only what is open for writing.
    let file = fs::OpenOptions::new().write(true).open(path)?;
    match file.sync_all() {
        // Apple's full sync is not known to every file system; the ordinary one is.
        #[cfg(unix)]
        Err(error) if is_unsupported(&error) => Ok(rustix::fs::fsync(&file)?),
        synced => synced,
    }
}

/// Makes what happened to the names in the folder of `path` survive a power cut, where the file
/// system has a way to do so.
pub(in crate::sqlite) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        match File::open(folder) {
            Ok(folder) => return unless_unsupported(folder.sync_all()),
            // A folder that may be written to but not read cannot be opened to be synced.
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

/// True for the answers of a file system, such as SMB or one in user space, that cannot sync what it
/// was asked to.
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

    fn with(moves: &'static [Move]) -> FileSystem {
        FileSystem {
            moves,
            ..FileSystem::SYSTEM
        }
    }

    #[test]
    fn every_way_moves_to_a_free_name_and_nothing_else() {
        let ways = FileSystem::SYSTEM.moves.iter();
        for (n, way) in ways.enumerate() {
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
                let error = way(&path("new"), &path(name)).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{n}: {name}");
                assert_eq!(contents(folder.path()), before);
            }
            way(&path("new"), &path("free")).unwrap();
            assert_eq!(fs::read(path("free")).unwrap(), b"new", "way {n}");
            assert!(!path("new").exists(), "way {n}");
        }
    }

    #[test]
    fn a_way_that_the_file_system_does_not_know_is_followed_by_the_next() {
        for moves in [
            &[unsupported as Move, link] as &[Move],
            &[unsupported, forbidden, claim],
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            fs::write(path("new"), "new").unwrap();
            fs::write(path("there"), "there").unwrap();
            let system = with(moves);
            let error = system.move_new(&path("new"), &path("there")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            system.move_new(&path("new"), &path("free")).unwrap();
            assert_eq!(fs::read(path("free")).unwrap(), b"new");
            assert_eq!(fs::read(path("there")).unwrap(), b"there");
            assert_eq!(contents(folder.path()).len(), 2);
        }
    }

    #[test]
    fn when_no_way_is_left_nothing_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("new"), "new").unwrap();
        let system = with(&[unsupported, forbidden]);
        let error = system.move_new(&path("new"), &path("free")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(contents(folder.path()).len(), 1);
        // A name that was taken for nothing is given back.
        let error = claim(&path("missing"), &path("free")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(contents(folder.path()).len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_synced_is_no_failure_and_one_that_fails_is() {
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
