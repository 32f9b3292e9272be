//! Operations on a whole file, whatever maps it has.

use std::path::Path;

use crate::backend::Backend;
use crate::error::Result;
use crate::maintenance::report::{IfExists, Progress, Stats};
use crate::sqlite::{Format, Target};

/// Returns the sizes of a file whose maps have this number of entries.
pub(super) fn stats_of(backend: &Backend, entries: u64) -> Result<Stats> {
    let stats = backend.stats()?;
    Ok(Stats {
        entries,
        file_bytes: stats.file_bytes,
        log_bytes: stats.log_bytes,
        page_bytes: stats.page_bytes,
        pages: stats.pages,
        free_pages: stats.free_pages,
        readers_open: stats.readers_open,
        readers_idle: stats.readers_idle,
        cache_hits: stats.cache_hits,
        cache_misses: stats.cache_misses,
        cache_bytes: stats.cache_bytes,
    })
}

/// Copies one state to a file. One of a map in memory without a name gets this format.
pub(super) fn backup_of(
    backend: &Backend,
    path: &Path,
    existing: IfExists,
    format: Format,
    mut progress: impl FnMut(Progress),
) -> Result<()> {
    let mut report = |done, total| progress(Progress { done, total });
    let target = Target {
        path,
        replace: existing == IfExists::Replace,
    };
    backend.backup(target, format, &mut report)
}
