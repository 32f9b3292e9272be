//! The figures as words, and the tables on the terminal.

use crate::engine::Engine;
use crate::measure::{Row, Unit};
use crate::reach::{self, Aim};
use crate::results::Results;

/// A place without a figure.
pub const DASH: &str = "–";

/// The columns before the engines' and after them.
pub fn heads() -> Vec<String> {
    let mut heads = vec![String::new()];
    heads.extend(Engine::ALL.map(|engine| engine.name().to_owned()));
    heads.extend(["/ by hand".to_owned(), "/ best peer".to_owned()]);
    heads
}

/// A row's fields, under [`heads`].
pub fn fields(row: &Row) -> Vec<String> {
    let mut fields = vec![row.name.clone()];
    fields.extend(Engine::ALL.map(|engine| cell(row, engine)));
    fields.push(ratio(row.ratio(Engine::Vaults, Engine::ByHand)));
    fields.push(match row.best_peer() {
        Some(peer) => format!("{} {}", ratio(row.ratio(Engine::Vaults, peer)), peer.name()),
        None => DASH.into(),
    });
    fields
}

fn cell(row: &Row, engine: Engine) -> String {
    let Some(median) = row.median(engine) else {
        return DASH.into();
    };
    let figure = figure(row.unit, median);
    if engine == Engine::Sled && row.is_durable() {
        return format!("({figure})");
    }
    figure
}

/// A ratio, or a dash.
pub fn ratio(ratio: Option<f64>) -> String {
    match ratio {
        None => DASH.into(),
        Some(ratio) if ratio < 0.1 => format!("{ratio:.3}"),
        Some(ratio) => format!("{ratio:.2}"),
    }
}

/// A figure with its unit, in three digits or so.
pub fn figure(unit: Unit, figure: f64) -> String {
    let (scaled, name) = scaled(unit, figure);
    let digits = usize::from(scaled < 100.0) + usize::from(scaled < 10.0);
    format!("{scaled:.digits$} {name}")
}

/// A power of ten with its unit, for an axis.
pub fn tick(unit: Unit, power: f64) -> String {
    // A power just below its unit for its rounding belongs to that unit.
    let (scaled, name) = scaled(unit, power * 1.000_001);
    format!("{scaled:.0} {name}")
}

fn scaled(unit: Unit, figure: f64) -> (f64, &'static str) {
    let units: [&str; 4] = match unit {
        Unit::Nanos => ["s", "ms", "µs", "ns"],
        Unit::Bytes => ["GB", "MB", "kB", "B"],
    };
    let mut steps = [1e9, 1e6, 1e3, 1.0].into_iter().zip(units);
    let fitting = steps.find(|(size, _)| figure >= *size);
    let (size, name) = fitting.unwrap_or((1.0, units[3]));
    (figure / size, name)
}

/// All tables, for a terminal.
pub fn render(results: &Results) -> String {
    let mut text = String::new();
    for section in results.sections() {
        let rows = results.rows.iter().filter(|row| row.section == section);
        text += &format!("\n{section}\n");
        text += &aligned(&with_head(heads(), rows.map(fields)));
    }
    if !results.growth.is_empty() {
        let rows = results.growth.iter().map(|point| fields(&point.row));
        text += "\nGrowth\n";
        text += &aligned(&with_head(heads(), rows));
    }
    text += "\nReach\n";
    let aims = reach::aims(results);
    let heads = ["", "figure", "bound", "measured", "", "by hand"].map(str::to_owned);
    let rows = aims.iter().map(|aim| aim_fields(aim).to_vec());
    text + &aligned(&with_head(heads.to_vec(), rows))
}

/// What an aim has in each column.
pub fn aim_fields(aim: &Aim) -> [String; 6] {
    [
        aim.work.clone(),
        aim.of.into(),
        aim.bound.to_string(),
        ratio(aim.measured),
        aim.verdict().into(),
        ratio(aim.by_hand),
    ]
}

fn with_head(head: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    std::iter::once(head).chain(rows).collect()
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let fields = rows.iter().filter_map(|row| row.get(column));
        fields.map(|field| field.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let padded = row.iter().zip(&widths).enumerate();
        let line: Vec<String> = padded
            .map(|(column, (field, &width))| match column {
                0 => format!("{field:<width$}"),
                _ => format!("{field:>width$}"),
            })
            .collect();
        text += line.join("  ").trim_end();
        text.push('\n');
    }
    text
}
