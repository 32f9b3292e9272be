//! Copying what can be read of a damaged file of several maps.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use crate::backend::{Backend, Writer};
use crate::codec::checksum;
use crate::engine::{MapId, Write as _};
use crate::error::{Error, Location, Result};
use crate::file::VaultFile;
use crate::maintenance::file::verify::check_entry;
use crate::maintenance::salvage::{SalvageLoss, SalvageReport};
use crate::options::OpenOptions;
use crate::sqlite::{PageScanner, Recovered, RecoveredRow, permissions};

/// The result of [`VaultFile::salvage`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct FileSalvageReport {
    /// The maps of the new file.
    pub maps: Vec<MapSalvage>,
    /// What was lost and belongs to no known map.
    pub lost: Vec<SalvageLoss>,
}

/// One map of a [`FileSalvageReport`].
#[derive(Debug)]
#[non_exhaustive]
pub struct MapSalvage {
    /// The name of the map. If it was lost, it is that of its table, such as `map_3`.
    pub name: String,
    /// What was saved and lost.
    pub report: SalvageReport,
}

impl VaultFile {
    /// Copies every entry that can be read from a damaged file into a new file, map by map. The damaged file is only read.
    ///
    /// It does not know the types, so it copies an entry if its checksum and its tags are right. If pages cannot be reached
    /// because of damage to others, their entries are saved as long as only one map of their kind is damaged. Otherwise it
    /// cannot be told to which map they belong, and they are reported.
    ///
    /// A file whose first page is lost has no names and no maps, and cannot be salvaged.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::WrongKind`] if the file has one map without a name: use
    ///   [`Vault::salvage`](crate::Vault::salvage).
    /// - Returns [`Error::NotFound`] or [`Error::Io`] if the damaged file cannot be read.
    /// - Returns [`Error::AlreadyExists`] if `new_path` exists.
    ///
    /// After an error there is no new file. Lost entries are not an error; they are in the report.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::VaultFile;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (damaged, saved) = (folder.path().join("damaged.db"), folder.path().join("saved.db"));
    /// # VaultFile::open(&damaged)?.vault::<u64, String>("users")?.insert(1, "Ada".into())?;
    /// let salvage = VaultFile::salvage(&damaged, &saved)?;
    /// for map in &salvage.maps {
    ///     println!("{}: {} entries were saved", map.name, map.report.saved);
    /// }
    /// # assert_eq!(salvage.maps[0].report.saved, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn salvage(
        path: impl AsRef<Path>,
        new_path: impl AsRef<Path>,
    ) -> Result<FileSalvageReport> {
        let path = path.as_ref();
        let mut scanner = PageScanner::open(path)?;
        if let Some(order) = scanner.order() {
            return Err(Error::WrongKind {
                location: Location::file(path),
                expected: "VaultFile",
                found: order.type_name(),
            });
        }
        let with_checksums = maps_with_checksums(&mut scanner);
        let mut options = OpenOptions::new();
        options.create_new(true);
        if let Some(mode) = permissions(path) {
            options.set_mode(mode | 0o600);
        }
        let mut new = TempFile(Some(options.open_file(new_path)?));
        let fill = |file: &VaultFile| fill(file.backend(), &mut scanner, &with_checksums);
        let report = new.0.as_ref().map(fill).transpose()?;
        new.0.take().map_or(Ok(()), VaultFile::close)?;
        Ok(report.unwrap_or_default())
    }
}

/// A file that is deleted on drop, unless it was taken out.
struct TempFile(Option<VaultFile>);

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            file.delete().ok();
        }
    }
}

/// Returns the indices of the maps with checksums: those of which the catalogue says so, or of which any value has one. 64
/// bits do not match by accident.
fn maps_with_checksums(scanner: &mut PageScanner) -> BTreeSet<usize> {
    let maps = scanner.maps().iter().enumerate();
    let declared = maps.filter(|(_, map)| map.checksums == Some(true));
    let mut found: BTreeSet<usize> = declared.map(|(index, _)| index).collect();
    let count = scanner.maps().len();
    if found.len() < count {
        scanner.scan_maps(&mut |map, recovered| {
            if let (Some(map), Recovered::Row(row)) = (map, recovered)
                && checksum::verify_checksum(&row.key, &row.value).is_some()
            {
                found.insert(map);
            }
            found.len() < count
        });
    }
    found
}

/// A map of the new file.
struct Target {
    map: MapId,
    checksums: bool,
    salvage: MapSalvage,
}

/// Creates the maps and copies their entries, in one transaction.
fn fill(
    backend: &Backend,
    scanner: &mut PageScanner,
    with_checksums: &BTreeSet<usize>,
) -> Result<FileSalvageReport> {
    let mut writer = backend.begin_write()?;
    let mut targets = Vec::new();
    let mut names = BTreeSet::new();
    for (index, found) in scanner.maps().iter().enumerate() {
        let mut name = found.name.clone();
        // The name of a table may be that of another map.
        while !names.insert(name.clone()) {
            name.push('_');
        }
        let checksums = with_checksums.contains(&index);
        targets.push(Target {
            map: writer.create_map(&name, found.order, checksums)?,
            checksums,
            salvage: MapSalvage {
                name,
                report: SalvageReport::default(),
            },
        });
    }
    let mut lost = Vec::new();
    let mut failure = None;
    scanner.scan_maps(&mut |map, recovered| {
        let target = map.and_then(|map| targets.get_mut(map));
        let copied = match (target, recovered) {
            (Some(target), Recovered::Row(row)) => target.copy(&mut writer, &row),
            (Some(target), Recovered::Fault { page, reason }) => {
                target.lose(SalvageLoss::Page {
                    number: page,
                    reason,
                });
                Ok(())
            }
            (None, Recovered::Fault { page, reason }) => {
                lost.push(SalvageLoss::Page {
                    number: page,
                    reason,
                });
                Ok(())
            }
            (None, Recovered::Row(_)) => Ok(()),
        };
        failure = copied.err();
        failure.is_none()
    });
    failure.map_or(Ok(()), Err)?;
    writer.commit()?;
    Ok(FileSalvageReport {
        maps: targets.into_iter().map(|target| target.salvage).collect(),
        lost,
    })
}

impl Target {
    fn lose(&mut self, loss: SalvageLoss) {
        self.salvage.report.lost.push(loss);
    }

    /// Copies an entry, or notes why it is lost.
    fn copy(&mut self, writer: &mut Writer, row: &RecoveredRow) -> Result<()> {
        let value = match self.value(row) {
            Ok(value) => value,
            Err(error) => {
                self.lose(SalvageLoss::Entry(error));
                return Ok(());
            }
        };
        // Connected pages come first, so a second row with the same key or position is an older one.
        let added = writer.insert_at(self.map, row.position, &row.key, &value)?;
        self.salvage.report.saved += u64::from(added);
        Ok(())
    }

    /// Returns the value to store for a row, or the reason why the row is lost.
    fn value<'row>(&self, row: &'row RecoveredRow) -> Result<Cow<'row, [u8]>> {
        let has_checksum = checksum::verify_checksum(&row.key, &row.value).is_some();
        check_entry(
            self.map.order,
            self.checksums && has_checksum,
            &row.key,
            &row.value,
        )?;
        Ok(if self.checksums && !has_checksum {
            Cow::Owned(checksum::add_checksum(&row.key, &row.value))
        } else {
            Cow::Borrowed(&row.value)
        })
    }
}
