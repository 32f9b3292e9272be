//! Several maps in one file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::contest::{Rounds, contest};
use crate::data::{Key, Record, Value};
use crate::engine::Engine;
use crate::engines;
use crate::error::{Result, Unsupported};
use crate::keys;
use crate::map::MapFile;
use crate::measure::{Timed, time};
use crate::plan::Plan;
use crate::row::{Row, Unit};
use crate::sizes::Sizes;

const SECTION: &str = "Several maps in a file";

/// Maps that one transaction writes, and its puts.
const MAPS: usize = 3;
const PUTS: usize = 10;

/// Maps of the file that is opened.
const MANY: usize = 100;

type Open = Box<dyn MapFile<String, Record>>;

pub fn measure(plan: &Plan, root: &Path) -> Result<Vec<Row>> {
    if !plan.wants(SECTION, "") {
        return Ok(Vec::new());
    }
    Ok(vec![
        transactions(plan, &root.join("few"))?,
        openings(plan, &root.join("many"))?,
    ])
}

fn transactions(plan: &Plan, root: &Path) -> Result<Row> {
    let files = filled(&plan.sizes, root, MAPS)?;
    for file in files.values() {
        put_some(&plan.sizes, file, plan.sizes.settling, 0)?;
    }
    let row = Row::new(
        SECTION,
        format!("transaction of {PUTS} puts over {MAPS} maps, Full"),
        Unit::Nanos,
    );
    contest(row, Engine::SHARED, rounds(plan), |engine, round| {
        let file = files.get(&engine).ok_or(Unsupported)?;
        put_some(&plan.sizes, file, plan.sizes.durable, 1 + round)
    })
}

/// A file of so many maps in each engine that can have it.
fn filled(sizes: &Sizes, root: &Path, maps: usize) -> Result<BTreeMap<Engine, Open>> {
    let mut files = BTreeMap::new();
    for &engine in Engine::SHARED {
        let folder = root.join(engine.tag());
        fs::create_dir_all(&folder)?;
        let file: Open = match engines::open_maps(engine, &folder, 0..maps) {
            Ok(file) => file,
            Err(error) if error.is::<Unsupported>() => continue,
            Err(error) => return Err(error),
        };
        let entries: Vec<_> = (0..sizes.bulk)
            .map(|n| (Key::of(n), Value::of(n)))
            .collect();
        file.put_across(&entries)?;
        files.insert(engine, file);
    }
    Ok(files)
}

fn put_some(sizes: &Sizes, file: &Open, puts: u64, round: u64) -> Result<Timed> {
    let transactions = (puts / PUTS as u64).max(1);
    let mut rng = keys::rng(90, round);
    let entries = keys::changes(&mut rng, sizes.bulk, transactions * PUTS as u64);
    let (timed, ()) = time(transactions, || {
        entries
            .chunks(PUTS)
            .try_for_each(|entries| file.put_across(entries))
    })?;
    let keys: Vec<String> = entries.into_iter().map(|(key, _)| key).collect();
    let mut sum = 0_u64;
    for keys in keys.chunks(PUTS) {
        sum = sum.wrapping_add(file.get_across(keys)?);
    }
    Ok(timed.with_digest(sum))
}

/// The time from a closed file of many maps to a value of one of them.
fn openings(plan: &Plan, root: &Path) -> Result<Row> {
    const ONE: usize = 42;
    drop(filled(&plan.sizes, root, MANY)?);
    let name = format!("open one of {MANY} maps and get");
    let row = Row::new(SECTION, name, Unit::Nanos);
    let key = [String::of(ONE as u64)];
    contest(row, Engine::SHARED, rounds(plan), |engine, _| {
        let folder = root.join(engine.tag());
        let open = || engines::open_maps::<_, Record>(engine, &folder, ONE..ONE + 1);
        let (timed, sum) = time(1, || open()?.get_across(&key))?;
        Ok(timed.with_digest(sum))
    })
}

fn rounds(plan: &Plan) -> Rounds {
    Rounds::warm(plan.rounds)
}
