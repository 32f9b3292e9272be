//! The numbers of entries of the maps in one version of a file.

use std::collections::BTreeMap;

use crate::sqlite::connection::wal_index::WalIndexHeader;
use crate::sqlite::write::change::MapChange;

/// The numbers of entries that are known, by the numbers of the maps, and the header of the version that has them.
#[derive(Default)]
pub(in crate::sqlite) struct Lengths {
    version: Option<WalIndexHeader>,
    of_maps: BTreeMap<u32, u64>,
}

impl Lengths {
    /// Returns the number of entries of a map in the version `at`, if it is known.
    pub(in crate::sqlite) fn get(&self, map: u32, at: WalIndexHeader) -> Option<u64> {
        if self.version != Some(at) {
            return None;
        }
        self.of_maps.get(&map).copied()
    }

    /// Notes the number of entries of a map in the version `at`. Forgets those of other versions.
    pub(in crate::sqlite) fn set(&mut self, map: u32, at: WalIndexHeader, length: u64) {
        if self.version != Some(at) {
            self.of_maps.clear();
            self.version = Some(at);
        }
        self.of_maps.insert(map, length);
    }

    /// Carries the numbers over a commit, which led from the version `before` to the version `now`. `None` is
    /// another version than the commit made.
    pub(in crate::sqlite) fn note_commit(
        &mut self,
        before: WalIndexHeader,
        now: Option<WalIndexHeader>,
        changes: &[MapChange],
    ) {
        if self.version != Some(before) || now.is_none() {
            self.of_maps.clear();
        }
        self.version = now;
        if now.is_none() {
            return;
        }
        for change in changes {
            match (change.is_removed, self.of_maps.get_mut(&change.map)) {
                (true, _) => drop(self.of_maps.remove(&change.map)),
                (false, Some(length)) => *length = length.saturating_add_signed(change.growth),
                (false, None) => {
                    let length = change.length();
                    self.of_maps
                        .extend(length.map(|length| (change.map, length)));
                }
            }
        }
    }
}
