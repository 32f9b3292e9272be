//! Counts the words of text files in a vault, and adds to the counts of earlier runs.
//!
//! `cargo run --release --example word_count -- [--vault FILE] [TEXT...]`
//!
//! A word is a run of ASCII letters, in lower case, as `tr -cs 'A-Za-z' '\n' | tr A-Z a-z` prints it.
//! Without a text, it counts the words of this project's README and sources.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Instant;

use vaults::Vault;

type Counts = Vault<String, u64>;

/// Words are first counted in memory. A batch of this many different words is added to the vault in one
/// transaction, so there are few transactions, and memory does not grow with the text.
const BATCH_WORDS: usize = 250_000;

const SHOWN: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let (path, texts) = arguments()?;
    let counts: Counts = Vault::open(&path)?;
    println!("{} holds {} words", path.display(), counts.len()?);

    let start = Instant::now();
    let bytes = count_files(&counts, &texts)?;
    let elapsed = start.elapsed();
    println!(
        "counted {} files, {bytes} bytes in {elapsed:.1?}; now {} different words",
        texts.len(),
        counts.len()?
    );
    for (count, word) in most_frequent(&counts)? {
        println!("{count:>10}  {word}");
    }
    counts.close()?;
    Ok(())
}

fn arguments() -> io::Result<(PathBuf, Vec<PathBuf>)> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let mut path = std::env::temp_dir().join("vaults-word-count.db");
    if arguments
        .next_if(|argument| argument == "--vault")
        .is_some()
    {
        let missing = || io::Error::new(io::ErrorKind::InvalidInput, "--vault needs a file");
        path = arguments.next().ok_or_else(missing)?.into();
    }
    let mut texts: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    if texts.is_empty() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        texts.push(project.join("README.md"));
        add_sources(&project.join("src"), &mut texts)?;
    }
    Ok((path, texts))
}

fn add_sources(folder: &Path, texts: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            add_sources(&path, texts)?;
        } else {
            texts.push(path);
        }
    }
    Ok(())
}

fn count_files(counts: &Counts, texts: &[PathBuf]) -> Result<u64, Box<dyn Error>> {
    let mut bytes = 0;
    let mut batch = HashMap::new();
    for text in texts {
        let file = File::open(text)?;
        bytes += file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 20, file);
        count_words(&mut reader, |word| {
            *batch.entry(word).or_insert(0) += 1;
            if batch.len() >= BATCH_WORDS {
                add(counts, &mut batch)?;
            }
            Ok(())
        })?;
    }
    add(counts, &mut batch)?;
    Ok(bytes)
}

/// Calls `f` with every word, including those that are split between two reads.
fn count_words(
    reader: &mut impl BufRead,
    mut f: impl FnMut(String) -> vaults::Result<()>,
) -> Result<(), Box<dyn Error>> {
    let mut word = String::new();
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        for &byte in buffer {
            if byte.is_ascii_alphabetic() {
                word.push(byte.to_ascii_lowercase().into());
            } else if !word.is_empty() {
                f(std::mem::take(&mut word))?;
            }
        }
        let length = buffer.len();
        reader.consume(length);
    }
    if !word.is_empty() {
        f(word)?;
    }
    Ok(())
}

/// Adds a batch to the vault in one atomic transaction with one sync.
fn add(counts: &Counts, batch: &mut HashMap<String, u64>) -> vaults::Result<()> {
    println!("adding {} different words", batch.len());
    counts.transaction(|tx| {
        for (word, count) in batch.drain() {
            *tx.entry(word).or_insert(0)? += count;
        }
        Ok(())
    })
}

/// Returns the most frequent words. Memory holds no more words than those.
fn most_frequent(counts: &Counts) -> vaults::Result<Vec<(u64, String)>> {
    let mut most = BinaryHeap::new();
    for entry in counts {
        let (word, count) = entry?;
        most.push(Reverse((count, Reverse(word))));
        if most.len() > SHOWN {
            most.pop();
        }
    }
    let sorted = most.into_sorted_vec().into_iter();
    Ok(sorted
        .map(|Reverse((count, Reverse(word)))| (count, word))
        .collect())
}
