//! The order of a run.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::Result;
use crate::args::Plan;
use crate::bulk::{self, Bulk};
use crate::children::{self, Part};
use crate::data::{Blob, Key, Record, Value};
use crate::engine::{Durability, Engine};
use crate::fleet::{Fleet, bytes_below};
use crate::growth;
use crate::measure::{Rounds, Row, Unit, contest};
use crate::memory;
use crate::processes;
use crate::results::Results;
use crate::threads;
use crate::workloads::{self, WRITERS, Workload};

const READING: &str = "Reading";
const DURABLE: &str = "Durable writes";
const LOOSE: &str = "Writes without a sync";
const BULK: &str = "Bulk writes";
const THREADS: &str = "Several threads";
const PROCESSES: &str = "Several processes";
const OPENING: &str = "Opening";
const SPACE: &str = "Space";
const TYPES: &str = "Other types";
const LARGE_CALLS: &str = "Memory of large calls";

type Maps = Fleet<String, Record>;

/// Runs what the plan asks for.
pub fn run(plan: &Plan) -> Result<Results> {
    fs::create_dir_all(&plan.temp)?;
    let temp = tempfile::tempdir_in(&plan.temp)?;
    let mut run = Run {
        plan,
        temp,
        results: Results {
            entries: plan.sizes.entries,
            rounds: plan.rounds,
            ..Results::default()
        },
    };
    run.one_map()?;
    run.bulk()?;
    run.types()?;
    run.growth()?;
    Ok(run.results)
}

struct Run<'a> {
    plan: &'a Plan,
    temp: TempDir,
    results: Results,
}

impl Run<'_> {
    /// Everything that uses the map of the default size.
    fn one_map(&mut self) -> Result<()> {
        let root = self.temp.path().join("one");
        let mut maps = Maps::new(&root);
        if !self.wants_one_map() {
            return Ok(());
        }
        self.load(&mut maps)?;
        self.section(&mut maps, READING, Durability::Full, &workloads::reads())?;
        self.section(
            &mut maps,
            DURABLE,
            Durability::Full,
            &workloads::durable_writes(),
        )?;
        self.section(&mut maps, THREADS, Durability::Full, &threads::workloads())?;
        let normal = workloads::loose_writes("put, Normal");
        self.section(&mut maps, LOOSE, Durability::Normal, &normal)?;
        let off = workloads::loose_writes("put, Off");
        self.section(&mut maps, LOOSE, Durability::Off, &off)?;
        maps.close();
        self.compete(&maps, PROCESSES, &processes::workloads())?;
        self.compete(&maps, OPENING, &[opening()])?;
        Ok(fs::remove_dir_all(root)?)
    }

    fn wants_one_map(&self) -> bool {
        let reads = workloads::reads::<String, Record>();
        let writes = workloads::durable_writes::<String, Record>();
        let threads = threads::workloads::<String, Record>();
        let processes = processes::workloads();
        let wants = |section, workloads: &[Workload<_, _>]| {
            workloads
                .iter()
                .any(|workload| self.plan.wants(section, workload.name))
        };
        wants(READING, &reads)
            || wants(DURABLE, &writes)
            || wants(THREADS, &threads)
            || wants(PROCESSES, &processes)
            || wants(OPENING, &[opening()])
            || ["put, Normal", "put, Off"].map(|name| self.plan.wants(LOOSE, name)) != [false; 2]
            || ["size on disk", "peak memory"].map(|name| self.plan.wants(SPACE, name))
                != [false; 2]
    }

    /// Fills the maps, each in a process of its own that says what memory it took.
    fn load(&mut self, maps: &mut Maps) -> Result<()> {
        let entries = self.plan.sizes.entries;
        eprintln!("loading {entries} entries");
        let mut size = Row::new(
            SPACE,
            format!("size on disk, {entries} entries"),
            Unit::Bytes,
        );
        let name = format!("peak memory of filling, {entries} entries");
        let mut peak = Row::new(SPACE, name, Unit::Bytes);
        for engine in Engine::PLAIN {
            let folder = maps.folder(engine);
            fs::create_dir_all(&folder)?;
            let [bytes, length] = children::ask(Part::Load, engine, &folder, [entries, 0, 0])?;
            if length != entries {
                return Err(format!("{}: {length} entries were stored", engine.name()).into());
            }
            peak.cells.insert(engine, vec![bytes as f64]);
            if engine != Engine::HashMap {
                size.cells
                    .insert(engine, vec![bytes_below(&folder)? as f64]);
            }
        }
        self.results.rows.extend([size, peak]);
        maps.copy_for_variants()?;
        maps.open(&[Engine::HashMap], Durability::Full)?;
        maps.fill(&[Engine::HashMap], entries)
    }

    /// Opens the maps as the section wants them, and runs its workloads.
    fn section<K: Key, V: Value>(
        &mut self,
        maps: &mut Fleet<K, V>,
        section: &'static str,
        durability: Durability,
        workloads: &[Workload<K, V>],
    ) -> Result<()> {
        maps.open(&Engine::ALL, durability)?;
        let wanted = |workload: &Workload<K, V>| self.plan.wants(section, workload.name);
        if section == DURABLE && workloads.iter().any(wanted) {
            Engine::ALL
                .iter()
                .try_for_each(|&engine| workloads::settle(maps, &self.plan.sizes, engine))?;
        }
        self.compete(maps, section, workloads)
    }

    fn compete<K: Key, V: Value>(
        &mut self,
        maps: &Fleet<K, V>,
        section: &'static str,
        workloads: &[Workload<K, V>],
    ) -> Result<()> {
        for workload in workloads {
            if !self.plan.wants(section, workload.name) {
                continue;
            }
            let row = Row::new(section, workload.name, Unit::Nanos);
            let rounds = Rounds::warm(self.plan.rounds);
            let row = contest(row, workload.engines, rounds, |engine, round| {
                (workload.run)(maps, &self.plan.sizes, engine, round)
            })?;
            self.results.rows.push(row);
        }
        Ok(())
    }

    fn bulk(&mut self) -> Result<()> {
        for bulk in Bulk::ALL {
            let count = self.plan.sizes.bulk;
            self.bulk_of::<String, Record>(bulk, BULK, bulk.name(), count)?;
        }
        Ok(())
    }

    fn bulk_of<K: Key, V: Value>(
        &mut self,
        bulk: Bulk,
        section: &'static str,
        name: &str,
        count: u64,
    ) -> Result<()> {
        if !self.plan.wants(section, name) {
            return Ok(());
        }
        let root = self.temp.path().join("bulk");
        let row = Row::new(section, name, Unit::Nanos);
        let rounds = Rounds::warm(self.plan.rounds.min(3));
        let row = contest(row, WRITERS, rounds, |engine, round| {
            bulk.run::<K, V>(&root, count, engine, round)
        })?;
        self.results.rows.push(row);
        Ok(())
    }

    fn types(&mut self) -> Result<()> {
        self.type_of::<u64, u64>("u64 → u64", 16)?;
        self.type_of::<String, Blob<100>>("100 B", 100)?;
        self.type_of::<String, Blob<1024>>("1 KiB", 1024)?;
        self.type_of::<String, Blob<16384>>("16 KiB", 16384)
    }

    /// A get, an iteration, a put and a bulk write of other types.
    fn type_of<K: Key, V: Value>(&mut self, name: &str, value_bytes: u64) -> Result<()> {
        let named = |work: &str| format!("{work}, {name}");
        let count = bulk::typed_entries(&self.plan.sizes, value_bytes);
        let bulk = Bulk::Random;
        self.bulk_of::<K, V>(bulk, TYPES, &named("extend"), count)?;
        let works = [named("get"), named("iterate"), named("put, Full")];
        if works.iter().all(|name| !self.plan.wants(TYPES, name)) {
            return Ok(());
        }
        let root = self.temp.path().join("types");
        let mut maps = Fleet::<K, V>::new(&root);
        maps.open(&Engine::PLAIN, Durability::Full)?;
        maps.fill(&Engine::PLAIN, count)?;
        let [get, iterate, put] = works;
        self.compete_typed(&maps, get, workloads::get_uniform)?;
        self.compete_typed(&maps, iterate, workloads::iterate)?;
        self.compete_typed(&maps, put, workloads::put_durably)?;
        drop(maps);
        Ok(fs::remove_dir_all(root)?)
    }

    fn compete_typed<K: Key, V: Value>(
        &mut self,
        maps: &Fleet<K, V>,
        name: String,
        run: workloads::Run<K, V>,
    ) -> Result<()> {
        if !self.plan.wants(TYPES, &name) {
            return Ok(());
        }
        let rounds = Rounds::warm(self.plan.rounds.min(3));
        let row = Row::new(TYPES, name, Unit::Nanos);
        let row = contest(row, &Engine::PLAIN, rounds, |engine, round| {
            run(maps, &self.plan.sizes, engine, round)
        })?;
        self.results.rows.push(row);
        Ok(())
    }

    /// Growth, and the large calls on the largest vault.
    fn growth(&mut self) -> Result<()> {
        let root = self.temp.path().join("growth");
        let (grows, calls) = (
            self.plan.wants(growth::SECTION, ""),
            self.plan.wants(LARGE_CALLS, ""),
        );
        if grows {
            self.results.growth = growth::measure(self.plan, &root)?;
        }
        if !calls {
            return Ok(());
        }
        let filled = Maps::new(&root).folder(Engine::Vaults);
        let entries = self.plan.sizes.largest();
        if !grows {
            fill_vault(&root, entries)?;
        }
        let empty = root.join("empty");
        self.results.footprints = memory::footprints(&filled, Path::new(&empty), entries)?;
        Ok(())
    }
}

fn fill_vault(root: &Path, entries: u64) -> Result<()> {
    let mut maps = Maps::new(root);
    maps.open(&[Engine::Vaults], Durability::Full)?;
    maps.fill(&[Engine::Vaults], entries)
}

const fn opening() -> Workload<String, Record> {
    Workload {
        name: "open of an existing map",
        engines: &Engine::PLAIN,
        run: processes::open_existing,
    }
}
