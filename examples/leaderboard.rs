//! A leaderboard: the best scores of a game, the pages of the list, and the history of one player.
//!
//! ```sh
//! cargo run --example leaderboard [PATH]
//! ```
//!
//! A sorted vault keeps its entries in the order of their keys. So the best scores are its last entries, and the scores of
//! one player are those whose keys begin with the name.

use std::env;
use std::error::Error;
use std::ops::Bound::{Excluded, Unbounded};

use vaults::SortedVault;

/// A score and then the name, so that equal scores are in the order of the names.
type ByScore = SortedVault<(u32, String), ()>;

/// The name and then the number of the game, with the score.
type ByPlayer = SortedVault<(String, u32), u32>;

const GAMES: &[(&str, u32)] = &[
    ("Ada", 520),
    ("Bob", 310),
    ("Cid", 470),
    ("Ada", 610),
    ("Dan", 90),
    ("Eve", 470),
    ("Bob", 380),
    ("Ada", 150),
];

const PAGE: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let (by_score, by_player) = open(env::args().nth(1))?;
    for (game, (name, score)) in (1..).zip(GAMES) {
        by_player.insert(((*name).to_owned(), game), *score)?;
        by_score.insert((*score, (*name).to_owned()), ())?;
    }

    println!("The best score:");
    if let Some(((score, name), ())) = by_score.last_key_value()? {
        println!("  {score} by {name}");
    }

    println!("Everyone, {PAGE} to a page:");
    print_pages(&by_score)?;

    println!("The games of Ada:");
    for entry in by_player.prefix(&("Ada",)) {
        let ((_, game), score) = entry?;
        println!("  game {game}: {score}");
    }

    let low = by_score.count(..(100, String::new()))?;
    println!("{low} score is below 100, and is forgotten.");
    by_score.remove_range(..(100, String::new()))?;
    Ok(())
}

/// Opens both maps beside `path`, or in memory.
fn open(path: Option<String>) -> vaults::Result<(ByScore, ByPlayer)> {
    let Some(path) = path else {
        return Ok((
            SortedVault::open_in_memory()?,
            SortedVault::open_in_memory()?,
        ));
    };
    Ok((
        SortedVault::open(&path)?,
        SortedVault::open(path + ".players")?,
    ))
}

/// Prints the scores from the best to the worst. Each page begins where the last one ended.
fn print_pages(by_score: &ByScore) -> vaults::Result<()> {
    let mut last: Option<(u32, String)> = None;
    for number in 1.. {
        let end = last.take().map_or(Unbounded, Excluded);
        let page = by_score.range((Unbounded, end)).rev().take(PAGE);
        let page: Vec<((u32, String), ())> = page.collect::<vaults::Result<_>>()?;
        let Some(((score, name), ())) = page.last() else {
            break;
        };
        last = Some((*score, name.clone()));
        println!("  page {number}");
        for ((score, name), ()) in page {
            println!("    {score:>4}  {name}");
        }
    }
    Ok(())
}
