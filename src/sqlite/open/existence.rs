//! Checks what exists at the path before anything is opened, and creates an empty file there.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Location, Result};
use crate::sqlite::open::config::{Config, Existence};
use crate::sqlite::open::paths::{self, not_a_file};

/// Creates the file, if it must not exist yet or gets permissions of its own. SQLite would open an existing
/// file, and cannot set permissions.
pub(in crate::sqlite) fn create_file(path: &Path, config: &Config) -> Result<()> {
    let must_be_new = config.existence() == Existence::Refused;
    let has_permissions = config.mode.is_some() && config.may_create();
    if !must_be_new && !has_permissions {
        return Ok(());
    }
    match paths::create_new(path, config.mode) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Error::io(path, error)),
        Err(_) if must_be_new => Err(Error::AlreadyExists {
            location: Location::file(path),
        }),
        _ => Ok(()),
    }
}

/// Returns an error if `config` does not allow what exists at `path`, or that nothing exists there.
pub(in crate::sqlite) fn check_existence(path: &Path, config: &Config) -> Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return if config.may_create() {
                Ok(())
            } else {
                Err(Error::NotFound {
                    location: Location::file(path),
                })
            };
        }
        Err(error) => return Err(Error::io(path, error)),
    };
    let path = path.to_path_buf();
    if let Some(reason) = not_a_file(&metadata) {
        return Err(Error::InvalidPath { path, reason });
    }
    if config.existence() == Existence::Refused {
        return Err(Error::AlreadyExists {
            location: Location::File(path),
        });
    }
    if metadata.len() == 1 {
        // SQLite takes a file of one byte for an empty one, and would overwrite it.
        return Err(Error::NotAVault {
            location: Location::File(path),
            reason: "it is not a SQLite file".to_owned(),
            source: None,
        });
    }
    if !config.immutable && paths::is_mount_point(&path) {
        let reason =
            "it is mounted by itself, which leaves its log elsewhere: mount its folder instead";
        return Err(Error::InvalidPath { path, reason });
    }
    Ok(())
}
