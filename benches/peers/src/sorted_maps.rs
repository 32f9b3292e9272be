//! Maps in the order of their keys.

use std::path::Path;

use crate::compete;
use crate::data::{Blob, Value};
use crate::engine::Engine;
use crate::error::Result;
use crate::fleet::Fleet;
use crate::map::Durability;
use crate::plan::Plan;
use crate::row::Row;
use crate::sizes::Sizes;
use crate::workloads::sorted;
use crate::workloads::turn::Workload;

const SECTION: &str = "Sorted maps";

pub fn measure(plan: &Plan, root: &Path) -> Result<Vec<Row>> {
    let (sizes, large) = (&plan.sizes, sorted::large::<String, Blob<100>>("100 B"));
    let mut rows = measure_map(plan, &root.join("large"), sizes, sizes.entries, large)?;
    rows.extend(measure_type::<Blob<100>>(
        plan,
        &root.join("100"),
        "100 B",
        100,
    )?);
    rows.extend(measure_type::<Blob<1024>>(
        plan,
        &root.join("1k"),
        "1 KiB",
        1024,
    )?);
    rows.extend(measure_type::<Blob<16384>>(
        plan,
        &root.join("16k"),
        "16 KiB",
        16384,
    )?);
    Ok(rows)
}

fn measure_type<V: Value>(plan: &Plan, root: &Path, name: &str, bytes: u64) -> Result<Vec<Row>> {
    let sizes = plan.sizes.of_type(bytes);
    let works = sorted::of_type::<String, V>(name);
    measure_map(plan, root, &sizes, sizes.bulk, works)
}

fn measure_map<V: Value>(
    plan: &Plan,
    root: &Path,
    sizes: &Sizes,
    entries: u64,
    mut works: Vec<Workload<String, V>>,
) -> Result<Vec<Row>> {
    works.retain(|work| plan.wants(SECTION, &work.name));
    if works.is_empty() {
        return Ok(Vec::new());
    }
    let mut maps = Fleet::new(root).sorted();
    maps.open(Engine::SORTED, Durability::Full)?;
    maps.fill(entries)?;
    compete::all(SECTION, &works, &maps, sizes, plan.few_rounds())
}
