//! The names of maps.

use crate::engine::is_valid_name;
use crate::error::{Error, Result};

/// Returns an error if no map can have this name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if is_valid_name(name) {
        return Ok(());
    }
    Err(Error::InvalidName {
        name: name.to_owned(),
        allowed: "1 to 255 bytes without a NUL",
    })
}
