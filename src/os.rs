//! Extensions for some operating systems, as in [`std::os`].

/// Options for Unix.
#[cfg(any(unix, doc))]
pub mod unix {
    use crate::options::OpenOptions;

    mod sealed {
        /// Keeps the trait from being implemented elsewhere.
        pub trait Sealed {}

        impl Sealed for crate::options::OpenOptions {}
    }

    /// Options of [`OpenOptions`] for Unix, like [`std::os::unix::fs::OpenOptionsExt`].
    pub trait OpenOptionsExt: sealed::Sealed {
        /// Sets the permissions of a new file, and of the log and the index beside it. Default: those that the
        /// `umask` of the process allows.
        ///
        /// For example, `0o600` keeps other users from reading the vault. An existing file keeps its permissions.
        ///
        /// In a folder that other users can write, they could create a log, an index or a journal before the
        /// vault is created. If one of these belongs to a user who may not write the vault, opening it for
        /// writing returns [`Error::InvalidPath`](crate::Error::InvalidPath), whatever the permissions.
        ///
        /// # Examples
        ///
        /// ```
        /// use vaults::OpenOptions;
        /// use vaults::os::unix::OpenOptionsExt;
        ///
        /// # fn main() -> vaults::Result<()> {
        /// # let folder = tempfile::tempdir().unwrap();
        /// # let path = folder.path().join("secrets.db");
        /// let secrets = OpenOptions::new().mode(0o600).open::<String, String>(&path)?;
        /// # secrets.close()?;
        /// # Ok(())
        /// # }
        /// ```
        fn mode(&mut self, mode: u32) -> &mut Self;
    }

    impl OpenOptionsExt for OpenOptions {
        fn mode(&mut self, mode: u32) -> &mut Self {
            self.set_mode(mode);
            self
        }
    }
}
