//! On what, and with what, a run was made.

use std::fs;

const LOCK: &str = include_str!("../../Cargo.lock");

/// Packages whose versions are told.
const PACKAGES: [&str; 7] = [
    "vaults",
    "rusqlite",
    "redb",
    "heed",
    "fjall",
    "sled",
    "rmp-serde",
];

/// The processor, its cores and the system, in one line.
pub fn machine() -> String {
    let processor =
        first_field("/proc/cpuinfo", "model name").unwrap_or("unknown processor".into());
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = first_field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok())
        .map_or_else(String::new, |kib| {
            format!(", {:.0} GiB of memory", kib / 1_048_576.0)
        });
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let os = std::env::consts::OS;
    format!("{processor}, {cores} cores{memory}, {os} {}", system.trim())
}

fn first_field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once(':')?;
    Some(value.trim().to_owned())
}

/// The versions of what is compared, from the lock file.
pub fn versions() -> String {
    let mut versions: Vec<String> = PACKAGES
        .iter()
        .filter_map(|package| version_of(package))
        .collect();
    versions.push(format!("SQLite {}", rusqlite::version()));
    versions.join(", ")
}

fn version_of(package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"\nversion = \"");
    let (_, rest) = LOCK.split_once(&name)?;
    let (version, _) = rest.split_once('"')?;
    Some(format!("{package} {version}"))
}
