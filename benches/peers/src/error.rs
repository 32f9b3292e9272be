//! Errors.

use std::error::Error;
use std::fmt;

/// Any error ends the run, but [`Unsupported`].
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// The engine has no such operation, or no such mode. It is left out of the row.
#[derive(Debug)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the engine has no such operation")
    }
}

impl Error for Unsupported {}
