//! Compares `vaults` with SQLite by hand and with other embedded stores: the same typed work, in
//! turns, in one run.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` writes the page and the CSV file.
//! `-- --help` tells the options. The program is for Linux, which tells a process its memory.
//!
//! The files of each block below use only each other, without a circle, and those of the blocks above.

mod error;

mod data;
mod engine;
mod keys;
mod map;
mod memory;
mod sizes;
mod sums;

mod engines;
mod files;
mod fleet;

mod children;
mod parts;

mod measure;
mod row;
mod workloads;

mod compete;
mod contest;
mod plan;

mod growth;
mod large_calls;
mod one_map;
mod several_maps;
mod sorted_maps;
mod types;

mod run;

mod report;
mod smoke;
mod target;
mod targets;

use std::process::ExitCode;
use std::time::Instant;

use error::Result;
use plan::Plan;

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
        return parts::play(rest);
    }
    let Some(plan) = Plan::from_args(lexopt::Parser::from_env())? else {
        println!("{}", plan::HELP);
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
