//! The order of a run.

use std::fs;
use std::path::Path;

use crate::error::Result;
use crate::growth;
use crate::large_calls;
use crate::one_map;
use crate::plan::Plan;
use crate::row::{Results, Row};
use crate::several_maps;
use crate::sorted_maps;
use crate::types;

/// Measures into a folder of its own, which is removed.
type Measure = fn(&Plan, &Path) -> Result<Vec<Row>>;

/// Runs what the plan asks for.
pub fn run(plan: &Plan) -> Result<Results> {
    const PARTS: [Measure; 5] = [
        one_map::measure,
        types::measure_bulk,
        types::measure,
        sorted_maps::measure,
        several_maps::measure,
    ];
    fs::create_dir_all(&plan.temp)?;
    let temp = tempfile::tempdir_in(&plan.temp)?;
    let mut results = Results::default();
    for (number, measure) in PARTS.iter().enumerate() {
        let folder = temp.path().join(number.to_string());
        fs::create_dir_all(&folder)?;
        results.rows.extend(measure(plan, &folder)?);
        fs::remove_dir_all(folder)?;
    }
    let folder = temp.path().join("growth");
    if plan.wants(growth::SECTION, "") {
        results.growth = growth::measure(plan, &folder)?;
    }
    if plan.wants(large_calls::SECTION, "") {
        results.rows.extend(large_calls::measure(plan, &folder)?);
    }
    Ok(results)
}
