//! Compares `vaults` with SQLite by hand and with other embedded stores: the same typed work, in
//! turns, in one run.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` prints tables and writes
//! Markdown, CSV and SVG; `-- --help` tells the options. The program is for Linux, which tells a
//! process its memory.

mod args;
mod bulk;
mod children;
mod data;
mod engine;
mod engines;
mod fleet;
mod growth;
mod keys;
mod measure;
mod memory;
mod processes;
mod reach;
mod report;
mod results;
mod run;
mod smoke;
mod threads;
mod workloads;

use std::process::ExitCode;
use std::time::Instant;

use args::Plan;

/// Any error ends the run.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    match try_main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn try_main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == children::CHILD
    {
        return children::play(rest);
    }
    let Some(plan) = Plan::from_args(lexopt::Parser::from_env())? else {
        println!("{}", args::HELP);
        return Ok(());
    };
    let start = Instant::now();
    let results = run::run(&plan)?;
    if plan.smoke && plan.only.is_none() {
        smoke::check(&results)?;
    }
    report::write(&plan, &results)?;
    println!("It took {} seconds.", start.elapsed().as_secs());
    Ok(())
}
