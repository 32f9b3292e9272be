//! The parts of messages that depend on the case.

use super::entry_part::EntryPart;
use super::location::Location;

/// Which names [`Error::InvalidName`](super::Error::InvalidName) recommends.
pub(super) const VALID_NAMES: &str = if cfg!(windows) {
    r#"1 to 244 bytes without `/`, `\`, control characters and any of `<>:"|?*`, not beginning with a dot"#
} else {
    r"1 to 244 bytes without `/`, `\` and NUL, not beginning with a dot"
};

/// What to do about an entry whose key or value cannot be decoded.
pub(super) const fn remedy(part: EntryPart) -> &'static str {
    match part {
        EntryPart::Value => "replace it with `put`, or remove it with `discard`",
        // No key of the caller's leads to it.
        EntryPart::Key => "remove it with `discard_undecodable`",
    }
}

/// The message of [`Error::ReadOnly`](super::Error::ReadOnly).
pub(super) fn cannot_write(location: &Location, file_refuses: bool) -> String {
    if file_refuses {
        format!(
            "{location} cannot be written: check its owner and permissions, or open the vault with `OpenOptions::read_only`"
        )
    } else {
        format!(
            "{location} cannot be written through a handle that only reads: open the vault without `OpenOptions::read_only` and `immutable`"
        )
    }
}
