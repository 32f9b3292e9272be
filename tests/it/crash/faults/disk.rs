//! The disk under a watched folder, and the states in which a power cut can leave it.
//!
//! # Assumptions
//!
//! `fsync` and a journaling file system guarantee the following:
//!
//! - Everything written to a file before its last sync is on the disk, and so is its size.
//! - Each sector of 512 bytes of a later write may or may not be on the disk. Writes may thus
//!   be kept, lost, torn and reordered. A sector that was not written keeps its content
//!   (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`, which SQLite assumes on Unix:
//!   <https://www.sqlite.org/psow.html>), and so do the bytes of a sector around a write.
//! - A file may have grown by a write whose bytes are lost. It contains zeros there. A
//!   truncation after the last sync may be lost.
//! - Names are created and removed in order. A power cut keeps the changes up to some point,
//!   which is not before the last sync of the folder. The journals of ext4, xfs and similar
//!   file systems guarantee this. There, the sync of a file also makes its name durable. Here,
//!   only a sync of the folder does so, as in POSIX.
//! - Files without content of the vault are lost: the index (`-shm`) is missing, or contains
//!   garbage.

use std::collections::BTreeMap;

use super::Random;
use super::trace::{Event, FileId, Trace};

const SECTOR_BYTES: usize = 512;

/// The files by name, as a power cut has left them.
pub(super) type Image = BTreeMap<String, Vec<u8>>;

/// The disk at one moment of a trace: its durable content, and the changes that may be lost.
pub(super) struct Disk<'t> {
    files: BTreeMap<FileId, File<'t>>,
    names: BTreeMap<&'t str, FileId>,
    /// The changes of names since the last sync of the folder, in order.
    pending: Vec<NameChange<'t>>,
}

#[derive(Default)]
struct File<'t> {
    durable: Vec<u8>,
    pending: Vec<FileChange<'t>>,
}

#[derive(Clone, Copy)]
enum FileChange<'t> {
    Write { offset: usize, bytes: &'t [u8] },
    Size(usize),
}

#[derive(Clone, Copy)]
enum NameChange<'t> {
    Created(&'t str, FileId),
    Deleted(&'t str),
}

/// How a power cut treats the writes to a file since its last sync.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Lost,
    Kept,
    /// The first writes are kept, the last of them torn.
    Begun,
    /// Each write is kept with this probability in percent.
    Some(usize),
    /// Each sector of each write is kept with this probability in percent.
    Torn(usize),
}

impl<'t> Disk<'t> {
    /// Returns the disk before the first event.
    pub(super) fn new(trace: &'t Trace) -> Self {
        let mut disk = Self {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            pending: Vec::new(),
        };
        for (name, (file, content)) in &trace.initial {
            disk.names.insert(name, *file);
            disk.file(*file).durable.clone_from(content);
        }
        disk
    }

    fn file(&mut self, file: FileId) -> &mut File<'t> {
        self.files.entry(file).or_default()
    }

    /// Applies an event.
    pub(super) fn apply(&mut self, event: &'t Event) {
        match event {
            Event::Created { file, name } => self.pending.push(NameChange::Created(name, *file)),
            Event::Deleted { name } => self.pending.push(NameChange::Deleted(name)),
            Event::Written {
                file,
                offset,
                bytes,
            } => self.file(*file).pending.push(FileChange::Write {
                offset: *offset,
                bytes,
            }),
            Event::Truncated { file, size } => {
                self.file(*file).pending.push(FileChange::Size(*size));
            }
            Event::Synced { file } => {
                let file = self.file(*file);
                for change in std::mem::take(&mut file.pending) {
                    change.apply_to(&mut file.durable);
                }
            }
            Event::FolderSynced => {
                for renaming in std::mem::take(&mut self.pending) {
                    renaming.apply_to(&mut self.names);
                }
            }
            Event::Marked(_) => {}
        }
    }

    /// Returns the files after a power cut at this moment, in a random state.
    pub(super) fn cut(&self, random: &mut Random) -> Image {
        // Sometimes the process is killed instead, which loses no write.
        let is_kill = random.chance(5);
        let kept = match random.below(4) {
            _ if is_kill => self.pending.len(),
            0 => 0,
            1 => self.pending.len(),
            _ => random.below(self.pending.len() + 1),
        };
        let mut names = self.names.clone();
        for renaming in self.pending.iter().take(kept) {
            renaming.apply_to(&mut names);
        }
        names
            .into_iter()
            .map(|(name, file)| {
                let fate = if is_kill {
                    Fate::Kept
                } else {
                    Fate::choose(random)
                };
                let content = self.files.get(&file).map(|file| file.cut(fate, random));
                (name.to_owned(), content.unwrap_or_default())
            })
            .collect()
    }
}

impl Fate {
    fn choose(random: &mut Random) -> Self {
        let share = [3, 25, 50, 75, 97][random.below(5)];
        match random.below(8) {
            0 => Self::Lost,
            1 => Self::Kept,
            2 | 3 => Self::Begun,
            4 | 5 => Self::Some(share),
            _ => Self::Torn(share),
        }
    }
}

impl File<'_> {
    fn cut(&self, fate: Fate, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        let (count, share) = match fate {
            Fate::Lost => (0, 0),
            Fate::Kept => (self.pending.len(), 100),
            Fate::Begun => (random.below(self.pending.len() + 1), 100),
            Fate::Some(share) | Fate::Torn(share) => (self.pending.len(), share),
        };
        for (index, change) in self.pending.iter().take(count).enumerate() {
            let is_last = index + 1 == count;
            match (fate, *change) {
                (Fate::Torn(_), FileChange::Write { offset, bytes }) => {
                    tear(&mut content, offset, bytes, share, random);
                }
                (Fate::Begun, FileChange::Write { offset, bytes }) if is_last => {
                    tear(&mut content, offset, bytes, 50, random);
                }
                (_, kept) if random.chance(share) => kept.apply_to(&mut content),
                (_, FileChange::Write { offset, bytes }) => {
                    grow(&mut content, offset + bytes.len(), random);
                }
                (_, FileChange::Size(_)) => {}
            }
        }
        content
    }
}

impl FileChange<'_> {
    fn apply_to(self, content: &mut Vec<u8>) {
        match self {
            FileChange::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[offset..end].copy_from_slice(bytes);
            }
            FileChange::Size(size) => content.resize(size, 0),
        }
    }
}

impl<'t> NameChange<'t> {
    fn apply_to(self, names: &mut BTreeMap<&'t str, FileId>) {
        match self {
            NameChange::Created(name, file) => names.insert(name, file),
            NameChange::Deleted(name) => names.remove(name),
        };
    }
}

/// Keeps some sectors of a write.
fn tear(content: &mut Vec<u8>, offset: usize, bytes: &[u8], chance: usize, random: &mut Random) {
    let mut done = 0;
    while done < bytes.len() {
        let start = offset + done;
        let length = (SECTOR_BYTES - start % SECTOR_BYTES).min(bytes.len() - done);
        let bytes = &bytes[done..done + length];
        if random.chance(chance) {
            let piece = FileChange::Write {
                offset: start,
                bytes,
            };
            piece.apply_to(content);
        } else {
            grow(content, start + length, random);
        }
        done += length;
    }
}

/// Sometimes grows a file by a write whose content is lost.
fn grow(content: &mut Vec<u8>, end: usize, random: &mut Random) {
    if content.len() < end && random.chance(25) {
        content.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(events: Vec<Event>) -> Trace {
        Trace {
            initial: BTreeMap::from([("a".to_owned(), (0, vec![1; 2000]))]),
            events,
        }
    }

    fn write(byte: u8, offset: usize, length: usize) -> Event {
        Event::Written {
            file: 0,
            offset,
            bytes: vec![byte; length].into(),
        }
    }

    /// Returns the files after a thousand power cuts at the end of the trace.
    fn images(trace: &Trace) -> Vec<Image> {
        let mut disk = Disk::new(trace);
        for event in &trace.events {
            disk.apply(event);
        }
        let mut random = Random::new(7);
        (0..1000).map(|_| disk.cut(&mut random)).collect()
    }

    #[test]
    fn synced_writes_are_kept() {
        let trace = trace(vec![
            write(2, 100, 1000),
            Event::Truncated {
                file: 0,
                size: 1100,
            },
            Event::Synced { file: 0 },
        ]);
        for image in images(&trace) {
            assert_eq!(image["a"], [vec![1; 100], vec![2; 1000]].concat());
        }
    }

    #[test]
    fn unsynced_writes_are_kept_lost_reordered_or_torn() {
        let trace = trace(vec![
            write(2, 0, 1024),
            write(3, 0, 1024),
            write(4, 3000, 8),
        ]);
        let images = images(&trace);
        let some = |wanted: &dyn Fn(&[u8]) -> bool| images.iter().any(|image| wanted(&image["a"]));
        assert!(some(&|a| a == [1; 2000]), "all are lost");
        assert!(some(&|a| a[0] == 3 && a[3007] == 4), "all are kept");
        assert!(some(&|a| a[0] == 2), "the first is kept without the second");
        assert!(
            some(&|a| a[0] == 1 && a.len() == 3008 && a[3007] == 4),
            "only the last is kept"
        );
        assert!(some(&|a| a[511] != a[512]), "torn");
        assert!(
            some(&|a| a.len() == 3008 && a[3007] == 0),
            "the file has grown without content"
        );
        for image in &images {
            let a = &image["a"];
            assert_eq!(a[1024..2000], [1; 976], "no write reached this part");
            assert!(
                a[..512].iter().all(|byte| *byte == a[0]),
                "a sector was torn"
            );
        }
    }

    #[test]
    fn names_are_created_and_removed_in_order() {
        let created = |file, name: &str| Event::Created {
            file,
            name: name.to_owned(),
        };
        let mut events = vec![created(1, "b"), created(2, "c")];
        events.push(Event::Deleted {
            name: "a".to_owned(),
        });
        let seen = |events| {
            let mut seen: Vec<String> = images(&trace(events))
                .iter()
                .map(|image| image.keys().map(String::as_str).collect())
                .collect();
            seen.sort();
            seen.dedup();
            seen
        };
        assert_eq!(seen(events), ["a", "ab", "abc", "bc"]);
        let synced = vec![created(1, "b"), Event::FolderSynced, created(2, "c")];
        assert_eq!(seen(synced), ["ab", "abc"]);
    }
}
