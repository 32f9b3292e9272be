//! Paths where there is no vault and none can be created. Each returns a typed error, and no file
//! is changed.

use std::fs;
use std::path::Path;

use vaults::{Error, OpenOptions, Vault};

use crate::support::{Scratch, contents, make, refused};

type Numbers = Vault<u32, u32>;

fn open(path: impl AsRef<Path>) -> vaults::Result<Numbers> {
    Vault::open(path)
}

#[test]
fn a_missing_file_that_must_exist() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    for options in [
        OpenOptions::new().create(false),
        OpenOptions::new().read_only(true),
        OpenOptions::new().create(false).read_only(true),
    ] {
        let error = refused(&scratch, || options.open::<u32, u32>(&path));
        assert_is!(&error, Error::NotFound { location, .. } if *location == *path);
        let text = error.to_string();
        assert!(
            text.contains("vault.db") && text.contains("create"),
            "{text}"
        );
    }
}

#[test]
fn an_existing_file_with_create_new() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, 1_u32)]);
    let mut options = OpenOptions::new();
    options.create_new(true);
    let error = refused(&scratch, || options.open::<u32, u32>(scratch.vault()));
    assert_is!(&error, Error::AlreadyExists { location, .. } if *location == *scratch.vault());
    let new = options.open::<u32, u32>(scratch.path("new.db")).unwrap();
    assert!(new.is_empty().unwrap());
    drop(new);
    fs::write(scratch.path("text"), "text").unwrap();
    let error = refused(&scratch, || options.open::<u32, u32>(scratch.path("text")));
    assert_is!(error, Error::AlreadyExists { .. });
}

#[test]
fn create_new_overrides_create() {
    let scratch = Scratch::new();
    let mut options = OpenOptions::new();
    options.create(false).create_new(true);
    let vault = options.open::<u32, u32>(scratch.vault()).unwrap();
    assert_eq!(vault.len().unwrap(), 0);
}

#[test]
fn a_directory() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("folder")).unwrap();
    for path in [
        scratch.path("folder"),
        scratch.path("folder/"),
        scratch.path("folder/."),
        scratch.path("folder/.."),
        "/".into(),
        ".".into(),
        "..".into(),
    ] {
        let error = refused(&scratch, || open(&path));
        assert_is!(&error, Error::InvalidPath { .. });
        let text = error.to_string();
        assert!(text.contains("name a file in it"), "{path:?}: {text}");
    }
    assert!(contents(&scratch.path("folder")).is_empty());
}

#[test]
fn an_empty_path() {
    let scratch = Scratch::new();
    let error = refused(&scratch, || open(""));
    assert_is!(error, Error::InvalidPath { reason, .. } if reason.contains("empty"));
}

#[test]
fn a_nul_byte() {
    let scratch = Scratch::new();
    for name in ["a\0b", "\0"] {
        let error = refused(&scratch, || open(scratch.path(name)));
        assert_is!(error, Error::InvalidPath { reason, .. } if reason.contains("NUL"));
    }
}

#[test]
fn a_missing_folder() {
    let scratch = Scratch::new();
    let path = scratch.path("missing/vault.db");
    let error = refused(&scratch, || open(&path));
    assert_is!(&error, Error::InvalidPath { path: named, .. } if *named == path);
    assert!(
        error.to_string().contains("folder does not exist"),
        "{error}"
    );
}

#[test]
fn a_missing_folder_of_a_file_that_must_exist() {
    let scratch = Scratch::new();
    let path = scratch.path("missing/vault.db");
    for options in [
        OpenOptions::new().create(false),
        OpenOptions::new().read_only(true),
    ] {
        let error = refused(&scratch, || options.open::<u32, u32>(&path));
        assert_is!(error, Error::NotFound { .. });
    }
}

#[test]
fn a_file_instead_of_a_folder() {
    let scratch = Scratch::new();
    fs::write(scratch.path("file"), "text").unwrap();
    let error = refused(&scratch, || open(scratch.path("file/vault.db")));
    assert_is!(error, Error::Io { .. });
}

#[cfg(unix)]
#[test]
fn a_symbolic_link() {
    let scratch = Scratch::new();
    make(scratch.path("real.db"), [(1_u32, 1_u32)]);
    std::os::unix::fs::symlink(scratch.path("real.db"), scratch.path("link.db")).unwrap();
    std::os::unix::fs::symlink(scratch.path("nothing.db"), scratch.path("dangling.db")).unwrap();
    for name in ["link.db", "dangling.db"] {
        let error = refused(&scratch, || open(scratch.path(name)));
        assert_is!(&error, Error::InvalidPath { .. });
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_is_followed() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("real")).unwrap();
    std::os::unix::fs::symlink(scratch.path("real"), scratch.path("link")).unwrap();
    let through = open(scratch.path("link/vault.db")).unwrap();
    let direct = open(scratch.path("real/vault.db")).unwrap();
    assert_eq!(through.path(), direct.path());
    through.put(&1, &1).unwrap();
    assert_eq!(direct.len().unwrap(), 1);
}

#[cfg(unix)]
#[test]
fn a_special_file() {
    let scratch = Scratch::new();
    let _socket = std::os::unix::net::UnixListener::bind(scratch.path("socket")).unwrap();
    let error = refused(&scratch, || open(scratch.path("socket")));
    assert_is!(error, Error::InvalidPath { reason, .. } if reason.contains("regular file"));
    assert_is!(open("/dev/null"), Err(Error::InvalidPath { .. }));
}

#[test]
fn names_that_look_like_uris_or_options_are_files() {
    let scratch = Scratch::new();
    for name in [
        "file:x.db?mode=memory",
        ":memory:",
        "a b.db",
        "größe.db",
        "x.db?vfs=none",
        "-x",
    ] {
        let vault = open(scratch.path(name)).unwrap();
        vault.put(&1, &1).unwrap();
        vault.close().unwrap();
        assert!(scratch.path(name).is_file(), "{name}");
        assert_eq!(open(scratch.path(name)).unwrap().len().unwrap(), 1);
    }
}

#[cfg(unix)]
#[test]
fn a_file_name_that_is_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let scratch = Scratch::new();
    let path = scratch
        .folder()
        .join(std::ffi::OsStr::from_bytes(b"\xff.db"));
    let vault = open(&path).unwrap();
    vault.put(&1, &1).unwrap();
    assert_eq!(vault.path(), Some(&*path));
    vault.close().unwrap();
    assert!(path.is_file());
}

#[test]
fn a_text_file() {
    let scratch = Scratch::new();
    for text in ["xy", "This is a text.\n", &"many lines\n".repeat(1000)] {
        fs::write(scratch.vault(), text).unwrap();
        let error = refused(&scratch, || open(scratch.vault()));
        assert_is!(
            &error,
            Error::NotAVault {
                source: Some(_),
                ..
            }
        );
        let message = error.to_string();
        assert!(message.contains("not a SQLite file"), "{message}");
        assert!(message.contains("left as it was"), "{message}");
    }
}

#[test]
fn a_file_of_one_byte() {
    let scratch = Scratch::new();
    fs::write(scratch.vault(), "x").unwrap();
    let error = refused(&scratch, || open(scratch.vault()));
    assert_is!(error, Error::NotAVault { .. });
}

#[test]
fn an_empty_file() {
    let scratch = Scratch::new();
    fs::write(scratch.vault(), "").unwrap();
    for options in [
        OpenOptions::new().create(false),
        OpenOptions::new().read_only(true),
    ] {
        let error = refused(&scratch, || options.open::<u32, u32>(scratch.vault()));
        assert_is!(error, Error::NotAVault { reason, .. } if reason.contains("empty"));
    }
    let vault = open(scratch.vault()).unwrap();
    vault.put(&1, &1).unwrap();
    vault.close().unwrap();
    assert_eq!(open(scratch.vault()).unwrap().len().unwrap(), 1);
}
