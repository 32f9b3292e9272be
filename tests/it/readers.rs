//! Connections that read: what they count while others write, and how many descriptors they take.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Scratch, numbers, open, open_fast};

/// Each length is that of one state: neither wrong nor called damage while the file grows.
#[test]
fn the_length_is_right_while_another_handle_loads() {
    for _ in 0..6 {
        let scratch = Scratch::new();
        let loader = open_fast::<u32, ()>(scratch.vault());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let loading = scope.spawn(|| {
                for part in 0..40_u32 {
                    let keys = part * 500..(part + 1) * 500;
                    loader.try_extend(keys.map(|n| (n, ()))).unwrap();
                }
                done.store(true, Ordering::Release);
            });
            let reader = open_fast::<u32, ()>(scratch.vault());
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let length = reader.len().unwrap();
                assert_eq!(length % 500, 0);
                assert!(length >= last);
                last = length;
                let stats = reader.stats().unwrap();
                assert!(stats.free_pages < stats.pages);
            }
            loading.join().unwrap();
            assert_eq!(reader.len().unwrap(), 20_000);
        });
    }
}

/// How many descriptors of files in the folder this process has.
#[cfg(target_os = "linux")]
fn descriptors(scratch: &Scratch) -> usize {
    let folder = scratch.folder();
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|file| file.starts_with(&folder))
        .count()
}

#[test]
#[cfg(target_os = "linux")]
fn descriptors_are_bounded_by_the_most_readers_at_once() {
    const READERS: usize = 60;
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(100)).unwrap();
    // Readers one after another share what one takes.
    for _ in 0..200 {
        vault.snapshot().unwrap().len().unwrap();
        assert_eq!(vault.iter().count(), 100);
    }
    vault.stats().unwrap();
    let at_rest = descriptors(&scratch);
    assert!(at_rest <= 9, "{at_rest}");
    let mut left = Vec::new();
    for _ in 0..5 {
        let snapshots: Vec<_> = (0..READERS).map(|_| vault.snapshot().unwrap()).collect();
        let most = descriptors(&scratch);
        assert!(most <= at_rest + 2 * READERS, "{most}");
        assert_eq!(vault.stats().unwrap().readers_open, READERS + 1);
        eprintln!("{at_rest} at rest, {most} at most");
        drop(snapshots);
        left.push(descriptors(&scratch));
        assert_eq!(vault.stats().unwrap().readers_open, 8);
    }
    // Each that was closed has left one descriptor, which the next one takes over.
    let most = at_rest + READERS + 8;
    assert!(left.iter().all(|&left| left <= most), "{left:?}, {most}");
    assert!(left.windows(2).all(|two| two[0] == two[1]), "{left:?}");
    drop(vault);
    assert_eq!(descriptors(&scratch), 0);
}
