//! Tables in Markdown, aligned so that they read as well on a terminal.

use crate::engine::Engine;
use crate::row::{Results, Row, Unit};
use crate::targets::TARGETS;

/// A place without a figure.
const DASH: &str = "–";

/// The rows of a section. An engine without a figure in it has no column.
pub fn section(results: &Results, section: &str) -> String {
    let rows: Vec<&Row> = results.all().filter(|row| row.section == section).collect();
    let has_figures = |engine: &Engine| rows.iter().any(|row| row.cells.contains_key(engine));
    let engines: Vec<Engine> = Engine::all().filter(has_figures).collect();
    let compares = [Engine::Vaults, Engine::ByHand]
        .iter()
        .all(|engine| engines.contains(engine));
    let mut heads = vec![String::new()];
    heads.extend(engines.iter().map(|engine| engine.name().to_owned()));
    if compares {
        heads.extend(["/ by hand".to_owned(), "/ best peer".to_owned()]);
    }
    let mut lines = vec![heads];
    for row in rows {
        let mut fields = vec![row.name.clone()];
        fields.extend(engines.iter().map(|&engine| cell(row, engine)));
        if compares {
            fields.extend(comparisons(row));
        }
        lines.push(fields);
    }
    aligned(&lines)
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

fn comparisons(row: &Row) -> [String; 2] {
    let to_hand = row.ratio(Engine::Vaults, Engine::ByHand);
    let to_best = row.best_peer().map_or_else(
        || DASH.into(),
        |peer| format!("{} {}", ratio(row.ratio(Engine::Vaults, peer)), peer.name()),
    );
    [ratio(to_hand), to_best]
}

/// The targets of what was measured, and whether they were met. Without any it is empty.
pub fn targets(results: &Results) -> String {
    let heads = ["", "figure", "target", "measured", "", "SQLite by hand"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    for target in TARGETS {
        let Some(figure) = target.measured(results) else {
            continue;
        };
        lines.push(vec![
            target.work.into(),
            target.figure.to_string(),
            target.bound.to_string(),
            precise(figure),
            if target.bound.holds(figure) {
                "met"
            } else {
                "**not met**"
            }
            .into(),
            target.by_hand(results).map_or_else(|| DASH.into(), precise),
        ]);
    }
    if lines.len() == 1 {
        return String::new();
    }
    aligned(&lines)
}

/// A figure that shows on which side of a bound it is.
fn precise(figure: f64) -> String {
    format!("{figure:.3}")
}

fn ratio(ratio: Option<f64>) -> String {
    match ratio {
        None => DASH.into(),
        Some(ratio) if ratio < 0.1 => format!("{ratio:.3}"),
        Some(ratio) => format!("{ratio:.2}"),
    }
}

/// A figure with its unit, in three digits or so.
fn figure(unit: Unit, figure: f64) -> String {
    let units: [&str; 4] = match unit {
        Unit::Nanos => ["s", "ms", "µs", "ns"],
        Unit::Bytes => ["GB", "MB", "kB", "B"],
    };
    let mut steps = [1e9, 1e6, 1e3, 1.0].into_iter().zip(units);
    let fitting = steps.find(|(size, _)| figure >= *size);
    let (size, name) = fitting.unwrap_or((1.0, units[3]));
    let scaled = figure / size;
    let digits = usize::from(scaled < 100.0) + usize::from(scaled < 10.0);
    format!("{scaled:.digits$} {name}")
}

/// The first line is the head. The first column is on the left.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let fields = lines.iter().filter_map(|line| line.get(column));
        fields.map(|field| field.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).max(3)).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text += &padded(line, &widths);
        if number == 0 {
            text += &rule(&widths);
        }
    }
    text
}

fn padded(line: &[String], widths: &[usize]) -> String {
    let fields = line.iter().zip(widths).enumerate();
    let fields = fields.map(|(column, (field, &width))| match column {
        0 => format!("| {field:<width$} |"),
        _ => format!(" {field:>width$} |"),
    });
    fields.collect::<String>() + "\n"
}

fn rule(widths: &[usize]) -> String {
    let fields = widths.iter().enumerate();
    let fields = fields.map(|(column, &width)| match column {
        0 => format!("|-{}-|", "-".repeat(width)),
        _ => format!("-{}:|", "-".repeat(width)),
    });
    fields.collect::<String>() + "\n"
}
