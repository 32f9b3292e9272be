//! What is at the path before anything is opened, and making an empty file there.

use std::fs;

use rusqlite::ErrorCode;

use crate::error::{Error, Result};
use crate::sqlite::open::Opener;
use crate::sqlite::open::config::Existence;
use crate::sqlite::open::paths::{self, not_a_file};

impl Opener {
    /// Creates a file that must not be there yet, or is to have permissions of its own: SQLite would
    /// open what is there, and has no permissions to give.
    pub(in crate::sqlite) fn create_file(&self) -> Result<()> {
        let exclusive = self.config.existence == Existence::Refused;
        let wanted = exclusive || (self.config.mode.is_some() && self.may_fill());
        if self.is_in_memory() || !wanted {
            return Ok(());
        }
        match paths::create_new(&self.path, self.config.mode) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(Error::io(&self.path, error))
            }
            Err(_) if exclusive => Err(Error::AlreadyExists {
                path: self.path.to_path_buf(),
            }),
            _ => Ok(()),
        }
    }

    pub(in crate::sqlite) fn may_fill(&self) -> bool {
        !self.config.read_only && self.config.existence != Existence::Required
    }

    /// Tells apart why a file did not open, as far as the file system can say.
    pub(in crate::sqlite) fn cannot_open(&self, error: rusqlite::Error) -> Error {
        let cannot_open = error.sqlite_error_code() == Some(ErrorCode::CannotOpen);
        match self.check_existence() {
            Err(Error::AlreadyExists { .. }) => self.failed(error),
            Err(reason) if cannot_open && !self.is_in_memory() => reason,
            _ => self.failed(error),
        }
    }

    pub(in crate::sqlite) fn check_existence(&self) -> Result<()> {
        let path = self.path.to_path_buf();
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return if self.may_fill() {
                    Ok(())
                } else {
                    Err(Error::NotFound { path })
                };
            }
            Err(error) => {
                let source = Box::new(error);
                return Err(Error::Io { path, source });
            }
        };
        if let Some(reason) = not_a_file(&metadata) {
            return Err(Error::InvalidPath { path, reason });
        }
        if self.config.existence == Existence::Refused {
            return Err(Error::AlreadyExists { path });
        }
        if metadata.len() == 1 {
            // SQLite takes a file of one byte for an empty one, and would write over it.
            return Err(Error::NotAVault {
                path,
                reason: "it is not a SQLite file".to_owned(),
                source: None,
            });
        }
        if !self.config.immutable && paths::is_mounted(&path) {
            let reason =
                "it is mounted by itself, which leaves its log elsewhere: mount its folder instead";
            return Err(Error::InvalidPath { path, reason });
        }
        Ok(())
    }
}
