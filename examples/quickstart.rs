//! A map that keeps its entries between runs of the program.
//!
//! `cargo run --example quickstart [FILE]`. Run it twice.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vaults::Vault;

#[derive(Debug, Serialize, Deserialize)]
struct City {
    country: String,
    population: u64,
}

fn main() -> vaults::Result<()> {
    let path = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join("vaults-quickstart.db"),
        PathBuf::from,
    );
    let cities: Vault<String, City> = Vault::open(&path)?;
    println!("{} holds {} cities", path.display(), cities.len()?);

    // Like HashMap::insert, this returns the old value.
    let bern = City {
        country: "Switzerland".into(),
        population: 137_000,
    };
    match cities.insert("Bern".into(), bern)? {
        None => println!("Bern is new: run this again"),
        Some(old) => println!("Bern was stored by an earlier run: {old:?}"),
    }

    // Many entries in one transaction with one sync.
    let more = [("Lyon", "France", 520_000), ("Turin", "Italy", 848_000)];
    cities.try_extend(more.map(|(name, country, population)| {
        let country = country.to_owned();
        (
            name.to_owned(),
            City {
                country,
                population,
            },
        )
    }))?;

    // Look-ups borrow the key, as in HashMap. A missing key is None, a failure is an error.
    if let Some(lyon) = cities.get("Lyon")? {
        println!("Lyon has {} inhabitants", lyon.population);
    }

    // Iteration is in insertion order.
    for entry in &cities {
        let (name, city) = entry?;
        println!("{name:>6}  {:<12} {:>8}", city.country, city.population);
    }
    cities.close()?;
    Ok(())
}
