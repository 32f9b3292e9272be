//! Bulk writes, and other types of keys and values.

use std::path::Path;

use crate::compete;
use crate::data::{Blob, Key, Record, Value};
use crate::engine::Engine;
use crate::error::Result;
use crate::fleet::Fleet;
use crate::map::Durability;
use crate::plan::Plan;
use crate::row::Row;
use crate::workloads::turn::Workload;
use crate::workloads::{bulk, reads, writes};

const BULK: &str = "Bulk writes";
const TYPES: &str = "Other types";

/// The rows of bulk writes. Each round has maps of its own.
pub fn measure_bulk(plan: &Plan, root: &Path) -> Result<Vec<Row>> {
    let mut works = bulk::workloads::<String, Record>();
    works.retain(|work| plan.wants(BULK, &work.name));
    let maps = Fleet::new(root);
    compete::all(BULK, &works, &maps, &plan.sizes, plan.few_rounds())
}

/// The rows of other types.
pub fn measure(plan: &Plan, root: &Path) -> Result<Vec<Row>> {
    let mut rows = measure_type::<u64, u64>(plan, &root.join("8"), "u64 → u64", 16)?;
    rows.extend(measure_type::<String, Blob<100>>(
        plan,
        &root.join("100"),
        "100 B",
        100,
    )?);
    rows.extend(measure_type::<String, Blob<1024>>(
        plan,
        &root.join("1k"),
        "1 KiB",
        1024,
    )?);
    rows.extend(measure_type::<String, Blob<16384>>(
        plan,
        &root.join("16k"),
        "16 KiB",
        16384,
    )?);
    Ok(rows)
}

fn workloads<K: Key, V: Value>(name: &str) -> Vec<Workload<K, V>> {
    let row = |work: &str, run| Workload::new(format!("{work}, {name}"), Engine::PLAIN, run);
    vec![
        Workload {
            engines: Engine::WRITING,
            ..row("extend", bulk::extend_randomly)
        },
        row("get", reads::get_uniform),
        row("iterate", reads::iterate),
        row("put, Full", writes::put_durably),
    ]
}

fn measure_type<K: Key, V: Value>(
    plan: &Plan,
    root: &Path,
    name: &str,
    value_bytes: u64,
) -> Result<Vec<Row>> {
    let mut works = workloads::<K, V>(name);
    works.retain(|work| plan.wants(TYPES, &work.name));
    if works.is_empty() {
        return Ok(Vec::new());
    }
    let sizes = plan.sizes.of_type(value_bytes);
    let mut maps = Fleet::new(root);
    maps.open(Engine::PLAIN, Durability::Full)?;
    maps.fill(sizes.bulk)?;
    compete::all(TYPES, &works, &maps, &sizes, plan.few_rounds())
}
