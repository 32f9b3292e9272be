//! Every figure, for other programs.

use crate::engine::Engine;
use crate::row::{Results, Row};

const HEAD: &str = "section,workload,unit,engine,median,min,max,ratio_to_hand,rounds\n";

/// One line for each workload and engine.
pub fn render(results: &Results) -> String {
    let lines = results.all().flat_map(|row| {
        let line = move |engine| line(row, engine);
        Engine::all().filter_map(line)
    });
    HEAD.to_owned() + &lines.collect::<String>()
}

fn line(row: &Row, engine: Engine) -> Option<String> {
    let (median, (least, greatest)) = (row.median(engine)?, row.spread(engine)?);
    let ratio = row.ratio(engine, Engine::ByHand);
    let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.4}"));
    Some(format!(
        "{},\"{}\",{},{},{median:.1},{least:.1},{greatest:.1},{ratio},{}\n",
        row.section,
        row.name,
        row.unit.name(),
        engine.tag(),
        row.cells.get(&engine).map_or(0, Vec::len),
    ))
}
