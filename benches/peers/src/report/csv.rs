//! Every figure, for other programs.

use std::path::Path;

use csv::Writer;

use crate::Result;
use crate::engine::Engine;
use crate::measure::Row;
use crate::memory::Footprint;
use crate::results::Results;

const HEADS: [&str; 9] = [
    "section",
    "workload",
    "unit",
    "engine",
    "median",
    "min",
    "max",
    "ratio_to_hand",
    "rounds",
];

/// Writes one line for each workload and engine.
pub fn write(file: &Path, results: &Results) -> Result<()> {
    let mut writer = Writer::from_path(file)?;
    writer.write_record(HEADS)?;
    let growth = results.growth.iter().map(|point| &point.row);
    for row in results.rows.iter().chain(growth) {
        for line in Engine::ALL
            .into_iter()
            .filter_map(|engine| line(row, engine))
        {
            writer.write_record(line)?;
        }
    }
    for footprint in &results.footprints {
        writer.write_record(memory_line(footprint))?;
    }
    Ok(writer.flush()?)
}

fn line(row: &Row, engine: Engine) -> Option<[String; 9]> {
    let (median, (least, greatest)) = (row.median(engine)?, row.spread(engine)?);
    let ratio = row.ratio(engine, Engine::ByHand);
    Some([
        row.section.into(),
        row.name.clone(),
        row.unit.name().into(),
        engine.tag().into(),
        format!("{median:.1}"),
        format!("{least:.1}"),
        format!("{greatest:.1}"),
        ratio.map_or_else(String::new, |ratio| format!("{ratio:.4}")),
        row.cells.get(&engine).map_or(0, Vec::len).to_string(),
    ])
}

fn memory_line(footprint: &Footprint) -> [String; 9] {
    let added = footprint.added().to_string();
    [
        "Memory of large calls".into(),
        format!("{} of {} entries, added", footprint.call, footprint.entries),
        "bytes".into(),
        Engine::Vaults.tag().into(),
        added.clone(),
        added.clone(),
        added,
        String::new(),
        "1".into(),
    ]
}
