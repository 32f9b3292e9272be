//! The tables for a reader of the repository.

use super::{machine, plots, table};
use crate::args::Plan;
use crate::engine::Engine;
use crate::measure::Unit;
use crate::reach;
use crate::results::Results;

/// Figures that this program did not measure.
const PYTHON: &str = "\
## The Python packages

Quoted: measured earlier, in another run of the same kind of work, and not in this run. For scale only.

| | put | get | bulk put, a row |
|---|---|---|---|
| vaults for Python | 837 µs | 10 µs | 793 µs |
| sqlitedict | 334 µs | 137 µs | – |
| diskcache | 65 µs | 6 µs | – |
";

const NOTES: &str = "\
## How to read it

- A figure is the median over the rounds. In a round the engines take turns, and each round begins with
  another of them. A ratio is the median of the rounds' ratios; */ by hand* and */ best peer* are the time
  of `vaults` divided by theirs. The least and the greatest of each are in `results.csv`.
- Keys are strings of 24 bytes, values a struct of eight fields, unless a row says otherwise. Everything
  that is read is decoded, and its sum is compared between the engines when the clock has stopped.
- *SQLite by hand* is rusqlite with the vault's table, settings, statements and bytes: statements are
  prepared once and held, each thread that reads has a connection of its own. Its `extend` is the naive
  loop: one transaction, a prepared upsert for each entry, in the caller's order. It does not verify what
  it writes; `vaults` does, by default, and *unverified* is `vaults` with `verify_writes(false)`.
- redb, heed, fjall and sled store the same MessagePack bytes of the struct, and numbers and bytes as
  they are; each keeps its own default for caches.
- Full is synced before the call returns: redb's `Immediate`, LMDB's default, fjall's `SyncAll`. Normal
  survives a killed process: LMDB's `NO_META_SYNC`, fjall's `Buffer`. Off is what syncs nothing: redb's
  `None` (whose commits do not survive a killed process) and LMDB's `NO_SYNC`.
- Before the first of the durable writes, 1,200 of them are made and not timed: while SQLite's log still grows
  to its size, which it does once after it was opened, each sync has to record its new length, too.
- sled's flush is no sync of the disk: its durable figures stand in parentheses and it is no durable peer.
- HashMap is behind a lock and keeps nothing; it is there for scale and is no peer.
- redb is opened for sharing with one writing process where a row has several processes; fjall and sled
  cannot be shared.
- Threads and processes: nanoseconds of the clock on the wall an operation, of all of them together.
- A dash: the engine has no such operation, or the row does not ask it.
";

/// The whole file.
pub fn render(plan: &Plan, results: &Results) -> String {
    let mut text = format!("# vaults and its peers\n\n{}\n", how(plan, results));
    text += &format!("## Reach\n\n{}\n", reach_table(results));
    for section in results.sections() {
        text += &format!("## {section}\n\n{}\n", section_table(results, section));
        if let Some(file) = plots::file_of(section, results) {
            text += &format!("![{section}]({file})\n\n");
        }
    }
    text += &scaling(results);
    text += &growth(results);
    text += &footprints(results);
    text + PYTHON + "\n" + NOTES
}

fn how(plan: &Plan, results: &Results) -> String {
    let kind = if plan.smoke {
        " This was a smoke run: its figures mean nothing."
    } else {
        ""
    };
    format!(
        "Command: `cargo run --release --manifest-path benches/peers/Cargo.toml`.{kind}\n\n\
         Machine: {}.\n\nVersions: {}.\n\n{} entries, {} rounds after one to warm up.\n",
        machine::machine(),
        machine::versions(),
        results.entries,
        results.rounds
    )
}

/// A table of these columns.
fn markdown<'a>(heads: &[String], rows: impl Iterator<Item = &'a [String]>) -> String {
    let mut text = format!("| {} |\n", heads.join(" | "));
    text += &format!("|---|{}\n", "--:|".repeat(heads.len().saturating_sub(1)));
    for row in rows {
        text += &format!("| {} |\n", row.join(" | "));
    }
    text
}

fn section_table(results: &Results, section: &str) -> String {
    let rows = results.rows.iter().filter(|row| row.section == section);
    let rows: Vec<_> = rows.map(table::fields).collect();
    markdown(&table::heads(), rows.iter().map(Vec::as_slice))
}

fn reach_table(results: &Results) -> String {
    let heads = ["", "figure", "bound", "measured", "", "by hand"].map(str::to_owned);
    let aims = reach::aims(results);
    let rows: Vec<_> = aims.iter().map(table::aim_fields).collect();
    markdown(&heads, rows.iter().map(<[String; 6]>::as_slice))
}

/// Rates of eight threads over that of one, of every engine.
fn scaling(results: &Results) -> String {
    const PAIRS: [(&str, &str); 2] = [
        ("8 threads putting durably", "1 thread putting durably"),
        ("8 threads reading hot keys", "1 thread reading hot keys"),
    ];
    if PAIRS.iter().all(|(many, _)| results.row(many).is_none()) {
        return String::new();
    }
    let mut heads = vec![String::new()];
    heads.extend(Engine::PLAIN.map(|engine| engine.name().to_owned()));
    let rows = PAIRS.map(|(many, one)| {
        let rates = Engine::PLAIN
            .map(|engine| table::ratio(reach::speed_up_of(results, many, one, engine)));
        let mut row = vec![many.to_owned()];
        row.extend(rates);
        row
    });
    let table = markdown(&heads, rows.iter().map(Vec::as_slice));
    format!("Rate of all eight, divided by the rate of one thread of the same engine:\n\n{table}\n")
}

fn growth(results: &Results) -> String {
    if results.growth.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = results
        .growth
        .iter()
        .map(|point| table::fields(&point.row))
        .collect();
    let table = markdown(&table::heads(), rows.iter().map(Vec::as_slice));
    let images: String = plots::growth_files(results)
        .map(|(work, file)| format!("![{}]({file})\n", work.name()))
        .collect();
    format!("## Growth\n\nTime an operation, by the number of entries.\n\n{images}\n{table}\n")
}

fn footprints(results: &Results) -> String {
    if results.footprints.is_empty() {
        return String::new();
    }
    let heads = ["", "before", "peak", "added"].map(str::to_owned);
    let rows: Vec<_> = results
        .footprints
        .iter()
        .map(|footprint| {
            let bytes = |bytes: u64| table::figure(Unit::Bytes, bytes as f64);
            [
                format!("{} of {} entries", footprint.call, footprint.entries),
                bytes(footprint.before),
                bytes(footprint.peak),
                bytes(footprint.added()),
            ]
        })
        .collect();
    let table = markdown(&heads, rows.iter().map(<[String; 4]>::as_slice));
    format!(
        "## Memory of large calls\n\nResident memory of a process that does nothing else, \
         `vaults` only.\n\n{table}\n"
    )
}
