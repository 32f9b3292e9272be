//! The parts of messages that depend on the case.

use std::path::Path;

use super::entry_part::EntryPart;
use super::location::Location;

/// Which names a file of a [`VaultDir`](crate::VaultDir) can have.
pub(crate) const VALID_FILE_NAMES: &str = if cfg!(windows) {
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

/// The message of [`Error::NotFound`](super::Error::NotFound).
pub(super) fn not_found(location: &Location) -> String {
    match location {
        Location::Map { file, name } if name.is_empty() => {
            format!("a map of {file} was removed: open another one by `VaultFile::vault`")
        }
        Location::Map { .. } => format!(
            "{location} does not exist: it was removed, or the file is read-only and never had it"
        ),
        _ => format!(
            "there is no vault at {location}: check the path, or allow `OpenOptions::create`"
        ),
    }
}

/// The message of [`Error::AlreadyExists`](super::Error::AlreadyExists).
pub(super) fn already_exists(location: &Location) -> String {
    match location {
        Location::Map { .. } => format!("{location} already exists: choose another name"),
        _ => format!(
            "{location} already exists: open it without `OpenOptions::create_new`, or choose another path"
        ),
    }
}

/// The message of [`Error::WrongKind`](super::Error::WrongKind).
pub(super) fn wrong_kind(location: &Location, expected: &str, found: &str) -> String {
    match (expected, found) {
        (_, "VaultFile") => {
            format!("{location} holds maps with names: open it by `VaultFile::open`")
        }
        ("VaultFile", _) => format!(
            "{location} holds one map without a name: open it as a `{found}`, or give the map a name by `VaultFile::convert`"
        ),
        _ => format!("{location} is not a `{expected}`: open it as a `{found}`"),
    }
}

/// The message of [`Error::Pickle`](super::Error::Pickle).
pub(super) fn pickle(part: EntryPart, key: &str) -> String {
    let remedy = remedy(part);
    format!(
        "the stored {part} of the entry {key} is a Python pickle, which is never decoded: rewrite it from Python as a type that MessagePack supports, {remedy}"
    )
}

/// The message of [`Error::UnknownTag`](super::Error::UnknownTag).
pub(super) fn unknown_tag(part: EntryPart, key: &str, tag: u8) -> String {
    let remedy = remedy(part);
    format!(
        "the stored {part} of the entry {key} has the unknown codec tag {tag:#04x}, from a newer version, another program or damage: upgrade `vaults`, {remedy}"
    )
}

/// The message of [`Error::Moved`](super::Error::Moved).
pub(super) fn moved_away(location: &Location, moved: &Path) -> String {
    let moved = moved.display();
    format!(
        "{moved} was deleted, renamed or replaced while the vault was open: drop every handle of {location} and open it again"
    )
}

/// The message of [`Error::NeedsRecovery`](super::Error::NeedsRecovery).
pub(super) fn needs_recovery(location: &Location, log: &Path) -> String {
    let log = log.display();
    format!(
        "{location} cannot be read without the changes in {log}: open it once where both can be written, without `read_only` and `immutable`"
    )
}

/// The message of [`Error::ReadOnlyFolder`](super::Error::ReadOnlyFolder).
pub(super) fn read_only_folder(location: &Location) -> String {
    format!(
        "the log and the index that readers of {location} need do not exist and this process cannot create them: open it while a program that writes to it has it open or, if nothing can change the file, with `OpenOptions::immutable(true)`"
    )
}

/// The message of [`Error::OtherFile`](super::Error::OtherFile).
pub(super) fn other_file(location: &Location, other: &Location) -> String {
    format!(
        "the vault is in {other}, and the transaction or snapshot is one of {location}: open the vault by `VaultFile::vault` of the same `VaultFile`"
    )
}

/// The message of [`Error::KeyEncoding`](super::Error::KeyEncoding).
pub(super) fn key_encoding(key: &str, encoded: &str, type_name: &str) -> String {
    format!(
        "the stored key {key} decodes as `{type_name}`, which encodes as {encoded}, so look-ups miss the entry: open the vault with the type that wrote it, or write the entry again"
    )
}

/// The message of [`Error::Reentrant`](super::Error::Reentrant).
pub(super) fn reentrant(location: &Location) -> String {
    format!(
        "this thread is already writing to {location} and cannot begin a second write: finish or drop the first one or, in a transaction over several maps, write by `tx.on(&vault)`"
    )
}

/// The message of [`Error::TypeMismatch`](super::Error::TypeMismatch).
pub(super) fn type_mismatch(
    location: &Location,
    key_type: &str,
    value_type: &str,
    found: &str,
) -> String {
    format!(
        "{location} does not hold a map from `{key_type}` to `{value_type}` and was left as it was: {found}; open it with the types that wrote it"
    )
}
