//! Prints a vault of the Python package.
//!
//! `cargo run --example python_vault -- FILE.db`
//!
//! Keys are strings, and values are of any type that MessagePack supports. Pickled rows are reported and
//! skipped, because unpickling runs code.

use std::process::ExitCode;

use vaults::{Error, OpenOptions, Vault};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: python_vault FILE.db");
        return ExitCode::FAILURE;
    };
    // Read-only: the file stays exactly as Python left it.
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

/// Prints an error and its causes, one per line.
fn report(error: &Error) {
    eprintln!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        eprintln!("  caused by: {error}");
        source = error.source();
    }
}
