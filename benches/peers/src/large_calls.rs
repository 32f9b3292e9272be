//! Memory that the large calls of `vaults` need.

use std::fs;
use std::path::{Path, PathBuf};

use crate::children::{self, Part};
use crate::data::Record;
use crate::engine::Engine;
use crate::error::Result;
use crate::fleet::Fleet;
use crate::map::Durability;
use crate::plan::Plan;
use crate::row::{Row, Unit};

pub const SECTION: &str = "Memory of large calls";

/// Iterates over a large vault, fills another, and retains half of the first, each in a process
/// of its own, which has done nothing else. Growth leaves the large vault in `root`.
pub fn measure(plan: &Plan, root: &Path) -> Result<Vec<Row>> {
    let entries = plan.sizes.largest();
    let filled = large_vault(root, entries)?;
    let empty = root.join("empty");
    fs::create_dir_all(&empty)?;
    let calls = [
        ("memory added by iterate", Part::Iterate, &filled),
        ("memory added by extend, random order", Part::Extend, &empty),
        ("memory added by retain", Part::Retain, &filled),
    ];
    calls
        .into_iter()
        .map(|(call, part, folder)| {
            eprintln!("{call} of {entries} entries");
            let [before, peak] = children::ask(part, Engine::Vaults, folder, [entries, 0, 0])?;
            let added = peak.saturating_sub(before) as f64;
            let mut row = Row::new(SECTION, call, Unit::Bytes);
            row.cells.insert(Engine::Vaults, vec![added]);
            Ok(row)
        })
        .collect()
}

/// The folder of the vault, which is filled if it is not there.
fn large_vault(root: &Path, entries: u64) -> Result<PathBuf> {
    let mut maps = Fleet::<String, Record>::new(root);
    let folder = maps.folder(Engine::Vaults);
    if !folder.exists() {
        maps.open(&[Engine::Vaults], Durability::Full)?;
        maps.fill(entries)?;
    }
    Ok(folder)
}
