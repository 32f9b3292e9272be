//! What a run leaves behind: a table on the terminal, Markdown, CSV and plots.

mod csv;
mod machine;
mod markdown;
mod plots;
mod table;

use std::fs;

use crate::Result;
use crate::args::Plan;
use crate::results::Results;

/// Prints the tables and writes the files.
pub fn write(plan: &Plan, results: &Results) -> Result<()> {
    println!("{}", table::render(results));
    fs::create_dir_all(&plan.out)?;
    fs::write(plan.out.join("results.md"), markdown::render(plan, results))?;
    csv::write(&plan.out.join("results.csv"), results)?;
    plots::draw(&plan.out, results)?;
    println!("Tables and plots are in {}.", plan.out.display());
    Ok(())
}
