//! Processes that are killed, threads that panic, power cuts and failing disks.

mod faults;
mod killed_lock_holder;
mod killed_process;
