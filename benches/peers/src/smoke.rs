//! What a smoke run must have done: every workload on every engine that can do it.

use crate::engine::Engine;
use crate::error::Result;
use crate::row::{Results, Row};
use crate::target::Target;
use crate::targets::TARGETS;

/// Rows, counted by hand: a workload that is lost is noticed.
const ROWS: usize = 56;
const POINTS: usize = 15;

/// Fails if something was not measured.
pub fn check(results: &Results) -> Result<()> {
    let counts = (results.rows.len(), results.growth.len());
    if counts != (ROWS, POINTS) {
        return Err(format!("{counts:?} rows instead of {:?}", (ROWS, POINTS)).into());
    }
    results.all().try_for_each(check_row)?;
    let missing = |target: &&Target| target.measured(results).is_none();
    match TARGETS.iter().find(missing) {
        Some(target) => Err(format!("{}, {}: not measured", target.work, target.figure).into()),
        None => Ok(()),
    }
}

fn check_row(row: &Row) -> Result<()> {
    let is_of_vaults = row.section == "Memory of large calls";
    if row.median(Engine::Vaults).is_none() {
        return Err(format!("{}: nothing of vaults", row.name).into());
    }
    if !is_of_vaults && (row.median(Engine::ByHand).is_none() || row.best_peer().is_none()) {
        return Err(format!("{}: nothing by hand, or no peer", row.name).into());
    }
    Ok(())
}
