//! Killed processes, panicking threads, power cuts and failing disks.

mod faults;
mod killed_lock_holder;
mod killed_over_maps;
mod killed_process;
