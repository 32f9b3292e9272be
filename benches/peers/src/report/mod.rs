//! What a run leaves behind: the page and the CSV file.

mod csv;
mod machine;
mod page;
mod table;

use std::fs;

use crate::error::Result;
use crate::plan::Plan;
use crate::row::Results;

/// Prints the figures and writes the files.
pub fn write(plan: &Plan, results: &Results) -> Result<()> {
    let figures = page::figures(plan, results);
    println!("{figures}");
    fs::create_dir_all(&plan.out)?;
    fs::write(plan.out.join("README.md"), page::render(&figures)?)?;
    fs::write(plan.out.join("results.csv"), csv::render(results))?;
    println!("README.md and results.csv are in {}.", plan.out.display());
    Ok(())
}
