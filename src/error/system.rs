//! Errors of the operating system.

use std::path::Path;

use super::Error;
use super::location::Location;

impl Error {
    /// Wraps an error of the system about a file or folder.
    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        let location = Location::file(path);
        let is_out_of_descriptors = Self::is_out_of_descriptors(&error);
        let source = Box::new(error);
        if is_out_of_descriptors {
            return Self::TooManyFiles { location, source };
        }
        Self::Io { location, source }
    }

    /// Returns `true` if this process or the system has reached its limit of open files.
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
