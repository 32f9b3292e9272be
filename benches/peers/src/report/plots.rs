//! Plots as SVG: bars by workload, and time by number of entries.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::table;
use crate::Result;
use crate::engine::Engine;
use crate::growth::{Point, Work};
use crate::measure::{Row, Unit};
use crate::results::Results;

const FONT: &str = "sans-serif";
const WIDTH: u32 = 860;
/// A bar, and what a workload has above its bars.
const BAR: i32 = 14;
const HEAD: i32 = 30;
/// Above and below the bars.
const TOP: i32 = 44;
const BOTTOM: i32 = 48;
const LEFT: i32 = 130;
const RIGHT: i32 = 90;
/// The legend beside the lines.
const LEGEND_WIDTH: i32 = 150;
const LEGEND_TOP: i32 = 56;
const LEGEND_STEP: i32 = 20;

const fn colour(engine: Engine) -> RGBColor {
    match engine {
        Engine::Vaults => RGBColor(0xC0, 0x39, 0x2B),
        Engine::VaultsUncached => RGBColor(0xE0, 0x7A, 0x6E),
        Engine::VaultsUnverified => RGBColor(0xEF, 0xA8, 0x9F),
        Engine::ByHand => RGBColor(0x34, 0x49, 0x5E),
        Engine::Redb => RGBColor(0x2E, 0x86, 0xC1),
        Engine::Heed => RGBColor(0x23, 0x9B, 0x56),
        Engine::Fjall => RGBColor(0xB7, 0x95, 0x0B),
        Engine::Sled => RGBColor(0x88, 0x4E, 0xA0),
        Engine::HashMap => RGBColor(0x99, 0xA3, 0xA4),
    }
}

/// The plot of a section, if it has figures.
pub fn file_of(section: &str, results: &Results) -> Option<String> {
    let mut rows = results.rows.iter().filter(|row| row.section == section);
    rows.any(|row| !row.cells.is_empty())
        .then(|| format!("{}.svg", slug(section)))
}

/// The plots of growth that there are.
pub fn growth_files(results: &Results) -> impl Iterator<Item = (Work, String)> {
    Work::ALL.into_iter().filter_map(|work| {
        let mut points = results.growth.iter();
        points
            .any(|point| point.work == work)
            .then(|| (work, format!("growth-{}.svg", slug(work.name()))))
    })
}

fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}

/// Writes every plot into a folder.
pub fn draw(folder: &Path, results: &Results) -> Result<()> {
    for section in results.sections() {
        let Some(file) = file_of(section, results) else {
            continue;
        };
        let rows = results.rows.iter().filter(|row| row.section == section);
        bars(&folder.join(file), section, &rows.collect::<Vec<_>>())?;
    }
    for (work, file) in growth_files(results) {
        let points = results.growth.iter().filter(|point| point.work == work);
        lines(&folder.join(file), work, &points.collect::<Vec<_>>())?;
    }
    Ok(())
}

// ---- bars -------------------------------------------------------------------------

/// Where a figure is on a logarithmic axis.
struct Scale {
    least: f64,
    greatest: f64,
}

impl Scale {
    /// Whole decades around the figures.
    fn around(figures: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut greatest) = (f64::INFINITY, 0.0_f64);
        for figure in figures.filter(|figure| *figure > 0.0) {
            (least, greatest) = (least.min(figure), greatest.max(figure));
        }
        Self {
            least: least.log10().floor(),
            greatest: greatest.log10().ceil(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a place on the page")]
    fn place(&self, figure: f64) -> i32 {
        let width = f64::from(WIDTH) - f64::from(LEFT + RIGHT);
        let decades = (self.greatest - self.least).max(1.0);
        let share = (figure.log10() - self.least) / decades;
        LEFT + (share * width) as i32
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        let (least, greatest) = (self.least, self.greatest);
        std::iter::successors(Some(least), |power| Some(power + 1.0))
            .take_while(move |power| *power <= greatest)
            .map(|power| 10_f64.powf(power))
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Horizontal bars, on one logarithmic axis, with the figure at each.
fn bars(file: &Path, title: &str, rows: &[&Row]) -> Result<()> {
    let count = |row: &&&Row| i32::try_from(row.cells.len()).unwrap_or(0);
    let inner: i32 = rows.iter().map(|row| HEAD + BAR * count(&row)).sum();
    let height = TOP + inner + BOTTOM;
    let area = SVGBackend::new(file, (WIDTH, height.unsigned_abs())).into_drawing_area();
    area.fill(&WHITE)?;
    let medians = rows
        .iter()
        .flat_map(|row| row.cells.keys().filter_map(|engine| row.median(*engine)));
    let scale = Scale::around(medians);
    let unit = rows.first().map_or(Unit::Nanos, |row| row.unit);
    axis(&area, &scale, unit, height - BOTTOM)?;
    write_at(&area, title, (12, 10), 18, Pos::new(HPos::Left, VPos::Top))?;
    let mut top = TOP;
    for row in rows {
        top = group(&area, &scale, row, top)?;
    }
    area.present()?;
    Ok(())
}

fn axis(area: &Area<'_>, scale: &Scale, unit: Unit, bottom: i32) -> Result<()> {
    for decade in scale.decades() {
        let x = scale.place(decade);
        area.draw(&PathElement::new(
            [(x, TOP - 4), (x, bottom)],
            RGBColor(0xDD, 0xDD, 0xDD),
        ))?;
        let label = table::tick(unit, decade);
        let middle = Pos::new(HPos::Center, VPos::Top);
        write_at(area, &label, (x, bottom + 5), 12, middle)?;
    }
    let (what, middle) = match unit {
        Unit::Nanos => ("time an operation, logarithmic (less is better)", LEFT),
        Unit::Bytes => ("bytes, logarithmic (less is better)", LEFT),
    };
    let left = Pos::new(HPos::Left, VPos::Top);
    write_at(area, what, (middle, bottom + 24), 13, left)
}

/// The bars of one workload; returns where the next begins.
fn group(area: &Area<'_>, scale: &Scale, row: &Row, top: i32) -> Result<i32> {
    let above = Pos::new(HPos::Left, VPos::Bottom);
    write_at(area, &row.name, (LEFT, top + HEAD - 6), 14, above)?;
    let mut top = top + HEAD - 4;
    for engine in Engine::ALL {
        if let Some(median) = row.median(engine) {
            bar(area, scale, row.unit, engine, median, top)?;
            top += BAR;
        }
    }
    Ok(top + 4)
}

fn bar(
    area: &Area<'_>,
    scale: &Scale,
    unit: Unit,
    engine: Engine,
    figure: f64,
    top: i32,
) -> Result<()> {
    let right = scale.place(figure).max(LEFT + 2);
    let middle = top + BAR / 2;
    area.draw(&Rectangle::new(
        [(LEFT, top + 1), (right, top + BAR - 1)],
        colour(engine).filled(),
    ))?;
    let before = Pos::new(HPos::Right, VPos::Center);
    write_at(area, engine.name(), (LEFT - 6, middle), 12, before)?;
    let after = Pos::new(HPos::Left, VPos::Center);
    let label = table::figure(unit, figure);
    write_at(area, &label, (right + 5, middle), 12, after)
}

fn write_at(area: &Area<'_>, text: &str, place: (i32, i32), size: u32, pos: Pos) -> Result<()> {
    let style = (FONT, size).into_font().color(&BLACK).pos(pos);
    area.draw(&Text::new(text.to_owned(), place, style))?;
    Ok(())
}

// ---- lines ------------------------------------------------------------------------

/// Time by number of entries, both axes logarithmic.
fn lines(file: &Path, work: Work, points: &[&Point]) -> Result<()> {
    let area = SVGBackend::new(file, (WIDTH, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let sizes = points.iter().map(|point| point.entries as f64);
    let times = points.iter().flat_map(|point| {
        let engines = point.row.cells.keys();
        engines.filter_map(|engine| point.row.median(*engine))
    });
    let (least, greatest) = (
        sizes.clone().fold(f64::INFINITY, f64::min),
        sizes.fold(0.0, f64::max),
    );
    let scale = Scale::around(times);
    let (bottom, top) = (10_f64.powf(scale.least), 10_f64.powf(scale.greatest));
    let mut chart = ChartBuilder::on(&area)
        .caption(work.name(), (FONT, 18))
        .margin(14)
        .margin_right(LEGEND_WIDTH)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (least..greatest * 1.1)
                .log_scale()
                .with_key_points(points.iter().map(|point| point.entries as f64).collect()),
            (bottom..top).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("entries")
        .y_desc("time an operation")
        .x_label_formatter(&|entries| table_of_thousands(*entries))
        .y_label_formatter(&|nanos| table::tick(Unit::Nanos, *nanos))
        .label_style((FONT, 12))
        .axis_desc_style((FONT, 13))
        .light_line_style(RGBColor(0xF2, 0xF2, 0xF2))
        .bold_line_style(RGBColor(0xDD, 0xDD, 0xDD))
        .draw()?;
    let mut top = LEGEND_TOP;
    for engine in Engine::READING {
        let line: Vec<_> = points
            .iter()
            .filter_map(|point| Some((point.entries as f64, point.row.median(engine)?)))
            .collect();
        if line.is_empty() {
            continue;
        }
        let series = LineSeries::new(line, colour(engine).stroke_width(2)).point_size(3);
        chart.draw_series(series)?;
        legend(&area, engine, top)?;
        top += LEGEND_STEP;
    }
    area.present()?;
    Ok(())
}

/// One line to the right of the plot.
fn legend(area: &Area<'_>, engine: Engine, top: i32) -> Result<()> {
    let left = WIDTH.cast_signed() - LEGEND_WIDTH + 12;
    area.draw(&Rectangle::new(
        [(left, top - 4), (left + 14, top + 4)],
        colour(engine).filled(),
    ))?;
    let beside = Pos::new(HPos::Left, VPos::Center);
    write_at(area, engine.name(), (left + 20, top), 12, beside)
}

/// `5,000,000` for 5e6.
fn table_of_thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
