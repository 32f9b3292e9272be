//! What a smoke run must have done: every workload on every engine that can do it.

use crate::Result;
use crate::engine::Engine;
use crate::growth::Work;
use crate::reach;
use crate::results::Results;

/// Rows and their engines, counted by hand: a workload that is lost is noticed.
const ROWS: usize = 43;

/// Fails if something was not measured.
pub fn check(results: &Results) -> Result<()> {
    if results.rows.len() != ROWS {
        return Err(format!("{} rows instead of {ROWS}", results.rows.len()).into());
    }
    for row in &results.rows {
        for engine in [Engine::Vaults, Engine::ByHand] {
            if row.median(engine).is_none() {
                return Err(format!("{}: nothing of {}", row.name, engine.name()).into());
            }
        }
        if row.best_peer().is_none() {
            return Err(format!("{}: no peer", row.name).into());
        }
    }
    if results.growth.len() < 2 * Work::ALL.len() {
        return Err("growth was not measured".into());
    }
    let aims = reach::aims(results);
    match aims.iter().find(|aim| aim.measured.is_none()) {
        Some(aim) => Err(format!("{}, {}: not measured", aim.work, aim.of).into()),
        None => Ok(()),
    }
}
