//! Prints a vault that the Python package wrote.
//!
//! `cargo run --example python_vault -- FILE.db`
//!
//! Keys are strings, values anything that MessagePack knows. Rows that Python pickled are named
//! and passed over: unpickling would run code.

use std::process::ExitCode;

use vaults::{Error, OpenOptions, Vault};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: python_vault FILE.db");
        return ExitCode::FAILURE;
    };
    // For reading only: the file stays exactly as Python left it.
    let result = OpenOptions::new()
        .read_only(true)
        .open(path)
        .and_then(|vault| print(&vault));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn print(vault: &Vault<String, rmpv::Value>) -> vaults::Result<()> {
    println!("{} entries", vault.len()?);
    for entry in vault {
        match entry {
            Ok((key, value)) => println!("{key} = {value}"),
            Err(error @ Error::Pickle { .. }) => println!("skipped: {error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// An error and what caused it, one to a line.
fn report(error: &Error) {
    eprintln!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        eprintln!("  because: {error}");
        source = error.source();
    }
}
