//! Checking all maps of a file, without their types.

use crate::codec::{self, Tag, checksum};
use crate::engine::{MapInfo, RawRow, Read as _, RowOrder};
use crate::error::{EntryPart, Error, Result, preview};
use crate::file::VaultFile;
use crate::maintenance::report::{VerifyProblem, VerifyReport};

/// The tag of the keys of sorted maps.
const ORDERED_KEY_TAG: u8 = b'O';

/// The result of [`VaultFile::verify`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct FileVerifyReport {
    /// The maps, in the order of the bytes of their names.
    pub maps: Vec<MapVerifyReport>,
    /// The problems that belong to no single map.
    pub problems: Vec<VerifyProblem>,
}

/// One map of a [`FileVerifyReport`].
#[derive(Debug)]
#[non_exhaustive]
pub struct MapVerifyReport {
    /// The name of the map.
    pub name: String,
    /// What was found in it.
    pub report: VerifyReport,
}

impl FileVerifyReport {
    /// Returns `true` if there are no problems in any map or in the file.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// assert!(file.verify()?.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty() && self.maps.iter().all(|map| map.report.is_ok())
    }
}

impl VaultFile {
    /// Checks the structure of the file, and reads every entry of every map.
    ///
    /// It does not know the types, so it checks the checksums, the tags, and that each MessagePack value is complete.
    /// [`Vault::verify`](crate::Vault::verify) of a map also decodes its entries.
    ///
    /// Reads the whole file, in one state.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Io`] if the file cannot be read. Damage is not an error; it is in the report.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// file.vault::<u64, String>("users")?.insert(1, "Ada".into())?;
    /// let report = file.verify()?;
    /// assert!(report.is_ok());
    /// assert_eq!(report.maps[0].name, "users");
    /// assert_eq!(report.maps[0].report.entries, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify(&self) -> Result<FileVerifyReport> {
        let mut reader = self.backend().begin_read_now()?;
        let mut report = FileVerifyReport::default();
        for map in reader.maps()? {
            let mut of_map = VerifyReport::default();
            let obstacles = reader.reach_all(map.map, |row| check_row(&map, row, &mut of_map))?;
            of_map.unreadable = obstacles.unreadable;
            let error = obstacles.error.map(VerifyProblem::Unreadable);
            of_map.problems.extend(error);
            let faults = reader.check_large_values(map.map);
            of_map.problems.extend(structure_problems(faults));
            report.maps.push(MapVerifyReport {
                name: map.name,
                report: of_map,
            });
        }
        let faults = reader.integrity_check_of_file();
        report.problems.extend(structure_problems(faults));
        Ok(report)
    }
}

fn structure_problems(faults: Result<Vec<String>>) -> Vec<VerifyProblem> {
    match faults {
        Ok(faults) => faults.into_iter().map(VerifyProblem::Structure).collect(),
        Err(error) => vec![VerifyProblem::Structure(error.to_string())],
    }
}

fn check_row(map: &MapInfo, row: RawRow<'_>, report: &mut VerifyReport) {
    report.entries += 1;
    let (key, value) = match row.bytes() {
        Ok(bytes) => bytes,
        Err(error) => return report.problems.push(VerifyProblem::Entry(error)),
    };
    report.key_bytes += key.len() as u64;
    report.value_bytes += value.len() as u64;
    match check_entry(map.map.order, map.checksums, key, value) {
        Ok(Tag::MessagePack) => report.message_pack += 1,
        Ok(Tag::Bincode) => report.bincode += 1,
        Ok(Tag::Pickle) => report.pickle += 1,
        Err(error) => report.problems.push(VerifyProblem::Entry(error)),
    }
}

/// Checks an entry without its types, and returns the tag of its value.
pub(super) fn check_entry(
    order: RowOrder,
    checksums: bool,
    key: &[u8],
    value: &[u8],
) -> Result<Tag> {
    let value = if checksums {
        let verified = checksum::verify_checksum(key, value);
        verified.ok_or_else(|| Error::Checksum { key: preview(key) })?
    } else {
        value
    };
    match order {
        RowOrder::Insertion => drop(check_blob(EntryPart::Key, key, key)?),
        RowOrder::Key if key.first() == Some(&ORDERED_KEY_TAG) => {}
        RowOrder::Key => return Err(unknown_tag(EntryPart::Key, key, key)),
    }
    check_blob(EntryPart::Value, key, value)
}

/// Checks that a blob has a known tag and, if it is MessagePack, that it is one complete value.
fn check_blob(part: EntryPart, key: &[u8], blob: &[u8]) -> Result<Tag> {
    let tag = Tag::of(blob).ok_or_else(|| unknown_tag(part, key, blob))?;
    if tag == Tag::MessagePack {
        codec::decode::<serde::de::IgnoredAny>(blob).map_err(|error| Error::Decode {
            part,
            key: preview(key),
            type_name: "a MessagePack value",
            source: Box::new(error),
        })?;
    }
    Ok(tag)
}

fn unknown_tag(part: EntryPart, key: &[u8], blob: &[u8]) -> Error {
    Error::UnknownTag {
        part,
        key: preview(key),
        tag: blob.first().copied().unwrap_or(0),
    }
}
