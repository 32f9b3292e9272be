//! Everything that uses a map of the default size.

use std::fs;
use std::path::Path;

use crate::children::{self, Part};
use crate::compete;
use crate::data::Record;
use crate::engine::Engine;
use crate::error::Result;
use crate::files;
use crate::fleet::Fleet;
use crate::map::Durability;
use crate::plan::Plan;
use crate::row::{Row, Unit};
use crate::workloads::turn::{Turn, Workload};
use crate::workloads::{processes, reads, threads, writes};

/// What the map takes.
const SPACE: &str = "Space";

/// Puts that are not timed come before it.
const DURABLE: &str = "Durable writes";

type Maps = Fleet<String, Record>;

/// Workloads that want the maps open in the same way.
struct Group {
    section: &'static str,
    /// How the maps are opened. Without it they are closed.
    durability: Option<Durability>,
    works: Vec<Workload<String, Record>>,
}

fn groups() -> Vec<Group> {
    use Durability::{Full, Normal, Off};

    const LOOSE: &str = "Writes without a sync";
    let group = |section, durability, works| Group {
        section,
        durability,
        works,
    };
    vec![
        group("Reading", Some(Full), reads::workloads()),
        group(DURABLE, Some(Full), writes::durable()),
        group("Several threads", Some(Full), threads::workloads()),
        group(LOOSE, Some(Normal), writes::loose("put, Normal")),
        group(LOOSE, Some(Off), writes::loose("put, Off")),
        group("Several processes", None, processes::workloads()),
        group("Opening", None, processes::opening()),
    ]
}

/// The rows. The maps are filled for any of them.
pub fn measure(plan: &Plan, root: &Path) -> Result<Vec<Row>> {
    let mut groups = groups();
    for group in &mut groups {
        group
            .works
            .retain(|work| plan.wants(group.section, &work.name));
    }
    groups.retain(|group| !group.works.is_empty());
    if groups.is_empty() && !plan.wants(SPACE, "") {
        return Ok(Vec::new());
    }
    let mut maps = Maps::new(root);
    let space = load(plan, &mut maps)?;
    let mut rows = Vec::new();
    for group in groups {
        rows.extend(measure_group(plan, &mut maps, &group)?);
    }
    rows.extend(space);
    Ok(rows)
}

fn measure_group(plan: &Plan, maps: &mut Maps, group: &Group) -> Result<Vec<Row>> {
    match group.durability {
        Some(durability) => maps.open(&Engine::all().collect::<Vec<_>>(), durability)?,
        None => maps.close(),
    }
    if group.section == DURABLE {
        settle(plan, maps)?;
    }
    compete::all(group.section, &group.works, maps, &plan.sizes, plan.rounds)
}

fn settle(plan: &Plan, maps: &Maps) -> Result<()> {
    Engine::all().try_for_each(|engine| {
        writes::settle(&Turn {
            maps,
            sizes: &plan.sizes,
            engine,
            round: 0,
        })
    })
}

/// Fills the maps, each in a process of its own that says what memory it took.
fn load(plan: &Plan, maps: &mut Maps) -> Result<Vec<Row>> {
    let entries = plan.sizes.entries;
    eprintln!("loading {entries} entries");
    let mut size = Row::new(SPACE, "size on disk", Unit::Bytes);
    let mut peak = Row::new(SPACE, "peak memory of filling", Unit::Bytes);
    for &engine in Engine::PLAIN {
        let folder = maps.folder(engine);
        fs::create_dir_all(&folder)?;
        let [bytes, length] = children::ask(Part::Load, engine, &folder, [entries, 0, 0])?;
        if length != entries {
            return Err(format!("{}: {length} entries were stored", engine.name()).into());
        }
        peak.cells.insert(engine, vec![bytes as f64]);
        if engine != Engine::HashMap {
            let bytes = files::bytes_below(&folder)?;
            size.cells.insert(engine, vec![bytes as f64]);
        }
    }
    maps.copy_for_variants()?;
    maps.open(&[Engine::HashMap], Durability::Full)?;
    maps.fill(entries)?;
    Ok(vec![size, peak])
}
