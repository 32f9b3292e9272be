//! The page that a user reads. The text around its figures is written by hand, and stays.

use super::{machine, table};
use crate::error::Result;
use crate::plan::Plan;
use crate::row::Results;

/// The page of the last run.
const PAGE: &str = include_str!("../../README.md");

/// The lines around the figures.
const BEGIN: &str = "<!-- The figures: a run writes what follows. -->\n";
const END: &str = "<!-- The end of the figures. -->\n";

/// The page with new figures.
pub fn render(figures: &str) -> Result<String> {
    let parts = PAGE.split_once(BEGIN).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once(END)?;
        Some((head, tail))
    });
    let (head, tail) = parts.ok_or("README.md has no place for figures")?;
    Ok(format!("{head}{BEGIN}\n{figures}{END}{tail}"))
}

/// The machine, the tables and the targets.
pub fn figures(plan: &Plan, results: &Results) -> String {
    let mut text = how(plan);
    for section in results.sections() {
        text += &format!("## {section}\n\n{}\n", table::section(results, section));
    }
    let targets = table::targets(results);
    if !targets.is_empty() {
        text += &format!("## Targets\n\n{targets}\n");
    }
    text
}

fn how(plan: &Plan) -> String {
    let kind = match (plan.smoke, &plan.only) {
        (true, _) => "A smoke run, whose figures mean nothing.\n\n",
        (false, Some(_)) => "A part of a run.\n\n",
        (false, None) => "",
    };
    format!(
        "{kind}Machine: {}.\n\nVersions: {}.\n\n\
         {} entries unless a row says otherwise, {} in a bulk write, {} in the largest map; \
         {} rounds after one to warm up.\n\n",
        machine::machine(),
        machine::versions(),
        plan.sizes.entries,
        plan.sizes.bulk,
        plan.sizes.largest(),
        plan.rounds
    )
}
